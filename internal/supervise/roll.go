package supervise

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

// A roll changes who plays an app, a few instances at a time: a reload, or a
// change of their number. An app has one at a time; a stop or a restart of the
// app ends it where it is.
type roll struct {
	app    *app
	actor  velos.Actor
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	err    error // when done is closed

	old  *velos.Spec // what the app ran when the roll began
	why  string      // what its orders are recorded with
	own  bool        // a trigger's
	spec *velos.Spec // what the successors run
	mu   sync.Mutex
	over []int // instances that run it
}

type rolls struct {
	rolling sync.Mutex
	roll    *roll
	halts   atomic.Int32 // stops of the app that are being carried out: no roll may begin
}

// begin makes r the app's roll and runs f. What f does is awaited by whoever
// wants to, and by the app's end.
func (a *app) begin(what string, actor velos.Actor, f func(*roll) error) (*roll, error) {
	l := &roll{app: a, actor: actor, done: make(chan struct{}), old: a.spec.Load()}
	a.rolling.Lock()
	defer a.rolling.Unlock()
	if a.roll != nil {
		return nil, &velos.Error{Code: velos.Conflict, Message: what + " " + a.name() + ": a reload or a change of the number of instances is in progress",
			Hint: "wait for it, or end it with velos stop or velos restart"}
	}
	if a.halts.Load() > 0 {
		return nil, &velos.Error{Code: velos.Conflict, Message: what + " " + a.name() + ": it is being stopped", Hint: "try again when it is down"}
	}
	if !a.stay() {
		return nil, a.gone()
	}
	l.ctx, l.cancel = context.WithCancel(a.ctx)
	a.roll = l
	go func() {
		err := f(l)
		if err != nil && l.ctx.Err() != nil {
			err = l.outrun(what, err)
		}
		l.err = err
		a.rolling.Lock()
		a.roll = nil
		a.rolling.Unlock()
		l.cancel()
		close(l.done)
		a.left()
	}()
	return l, nil
}

// outrun is what err, which came with the end of ctx, means for who waits for
// the roll.
func (l *roll) outrun(what string, err error) error {
	if l.app.ctx.Err() != nil {
		return l.app.gone()
	}
	text := ""
	if n, total := len(l.over), len(l.app.cast.Load().slots); what == "reload" {
		text = "; " + strconv.Itoa(n) + " of " + strconv.Itoa(total) + " instances were replaced"
	}
	return &velos.Error{Code: velos.Cancelled, Message: what + " " + l.app.name() + ": another order came first" + text, Cause: err}
}

// halt ends the roll in progress and lets none begin until done is called.
func (a *app) halt() (done func()) {
	a.halts.Add(1)
	a.interrupt()
	return func() { a.halts.Add(-1) }
}

// rollNow is the roll in progress, nil when there is none.
func (a *app) rollNow() *roll {
	a.rolling.Lock()
	defer a.rolling.Unlock()
	return a.roll
}

// interrupt ends the roll in progress, if any, and returns when it is over.
func (a *app) interrupt() {
	if l := a.rollNow(); l != nil {
		l.cancel()
		<-l.done
	}
}

// await waits for the end of the roll. The order stands when ctx ends first.
func (l *roll) await(ctx context.Context, what string) error {
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return waited(ctx, what+" "+l.app.name())
	}
}

// Reload puts new runs in the place of an app's, parallel at a time: each one's
// successor is ready before it is told to finish its connections and go. The
// successors run spec; nil means what the app runs. The first failure ends it:
// the old runs stay, and what was replaced already goes back to what it was.
// Runs that cannot overlap are restarted one by one, and why says why.
func (s *Supervisor) Reload(ctx context.Context, id uint32, inst, parallel int, spec *velos.Spec, actor velos.Actor) (why string, err error) {
	return s.reload(ctx, id, inst, parallel, spec, "", actor)
}

// reload is Reload with a cause, empty when somebody has asked for it.
func (s *Supervisor) reload(ctx context.Context, id uint32, inst, parallel int, spec *velos.Spec, cause string, actor velos.Actor) (why string, err error) {
	a, err := s.find(id)
	if err != nil {
		return "", err
	}
	if _, err := a.pick(inst, false); err != nil {
		return "", err
	}
	if a.stopped() {
		return "", &velos.Error{Code: velos.NotRunning, Message: "reload " + a.name() + ": it is stopped", Hint: "velos start " + a.name()}
	}
	if spec != nil {
		if err := a.mayBecome(spec); err != nil {
			return "", err
		}
	}
	l, err := a.begin("reload", actor, func(l *roll) error { return l.reload(inst, parallel, spec, cause) })
	if err != nil {
		return "", err
	}
	next := spec
	if next == nil {
		next = l.old
	}
	return separate(l.old, next), l.await(ctx, "reload")
}

