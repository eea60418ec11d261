package verb

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/record"
	"github.com/velospm/velos/internal/wire"
)

// An Order is what the daemon is told to do with an app and whose outcome is
// awaited. A daemon that dies meanwhile has carried it out, or has not: the
// next one knows which, from what became of the processes. What is left is
// given to that one, and nothing is done twice.
type Order struct {
	// Give gives all of it.
	Give Giving
	// Left is the rest of it, by the apps that the next daemon has and the moment
	// of the order. Times of this machine are all from one clock.
	Left func(apps []velos.App, since velos.Time) Giving
}

// A Giving gives an order, or the rest of one, and waits for what comes of it.
type Giving func(ctx context.Context, conn *client.Client) (Given, error)

// Given is what came of an order.
type Given struct {
	App       *velos.App // as it is now; nil: there is none
	Restarted bool       // a reload's runs could not overlap
	Why       string     // they could not; empty: nobody knows any more
}

// Unanswered reports whether an order has no answer because its daemon is gone.
func Unanswered(ctx context.Context, err error) bool {
	return velos.CodeOf(err) == velos.Unreachable && ctx.Err() == nil
}

// Through gives an order over any number of daemons; again connects to the next
// one. Nil: there is only this one.
func (o Order) Through(ctx context.Context, conn *client.Client, again func(context.Context) (*client.Client, error)) (Given, error) {
	since := velos.TimeOf(time.Now())
	given, err := o.Give(ctx, conn)
	for tries := 0; again != nil && tries < mostLost && Unanswered(ctx, err); tries++ {
		if conn, err = again(ctx); err != nil {
			return given, unknown(ctx, err)
		}
		var list wire.Apps
		if list, err = conn.List(ctx); err == nil {
			given, err = o.Left(list.Apps, since)(ctx, conn)
		}
	}
	return given, err
}

// unknown is the error of an order that nobody can be asked about.
func unknown(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return &velos.Error{Code: velos.Timeout, Message: "velosd ended before it answered, and none has followed in time; the order may stand", Cause: ctx.Err()}
	case velos.CodeOf(err) != velos.Unreachable:
		return err
	}
	return &velos.Error{Code: velos.Unreachable, Message: "velosd ended before it answered, and none has followed: what came of the order is not known",
		Hint: "velos list starts it again, and shows what has come of it", Cause: err}
}

// Starting is a start of an app that was like before; nil: of a new one.
func Starting(before *velos.App, s wire.Start) Order {
	give := starting(s)
	return Order{Give: give, Left: func(apps []velos.App, since velos.Time) Giving {
		a := begun(apps, before, &s, since)
		switch {
		case a == nil && before != nil:
			return vanished("start", before)
		// A new app that is not there was added in the daemon's last moment, and
		// the next one has ended what it found of it.
		case a == nil, s.ID != 0 && s.Spec != nil && !Same(&a.Spec, s.Spec):
			return give
		case s.ID == 0 && !a.Spec.Autostart:
			return settled(a, nil)
		}
		for i := range a.Instances {
			if in := &a.Instances[i]; s.Inst < 0 || in.Inst == s.Inst {
				if over, err := became(a, in, since, nil); over {
					return settled(a, err)
				}
			}
		}
		return starting(wire.Start{ID: a.ID, Inst: s.Inst, Wait: s.Wait, Keep: s.Keep, TTL: s.TTL})
	}}
}

func starting(s wire.Start) Giving {
	return func(ctx context.Context, conn *client.Client) (Given, error) {
		r, err := conn.Start(ctx, s)
		if err != nil {
			return Given{}, err
		}
		return Given{App: &r.App}, nil
	}
}

// begun is the app that a start is about, if the next daemon knows it.
func begun(apps []velos.App, before *velos.App, s *wire.Start, since velos.Time) *velos.App {
	if before != nil {
		return still(apps, before)
	}
	return Added(apps, s.Spec, since)
}

// Added finds the app that was added since then in the list of a later daemon,
// which may have it under another id.
func Added(apps []velos.App, s *velos.Spec, since velos.Time) *velos.App {
	if a := named(apps, s.Name); a != nil && a.Spec.Name == s.Name && a.Created >= since {
		return a
	}
	return nil
}

// still finds an app in the list of a later daemon. An id that was not on disk
// yet when its daemon died may be another app's by now.
func still(apps []velos.App, before *velos.App) *velos.App {
	if i := slices.IndexFunc(apps, func(a velos.App) bool { return a.ID == before.ID && a.Created == before.Created }); i >= 0 {
		return &apps[i]
	}
	return nil
}

// vanished is an order about an app that nobody knows any more.
func vanished(verb string, before *velos.App) Giving {
	return settled(nil, &velos.Error{Code: velos.NotFound, Message: verb + " " + before.Spec.Name + ": velosd died before it was on disk", Hint: "velos list"})
}

