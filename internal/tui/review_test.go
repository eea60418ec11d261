package tui

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// head is the line of titles.
func (s *stage) head() string {
	return strings.Split(escapes.ReplaceAllString(s.screen(), ""), "\n")[s.layout().head]
}

func TestColumnsStayWhereTheyAreWhenAStatusOrAnAddressGoes(t *testing.T) {
	s := newStage(t, 110, 24)
	list := fleet()[:2]
	long := fleet()[:2]
	long[1].Status, long[1].Instances[0].Status = velos.WaitingRestart, velos.WaitingRestart
	hear := func(l []velos.App) { s.Update(news{link: &link{up: true, since: noon}, listed: true, apps: l}) }
	hear(long)
	was := s.head()
	hear(list)
	if s.head() != was {
		t.Errorf("a shorter status moves the columns:\n%s\n%s", was, s.head())
	}
	list[0].Instances[0].Ports = ""
	hear(list)
	if s.head() != was {
		t.Errorf("an address that goes moves the columns:\n%s\n%s", was, s.head())
	}
	s.Update(tea.WindowSizeMsg{Width: 111, Height: 24})
	s.Update(tea.WindowSizeMsg{Width: 110, Height: 24})
	if s.head() == was {
		t.Error("another size does not begin anew")
	}
}

func TestRunsThatLeaveAreShownAndGo(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	a := fleet()[0]
	a.Leaving = []velos.Instance{{Inst: 1, Status: velos.Stopping, PID: 99, Leaving: true}}
	s.Update(news{epoch: s.wished.epoch, fresh: []velos.App{a}})
	if !strings.Contains(s.screen(), "leaving") {
		t.Fatalf("%s", s.screen())
	}
	s.keys("down", "down", "down", "down", "down")
	if r := s.table.chosen(); !r.old {
		t.Fatalf("the run that leaves cannot be chosen: %+v", r)
	}
	s.Update(news{epoch: s.wished.epoch, fresh: []velos.App{a}})
	if r := s.table.chosen(); !r.old {
		t.Error("what is heard chooses another row")
	}
	if s.keys("r"); s.mode == modeConfirm {
		t.Error("an order is given to a run that leaves")
	}
	a.Leaving = nil
	s.Update(news{epoch: s.wished.epoch, fresh: []velos.App{a}})
	if r := s.table.chosen(); strings.Contains(s.screen(), "leaving") || r == nil || r.old || r.in == nil || r.in.Inst != 1 {
		t.Errorf("%+v\n%s", r, s.screen())
	}
}

func TestAnAppThatChangesAllTheTimeIsAskedAboutOnceAtATime(t *testing.T) {
	s := newStage(t, 80, 24).fleet().keys("i")
	change := func() {
		s.Update(news{epoch: s.wished.epoch, events: []velos.Event{{Seq: 50, ID: 1, App: "api", Kind: velos.KindState}}})
	}
	for range 10 {
		change()
	}
	if len(s.asked) != 1 {
		t.Fatalf("asked %d times", len(s.asked))
	}
	s.Update(looked{pane: paneWhy, about: target{1, -1}, text: []string{"first"}})
	if len(s.asked) != 1 || s.last == nil {
		t.Fatalf("asked %d times without a rest", len(s.asked))
	}
	s.Update(askAgain{})
	if len(s.asked) != 2 || !strings.Contains(s.screen(), "first") {
		t.Errorf("asked %d times, %s", len(s.asked), s.screen())
	}
	s.keys("end").rest() // another row is asked about as soon as the answer is there
	s.Update(looked{pane: paneWhy, about: target{1, -1}, text: []string{"late"}})
	if n := len(s.asked); n != 3 || s.asked[2].app.ID != 5 || strings.Contains(s.screen(), "late") {
		t.Errorf("%+v\n%s", s.asked, s.screen())
	}
}

func TestLongLinesAreKeptInPart(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	s.lines(1, "INFO "+strings.Repeat("ä", 30_000))
	l := slices.MaxFunc(s.tape.lines, func(a, b *line) int { return len(a.text) - len(b.text) })
	if len(l.text) > longestLine+40 || !strings.HasSuffix(l.text, " KB more]") || !utf8.ValidString(l.text) {
		t.Errorf("%d bytes: %q", len(l.text), l.text[len(l.text)-30:])
	}
	long := []byte(strings.Repeat("x", longestLine+100))
	for i := range 2500 {
		s.Update(news{epoch: s.wished.epoch, lines: []velos.Entry{{App: 1, Seq: uint64(i), Time: at(100), Msg: long}}})
	}
	sum := 0
	for _, l := range s.tape.lines {
		sum += len(l.text)
	}
	if sum > mostText || sum != s.tape.bytes || len(s.tape.lines) < 1000 {
		t.Errorf("%d lines of %d bytes, counted %d", len(s.tape.lines), sum, s.tape.bytes)
	}
}

