package supervise

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// cell is a status to begin in and how to get there.
type cell struct {
	status velos.Status
	edit   func(*velos.Spec)
	lives  []life
	reach  func(s *scene)
}

var cells = []cell{
	{velos.Stopped, nil, []life{forever}, func(*scene) {}},
	{velos.Starting, nil, []life{{grace: -1}, forever}, func(s *scene) { s.start(false) }},
	{velos.Online, nil, []life{{grace: -1}, forever}, func(s *scene) { s.start(true) }},
	{velos.Stopping, nil, []life{{grace: -1}, forever}, func(s *scene) { s.start(true); s.stop(false) }},
	{velos.WaitingRestart, func(p *velos.Spec) { p.RestartDelay = 10_000 }, []life{{lives: time.Millisecond, code: 1}, forever},
		func(s *scene) { s.start(false); s.after(2 * time.Millisecond) }},
	{velos.Errored, nil, []life{{refuses: errors.New("no such file")}, forever}, func(s *scene) { s.start(true) }},
}

var columns = []string{"start", "stop", "restart", "exit", "timer", "ready"}

// TestTable plays every status against every event and prints what happened.
// ARCHITECTURE.md shows the golden.
func TestTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| status | " + strings.Join(columns, " | ") + " |\n|" + strings.Repeat("---|", len(columns)+1) + "\n")
	for _, c := range cells {
		b.WriteString("| " + string(c.status) + " |")
		for _, event := range columns {
			play(t, c.edit, c.lives, func(t *testing.T, s *scene) {
				c.reach(s)
				s.after(0)
				s.want(c.status)
				b.WriteString(" " + happen(s, event) + " |")
			})
		}
		b.WriteString("\n")
	}
	golden(t, "testdata/table.md", b.String())
}

// happen makes one event and says what came of it at once.
func happen(s *scene, event string) string {
	before, runs, soft, hard := s.inst(), s.runs(), s.count((*actor).softs), s.count((*actor).hards)
	var reply <-chan error
	switch event {
	case "start":
		reply = s.async(s.start)
	case "stop":
		reply = s.async(s.stop)
	case "restart":
		reply = s.async(s.restart)
	case "exit":
		if before.PID == 0 {
			return "–"
		}
		s.actor(s.runs() - 1).leave(1)
	case "timer":
		d, armed := map[velos.Status]time.Duration{
			velos.Starting: time.Second, velos.Stopping: 5 * time.Second, velos.WaitingRestart: 10 * time.Second,
		}[before.Status]
		if !armed {
			return "–"
		}
		s.after(d)
	case "ready":
		if before.Status != velos.Starting {
			return "–"
		}
		s.after(s.spec().MinUptime.Std())
	}
	s.after(0)
	return outcome(s, before, runs, soft, hard, reply)
}

func outcome(s *scene, before velos.Instance, runs, soft, hard int, reply <-chan error) string {
	var did []string
	if s.count((*actor).softs) > soft {
		did = append(did, "term")
	}
	if s.count((*actor).hards) > hard {
		did = append(did, "kill the tree")
	}
	if s.runs() > runs {
		did = append(did, "launch")
	}
	now := s.inst()
	if now.Wanted != before.Wanted {
		did = append(did, map[bool]string{true: "want↑", false: "want↓"}[now.Wanted])
	}
	if now.Status != before.Status {
		did = append(did, "→ "+string(now.Status))
	}
	if reply != nil {
		if _, ok := answered(reply); ok {
			did = append(did, "reply")
		} else {
			did = append(did, "join")
		}
	}
	if len(did) == 0 {
		return "–"
	}
	return strings.Join(did, ", ")
}

func (a *actor) softs() int { return a.soft }
func (a *actor) hards() int { return a.hard }

func (a *actor) leave(code int) {
	a.life.leaves = 0
	a.end(exitCode(code))
}

func (s *scene) count(what func(*actor) int) int {
	s.mu2().Lock()
	defer s.mu2().Unlock()
	n := 0
	for _, a := range s.played {
		a.mu.Lock()
		n += what(a)
		a.mu.Unlock()
	}
	return n
}

func (s *scene) runner() *runner {
	a, err := s.find(s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return a.cast.Load().slots[0]
}

func (s *scene) spec() *velos.Spec { return s.runner().app.spec.Load() }

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update if that is meant. Got:\n%s", path, got)
	}
}
