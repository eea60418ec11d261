package tui

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

var update = flag.Bool("update", false, "rewrite the golden frames and docs/MONIT.md")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A stage is a model without a daemon and without a terminal: what would go to
// either is kept.
type stage struct {
	*model
	t       *testing.T
	now     time.Time
	wishes  []wish
	asked   []question
	ordered []order
	last    tea.Cmd // what the newest message came to
}

// Update is the model's, and keeps what it wants done.
func (s *stage) Update(msg tea.Msg) {
	_, s.last = s.model.Update(msg)
}

// answer does what a message wants done, but waits for no time to pass, and
// takes the answers about the past in. It returns how many there were.
func (s *stage) answer(cmd tea.Cmd) (n int) {
	for _, c := range s.flat(cmd) {
		switch msg := c().(type) {
		case recalled, charted:
			n++
			s.Update(msg)
		}
	}
	return n
}

// flat is the commands of a batch, without timers: those wait for a time that
// does not pass here.
func (s *stage) flat(cmd tea.Cmd) (list []tea.Cmd) {
	if cmd == nil {
		return nil
	}
	var msg tea.Msg
	synctest.Test(s.t, func(*testing.T) {
		done := make(chan tea.Msg, 1)
		go func() { done <- cmd() }()
		synctest.Wait()
		select {
		case msg = <-done:
		default:
		}
	})
	switch msg := msg.(type) {
	case nil:
		return nil
	case tea.BatchMsg:
		for _, c := range msg {
			list = append(list, s.flat(c)...)
		}
		return list
	}
	return []tea.Cmd{func() tea.Msg { return msg }}
}

func newStage(t *testing.T, width, height int, change ...func(*Options)) *stage {
	s := &stage{t: t, now: noon}
	o := Options{Cores: 4, Now: func() time.Time { return s.now }, Loc: time.UTC, Quote: func(w string) string { return w },
		Signal: func(w string) (int, error) {
			if w == "HUP" {
				return 1, nil
			}
			return 0, &velos.Error{Code: velos.Invalid, Message: "signal " + w + ": no such signal"}
		}}
	for _, f := range change {
		f(&o)
	}
	s.model = newModel(o, 8<<30)
	s.want = func(w wish) { s.wishes = append(s.wishes, w) }
	s.look = func(q question) tea.Cmd { s.asked = append(s.asked, q); return nil }
	s.carry = func(o order) tea.Cmd { s.ordered = append(s.ordered, o); return nil }
	s.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return s
}

// fleet brings up a daemon with apps of every kind, and lines of the first.
func (s *stage) fleet() *stage {
	s.Update(news{link: &link{up: true, since: noon, version: "0.1.0", pid: 4000}, listed: true, apps: fleet(),
		events: []velos.Event{
			{Seq: 1, Time: at(-90), Kind: velos.KindDaemon, Inst: -1, Cause: "velosd 0.1.0 started"},
			{Seq: 2, Time: at(-80), Kind: velos.KindOrder, App: "api", ID: 1, Inst: -1, Cause: "restart", Actor: velos.Actor{Kind: "user", User: "ann", Exe: "velos"}},
			{Seq: 3, Time: at(-30), Kind: velos.KindExit, App: "broken", ID: 3, Exit: &velos.Exit{Code: 3, Uptime: 300}},
			{Seq: 4, Time: at(-30), Kind: velos.KindState, App: "broken", ID: 3, From: velos.Starting, To: velos.Errored, Cause: "gave up"},
		}})
	for round := range 12 {
		f := []wire.Metrics{{Daemon: wire.DaemonMetrics{Uptime: 1_220_400_000, PID: 4000, RSS: 1_258_291}}}
		for _, a := range fleet() {
			for i := range a.Instances {
				if u := &a.Instances[i].Usage; u.Procs > 0 {
					u.CPU *= float64(1+(round*7+i)%9) / 5
					u.Memory += int64(round) << 18
				}
			}
			f = append(f, wire.Metrics{ID: a.ID, Name: a.Spec.Name, Instances: a.Instances})
		}
		s.Update(news{figures: f, epoch: s.wished.epoch})
	}
	s.lines(1, "INFO request handled in 23ms", "WARN slow query: SELECT * FROM users (250ms)", "INFO health check passed",
		"ERROR connect ECONNREFUSED 127.0.0.1:5432", "INFO request handled in 19ms", "DEBUG cache: 214 entries")
	return s
}

