package supervise

import (
	"testing"
	"time"

	"github.com/velospm/velos"
)

func TestTheLastOrderIsTheReasonForWhatFollows(t *testing.T) {
	slow := life{grace: 3 * time.Second}
	leaving := life{lives: 2 * time.Second, code: 1, leaves: time.Second}
	for _, c := range []struct {
		name   string
		life   life
		orders func(s *scene)
		to     velos.Status
		reason string
	}{
		{"a start in the course of a stop", slow, func(s *scene) { s.stop(false); s.start(false) }, velos.Starting, "start"},
		{"a stop in the course of a restart", slow, func(s *scene) { s.restart(false); s.stop(false) }, velos.Stopped, "stop"},
		{"a stop while leftovers end", leaving, func(s *scene) { s.after(1500 * time.Millisecond); s.stop(false) }, velos.Stopped, "stop"},
		{"a restart while leftovers end", leaving, func(s *scene) { s.after(1500 * time.Millisecond); s.restart(false) }, velos.Starting, "restart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			play(t, nil, []life{c.life, forever}, func(t *testing.T, s *scene) {
				s.start(true)
				c.orders(s)
				s.after(3500 * time.Millisecond)
				var last velos.Event
				for _, e := range s.events {
					if e.To == c.to {
						last = e
					}
				}
				if last.Cause != c.reason || last.From != velos.Stopping {
					t.Errorf("%s -> %s: %q; want %q", last.From, last.To, last.Cause, c.reason)
				}
			})
		})
	}
}
