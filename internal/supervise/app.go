package supervise

import (
	"context"
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
	generation atomic.Int64
	created    velos.Time
	updated    atomic.Int64

	runners []*runner
	acting  atomic.Int32 // runners that have not ended
	ctx     context.Context
	cancel  context.CancelFunc
	ended   chan struct{} // closed when every runner has ended, or never came to life

	// change serialises what alters the spec: update, rename, delete.
	change  sync.Mutex
	deleted bool
}

func (a *app) name() string { return a.spec.Load().Name }

func newApp(s *Supervisor, id uint32, spec *velos.Spec, created velos.Time) *app {
	a := &app{id: id, sup: s, created: created, ended: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(s.ctx)
	a.spec.Store(spec)
	a.generation.Store(1)
	a.updated.Store(int64(created))
	a.runners = make([]*runner, spec.Instances)
	for i := range a.runners {
		a.runners[i] = newRunner(a, i)
	}
	return a
}

// live lets the actors act. They end when ctx does and nothing runs any more.
func (a *app) live() {
	a.acting.Store(int32(len(a.runners)))
	for _, r := range a.runners {
		r.mode.Store(asleep)
		r.wake() // for what came before
	}
	context.AfterFunc(a.ctx, func() {
		for _, r := range a.runners {
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

// left is called by each runner at its end.
func (a *app) left() {
	if a.acting.Add(-1) == 0 {
		close(a.ended)
		a.sup.alive.Done()
	}
}

// pick returns the runner with that number, or all for a negative one.
func (a *app) pick(inst int) ([]*runner, error) {
	if inst < 0 {
		return a.runners, nil
	}
	if inst >= len(a.runners) {
		return nil, noInstance(a.name(), inst, len(a.runners))
	}
	return a.runners[inst : inst+1], nil
}

// order hands o to the runners and collects their answers: the first error,
// in the order of instances. A ctx that ends stops the waiting, not the work.
func (a *app) order(ctx context.Context, list []*runner, o order) error {
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
		case <-ctx.Done():
			return waited(ctx, verbNames[o.verb]+" "+a.name())
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
	v := velos.App{
		ID: a.id, Spec: *a.spec.Load(), Generation: int(a.generation.Load()),
		Created: a.created, Updated: velos.Time(a.updated.Load()),
		Instances: make([]velos.Instance, len(a.runners)),
		Log:       a.sup.machine.Output(a.id),
	}
	for i, r := range a.runners {
		v.Instances[i] = r.view()
	}
	v.Status = velos.Overall(v.Instances)
	return v
}
