package digest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// counted are minutes from noon on; 0 lines are none.
func counted(lines, errors []int) (list []velos.Minute) {
	for i := range lines {
		if lines[i] > 0 {
			list = append(list, velos.Minute{Time: noon + velos.Time(i)*minute, Lines: uint32(lines[i]), Errors: uint32(errors[i])})
		}
	}
	return list
}

func steady(n, lines, errors int) (l, e []int) {
	for range n {
		l, e = append(l, lines), append(e, errors)
	}
	return l, e
}

func TestCountedMinutesAreJudged(t *testing.T) {
	l, e := steady(90, 30, 1)
	l, e = append(l, 70, 80), append(e, 40, 50)
	until := noon + 92*minute
	list := Watch(Options{Minutes: counted(l, e), Until: until})
	var x *Episode
	for i := range list {
		if list[i].Metric == ErrorRate {
			x = &list[i]
		}
	}
	if x == nil || x.Severity != Critical || x.Since != noon+90*minute || x.Until != noon+91*minute || x.Current != 50 {
		t.Fatalf("got %+v", list)
	}
	if s := x.Sentence(); !strings.HasPrefix(s, "error rate ") || !strings.HasSuffix(s, " sigma above normal (50/min vs avg 1/min)") {
		t.Errorf("it says %q", s)
	}
}

func TestSilenceIsFoundInMinutesThatAreNotThere(t *testing.T) {
	l, e := steady(90, 200, 0)
	list := Watch(Options{Minutes: counted(l, e), Until: noon + 95*minute})
	if len(list) != 1 || list[0].Metric != Silence || list[0].Since != noon+92*minute {
		t.Fatalf("got %+v", list)
	}
	if s := list[0].Sentence(); !strings.HasPrefix(s, "log volume ") || !strings.HasSuffix(s, " sigma below normal (0/min vs avg 200/min)") {
		t.Errorf("it says %q", s)
	}
	if list := Watch(Options{Minutes: counted(l, e), Until: 0}); len(list) != 0 { // it was stopped then
		t.Errorf("without a time to which they reach: %+v", list)
	}
}

func TestATimeWithoutTheProgramIsNoSilenceAndNotNormal(t *testing.T) {
	l, e := steady(210, 200, 0)
	for i := 90; i < 190; i++ {
		l[i] = 0
	}
	o := Options{Minutes: counted(l, e), Until: noon + 210*minute, Down: []Span{{noon - minute, noon}, {noon + 89*minute + 30*second, noon + 190*minute + 20*second}}}
	if list := Watch(o); len(list) != 0 {
		t.Errorf("got %+v", list)
	}
	o.Down = nil
	if list := Watch(o); len(list) == 0 {
		t.Error("the test shows nothing: it would be the same if the program had run")
	}
}

func TestLinesOfBeforeTheCountAreJudgedToo(t *testing.T) {
	l, e := steady(30, 30, 1)
	l[29], e[29] = 80, 40
	for i := range e[:20] {
		l[i] = 0 // these minutes are known from lines only
	}
	a := NewAnalysis(Options{Minutes: counted(l, e), Until: noon + 30*minute})
	for i := range velos.Time(20 * 30) {
		text := "ok"
		if i%30 == 0 {
			text = "ERROR x"
		}
		a.Add(&Line{Time: noon + i*2*second, Text: []byte(text)})
	}
	for range 500 { // counted already
		a.Add(&Line{Time: noon + 25*minute, Text: []byte("ERROR x")})
	}
	list := a.Anomalies()
	if len(list) == 0 || list[len(list)-1].Since != noon+29*minute {
		t.Errorf("got %+v", list)
	}
	for i := range list {
		if list[i].Since != noon+29*minute {
			t.Errorf("a line was counted twice: %+v", list[i])
		}
	}
	if again := a.Anomalies(); len(again) != len(list) {
		t.Errorf("asked again, there are %d episodes and not %d", len(again), len(list))
	}
}

func TestAUserMaySayWhichLinesBeginAnEvent(t *testing.T) {
	s := NewStream(regexp.MustCompile(`^>`))
	var events []string
	for i, line := range []string{"> one", "2026-01-02 03:04:05 ERROR two", "", "three", "> four"} {
		if e, ok := s.Add([]byte(line), noon+velos.Time(i)*minute, velos.LevelNone); ok {
			events = append(events, string(e.Text))
		}
	}
	if len(events) != 1 || events[0] != "> one\n2026-01-02 03:04:05 ERROR two\n\nthree" {
		t.Errorf("got %q", events)
	}
}
