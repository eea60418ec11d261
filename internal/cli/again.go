package cli

import (
	"context"
	"slices"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// A daemon that dies while an order is awaited has carried it out, or has not:
// the next one knows which, from what became of the processes. An order that
// can tell by that is asked about, and given again only where nothing of it is
// to be seen. Times of this machine are all from one clock.

// askAgain goes on with the orders whose daemon died before it answered.
func (s *session) askAgain(ctx context.Context, orders []order, results []view.Result, since velos.Time, limit time.Duration) {
	for range mostDeaths {
		lost := make([]bool, len(orders))
		for i := range results {
			lost[i] = orders[i].after != nil && velos.CodeOf(results[i].Err) == velos.Unreachable
		}
		if !slices.Contains(lost, true) || s.reconnect(ctx) != nil {
			return
		}
		within, stop := briefly(ctx)
		list, err := s.conn.List(within)
		stop()
		if err != nil {
			continue // this one has died, too
		}
		for i := range orders {
			if lost[i] {
				orders[i].do = orders[i].after(list.Apps, since)
			}
		}
		these := func(i int) bool { return lost[i] }
		s.register(ctx, orders, these)
		s.giveAll(ctx, orders, results, limit, these)
	}
}

// A doing is what an order does.
type doing = func(ctx context.Context) (did string, app *velos.App, err error)

// still finds an app in the list of a later daemon. An id that was not on disk
// yet when its daemon died may be another app's by now.
func still(apps []velos.App, old *velos.App) *velos.App {
	if i := slices.IndexFunc(apps, func(a velos.App) bool { return a.ID == old.ID && a.Created == old.Created }); i >= 0 {
		return &apps[i]
	}
	return nil
}

// vanished is an order about an app that nobody knows any more.
func vanished(verb string, old *velos.App) doing {
	return settled("", nil, &velos.Error{Code: velos.NotFound, Message: verb + " " + old.Spec.Name + ": velosd died before it was on disk", Hint: "velos list"})
}

// startAfter is what is left of a start.
func (s *session) startAfter(st *step, again doing, wait bool) func([]velos.App, velos.Time) doing {
	return func(apps []velos.App, since velos.Time) doing {
		var a *velos.App
		inst := -1
		switch {
		case st.app != nil && st.made == nil:
			if a, inst = still(apps, st.app), st.inst; a == nil {
				return vanished("start", st.app)
			}
			if st.spec != nil && !sameSpec(&a.Spec, st.spec) {
				return again
			}
		default: // by its name: the id that it had may not have come to the disk
			if st.made != nil {
				st.app, st.spec, st.made, st.done = nil, st.made, nil, ""
			}
			t, ok := named(apps, st.spec.Name)
			if !ok || t.app.Created < since {
				return again
			}
			if a = t.app; !a.Spec.Autostart {
				return settled(notStarted+st.note, a, nil)
			}
			st.app, st.spec, st.made = a, nil, st.spec
		}
		for i := range a.Instances {
			in := &a.Instances[i]
			if inst >= 0 && in.Inst != inst {
				continue
			}
			if over, err := outcome(a, in, since, nil); over {
				return settled(started(a, wait)+st.note, a, err)
			}
		}
		return func(ctx context.Context) (string, *velos.App, error) {
			r, err := s.conn.Start(ctx, wire.Start{ID: a.ID, Inst: inst, Wait: wait, Keep: st.keep, TTL: st.ttl})
			if err != nil {
				return "", nil, err
			}
			return started(&r.App, wait) + st.note, &r.App, nil
		}
	}
}

// restartAfter is what is left of a restart: instances whose process is still
// the old one have it before them, the others are waited for.
func (s *session) restartAfter(t target, r wire.Restart, again doing) func([]velos.App, velos.Time) doing {
	return func(apps []velos.App, since velos.Time) doing {
		a := still(apps, t.app)
		if a == nil {
			return vanished("restart", t.app)
		}
		if r.Spec != nil && !sameSpec(&a.Spec, r.Spec) {
			return again
		}
		var left []int
		all := true
		for i := range a.Instances {
			in := &a.Instances[i]
			if t.inst >= 0 && in.Inst != t.inst {
				continue
			}
			var old *velos.Instance
			if i < len(t.app.Instances) {
				old = &t.app.Instances[i]
			}
			over, err := outcome(a, in, since, old)
			switch {
			case over && err != nil:
				return settled("", a, err)
			case old != nil && in.PID == old.PID && !over:
				left = append(left, in.Inst)
			default:
				all = false
			}
		}
		if all {
			return again
		}
		return func(ctx context.Context) (string, *velos.App, error) {
			for _, inst := range left { // one after the other: these are few, and nobody has promised more
				one := wire.Restart{Target: wire.Target{ID: a.ID, Inst: inst}, Wait: r.Wait}
				if d, err := s.conn.Restart(ctx, one); err != nil {
					return "", d.App, err
				}
			}
			d, err := s.conn.Start(ctx, wire.Start{ID: a.ID, Inst: t.inst, Wait: r.Wait})
			return done("restarted", wire.Done{App: &d.App}, err)
		}
	}
}

// settled is an order about which nothing is left to be done.
func settled(did string, a *velos.App, err error) doing {
	return func(context.Context) (string, *velos.App, error) {
		if err != nil {
			return "", a, err
		}
		return did, a, nil
	}
}

// outcome says what has become of an instance that was to be started since
// then, as the daemon would have said it. Not over: it comes up, or nothing
// has been done about it. The end of the process that it had before counts for
// nothing.
func outcome(a *velos.App, in *velos.Instance, since velos.Time, old *velos.Instance) (over bool, err error) {
	x := in.LastExit
	name := target{a, in.Inst}.String()
	if len(a.Instances) == 1 {
		name = a.Spec.Name
	}
	switch {
	case x == nil || x.Time < since || old != nil && x.PID != 0 && x.PID == old.PID:
		return false, nil
	case x.Asked && in.Status == velos.Stopped && !in.Wanted:
		return true, &velos.Error{Code: velos.Cancelled, Message: "start " + name + ": stopped before it was online"}
	case x.Asked || in.Status == velos.Online:
		return false, nil
	case in.Status == velos.Stopped && x.Code == 0 && x.Signal == "" && x.Error == "" && !x.Unknown:
		return true, nil // it had an end, and came to it
	}
	return true, &velos.Error{Code: velos.Crashed, Message: "start " + name + ": " + x.String(), Hint: "velos why " + a.Spec.Name}
}
