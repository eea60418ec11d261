package supervise

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/velospm/velos"
)

// An app owns its runners. Its spec is replaced as a whole and never changed
// in place, so whoever holds one may read it.
type app struct {
	id  uint32
	sup *Supervisor

	spec       atomic.Pointer[velos.Spec]
	coming     atomic.Pointer[velos.Spec] // that a roll brings; nil: none
	generation atomic.Int64
	created    velos.Time
	updated    atomic.Int64
	lease      atomic.Pointer[velos.Lease] // replaced as a whole; nil: it is people's

	cast   atomic.Pointer[cast]
	acting atomic.Int32 // runners that have not ended, and rolls
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // closed when every runner has ended, or never came to life

	casting sync.Mutex // one change of cast at a time
	serving sync.Mutex // one call of Serve at a time
	rolls
	arming atomic.Pointer[arming] // nil without triggers

	// change serialises what alters the spec: update, rename, delete.
	change  sync.Mutex
	deleted bool
	updates int // by Update
}

// A cast is who plays: the run of each instance, and those beside them. It is
// replaced as a whole.
type cast struct {
	slots []*runner
	aside []*runner // successors that are tried, predecessors that finish
}

// everybody is slots and aside.
func (c *cast) everybody() []*runner {
	if len(c.aside) == 0 {
		return c.slots
	}
	return append(c.slots[:len(c.slots):len(c.slots)], c.aside...)
}

// recast changes the cast. F gets copies that it may change.
func (a *app) recast(f func(c *cast)) {
	a.casting.Lock()
	defer a.casting.Unlock()
	old := a.cast.Load()
	c := &cast{slices.Clone(old.slots), slices.Clone(old.aside)}
	f(c)
	a.cast.Store(c)
}

func (a *app) name() string { return a.spec.Load().Name }

func newApp(s *Supervisor, id uint32, spec *velos.Spec, created velos.Time) *app {
	a := &app{id: id, sup: s, created: created, ended: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(s.ctx)
	a.spec.Store(spec)
	a.generation.Store(1)
	a.updated.Store(int64(created))
	c := &cast{slots: make([]*runner, spec.Instances)}
	for i := range c.slots {
		c.slots[i] = newRunner(a, i, 0)
	}
	a.cast.Store(c)
	return a
}

// live lets the actors act. They end when ctx does and nothing runs any more.
func (a *app) live() {
	all := a.cast.Load().everybody()
	a.acting.Store(int32(len(all)))
	for _, r := range all {
		r.mode.Store(asleep)
		r.wake() // for what came before
	}
	context.AfterFunc(a.ctx, func() {
		for _, r := range a.cast.Load().everybody() {
			r.wake()
		}
	})
}

// die is for an app that is in the phone book and cannot live. Orders that
// came meanwhile find that it is gone.
func (a *app) die() {
	a.sup.drop(a.id)
	a.cancel()
	close(a.ended)
	a.sup.alive.Done()
}

// stay keeps the app from ending until left is called; false: it has ended.
func (a *app) stay() bool {
	for {
		n := a.acting.Load()
		if n == 0 {
			return false
		}
		if a.acting.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// left is called at the end of each runner and of whoever stayed.
func (a *app) left() {
	if a.acting.Add(-1) == 0 {
		close(a.ended)
		a.sup.alive.Done()
	}
}

// pick returns the runner of that instance, or of all for a negative one, and
// with aside those beside them.
func (a *app) pick(inst int, aside bool) ([]*runner, error) {
	c := a.cast.Load()
	list := c.slots
	if inst >= len(list) {
		return nil, noInstance(a.name(), inst, len(list))
	}
	if inst >= 0 {
		list = list[inst : inst+1 : inst+1]
	}
	if !aside || len(c.aside) == 0 {
		return list, nil
	}
	list = list[:len(list):len(list)]
	for _, r := range c.aside {
		if inst < 0 || r.inst == inst {
			list = append(list, r)
		}
	}
	return list, nil
}

// order hands o to the runners and collects their answers: the first error,
// in the order of instances. A ctx that ends stops the waiting, not the work.
func (a *app) order(ctx context.Context, list []*runner, o order) error {
	return a.hand(ctx, ctx, list, o)
}

// insist is order for what has to be done even when nobody waits for it.
func (a *app) insist(ctx context.Context, list []*runner, o order) error {
	return a.hand(context.Background(), ctx, list, o)
}

// hand sends o while the one ctx lasts, and waits for the answers while the
// other does.
func (a *app) hand(sending, ctx context.Context, list []*runner, o order) error {
	replies := make(chan error, len(list))
	o.reply = replies
	sent := 0
	for _, r := range list {
		select {
		case r.orders <- o:
			sent++
			r.wake()
		case <-a.ended:
			return a.gone()
		case <-sending.Done():
			return waited(sending, verbNames[o.verb]+" "+a.name())
		}
	}
	var first error
	for ; sent > 0; sent-- {
		select {
		case err := <-replies:
			if first == nil {
				first = err
			}
			continue
		case <-ctx.Done():
			return waited(ctx, verbNames[o.verb]+" "+a.name())
		case <-a.ended:
		}
		select { // an answer may have come together with the end
		case err := <-replies:
			if first == nil {
				first = err
			}
		default:
			return a.gone()
		}
	}
	return first
}

func (a *app) gone() error {
	return &velos.Error{Code: velos.NotFound, Message: a.name() + ": deleted or shut down meanwhile"}
}

// waited says why the waiting ended. The order stands.
func waited(ctx context.Context, what string) error {
	code, msg := velos.Cancelled, what+": no longer waited for; the order stands"
	if ctx.Err() == context.DeadlineExceeded {
		code, msg = velos.Timeout, what+": not done in time; the order stands"
	}
	return &velos.Error{Code: code, Message: msg}
}

// view is the app as everyone sees it.
func (a *app) view() velos.App {
	c := a.cast.Load()
	v := velos.App{
		ID: a.id, Spec: *a.spec.Load(), Generation: int(a.generation.Load()),
		Created: a.created, Updated: velos.Time(a.updated.Load()),
		Instances: make([]velos.Instance, len(c.slots)),
		Log:       a.sup.machine.Output(a.id),
		Lease:     a.lease.Load(),
		Coming:    a.coming.Load(),
	}
	for i, r := range c.slots {
		v.Instances[i] = r.view()
	}
	if s := &v.Spec; s.CronRestart != "" || s.Schedule != "" {
		next := a.nextRun()
		for i, r := range c.slots {
			if r.heeds.Load() {
				v.Instances[i].NextRun = next
			}
		}
	}
	for _, r := range c.aside {
		v.Leaving = append(v.Leaving, r.view())
	}
	v.Status = velos.Overall(v.Instances)
	return v
}
