// Package lease ends what agents have left behind: it watches over the leases
// of apps, finds out that an agent's process is gone or was silent for too long,
// and has the app stopped when a grace is over. Who an agent is, what a lease
// is kept in and how an app is stopped are others' business. Where there is no
// lease there is no timer.
package lease

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
)

// Every is how often the processes of agents are looked at, while there are
// leases.
const Every = 3 * time.Second

// Grace is how long an app outlives its lease where nobody says otherwise.
const Grace = time.Minute

// Options are what a Watch has to do with.
type Options struct {
	// Each gives every app that has a lease.
	Each func(yield func(id uint32, l *velos.Lease))
	Of   func(id uint32) *velos.Lease
	Set  func(id uint32, l *velos.Lease)
	// Alive reports whether that very process lives.
	Alive func(pid int, start uint64) bool
	Grace func() time.Duration
	// Gone is told that a lease has ended and the app will be stopped, and
	// Stop stops it. Neither is waited for by whoever asks for something.
	Gone func(id uint32, l *velos.Lease, grace time.Duration)
	Stop func(id uint32, l *velos.Lease)
}

// A Watch is over the leases of all apps. Leases are values: each change makes
// another one.
type Watch struct {
	o     Options
	timed atomic.Bool // some lease has a TTL

	mu     sync.Mutex
	timer  *time.Timer // nil: there is nothing to watch
	closed bool
}

// New is a Watch that looks when it is told of a change.
func New(o Options) *Watch { return &Watch{o: o} }

// Change replaces the lease of an app by what f makes of it, and begins to
// watch where that is needed.
func (w *Watch) Change(id uint32, f func(old *velos.Lease) *velos.Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.o.Of(id)
	l := f(old)
	if l != old {
		w.o.Set(id, l)
	}
	if l.Binds() {
		w.watch(l)
	}
}

// Begin watches over what a former daemon has left.
func (w *Watch) Begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.o.Each(func(_ uint32, l *velos.Lease) {
		if l.Binds() {
			w.watch(l)
		}
	})
}

func (w *Watch) watch(l *velos.Lease) {
	if l.TTL > 0 {
		w.timed.Store(true)
	}
	if w.timer == nil && !w.closed {
		w.timer = time.AfterFunc(Every, w.look)
	}
}

// Timed reports whether a word of an agent can prolong a lease.
func (w *Watch) Timed() bool { return w.timed.Load() }

// Heard prolongs the leases of an agent that has given a sign of life.
func (w *Watch) Heard(agent string, pid int, start uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.o.Each(func(id uint32, l *velos.Lease) {
		if l.TTL == 0 || !l.Binds() || l.Agent != agent || l.PID != 0 && (l.PID != pid || l.Start != start) {
			return
		}
		if next := Renewed(l, now); next.Until-l.Until > velos.Time(l.TTL/16) || l.Gone != 0 {
			w.o.Set(id, next)
		}
	})
}

// Renewed is a lease after a sign of life of its agent.
func Renewed(l *velos.Lease, now time.Time) *velos.Lease {
	next := *l
	next.Gone, next.Ended, next.Cause, next.Until = 0, 0, "", 0
	if next.TTL > 0 {
		next.Until = velos.TimeOf(now) + velos.Time(next.TTL)
	}
	return &next
}

// look looks at every lease once. What is found is told and done afterwards.
func (w *Watch) look() {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	now, grace := velos.TimeOf(time.Now()), time.Duration(-1)
	bound, timed := false, false
	var after []func()
	w.o.Each(func(id uint32, l *velos.Lease) {
		if !l.Binds() {
			return
		}
		cause := w.over(l, now)
		if cause == "" && l.Gone == 0 {
			bound, timed = true, timed || l.TTL > 0
			return
		}
		if grace < 0 {
			grace = w.o.Grace()
		}
		next := *l
		if l.Gone == 0 {
			next.Gone, next.Cause = now, cause
			after = append(after, func() { w.o.Gone(id, &next, grace) })
		}
		if now-next.Gone >= velos.Time(grace.Milliseconds()) {
			next.Ended = now
			after = append(after, func() { w.o.Stop(id, &next) })
		} else {
			bound, timed = true, timed || l.TTL > 0
		}
		if next.Gone != l.Gone || next.Ended != 0 {
			w.o.Set(id, &next)
		}
	})
	w.timed.Store(timed)
	if w.timer = nil; bound {
		w.timer = time.AfterFunc(Every, w.look)
	}
	w.mu.Unlock()
	for _, f := range after {
		f()
	}
}

// over says in words why a lease has ended; empty: it has not.
func (w *Watch) over(l *velos.Lease, now velos.Time) string {
	switch {
	case l.PID != 0 && !w.o.Alive(l.PID, l.Start):
		return l.Agent + " (pid " + strconv.Itoa(l.PID) + ") is gone"
	case l.Until != 0 && now >= l.Until:
		return l.Agent + " has not been heard of for " + l.TTL.String()
	}
	return ""
}

// Close ends the watch.
func (w *Watch) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
}