func at(seconds int) velos.Time { return velos.TimeOf(noon) + velos.Time(seconds)*1000 }

func fleet() []velos.App {
	app := func(id uint32, name string, status velos.Status, n int, cpu float64, memory int64) velos.App {
		sp := velos.NewSpec()
		sp.Name, sp.Script, sp.Instances = name, "/srv/"+name, n
		a := velos.App{ID: id, Spec: sp, Status: status}
		for i := range n {
			in := velos.Instance{Inst: i, Status: status, Started: at(-183600), Since: at(-183600)}
			if status == velos.Online {
				in.PID, in.Usage = 5000+int(id)*10+i, velos.Usage{CPU: cpu + float64(i)/4, Memory: memory, Procs: 1}
			}
			a.Instances = append(a.Instances, in)
		}
		return a
	}
	list := []velos.App{app(1, "api", velos.Online, 4, 1.5, 43<<20), app(2, "worker", velos.Online, 1, 0.3, 12<<20),
		app(3, "broken", velos.Errored, 1, 0, 0), app(4, "nightly", velos.Stopped, 1, 0, 0), app(5, "übersetzer-服务", velos.WaitingRestart, 1, 0, 0)}
	list[0].Instances[2].Restarts = 1
	list[0].Instances[0].Ports = "tcp://0.0.0.0:3000"
	list[0].Spec.Env = map[string]string{"API_TOKEN": "very-secret-token"}
	list[2].Instances[0].Restarts = 16
	list[4].Instances[0].RetryAt = at(4)
	return list
}

// lines has an app write lines, one a second.
func (s *stage) lines(id uint32, texts ...string) {
	n := news{epoch: s.wished.epoch}
	words := map[string]velos.Level{"DEBUG": velos.Debug, "WARN": velos.Warn, "ERROR": velos.Err}
	for i, text := range texts {
		word, rest, _ := strings.Cut(text, " ")
		level, ok := words[word]
		if !ok {
			level = velos.Info
		}
		n.lines = append(n.lines, velos.Entry{Seq: uint64(i + 1), Time: at(i), Level: level, App: id, Inst: i % 2, Src: velos.Stdout, Msg: []byte(rest)})
	}
	s.Update(n)
}

// keys presses keys: names of one, or text that is typed.
func (s *stage) keys(keys ...string) *stage {
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft,
		"right": tea.KeyRight, "backspace": tea.KeyBackspace, "end": tea.KeyEnd, "home": tea.KeyHome, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown}
	for _, k := range keys {
		if r, ok := special[k]; ok {
			s.Update(tea.KeyPressMsg{Code: r})
			continue
		}
		for _, r := range k {
			s.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	return s
}

// rest lets the selection rest.
func (s *stage) rest() *stage {
	s.Update(settled(s.settle))
	return s
}

func (s *stage) screen() string { return s.View().Content }

// golden compares the screen with the one that was looked at before, and holds
// it to its size.
func (s *stage) golden(name string) {
	s.t.Helper()
	got := s.screen()
	rows := strings.Split(got, "\n")
	if len(rows) != s.height {
		s.t.Errorf("%s has %d rows on a screen of %d", name, len(rows), s.height)
	}
	for i, r := range rows {
		if w := width(r); w > s.width {
			s.t.Errorf("%s, row %d is %d columns wide on a screen of %d: %q", name, i, w, s.width, r)
		}
		rows[i] = strings.TrimRight(r, " ")
	}
	if bad := escapes.ReplaceAllString(got, ""); strings.ContainsFunc(bad, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }) {
		s.t.Errorf("%s has control characters: %q", name, bad)
	}
	text := strings.ReplaceAll(strings.Join(rows, "\n"), "\x1b", "^") + "\n"
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if text != string(want) {
		s.t.Errorf("%s is another screen (go test ./internal/tui -update, and look at it):\n%s\nwant:\n%s", name, text, want)
	}
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;]*m`)
