package tui

import (
	"os"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

func TestAnOrderIsGivenOnlyAfterAYes(t *testing.T) {
	for key, command := range map[string]string{"r": "restart api", "R": "reload api", "s": "stop api", "S": "start api", "d": "delete api",
		"x3\r": "scale api 3", "x+1\r": "scale api +1", "KHUP\r": "signal HUP api", ":reset\r": "reset api"} {
		for _, answer := range []string{"n", "q", "esc", "enter"} {
			s := newStage(t, 80, 24).fleet()
			press(s, key)
			if s.mode != modeConfirm {
				t.Fatalf("%q asks nothing", key)
			}
			if s.keys(answer); len(s.ordered) != 0 || s.mode != modeNormal {
				t.Errorf("%q and then %s gives an order", key, answer)
			}
		}
		s := newStage(t, 80, 24).fleet()
		press(s, key)
		if s.keys("y"); len(s.ordered) != 1 || s.ordered[0].command != "velos "+command {
			t.Errorf("%q and then y: %+v, want velos %s", key, s.ordered, command)
		}
	}
}

// press types keys, with \r for enter.
func press(s *stage, keys string) {
	for i, part := range strings.Split(keys, "\r") {
		if i > 0 {
			s.keys("enter")
		}
		s.keys(part)
	}
}

func TestAReadOnlyViewGivesNoOrders(t *testing.T) {
	for _, key := range []string{"r", "R", "s", "S", "d", "x2\r", "KHUP\r", ":delete\r", ":scale 3\r"} {
		s := newStage(t, 80, 24, func(o *Options) { o.ReadOnly = true }).fleet()
		press(s, key)
		if s.keys("y"); len(s.ordered) != 0 || s.mode == modeConfirm {
			t.Errorf("%q gives an order", key)
		}
	}
}

func TestAnOrderAboutAnInstanceNamesIt(t *testing.T) {
	s := newStage(t, 80, 24).fleet().keys("down", "down", "r")
	if s.confirm.command != "velos restart api:1" {
		t.Errorf("%q", s.confirm.command)
	}
	s.keys("n", "d")
	if s.mode == modeConfirm {
		t.Error("one instance can be deleted")
	}
}

func TestNoOrderIsGivenToADaemonThatIsGone(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	gone3(s)
	if s.keys("r"); !strings.Contains(s.screen(), "no daemon answers") {
		t.Errorf("%s", s.screen())
	}
	if s.keys("y"); len(s.ordered) != 0 {
		t.Errorf("%+v", s.ordered)
	}
}

func TestTheLinesAreThoseOfTheRowThatRests(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	if w := s.wishes[len(s.wishes)-1]; len(w.apps) != 1 || w.apps[0] != 1 {
		t.Fatalf("the first row is not followed: %+v", w)
	}
	n := len(s.wishes)
	s.keys("end")
	if len(s.wishes) != n {
		t.Error("a row that is passed is followed")
	}
	s.rest()
	w := s.wishes[len(s.wishes)-1]
	if len(s.wishes) != n+1 || w.apps[0] != 5 || w.epoch != s.wished.epoch {
		t.Errorf("%+v", w)
	}
	if len(s.tape.lines) != 0 {
		t.Error("lines of the former app are shown")
	}
	s.keys("a")
	if w := s.wishes[len(s.wishes)-1]; len(w.apps) != 5 {
		t.Errorf("all apps: %+v", w)
	}
	s.keys("LL")
	if w := s.wishes[len(s.wishes)-1]; w.level != velos.Warn || len(w.apps) != 5 {
		t.Errorf("a level: %+v", w)
	}
}

func TestLinesOfAFormerWishAreNotShown(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	old := s.wished.epoch
	s.keys("end").rest()
	s.Update(news{epoch: old, lines: []velos.Entry{{App: 1, Seq: 99, Time: at(9), Msg: []byte("late")}}})
	if len(s.tape.lines) != 0 {
		t.Error("a late line is shown")
	}
}

func TestLinesOfSeveralAppsAreInTheOrderOfTime(t *testing.T) {
	s := newStage(t, 80, 24).fleet().keys("a")
	s.Update(news{epoch: s.wished.epoch, lines: []velos.Entry{
		{App: 2, Seq: 1, Time: at(5), Msg: []byte("c")}, {App: 1, Seq: 1, Time: at(1), Msg: []byte("a")}, {App: 1, Seq: 2, Time: at(3), Msg: []byte("b")}}})
	got := ""
	for _, l := range s.tape.lines {
		got += l.text
	}
	if got != "abc" {
		t.Errorf("%q", got)
	}
}

func TestSearchGoesAroundAndBack(t *testing.T) {
	s := newStage(t, 80, 24).fleet().keys("tab", "/", "request", "enter")
	texts := []string{s.tape.mark.text}
	for _, k := range []string{"n", "n", "N"} {
		texts = append(texts, s.keys(k).tape.mark.text)
	}
	if got := strings.Join(texts, "|"); got != "request handled in 19ms|request handled in 23ms|request handled in 19ms|request handled in 23ms" {
		t.Errorf("%s", got)
	}
	s.keys("e")
	if s.tape.mark.level != velos.Err {
		t.Errorf("e goes to %+v", s.tape.mark)
	}
	if s.keys("esc"); s.tape.re != nil || s.tape.end != nil {
		t.Error("esc does not forget the expression")
	}
}

func TestAnExpressionThatIsNotOneYetChangesNothing(t *testing.T) {
	s := newStage(t, 80, 24).fleet().keys("/", "api(")
	if s.table.filter != "api" || !strings.Contains(s.screen(), "not an expression yet") {
		t.Errorf("%q", s.table.filter)
	}
	s.keys("backspace", "enter")
	if len(s.table.rows) != 5 || s.mode != modeNormal {
		t.Errorf("%d rows", len(s.table.rows))
	}
}

func TestALineThatIsHeldStaysWhereItIs(t *testing.T) {
	s := newStage(t, 80, 16).fleet().keys("tab", " ")
	s.Update(tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}) // the first was text; this is the key
	s.tape.end = nil
	s.tape.pause()
	was := s.tape.end
	for range 3 * mostKept / 1000 {
		n := news{epoch: s.wished.epoch}
		for i := range 1000 {
			n.lines = append(n.lines, velos.Entry{App: 1, Seq: uint64(100 + i), Time: at(100), Msg: []byte("more")})
		}
		s.Update(n)
	}
	s.screen()
	if s.tape.end != was || len(s.tape.lines) > mostKept*11/10 {
		t.Errorf("%d lines, end %+v", len(s.tape.lines), s.tape.end)
	}
	if s.keys("end"); s.tape.end != nil {
		t.Error("end does not follow again")
	}
}

