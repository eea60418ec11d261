package supervise

import (
	"context"
	"strconv"
	"sync"
	"time"

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

	why  string      // what its orders are recorded with
	own  bool        // a trigger's
	spec *velos.Spec // what the successors run
	mu   sync.Mutex
	over []int // instances that run it
}

type rolls struct {
	rolling sync.Mutex
	roll    *roll
}

// begin makes r the app's roll and runs f. What f does is awaited by whoever
// wants to, and by the app's end.
func (a *app) begin(what string, actor velos.Actor, f func(*roll) error) (*roll, error) {
	l := &roll{app: a, actor: actor, done: make(chan struct{})}
	a.rolling.Lock()
	defer a.rolling.Unlock()
	if a.roll != nil {
		return nil, &velos.Error{Code: velos.Conflict, Message: what + " " + a.name() + ": a reload or a change of the number of instances is in progress",
			Hint: "wait for it, or end it with velos stop or velos restart"}
	}
	if !a.stay() {
		return nil, a.gone()
	}
	l.ctx, l.cancel = context.WithCancel(a.ctx)
	a.roll = l
	go func() {
		l.err = f(l)
		a.rolling.Lock()
		a.roll = nil
		a.rolling.Unlock()
		l.cancel()
		close(l.done)
		a.left()
	}()
	return l, nil
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
	list, err := a.pick(inst, false)
	if err != nil {
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
	old := a.spec.Load()
	next := spec
	if next == nil {
		next = old
	}
	why = separate(old, next)
	verb, own := "reload", cause != ""
	if own {
		verb += ", " + cause
	} else {
		cause = verb
	}
	s.event(velos.Event{Kind: velos.KindOrder, App: a.name(), ID: id, Inst: max(inst, -1), Cause: verb, Actor: actor, Gen: int(a.generation.Load())})
	l, err := a.begin("reload", actor, func(l *roll) error {
		l.spec, l.why, l.own = next, cause, own
		step := l.replace
		if why != "" {
			step = l.restart
		}
		if err := l.each(list, max(1, parallel), step); err != nil {
			return l.back(err, old, step)
		}
		if spec != nil {
			return l.settle(spec, inst)
		}
		return nil
	})
	if err != nil {
		return why, err
	}
	return why, l.await(ctx, "reload")
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
			} else if err == nil {
				l.note(r.inst)
			}
		}()
	}
	all.Wait()
	if first == nil && l.ctx.Err() != nil {
		first = &velos.Error{Code: velos.Cancelled, Message: "reload " + l.app.name() + ": another order came first"}
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
	if before.Status != velos.Online && before.Status != velos.Starting {
		return l.restart(r, spec) // there is nothing to go on with meanwhile
	}
	next := newRunner(a, r.inst, 1-r.side)
	next.spec, next.trial, next.needs = spec, true, int(r.listens.Load())
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
	a.recast(func(c *cast) {
		if r.inst < len(c.slots) && c.slots[r.inst] == r {
			c.slots[r.inst] = next
			c.aside[index(c.aside, next)] = r
		}
	})
	fault.Here("reload.taken")
	a.serve()
	a.sup.changed()
	return a.order(l.ctx, []*runner{r}, order{verb: retire, actor: l.actor, why: "replaced by process " + strconv.Itoa(next.snapshot.Load().PID), grace: -1, wait: true})
}

func index(list []*runner, r *runner) int {
	for i := range list {
		if list[i] == r {
			return i
		}
	}
	return -1
}

// vacate waits until a seat is free on which an earlier run is still ending.
func (l *roll) vacate(s Seat) error {
	for _, r := range l.app.cast.Load().aside {
		if r.seat() == s {
			return l.app.order(l.ctx, []*runner{r}, order{verb: retire, actor: l.actor, why: "its seat is needed", grace: -1, wait: true})
		}
	}
	return nil
}

// dismiss ends a run that has not got its place. It is not waited for: the app
// may be ending.
func (l *roll) dismiss(r *runner, why string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.app.order(ctx, []*runner{r}, order{verb: retire, actor: velos.Policy, why: why, grace: -1})
}

// join takes a runner in, beside the others.
func (a *app) join(r *runner) bool {
	if !a.stay() {
		return false
	}
	a.recast(func(c *cast) { c.aside = append(c.aside, r) })
	r.mode.Store(asleep)
	return true
}

// restart stops r's run, and starts one of spec.
func (l *roll) restart(r *runner, spec *velos.Spec) error {
	if i := r.snapshot.Load(); i.Status == velos.Stopped && (!i.Wanted || spec.Schedule != "") {
		return nil
	}
	return l.app.order(l.ctx, []*runner{r}, order{verb: restart, actor: l.actor, why: l.why, spec: spec, own: l.own, wait: true})
}

// back undoes what was done, after err. Without a new spec there is nothing to
// go back to: what was replaced runs what is there now.
func (l *roll) back(err error, old *velos.Spec, step func(*runner, *velos.Spec) error) error {
	what := "reload " + l.app.name() + ": "
	code := velos.Failed
	if c := velos.CodeOf(err); c == velos.Cancelled || c == velos.NotFound {
		code = c
	}
	text := err.Error()
	total := len(l.app.cast.Load().slots)
	switch n := len(l.over); {
	case l.spec == old || n == 0 && code != velos.Failed:
		text += "; " + strconv.Itoa(n) + " of " + strconv.Itoa(total) + " instances were replaced, the others run on"
	case n == 0:
		text += "; the old runs go on, nothing has changed"
	case code != velos.Failed:
		text += "; " + strconv.Itoa(n) + " of " + strconv.Itoa(total) + " instances run the new configuration"
	default:
		text += l.undo(old, step)
	}
	return &velos.Error{Code: code, Message: what + text, Hint: "velos why " + l.app.name(), Cause: err}
}

// undo brings the instances that were replaced back to old.
func (l *roll) undo(old *velos.Spec, step func(*runner, *velos.Spec) error) string {
	failed := ""
	for _, i := range l.over {
		list, err := l.app.pick(i, false)
		if err == nil {
			err = step(list[0], old)
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

// settle makes spec the app's, now that its instances run it.
func (l *roll) settle(spec *velos.Spec, inst int) error {
	a := l.app
	a.change.Lock()
	defer a.change.Unlock()
	n := len(a.cast.Load().slots)
	keep := *spec
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