func TestThePostIsBoundedInBytes(t *testing.T) {
	p := newPost()
	for i := range 1000 {
		p.line(0, velos.Entry{Seq: uint64(i + 1), Msg: make([]byte, 64<<10)})
	}
	n, _ := p.take()
	sum := 0
	for _, e := range n.lines {
		sum += len(e.Msg)
	}
	if sum > mostBytes || sum != n.bytes || len(n.lines)+n.dropped != 1000 || n.lines[len(n.lines)-1].Seq != 1000 {
		t.Errorf("%d lines, %d bytes, counted %d, %d dropped", len(n.lines), sum, n.bytes, n.dropped)
	}
}

func TestEnterGoesIntoWhatIsChosen(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	if s.keys("enter"); s.byID[1].open || s.lower {
		t.Error("enter does not fold an app")
	}
	s.keys("enter", "down", "down", "right")
	if r := s.table.chosen(); r.in == nil || r.in.Inst != 1 {
		t.Errorf("right leaves the instance: %+v", r)
	}
	if s.keys("enter"); !s.lower {
		t.Error("enter does not go to the lines of an instance")
	}
	s.keys("left")
	if r := s.table.chosen(); r.in == nil {
		t.Error("left in the lower pane folds the table")
	}
	s.keys("esc", "left")
	if r := s.table.chosen(); r.in != nil || s.byID[1].open {
		t.Error("left does not fold")
	}
}

func TestALineThatIsForgottenDoesNotMoveWhatIsSeenToTheEnd(t *testing.T) {
	s := newStage(t, 80, 16).fleet().keys("tab", "g")
	held := s.tape.end
	for range 8 {
		n := news{epoch: s.wished.epoch}
		for i := range 1000 {
			n.lines = append(n.lines, velos.Entry{App: 1, Seq: uint64(100 + i), Time: at(100), Msg: []byte("more")})
		}
		s.Update(n)
	}
	s.screen()
	if s.tape.end != held || s.tape.unseen < 4000 {
		t.Fatalf("%d lines behind what is seen", s.tape.unseen)
	}
	s.keys("down")
	if s.screen(); s.tape.unseen < 4000 {
		t.Errorf("one line down goes to %d lines before the end", s.tape.unseen)
	}
}

func TestAnAppIsScaledDownWhileItsLastInstanceIsChosen(t *testing.T) {
	s := newStage(t, 80, 40)
	many := fleet()[:2]
	for i := 4; i < 10; i++ {
		in := many[0].Instances[0]
		in.Inst = i
		many[0].Instances = append(many[0].Instances, in)
	}
	s.Update(news{link: &link{up: true, since: noon}, listed: true, apps: many})
	s.byID[1].open = true
	s.table.refresh(s.model)
	for range 10 {
		s.keys("down")
	}
	s.rest()
	if s.watched != (target{1, 9}) {
		t.Fatalf("%+v", s.watched)
	}
	one := fleet()[:2]
	one[0].Instances = one[0].Instances[:1]
	for _, k := range []string{"i", "c", "p", "l"} {
		s.keys(k)
		s.Update(news{epoch: s.wished.epoch, fresh: one[:1]})
		s.screen()
	}
	s.rest()
	if r := s.table.chosen(); r == nil || r.app.ID != 1 || r.in != nil || s.watched != (target{1, -1}) || s.tape.only != -1 {
		t.Errorf("%+v, %+v", r, s.watched)
	}
	s.Update(news{epoch: s.wished.epoch, listed: true})
	s.screen()
	if s.watched.id != 0 {
		t.Error("an app that has gone is watched")
	}
	s.keys("r", "s", "d", "i", "c", "p", "v", "l", "e", "n", "y", "enter", "right", "left", "tab", "space")
	s.screen()
}

func TestEventsThatAreScrolledToStayWhileOthersHappen(t *testing.T) {
	s := newStage(t, 80, 12).fleet().keys("v")
	for i := range 40 {
		s.Update(news{epoch: s.wished.epoch, events: []velos.Event{{Seq: uint64(100 + i), ID: 1, App: "api", Kind: velos.KindWarning, Cause: "w" + string(rune('A'+i%26)), Time: at(i)}}})
	}
	s.keys("v", "up", "up", "up")
	was := s.screen()
	s.Update(news{epoch: s.wished.epoch, events: []velos.Event{{Seq: 200, ID: 2, App: "worker", Kind: velos.KindWarning, Cause: "elsewhere", Time: at(90)}}})
	if s.screen() != was {
		t.Errorf("an event of another app scrolls:\n%s\n%s", was, s.screen())
	}
	s.Update(news{epoch: s.wished.epoch, events: []velos.Event{{Seq: 201, ID: 1, App: "api", Kind: velos.KindWarning, Cause: "here", Time: at(91)}}})
	if s.screen() != was {
		t.Errorf("an event scrolls:\n%s\n%s", was, s.screen())
	}
}