// reload is Reload for who has begun the roll: nobody else changes who plays.
func (l *roll) reload(inst, parallel int, spec *velos.Spec, cause string) error {
	a := l.app
	list, err := a.pick(inst, false)
	if err != nil {
		return err
	}
	verb := "reload"
	l.own = cause != ""
	if l.why = cause; cause == "" {
		l.why = verb
	} else {
		verb += ", " + cause
	}
	a.sup.event(velos.Event{Kind: velos.KindOrder, App: a.name(), ID: a.id, Inst: max(inst, -1), Cause: verb, Actor: l.actor, Gen: int(a.generation.Load())})
	a.change.Lock()
	updates := a.updates
	a.change.Unlock()
	l.spec = l.old
	if spec != nil {
		l.spec = spec
		a.coming.Store(spec)
		defer a.coming.Store(nil)
	}
	step := l.replace
	if separate(l.old, l.spec) != "" {
		step = l.restart
	}
	if err := l.each(list, max(1, parallel), step); err != nil {
		return l.back(err, step)
	}
	if spec != nil {
		return l.settle(spec, inst, updates)
	}
	return nil
}

// mayBecome reports what keeps spec from being what the app runs next.
func (a *app) mayBecome(spec *velos.Spec) error {
	if err := check(spec); err != nil {
		return err
	}
	if old := a.spec.Load(); spec.Name != old.Name {
		return &velos.Error{Code: velos.Invalid, Message: "reload " + old.Name + ": a reload cannot give it the name " + spec.Name, Hint: "velos restart " + old.Name + " --name " + spec.Name}
	}
	return nil
}

// separate says why runs of old and next cannot live side by side; empty: they
// can.
func separate(old, next *velos.Spec) string {
	switch {
	case !sockets(old) || !sockets(next):
		return "it opens its ports itself, and two runs cannot hold the same port"
	case old.Mode != next.Mode:
		return "its mode changes from " + string(old.Mode) + " to " + string(next.Mode)
	}
	return ""
}

// each does step for each runner, n at a time and in order. The first failure
// lets those that were begun end, and begins no more.
func (l *roll) each(list []*runner, n int, step func(*runner, *velos.Spec) error) error {
	var all sync.WaitGroup
	lanes := make(chan struct{}, n)
	var mu sync.Mutex
	var first error
	for _, r := range list {
		lanes <- struct{}{}
		mu.Lock()
		stop := first != nil
		mu.Unlock()
		if stop || l.ctx.Err() != nil {
			break
		}
		all.Add(1)
		go func() {
			defer func() { <-lanes; all.Done() }()
			err := step(r, l.spec)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = err
			}
		}()
	}
	all.Wait()
	if first == nil {
		first = l.ctx.Err()
	}
	return first
}

func (l *roll) note(inst int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = append(l.over, inst)
}

// replace puts a new run of spec in the place of r's.
func (l *roll) replace(r *runner, spec *velos.Spec) error {
	a := l.app
	before := r.snapshot.Load()
	if !before.Wanted && before.Status == velos.Stopped {
		return nil // it stays stopped; its next start is of the new spec
	}
	if before.PID == 0 || before.Status != velos.Online && before.Status != velos.Starting {
		return l.restart(r, spec) // there is nothing to go on with meanwhile
	}
	next := newRunner(a, r.inst, 1-r.side)
	next.spec, next.trial, next.needs = spec, true, int(r.listens.Load())
	next.restarts = before.Restarts // it is the count of the instance, and a reload is none
	if err := l.vacate(next.seat()); err != nil {
		return err
	}
	if !a.join(next) {
		return a.gone()
	}
	fault.Here("reload.begun")
	err := a.order(l.ctx, []*runner{next}, order{verb: start, actor: l.actor, why: l.why, wait: true})
	if err == nil {
		err = a.order(l.ctx, []*runner{next}, order{verb: take, actor: l.actor})
	}
	if err != nil {
		l.dismiss(next, "reload: not taken")
		return err
	}
	fault.Here("reload.ready")
	a.sup.machine.Hold(next.seat())
	if !a.swap(r, next) {
		l.dismiss(next, "reload: not taken")
		return a.gone()
	}
	l.note(r.inst)
	fault.Here("reload.taken")
	a.serve()
	fault.Here("reload.served")
	a.sup.changed()
	return l.retire([]*runner{r}, "replaced by process "+strconv.Itoa(next.snapshot.Load().PID))
}