func TestTheChosenRowStaysChosenWhereverItGoes(t *testing.T) {
	s := newStage(t, 80, 24).fleet().keys("end")
	if s.table.chosen().app.ID != 5 {
		t.Fatal("end is not the last row")
	}
	s.keys("o") // by status
	if s.table.chosen().app.ID != 5 {
		t.Error("sorting chooses another row")
	}
	s.keys("home")
	if s.table.chosen().app.Status != velos.Errored {
		t.Errorf("%s is first by status", s.table.chosen().app.Status)
	}
	list := fleet()
	s.Update(news{listed: true, apps: list[:2], epoch: s.wished.epoch})
	if s.table.chosen() == nil || s.watched.id == 3 {
		t.Error("an app that has gone is still chosen")
	}
}

func TestTheMouseChoosesSortsAndScrolls(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	s.screen()
	click := func(x, y int) { s.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}) }
	if click(10, 5); s.table.index != 2 {
		t.Errorf("a click chooses row %d", s.table.index)
	}
	s.Update(tea.MouseWheelMsg{X: 10, Y: 5, Button: tea.MouseWheelDown})
	if s.table.index != 3 {
		t.Errorf("the wheel goes to row %d", s.table.index)
	}
	lay := s.layout()
	rule := strings.Split(escapes.ReplaceAllString(s.screen(), ""), "\n")[lay.rule]
	if click(len([]rune(rule[:strings.Index(rule, "events")])), lay.rule); s.pane != paneEvents {
		t.Error("a click on events does not show them")
	}
	head := []rune(strings.Split(escapes.ReplaceAllString(s.screen(), ""), "\n")[lay.head])
	if click(strings.Index(string(head), "MEMORY")-2, lay.head); s.table.key != byMemory {
		t.Errorf("a click on MEMORY sorts by %s", sortNames[s.table.key])
	}
	if s.keys("M"); s.View().MouseMode != tea.MouseModeNone {
		t.Error("M does not leave the mouse to the terminal")
	}
}

