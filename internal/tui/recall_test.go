package tui

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// every has points of one instance, one in so many seconds, some missing.
func every(name string, inst, from, to, step int, missing func(s int) bool) view.Past {
	p := view.Past{Name: name, Inst: inst}
	for s := from; s < to; s += step {
		if missing == nil || !missing(s) {
			p.Points = append(p.Points, velos.Point{Time: at(s), Up: 1, CPU: float64(10 + inst), CPUMax: 20, Memory: 10 << 20, MemoryMax: 11 << 20})
		}
	}
	return p
}

func figures(list ...float32) (s string) {
	for _, f := range list {
		switch {
		case math.IsNaN(float64(f)):
			s += " "
		case f == 0:
			s += "0"
		default:
			s += "x"
		}
	}
	return s
}

func TestSparklinesBeginWithWhatWasRecorded(t *testing.T) {
	var asked []view.Past
	s := newStage(t, 120, 40, func(o *Options) {
		o.Interval = 2 * time.Second
		o.Recent = func(_ context.Context, q *view.Past) ([]view.Past, error) {
			asked = append(asked, *q)
			gap := func(s int) bool { return s >= -60 && s < -30 }
			return []view.Past{every("api", 0, -100, 0, 2, gap), every("api", 1, -20, 0, 2, nil), every("worker", 0, -200, 0, 5, nil), every("gone", 0, -100, 0, 2, nil)}, nil
		}
	})
	list := fleet()
	cmd := s.hear(news{link: &link{up: true, since: noon}, listed: true, apps: list})
	if n := s.answer(cmd); n != 1 {
		t.Fatalf("%d answers", n)
	}
	if q := asked[0]; q.Until != at(0) || q.Since > at(-120) || q.Step != 2000 {
		t.Errorf("asked: %+v", q)
	}
	if got := figures(s.byID[1].cpu.last(past)...); got != strings.Repeat("x", 21)+strings.Repeat(" ", 14)+strings.Repeat("x", 15) {
		t.Errorf("api: %q", got)
	}
	if f := s.byID[1].cpu.last(1)[0]; f != 21 {
		t.Errorf("two instances take %v", f)
	}
	if got := figures(s.byID[1].insts[1].mem.last(past)...); got != strings.Repeat("x", 10) {
		t.Errorf("api:1: %q", got)
	}
	if got := figures(s.byID[2].cpu.last(past)...); got != strings.Repeat("x", past) {
		t.Errorf("what was recorded more seldom has gaps: %q", got)
	}
	if s.byID[3].cpu.n != 0 {
		t.Error("an app that was not recorded has figures")
	}
	if s.hear(news{listed: true, apps: list}); len(asked) != 1 {
		t.Error("it is asked for twice")
	}
}

func TestOwnFiguresStayBehindThoseThatWereRecorded(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	own := s.byID[2].cpu.n
	last := s.byID[2].cpu.last(1)[0]
	s.Update(recalled{every("worker", 0, -200, 0, 2, nil)})
	if r := &s.byID[2].cpu; r.n != past || r.last(1)[0] != last || r.last(own + 1)[0] != 10 {
		t.Errorf("%d figures, own %d: %v", r.n, own, r.last(past))
	}
}

func TestATimeInWhichNobodyMeasuredIsAGap(t *testing.T) {
	s := newStage(t, 80, 24, func(o *Options) { o.Interval = time.Second }).fleet()
	round := func() {
		s.Update(news{epoch: s.wished.epoch, figures: []wire.Metrics{{ID: 2, Instances: fleet()[1].Instances}}})
	}
	n := s.byID[2].cpu.n
	for range 3 {
		s.now = s.now.Add(1300 * time.Millisecond)
		round()
	}
	if got := s.byID[2].cpu.n - n; got != 3 {
		t.Fatalf("late figures make %d", got)
	}
	s.now = s.now.Add(10 * time.Second)
	round()
	if got := figures(s.byID[2].cpu.last(12)...); got != "x"+strings.Repeat(" ", 10)+"x" {
		t.Errorf("%q", got)
	}
	s.now = s.now.Add(1000 * time.Hour)
	round()
	if got := figures(s.byID[2].cpu.last(past)...); got != strings.Repeat(" ", past-1)+"x" {
		t.Errorf("%q", got)
	}
}

