package supervise

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/cron"
)

// triggers restart apps, and start jobs, because it is time or because files
// have changed. One goroutine looks after all apps that have any; while there
// are none there is no goroutine, and an app without any costs a pointer.
type triggers struct {
	sup *Supervisor

	mu     sync.Mutex
	called chan struct{} // nil while there is no goroutine
	done   sync.WaitGroup
}

// An arming is what makes an app's triggers work. Only the goroutine touches
// what has no lock.
type arming struct {
	spec *velos.Spec // as it was read
	cron *cron.Schedule
	next atomic.Int64 // velos.Time of the next run; 0: there is none

	armed   bool
	watched bool
	due     time.Time
	skipped bool   // times were left out since the last run began
	queued  string // why another run follows the one that is going on

	mu      sync.Mutex
	changed string // what the files came to; empty: nothing
	busy    bool   // a restart is under way
}

// longestSleep bounds the wait for a moment by the clock: the machine may sleep,
// and its clock may be set. Idle is for when there is no such moment.
const (
	longestSleep = 30 * time.Second
	idle         = time.Hour
)

// setBack is how far the clock goes back when it is set, and not just adjusted.
const setBack = 2 * time.Second

func triggered(s *velos.Spec) bool { return s.Watch || s.CronRestart != "" || s.Schedule != "" }

// check is Validate and what only a reader of cron expressions can tell.
func check(s *velos.Spec) error {
	if err := s.Validate(); err != nil {
		return err
	}
	_, err := schedule(s)
	return err
}

// schedule is the expression of a Spec; nil when it has none.
func schedule(s *velos.Spec) (*cron.Schedule, error) {
	field, text := "cron_restart", s.CronRestart
	if s.Schedule != "" {
		field, text = "schedule", s.Schedule
	}
	if text == "" {
		return nil, nil
	}
	c, err := cron.Parse(text)
	if err == nil {
		return c, nil
	}
	e := &velos.Error{Code: velos.Invalid, Message: "app " + s.Name + ": " + field + ": " + err.Error(), Cause: &velos.FieldError{Field: field, What: err.Error()}}
	var p *cron.Problem
	if errors.As(err, &p) {
		e.Hint = p.Hint
	}
	return nil, e
}

// look has the triggers of a looked at again: it or its Spec has changed.
func (t *triggers) look(a *app) {
	if a.arming.Load() == nil && !triggered(a.spec.Load()) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.called == nil {
		if t.sup.ctx.Err() != nil {
			return
		}
		t.called = make(chan struct{}, 1)
		t.done.Add(1)
		go t.run(t.called)
	}
	t.call()
}

// call wakes the goroutine. The caller holds mu.
func (t *triggers) call() {
	select {
	case t.called <- struct{}{}:
	default:
	}
}

func (t *triggers) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.called != nil {
		t.call()
	}
}

// wait returns when the goroutine, and all that it has begun, has ended.
func (t *triggers) wait() { t.done.Wait() }

