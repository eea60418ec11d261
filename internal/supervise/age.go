package supervise

import (
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

// aside is how far a note of the time may be off before somebody must have set
// the clock.
const aside = time.Second

// began is when a run began that a former daemon has noted, by the clock as it
// is now, and with a moment that later steps of it do not touch.
func began(noted time.Time, start uint64) time.Time {
	now := time.Now()
	up := now.Sub(noted)
	if age, ok := proc.Age(start); ok && (up-age).Abs() > aside {
		up = age
	}
	return now.Add(-max(0, up))
}

// present tells a live run's times by the clock as it is now, when it was set
// after they were noted: who reads them asks how long ago that was.
func (s *Supervisor) present(i *velos.Instance, start uint64) {
	if s.age == nil {
		return
	}
	age, ok := s.age(start)
	if !ok {
		return
	}
	now := velos.TimeOf(time.Now())
	step := now - velos.Time(velos.MillisOf(age)) - i.Started
	if velos.Millis(step).Std().Abs() <= aside {
		return
	}
	i.Started += step
	if since := i.Since + step; since >= i.Started && since <= now { // else it was noted after the step
		i.Since = since
	}
}