// Stopping stops an app that was like before: a second time it does what is
// left, or nothing.
func Stopping(before *velos.App, s wire.Stop) Order {
	return repeated("stop", before, func(ctx context.Context, conn *client.Client) (Given, error) {
		d, err := conn.Stop(ctx, s)
		return Given{App: d.App}, err
	})
}

// repeated is an order that is the same a second time.
func repeated(verb string, before *velos.App, give Giving) Order {
	return Order{Give: give, Left: func(apps []velos.App, _ velos.Time) Giving {
		if still(apps, before) == nil {
			return vanished(verb, before)
		}
		return give
	}}
}

// Deleting has an app that was like before stopped and forgotten.
func Deleting(before *velos.App) Order {
	give := func(ctx context.Context, conn *client.Client) (Given, error) {
		_, err := conn.Delete(ctx, wire.All(before.ID))
		return Given{}, err
	}
	return Order{Give: give, Left: func(apps []velos.App, _ velos.Time) Giving {
		if still(apps, before) == nil {
			return settled(nil, nil)
		}
		return give
	}}
}

// Updating gives an app that was like before another Spec, in place.
func Updating(before *velos.App, u wire.Update) Order {
	return repeated("change", before, func(ctx context.Context, conn *client.Client) (Given, error) {
		d, err := conn.Update(ctx, u)
		return Given{App: d.App}, err
	})
}

// Renaming gives an app another name before an order about it: its runs are
// replaced under one name. A second time that changes nothing.
func Renaming(before *velos.App, name string, o Order) Order {
	if name == before.Spec.Name {
		return o
	}
	renamed := func(give Giving) Giving {
		return func(ctx context.Context, conn *client.Client) (Given, error) {
			if _, err := conn.Rename(ctx, wire.Rename{ID: before.ID, Name: name}); err != nil {
				return Given{}, err
			}
			return give(ctx, conn)
		}
	}
	return Order{Give: renamed(o.Give), Left: func(apps []velos.App, since velos.Time) Giving {
		left := o.Left(apps, since)
		if still(apps, before) == nil {
			return left // which says so
		}
		return renamed(left)
	}}
}

// Scaling changes how many instances an app has that was like before.
func Scaling(before *velos.App, s wire.Scale) Order {
	now, then := before.Spec.Instances, s.Count
	if s.By {
		then += now
	}
	scaling := func(s wire.Scale) Giving {
		return func(ctx context.Context, conn *client.Client) (Given, error) {
			d, err := conn.Scale(ctx, s)
			return Given{App: d.App}, err
		}
	}
	return Order{Give: scaling(s), Left: func(apps []velos.App, since velos.Time) Giving {
		a := still(apps, before)
		switch {
		case a == nil:
			return vanished("scale", before)
		case a.Spec.Instances == then:
			return waitingFor(a, func(in *velos.Instance) bool { return in.Inst >= now })
		case s.By && a.Spec.Instances != now: // a difference cannot be told from somebody else's
			return settled(a, &velos.Error{Code: velos.Conflict, Message: "scale " + a.Spec.Name + ": velosd ended before it answered, and there are " +
				strconv.Itoa(a.Spec.Instances) + " instances now: somebody else has scaled it, too", Hint: "say how many there should be"})
		}
		return scaling(wire.Scale{ID: s.ID, Count: then})
	}}
}

// waitingFor waits until those instances of an app are up that should be.
func waitingFor(a *velos.App, these func(*velos.Instance) bool) Giving {
	return func(ctx context.Context, conn *client.Client) (Given, error) {
		for i := range a.Instances {
			in := &a.Instances[i]
			if !these(in) || !in.Wanted || in.Status == velos.Online || a.Spec.Schedule != "" {
				continue
			}
			if _, err := conn.Start(ctx, wire.Start{ID: a.ID, Inst: in.Inst, Wait: true}); err != nil {
				return Given{}, err
			}
		}
		now, err := conn.Info(ctx, wire.All(a.ID))
		return Given{App: &now}, err
	}
}

// settled is an order about which nothing is left to be done.
func settled(a *velos.App, err error) Giving {
	return func(context.Context, *client.Client) (Given, error) { return Given{App: a}, err }
}

// became says what has become of an instance that was to be started since
// then, as the daemon would have said it. Not over: it comes up, or nothing
// has been done about it. The end of the process that it had before counts for
// nothing.
func became(a *velos.App, in *velos.Instance, since velos.Time, old *velos.Instance) (over bool, err error) {
	x := in.LastExit
	name := a.Spec.Name
	if len(a.Instances) != 1 {
		name += ":" + strconv.Itoa(in.Inst)
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

// Same compares two Specs by what they are on the wire: a list that is empty
// and one that is missing are the same there.
func Same(a, b *velos.Spec) bool {
	return bytes.Equal(record.AppendMsgpack(nil, a), record.AppendMsgpack(nil, b))
}