func TestADaemonOfANewHomeIsHeardFromItsBeginning(t *testing.T) {
	f := newFeed(Options{Now: time.Now})
	f.newest, f.event = map[uint32]uint64{1: 500}, 70
	f.compare([]velos.App{{ID: 1, Log: velos.LogInfo{Seq: 600}}})
	if f.newest[1] != 500 || f.event != 70 {
		t.Error("what was heard is forgotten")
	}
	f.compare([]velos.App{{ID: 1, Log: velos.LogInfo{Seq: 3}}})
	if len(f.newest) != 0 || f.event != 0 {
		t.Error("lines of a new home are waited for until there are as many as of the old one")
	}
}

func TestHugeNamesAndHostileOnesFit(t *testing.T) {
	list := fleet()[:3]
	list[0].Spec.Name = strings.Repeat("n", 200)
	list[1].Spec.Name = strings.Repeat("服", 200)
	list[2].Spec.Name = "a\x1b[2Jb\u202ec" + strings.Repeat("\u0301", 200)
	for _, wide := range []int{1, 3, 33, 120} {
		for _, tall := range []int{1, 5, 24} {
			s := newStage(t, wide, tall)
			s.Update(news{link: &link{up: true, since: noon}, listed: true, apps: list})
			s.lines(1, "INFO "+strings.Repeat("服", 5000), "WARN \t\x00\xff", "ERROR "+strings.Repeat("\u0301", 9000))
			for _, k := range []string{"", "a", "w", "v", "p", "r", "n", "K", "esc", "/", "esc", "?", "q", "end", "d", "n", "z", "z", "tab", "y"} {
				s.keys(k)
				rows := strings.Split(s.screen(), "\n")
				for _, r := range rows {
					if width(r) > wide || len(rows) > tall {
						t.Fatalf("%dx%d after %q: %d rows, %d wide: %q", wide, tall, k, len(rows), width(r), r)
					}
				}
			}
		}
	}
}

func TestWhyThereIsNoConnectionIsTold(t *testing.T) {
	l := &link{since: noon, none: true, why: "the daemon speaks version 3 of the protocol, and this program knows 1 and 2 only, so that nothing can be asked", hint: "install the same version of both"}
	for _, wide := range []int{40, 80, 120} {
		s := newStage(t, wide, 24)
		s.Update(news{link: l})
		text := strings.Join(strings.Fields(escapes.ReplaceAllString(s.screen(), "")), " ")
		if !strings.Contains(text, l.why) || !strings.Contains(text, l.hint) || !strings.Contains(strings.Split(s.screen(), "\n")[0], "the daemon speaks") {
			t.Errorf("%d columns:\n%s", wide, s.screen())
		}
		s.fleet()
		s.Update(news{link: l, epoch: s.wished.epoch})
		if !strings.Contains(strings.Split(s.screen(), "\n")[0], "the daemon speaks") {
			t.Errorf("with apps, %d columns:\n%s", wide, s.screen())
		}
	}
}

func TestADaemonThatSaysNothingIsNotCalledLive(t *testing.T) {
	s := newStage(t, 100, 24).fleet()
	says := func(want string) {
		t.Helper()
		s.Update(tick(s.now))
		if top := strings.Split(escapes.ReplaceAllString(s.screen(), ""), "\n")[0]; !strings.Contains(top, want) {
			t.Errorf("want %q: %s", want, top)
		}
	}
	s.now = s.now.Add(8 * time.Second)
	says("● live")
	s.now = s.now.Add(7 * time.Second)
	says("daemon silent for 15s")
	s.Update(news{epoch: s.wished.epoch, figures: []wire.Metrics{{Daemon: wire.DaemonMetrics{PID: 4000}}}})
	says("● live")
	gone3(s)
	s.now = s.now.Add(time.Minute)
	says("daemon gone")
}

func TestAnOrderThatMayNotBeGivenIsRefusedAndNothingElseIsDone(t *testing.T) {
	s := newStage(t, 80, 24, func(o *Options) { o.ReadOnly = true }).fleet()
	for _, text := range []string{"stop", "scale 4", "signal HUP"} {
		s.openPalette(text)
		s.keys("enter")
		if _, quits := s.message(s.last).(tea.QuitMsg); quits || s.mode != modeNormal || !strings.Contains(s.status.text, "read-only") {
			t.Errorf("%s: quits is %v, mode %v, %q", text, quits, s.mode, s.status.text)
		}
	}
}

func TestWhatOnlyTheHelpOfACommandHasIsShownBeforeItIsDone(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	s.openPalette("leave;")
	s.keys("enter")
	if _, quits := s.message(s.last).(tea.QuitMsg); quits || s.mode != modePalette || strings.TrimSpace(s.input.String()) != "quit" {
		t.Fatalf("it quits: %v, mode %v, %q", quits, s.mode, s.input.String())
	}
	s.keys("enter")
	if _, quits := s.message(s.last).(tea.QuitMsg); !quits {
		t.Error("the second time it is meant")
	}
}

// message is what a command comes to, if that is at once.
func (s *stage) message(cmd tea.Cmd) tea.Msg {
	for _, c := range s.flat(cmd) {
		return c()
	}
	return nil
}