// run is the goroutine. It ends when no app has triggers any more.
func (t *triggers) run(called chan struct{}) {
	defer t.done.Done()
	known := map[uint32]*arming{}
	last := time.Now().Round(0)
	for {
		now := time.Now().Round(0) // what a clock on the wall shows
		wake, any := t.round(known, now, now.Before(last.Add(-setBack)))
		last = now
		if !any && t.leave() {
			return
		}
		timer := time.NewTimer(max(wake, time.Millisecond))
		select {
		case <-t.sup.ctx.Done():
			timer.Stop()
			return
		case <-called:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// leave reports whether nobody has called meanwhile, and lets the goroutine go.
func (t *triggers) leave() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.called:
		return false
	default:
		t.called = nil
		return true
	}
}

// round tends all apps and says when the next one is due. Anew: the clock was
// set back, and times that were found by it mean nothing.
func (t *triggers) round(known map[uint32]*arming, now time.Time, anew bool) (wake time.Duration, any bool) {
	wake = idle
	gone := make(map[uint32]bool, len(known))
	for id := range known {
		gone[id] = true
	}
	for _, a := range t.sup.all() {
		g := t.read(a)
		if g == nil {
			continue
		}
		delete(gone, a.id)
		known[a.id] = g
		if anew {
			g.armed = false
		}
		t.tend(a, g, now)
		if g.armed && !g.due.IsZero() {
			wake = min(wake, longestSleep, g.due.Sub(now))
		}
	}
	for id := range gone {
		t.sup.machine.Watch(id, nil, nil)
		delete(known, id)
	}
	return wake, len(known) > 0
}

// read makes the arming fit the app's Spec; nil: it has no triggers.
func (t *triggers) read(a *app) *arming {
	spec, g := a.spec.Load(), a.arming.Load()
	switch {
	case g != nil && g.spec == spec:
		return g
	case !triggered(spec):
		a.arming.Store(nil)
		return nil
	case g == nil:
		g = new(arming)
		a.arming.Store(g)
	}
	g.spec, g.armed = spec, false
	g.cron, _ = schedule(spec) // it was checked
	if g.watched {
		g.watched = false
		t.sup.machine.Watch(a.id, nil, nil)
	}
	return g
}

// tend arms or disarms an app as it was ordered to run or not, and does what
// is due.
func (t *triggers) tend(a *app, g *arming, now time.Time) {
	if up := len(a.heeding()) > 0; up != g.armed {
		g.armed, g.queued = up, ""
		g.report("")
		g.plan(a, now)
		t.observe(a, g)
	}
	if !g.armed {
		return
	}
	g.mu.Lock()
	changed, busy := g.changed, g.busy
	if !busy {
		g.changed = ""
	}
	g.mu.Unlock()
	switch {
	case !g.due.IsZero() && !now.Before(g.due):
		g.plan(a, now)
		if g.spec.Schedule != "" {
			t.turnOf(a, g)
		} else if !busy {
			t.again(a, g, "cron: "+g.spec.CronRestart)
		}
	case g.queued != "" && !a.busy():
		why := g.queued
		g.queued = ""
		t.begin(a, g, start, why)
	case changed != "" && !busy:
		t.again(a, g, "watch: "+changed)
	}
}

// plan finds the next time. An interval is counted from the last run's begin,
// or from the time that has just come: its run begins a little later.
func (g *arming) plan(a *app, now time.Time) {
	begin := a.lastBegin()
	if g.due.After(begin) && !g.due.After(now) {
		begin = g.due
	}
	g.due = time.Time{}
	if g.cron != nil && g.armed {
		g.due = g.cron.NextSince(begin, now)
	}
	g.next.Store(int64(velos.TimeOf(g.due)))
}

// observe watches files while the app is armed.
func (t *triggers) observe(a *app, g *arming) {
	want := g.armed && g.spec.Watch
	switch m := t.sup.machine; {
	case want:
		m.Watch(a.id, g.spec, func(text string, what Sight) {
			if what == Aside {
				a.warn(-1, text)
				return
			}
			g.report(text)
			t.wake()
		})
	case g.watched:
		m.Watch(a.id, nil, nil)
	}
	g.watched = want
}

// report notes what the files came to.
func (g *arming) report(text string) {
	g.mu.Lock()
	g.changed = text
	g.mu.Unlock()
}

// turnOf is when a job's time has come.
func (t *triggers) turnOf(a *app, g *arming) {
	why := "schedule: " + g.spec.Schedule
	switch {
	case !a.busy():
		t.begin(a, g, start, why)
	case g.spec.Overlap == velos.Kill:
		t.begin(a, g, restart, why)
	case g.spec.Overlap == velos.Queue:
		g.queued = why
	case !g.skipped: // once is enough for one run
		g.skipped = true
		a.warn(-1, why+": skipped, the last run has not ended")
	}
}

// begin orders a run of a job and does not wait for it.
func (t *triggers) begin(a *app, g *arming, v verb, why string) {
	spec := g.spec
	g.skipped = false
	a.ordered(verbNames[v], why)
	t.aside(g, func(ctx context.Context) {
		_ = a.order(ctx, a.heeding(), order{verb: v, actor: velos.Policy, why: why, spec: spec, own: true, grace: -1})
	})
}

// again restarts an app that runs on. What happens meanwhile waits for the end
// of that.
func (t *triggers) again(a *app, g *arming, why string) {
	spec := g.spec
	t.aside(g, func(ctx context.Context) {
		for range 3 { // somebody may have another change in progress, and then one more
			if l := a.rollNow(); l != nil && l.await(ctx, "") != nil && ctx.Err() != nil {
				return
			}
			if separate(spec, spec) != "" || !a.serves() {
				break
			}
			_, err := t.sup.reload(ctx, a.id, -1, 1, nil, why, velos.Policy)
			if err == nil {
				return
			}
			switch velos.CodeOf(err) {
			case velos.Conflict:
				continue
			case velos.Failed: // nobody waits for the answer; the old runs go on
				a.warn(-1, err.Error())
			}
			return
		}
		a.ordered(verbNames[restart], why)
		_ = a.order(ctx, a.heeding(), order{verb: restart, actor: velos.Policy, why: why, spec: a.spec.Load(), own: true, wait: true, grace: -1})
	})
}

// aside runs f beside the goroutine, one at a time for each app.
func (t *triggers) aside(g *arming, f func(context.Context)) {
	g.mu.Lock()
	g.busy = true
	g.mu.Unlock()
	t.done.Add(1)
	go func() {
		defer t.done.Done()
		f(t.sup.ctx)
		g.mu.Lock()
		g.busy = false
		g.mu.Unlock()
		t.wake()
	}()
}

// heeding are the instances that triggers are for: all but those that somebody
// has stopped.
func (a *app) heeding() (list []*runner) {
	for _, r := range a.cast.Load().slots {
		if r.heeds.Load() {
			list = append(list, r)
		}
	}
	return list
}

// busy reports whether a run is there, or on its way.
func (a *app) busy() bool {
	for _, r := range a.cast.Load().slots {
		if i := r.snapshot.Load(); i.Status != velos.Stopped && i.Status != velos.Errored {
			return true
		}
	}
	return false
}

// serves reports whether a process is there that a reload could replace.
func (a *app) serves() bool {
	for _, r := range a.cast.Load().slots {
		if r.snapshot.Load().PID != 0 {
			return true
		}
	}
	return false
}

// lastBegin is when the newest run began; zero when there was none.
func (a *app) lastBegin() time.Time {
	var last velos.Time
	for _, r := range a.cast.Load().slots {
		switch i := r.snapshot.Load(); {
		case i.PID != 0:
			last = max(last, i.Started)
		case i.LastExit != nil:
			last = max(last, i.LastExit.Time-velos.Time(i.LastExit.Uptime))
		}
	}
	return last.Std()
}

// nextRun is when cron has its next turn; 0: never. Who asks right after an
// order need not wait for the goroutine to find it.
func (a *app) nextRun() velos.Time {
	if len(a.heeding()) == 0 {
		return 0
	}
	if g := a.arming.Load(); g != nil {
		if n := g.next.Load(); n != 0 {
			return velos.Time(n)
		}
	}
	c, _ := schedule(a.spec.Load())
	if c == nil {
		return 0
	}
	return velos.TimeOf(c.NextSince(a.lastBegin(), time.Now()))
}

// warn puts something on record that may need somebody.
func (a *app) warn(inst int, text string) { a.record(velos.KindWarning, inst, text) }

// ordered puts an order of our own on record.
func (a *app) ordered(verb, why string) { a.record(velos.KindOrder, -1, verb+", "+why) }

func (a *app) record(kind velos.Kind, inst int, cause string) {
	a.sup.event(velos.Event{Kind: kind, App: a.name(), ID: a.id, Inst: inst, Cause: cause, Actor: velos.Policy, Gen: int(a.generation.Load())})
}