// charting has answers for the pane of the past.
func charting(answer func(p *view.Past) error) func(*Options) {
	return func(o *Options) {
		o.Past = func(_ context.Context, p *view.Past) error { return answer(p) }
	}
}

func TestThePastIsDrawnAsFarAsItWasRecorded(t *testing.T) {
	var asked []view.Past
	s := newStage(t, 80, 24, charting(func(p *view.Past) error {
		asked = append(asked, *p)
		for i := range 60 {
			if i >= 20 && i < 30 {
				continue
			}
			p.Points = append(p.Points, velos.Point{Time: p.Since + velos.Time(i)*velos.Time(p.Step), Up: 1, CPU: float64(i), CPUMax: float64(i + 5), Memory: int64(40+i%7) << 20, MemoryMax: 50 << 20, Restarts: i / 58})
		}
		return nil
	})).fleet()
	s.keys("p")
	if !strings.Contains(s.screen(), "asking") {
		t.Errorf("%s", s.screen())
	}
	s.answer(s.last)
	s.golden("past")
	s.keys("T")
	s.answer(s.last)
	s.keys("T")
	s.answer(s.last)
	if len(asked) != 3 || asked[0].Until-asked[0].Since != 3600_000 || asked[2].Until-asked[2].Since < 24*3600_000 || asked[0].Name != "api" || asked[0].Inst != -1 {
		t.Errorf("%+v", asked)
	}
	s.keys(":span 6h", "enter")
	s.answer(s.last)
	if !strings.Contains(s.screen(), "last 6h") {
		t.Errorf("%s", s.screen())
	}
	s.keys(":span long", "enter")
	if !strings.Contains(s.screen(), "span: 1h, 6h, 24h, 7d") {
		t.Errorf("%s", s.screen())
	}
}

func TestThePastSaysWhyThereIsNone(t *testing.T) {
	for text, answer := range map[string]func(p *view.Past) error{
		"nothing was recorded yet: velos metrics --history": func(*view.Past) error {
			return &velos.Error{Code: velos.NotFound, Message: "history: nothing was recorded yet"}
		},
		"nothing was recorded of it in 1h":              func(*view.Past) error { return nil },
		"history: read: disk I/O":                       func(*view.Past) error { return errors.New("history: read: disk I/O\x1b[2J") },
		"recorded until 11:30:00; velos metrics --hist": func(p *view.Past) error { p.Points = every("api", -1, -3600, -1800, 60, nil).Points; return nil },
	} {
		s := newStage(t, 100, 30, charting(answer)).fleet()
		s.keys("p")
		s.answer(s.last)
		screen := escapes.ReplaceAllString(s.screen(), "")
		if !strings.Contains(screen, text) || strings.Contains(screen, "\x1b") {
			t.Errorf("want %q:\n%s", text, screen)
		}
		if !strings.Contains(text, "until") && !strings.Contains(screen, "as seen from here") {
			t.Errorf("what the view has seen itself is not shown:\n%s", screen)
		}
	}
}

func TestOneQuestionAboutThePastIsOnItsWayAtATime(t *testing.T) {
	n := 0
	s := newStage(t, 80, 24, charting(func(*view.Past) error { n++; return nil })).fleet()
	s.keys("p")
	first := s.last
	for range 5 {
		s.keys("T")
		if s.answer(s.last) != 0 {
			t.Fatal("a second question is on its way")
		}
	}
	s.keys("end").rest()
	if s.answer(first); !s.chart.busy {
		t.Error("what is chosen now is not asked for")
	}
	s.answer(s.last)
	if n != 2 || s.chart.shown.about.id != 5 {
		t.Errorf("%d questions, %+v", n, s.chart.shown)
	}
}
