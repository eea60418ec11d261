package probe

import (
	"errors"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func TestAPaceHasDefaults(t *testing.T) {
	if got, want := HealthPace(&velos.Probe{}), (Pace{10 * time.Second, 5 * time.Second, 3, 0}); got != want {
		t.Errorf("health: got %+v; want %+v", got, want)
	}
	if got, want := ReadyPace(&velos.Probe{}), (Pace{250 * time.Millisecond, 2 * time.Second, 3, 0}); got != want {
		t.Errorf("ready: got %+v; want %+v", got, want)
	}
	p := velos.Probe{Interval: 100, Timeout: 200, Retries: 1, StartPeriod: 300}
	if got, want := HealthPace(&p), (Pace{100 * time.Millisecond, 200 * time.Millisecond, 1, 300 * time.Millisecond}); got != want {
		t.Errorf("own: got %+v; want %+v", got, want)
	}
}

func TestHealthFollowsTheAnswers(t *testing.T) {
	const start, well, ill = velos.HealthStarting, velos.Healthy, velos.Unhealthy
	type step struct {
		said   byte // + well, - not, ? says nothing about the program
		since  time.Duration
		health velos.Health
		counts bool
	}
	for name, steps := range map[string][]step{
		"it is well": {{'+', 1, well, false}, {'+', 2, well, false}},
		"three failures count, once": {{'+', 1, well, false}, {'-', 2, well, false}, {'-', 3, well, false},
			{'-', 4, ill, true}, {'-', 5, ill, false}, {'-', 6, ill, false}, {'-', 7, ill, false}},
		"a success between starts anew": {{'+', 1, well, false}, {'-', 2, well, false}, {'-', 3, well, false}, {'+', 4, well, false},
			{'-', 5, well, false}, {'-', 6, well, false}, {'-', 7, ill, true}},
		"it recovers, and may fail again": {{'-', 20, start, false}, {'-', 21, start, false}, {'-', 22, ill, true}, {'+', 23, well, false},
			{'-', 24, well, false}, {'-', 25, well, false}, {'-', 26, ill, true}},
		"failures do not count in the start period": {{'-', 1, start, false}, {'-', 2, start, false}, {'-', 3, start, false}, {'-', 9, start, false},
			{'-', 10, start, false}, {'-', 11, start, false}, {'-', 12, ill, true}},
		"a success ends the start period": {{'-', 1, start, false}, {'+', 2, well, false}, {'-', 3, well, false}, {'-', 4, well, false}, {'-', 5, ill, true}},
		"what says nothing changes nothing": {{'?', 1, start, false}, {'+', 2, well, false}, {'-', 3, well, false}, {'-', 4, well, false},
			{'?', 5, well, false}, {'-', 6, ill, true}, {'?', 7, ill, false}},
	} {
		a := Pace{Retries: 3, StartPeriod: 10 * time.Second}
		var w Watch
		if w.Health() != start {
			t.Errorf("a run begins as %s", w.Health())
		}
		for i, s := range steps {
			var said error
			switch s.said {
			case '-':
				said = errors.New("answered 503")
			case '?':
				said = &velos.Error{Code: velos.Busy, Message: "too many open files"}
			}
			if counts := w.Take(a, said, s.since*time.Second); counts != s.counts || w.Health() != s.health {
				t.Errorf("%s, step %d: got %s, counts %v; want %s, %v", name, i+1, w.Health(), counts, s.health, s.counts)
			}
		}
	}
	var w Watch
	if !w.Take(Pace{Retries: 1}, errors.New("no"), 0) || w.Failures() != 1 {
		t.Errorf("one failure is enough when retries is 1: %+v", w)
	}
}
