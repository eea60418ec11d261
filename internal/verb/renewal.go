package verb

import (
	"context"
	"slices"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// Restarting restarts an app that was like before. Instances whose process is
// still the old one have it before them when a daemon has died, the others are
// waited for.
func Restarting(before *velos.App, r wire.Restart) Order {
	give := func(ctx context.Context, conn *client.Client) (Given, error) {
		d, err := conn.Restart(ctx, r)
		return Given{App: d.App}, err
	}
	return Order{Give: give, Left: func(apps []velos.App, since velos.Time) Giving {
		a := still(apps, before)
		switch {
		case a == nil:
			return vanished("restart", before)
		case r.Spec != nil && !Same(&a.Spec, r.Spec):
			return give
		}
		old, all, err := replaced(before, a, r.Inst, since)
		switch {
		case err != nil:
			return settled(a, err)
		case all:
			return give
		}
		return func(ctx context.Context, conn *client.Client) (Given, error) {
			for _, inst := range old { // one after the other: these are few, and nobody has promised more
				one := wire.Restart{Target: wire.Target{ID: a.ID, Inst: inst}, Wait: r.Wait}
				if d, err := conn.Restart(ctx, one); err != nil {
					return Given{App: d.App}, err
				}
			}
			return starting(wire.Start{ID: a.ID, Inst: r.Inst, Wait: r.Wait})(ctx, conn)
		}
	}}
}

// Reloading reloads an app that was like before. What was replaced when a
// daemon died stays so, but only an app that was replaced as a whole has the
// new Spec: with another one it begins anew.
func Reloading(before *velos.App, r wire.Reload) Order {
	reloading := func(r wire.Reload) Giving {
		return func(ctx context.Context, conn *client.Client) (Given, error) {
			answer, err := conn.Reload(ctx, r)
			if err != nil {
				return Given{}, err
			}
			return Given{App: &answer.App, Restarted: answer.Restarted, Why: answer.Why}, nil
		}
	}
	return Order{Give: reloading(r), Left: func(apps []velos.App, since velos.Time) Giving {
		a := still(apps, before)
		switch {
		case a == nil:
			return vanished("reload", before)
		case r.Spec != nil && !Same(&a.Spec, r.Spec):
			return reloading(r)
		}
		old, all, err := replaced(before, a, r.Inst, since)
		switch {
		case err != nil:
			return settled(a, err)
		case all:
			return reloading(r)
		}
		return func(ctx context.Context, conn *client.Client) (Given, error) {
			given := Given{Restarted: apart(before, a)}
			for _, inst := range old {
				one, err := reloading(wire.Reload{Target: wire.Target{ID: a.ID, Inst: inst}})(ctx, conn)
				if err != nil {
					return one, err
				}
				given.Restarted, given.Why = given.Restarted || one.Restarted, one.Why
			}
			up, err := waitingFor(a, func(in *velos.Instance) bool {
				return (r.Inst < 0 || in.Inst == r.Inst) && !slices.Contains(old, in.Inst)
			})(ctx, conn)
			given.App = up.App
			return given, err
		}
	}}
}

// replaced are the instances of an app whose process is the one that it was
// before, of those that are meant, and whether they are all. An error is what
// one of the others came to.
func replaced(before, now *velos.App, inst int, since velos.Time) (old []int, all bool, err error) {
	all = true
	for i := range now.Instances {
		in := &now.Instances[i]
		if inst >= 0 && in.Inst != inst {
			continue
		}
		was := instance(before, in.Inst)
		over, err := became(now, in, since, was)
		switch {
		case over && err != nil:
			return nil, false, err
		case was != nil && in.PID == was.PID && !over:
			old = append(old, in.Inst)
		default:
			all = false
		}
	}
	return old, all, nil
}

func instance(a *velos.App, inst int) *velos.Instance {
	if i := slices.IndexFunc(a.Instances, func(in velos.Instance) bool { return in.Inst == inst }); i >= 0 {
		return &a.Instances[i]
	}
	return nil
}

// apart reports whether a run of an app was seen to begin after the one before
// it had ended.
func apart(before, now *velos.App) bool {
	return slices.ContainsFunc(now.Instances, func(in velos.Instance) bool {
		was, x := instance(before, in.Inst), in.LastExit
		return was != nil && x != nil && x.PID != 0 && x.PID == was.PID && in.Started >= x.Time
	})
}
