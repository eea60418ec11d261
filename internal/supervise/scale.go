package supervise

import (
	"context"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

// Scale changes the number of an app's instances to n, or with by, by n. New
// ones are started when the app is up, and awaited; when one of them fails the
// number stays what it was. Those that go finish their connections first.
func (s *Supervisor) Scale(ctx context.Context, id uint32, n int, by bool, actor velos.Actor) error {
	a, err := s.find(id)
	if err != nil {
		return err
	}
	have := len(a.cast.Load().slots)
	if by {
		n += have
	}
	if n < 1 || n > velos.MaxInstances {
		return &velos.Error{Code: velos.Invalid, Message: "scale " + a.name() + ": must be 1 to " + strconv.Itoa(velos.MaxInstances) + " instances, not " + strconv.Itoa(n),
			Hint: "it has " + strconv.Itoa(have) + "; velos stop " + a.name() + " ends all"}
	}
	s.event(velos.Event{Kind: velos.KindOrder, App: a.name(), ID: id, Inst: -1, Cause: "scale to " + strconv.Itoa(n), Actor: actor, Gen: int(a.generation.Load())})
	l, err := a.begin("scale", actor, func(l *roll) error {
		a.change.Lock()
		defer a.change.Unlock()
		return l.scale(n)
	})
	if err != nil {
		return err
	}
	return l.await(ctx, "scale")
}

// scale is Scale for who holds a.change.
func (l *roll) scale(n int) error {
	a := l.app
	have := len(a.cast.Load().slots)
	if n == have {
		return nil
	}
	spec := *a.spec.Load()
	spec.Instances = n
	cause := "scaled from " + strconv.Itoa(have) + " to " + strconv.Itoa(n)
	if n < have {
		if err := a.sup.replace(a, spec, cause, l.actor); err != nil {
			return err
		}
		fault.Here("scale.fewer")
		return l.shrink(n)
	}
	if err := l.grow(&spec, n); err != nil {
		return err
	}
	fault.Here("scale.grown")
	return a.sup.replace(a, spec, cause, l.actor)
}

// grow adds instances up to n, and has them up when the app is.
func (l *roll) grow(spec *velos.Spec, n int) error {
	a := l.app
	up := a.wanted()
	for i := len(a.cast.Load().slots); i < n; i++ {
		if err := l.vacate(Seat{a.id, i, 0}); err != nil {
			return err
		}
	}
	fresh := a.expand(spec, n)
	if fresh == nil {
		return a.gone()
	}
	if !up {
		return nil
	}
	v := start
	if spec.Schedule != "" {
		v = engage
	}
	err := a.order(l.ctx, fresh, order{verb: v, actor: l.actor, why: "scale", spec: spec, wait: true})
	if err != nil {
		l.withdraw(fresh, "scale: not taken")
	}
	return err
}

// expand adds runners that are down.
func (a *app) expand(spec *velos.Spec, n int) (fresh []*runner) {
	for i := len(a.cast.Load().slots); i < n; i++ {
		r := newRunner(a, i, 0)
		r.spec = spec
		if !a.stay() {
			return nil
		}
		fresh = append(fresh, r)
	}
	a.recast(func(c *cast) { c.slots = append(c.slots, fresh...) })
	for _, r := range fresh {
		a.sup.machine.Hold(r.seat()) // an earlier one may have had it on the other side
		r.mode.Store(asleep)
		r.wake() // the app may have been told to end meanwhile
	}
	return fresh
}

// wanted reports whether anything of the app should run and has not given up.
func (a *app) wanted() bool {
	for _, r := range a.cast.Load().slots {
		if i := r.snapshot.Load(); i.Wanted && i.Status != velos.Errored {
			return true
		}
	}
	return false
}

// shrink takes the instances from n on away.
func (l *roll) shrink(n int) error {
	a := l.app
	rest := a.cast.Load().slots[n:]
	l.aside(n)
	a.serve()
	fault.Here("scale.served")
	return l.retire(rest, "scale")
}

// withdraw takes away what has not come up.
func (l *roll) withdraw(list []*runner, why string) {
	l.aside(list[0].inst)
	for _, r := range list {
		l.dismiss(r, why)
	}
}

// aside moves the instances from n on out of their places.
func (l *roll) aside(n int) {
	l.app.recast(func(c *cast) {
		c.aside = append(c.aside, c.slots[n:]...)
		c.slots = c.slots[:n:n]
	})
}
