package probe

import (
	"time"

	"github.com/velospm/velos"
)

// A Pace is a probe's times with the defaults filled in.
type Pace struct {
	Interval    time.Duration // between the end of one question and the begin of the next
	Timeout     time.Duration // of one question
	Retries     int           // failures in a row that count
	StartPeriod time.Duration // since the run's start, in which failures do not count
}

// HealthPace is the pace of p as a health probe.
func HealthPace(p *velos.Probe) Pace { return paceOf(p, 10*time.Second, 5*time.Second) }

// ReadyPace is the pace of p as a readiness probe. Nobody counts its failures:
// the run has its listen_timeout.
func ReadyPace(p *velos.Probe) Pace { return paceOf(p, 250*time.Millisecond, 2*time.Second) }

const retries = 3

func paceOf(p *velos.Probe, interval, timeout time.Duration) Pace {
	a := Pace{Interval: p.Interval.Std(), Timeout: p.Timeout.Std(), Retries: p.Retries, StartPeriod: p.StartPeriod.Std()}
	if a.Interval <= 0 {
		a.Interval = interval
	}
	if a.Timeout <= 0 {
		a.Timeout = timeout
	}
	if a.Retries <= 0 {
		a.Retries = retries
	}
	return a
}

// A Watch is the health of one run, from what its probe has said. The zero
// value is that of a run that has just begun.
type Watch struct {
	failures int
	health   velos.Health
}

// Health is the state after the last answer.
func (w *Watch) Health() velos.Health {
	if w.health == "" {
		return velos.HealthStarting
	}
	return w.health
}

// Failures is how many in a row have counted so far.
func (w *Watch) Failures() int { return w.failures }

// Take notes what Check has said, since after the start of the run. It is true
// for the failure that counts: the one that makes the run unhealthy.
//
// A run that was well once is held to that: its start period is over. What
// says nothing about the program changes nothing.
func (w *Watch) Take(a Pace, said error, since time.Duration) (counts bool) {
	if said == nil {
		w.failures, w.health = 0, velos.Healthy
		return false
	}
	switch velos.CodeOf(said) {
	case velos.Busy, velos.Cancelled, velos.Unsupported:
		return false
	}
	if w.Health() == velos.HealthStarting && since < a.StartPeriod {
		return false
	}
	w.failures = min(w.failures+1, a.Retries)
	if w.failures < a.Retries || w.health == velos.Unhealthy {
		return false
	}
	w.health = velos.Unhealthy
	return true
}