func TestWhatIsCopiedIsPlainText(t *testing.T) {
	s := newStage(t, 80, 24, func(o *Options) { o.Color = true }).fleet()
	s.screen()
	if text, _ := s.copied(); text != "api" {
		t.Errorf("in the table: %q", text)
	}
	s.keys("tab")
	s.screen()
	if text, _ := s.copied(); strings.Count(text, "\n") != 5 || strings.Contains(text, "\x1b") || !strings.HasPrefix(text, "request handled in 23ms\n") {
		t.Errorf("the lines: %q", text)
	}
	s.keys("e")
	if text, _ := s.copied(); text != "connect ECONNREFUSED 127.0.0.1:5432" {
		t.Errorf("the line: %q", text)
	}
}

func TestSecretsOfEventsAreMasked(t *testing.T) {
	s := newStage(t, 120, 40).fleet()
	s.Update(news{epoch: s.wished.epoch, events: []velos.Event{{Seq: 9, Time: at(0), Kind: velos.KindWarning, App: "api", ID: 1, Cause: "says very-secret-token"}}})
	if f := s.keys("v").screen(); strings.Contains(f, "very-secret") || !strings.Contains(f, "[masked]") {
		t.Error(f)
	}
}

func TestFiguresOfAnAppThatIsGoneAreForgotten(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	a := s.byID[1]
	if len(a.insts) != 4 || a.cpu.n != 12 {
		t.Fatalf("%d instances, %d figures", len(a.insts), a.cpu.n)
	}
	s.Update(news{epoch: s.wished.epoch, figures: []wire.Metrics{{ID: 1, Instances: fleet()[0].Instances[:2]}, {ID: 77}}})
	if len(a.insts) != 2 {
		t.Errorf("%d instances are kept", len(a.insts))
	}
}

func TestTheFileOfKeysIsUpToDate(t *testing.T) {
	const path, begin, end = "../../docs/MONIT.md", "<!-- begin keys -->\n", "<!-- end keys -->\n"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the keys", path)
	}
	want := head + begin + Page() + "\n" + end + tail
	if *update {
		_ = os.WriteFile(path, []byte(want), 0o644)
	} else if string(b) != want {
		t.Errorf("%s has other keys; go test ./internal/tui -update writes them anew", path)
	}
}

func TestNoKeyMeansTwoThings(t *testing.T) {
	seen, words := map[string]int{}, map[string]bool{}
	list := bindings()
	for i := range list {
		for _, k := range list[i].keys {
			seen[k]++
		}
		if w := list[i].word; w != "" && words[w] {
			t.Errorf("%s is two commands", w)
		}
		words[list[i].word] = true
	}
	for k, n := range seen {
		if n > 1 && k != "/" {
			t.Errorf("%q does %d things", k, n)
		}
	}
}

func TestADaemonThatWasAwayForAMomentIsMentioned(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	s.Update(news{link: &link{up: true, since: s.now.Add(1e8), version: "0.2.0", pid: 4000}, epoch: s.wished.epoch})
	if f := s.screen(); !strings.Contains(f, "velosd was away for a moment; going on with pid 4000") || !strings.Contains(f, "0.2.0") {
		t.Errorf("%s", f)
	}
}

func TestAnInstanceThatIsChosenShowsItsOwnLines(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	wishes := len(s.wishes)
	s.keys("down", "down").rest() // api:1
	if n := len(s.tape.visible()); n != 3 || len(s.wishes) != wishes {
		t.Errorf("%d lines, %d wishes more", n, len(s.wishes)-wishes)
	}
	if !strings.Contains(s.screen(), "api:1") {
		t.Errorf("%s", s.screen())
	}
	s.keys("up", "up").rest()
	if n := len(s.tape.visible()); n != 6 {
		t.Errorf("%d lines of the app", n)
	}
}