// swap gives r's place to next, which was beside it; false: one of them has it
// no more, for the app is ending.
func (a *app) swap(r, next *runner) (ok bool) {
	a.recast(func(c *cast) {
		at := slices.Index(c.aside, next)
		if ok = at >= 0 && r.inst < len(c.slots) && c.slots[r.inst] == r; ok {
			c.slots[r.inst], c.aside[at] = next, r
		}
	})
	return ok
}

// retire has runs end that have their places no more, and waits. They end even
// when the waiting does before.
func (l *roll) retire(list []*runner, why string) error {
	return l.app.insist(l.ctx, list, order{verb: retire, actor: l.actor, why: why, grace: -1, wait: true})
}

// vacate waits until a seat is free on which an earlier run is still ending.
func (l *roll) vacate(s Seat) error {
	for _, r := range l.app.cast.Load().aside {
		if r.seat() == s {
			return l.retire([]*runner{r}, "its seat is needed")
		}
	}
	return nil
}

// dismiss ends a run that has not got its place. It is not waited for: the app
// may be ending.
func (l *roll) dismiss(r *runner, why string) {
	_ = l.app.insist(context.Background(), []*runner{r}, order{verb: retire, actor: velos.Policy, why: why, grace: -1})
}

// join takes a runner in, beside the others.
func (a *app) join(r *runner) bool {
	if !a.stay() {
		return false
	}
	a.recast(func(c *cast) { c.aside = append(c.aside, r) })
	r.mode.Store(asleep)
	r.wake() // the app may have been told to end meanwhile
	return true
}

// restart stops r's run, and starts one of spec.
func (l *roll) restart(r *runner, spec *velos.Spec) error {
	// On the way back a run that was not to be started again has ended, and is
	// wanted all the same.
	if i := r.snapshot.Load(); i.Status == velos.Stopped && (!i.Wanted && spec == l.spec || spec.Schedule != "") {
		return nil
	}
	err := l.app.order(l.ctx, []*runner{r}, order{verb: restart, actor: l.actor, why: l.why, spec: spec, own: l.own, wait: true})
	if err == nil || spec != l.old { // the run before it is gone
		l.note(r.inst)
	}
	return err
}

// back undoes what was done, after err. Without a new spec there is nothing to
// go back to: what was replaced runs what is there now.
func (l *roll) back(err error, step func(*runner, *velos.Spec) error) error {
	if l.ctx.Err() != nil {
		return err // it stays as it is
	}
	text := err.Error()
	switch n := len(l.over); {
	case l.spec == l.old:
		text += "; " + strconv.Itoa(n) + " of " + strconv.Itoa(len(l.app.cast.Load().slots)) + " instances were replaced, the others run on"
	case n == 0:
		text += "; the old runs go on, nothing has changed"
	default:
		text += l.undo(step)
	}
	return &velos.Error{Code: velos.Failed, Message: "reload " + l.app.name() + ": " + text, Hint: "velos why " + l.app.name(), Cause: err}
}

// undo brings the instances that were replaced back to what they ran.
func (l *roll) undo(step func(*runner, *velos.Spec) error) string {
	failed := ""
	for _, i := range l.over {
		list, err := l.app.pick(i, false)
		if err == nil {
			err = step(list[0], l.old)
		}
		if err != nil {
			failed += "; rolling back instance " + strconv.Itoa(i) + ": " + err.Error()
		}
	}
	if failed != "" {
		return failed
	}
	return "; rolled back: all instances run what they ran before"
}

// settle makes spec the app's, now that its instances run it. A new name that
// the app has got meanwhile stays.
func (l *roll) settle(spec *velos.Spec, inst, updates int) error {
	a := l.app
	a.change.Lock()
	defer a.change.Unlock()
	if a.updates != updates {
		return &velos.Error{Code: velos.Conflict, Message: "reload " + a.name() + ": its configuration was changed meanwhile, and the change stands; the instances run what the reload brought",
			Hint: "velos restart " + a.name() + " runs what is configured"}
	}
	n := len(a.cast.Load().slots)
	keep := *spec
	keep.Name = a.name()
	want := keep.Instances
	keep.Instances = n
	if err := a.sup.replace(a, keep, "reloaded", l.actor); err != nil {
		return err
	}
	if want != n && inst < 0 {
		return l.scale(want)
	}
	return nil
}
