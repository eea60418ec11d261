package cli

import (
	"context"
	"slices"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// A doing is what an order does.
type doing = func(ctx context.Context) (did string, app *velos.App, err error)

// askAgain goes on with the orders whose daemon died before it answered. The
// next one is asked once about all of them.
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

// gives has the daemon given an order, and the next one what is left of it. Say
// tells what that came to.
func (o *order) gives(s *session, what func() verb.Order, say func(verb.Given) string) {
	through := func(ctx context.Context, give verb.Giving) (string, *velos.App, error) {
		given, err := give(ctx, s.conn)
		if err != nil {
			return "", given.App, err
		}
		return say(given), given.App, nil
	}
	o.do = func(ctx context.Context) (string, *velos.App, error) { return through(ctx, what().Give) }
	o.after = func(apps []velos.App, since velos.Time) doing {
		left := what().Left(apps, since)
		return func(ctx context.Context) (string, *velos.App, error) { return through(ctx, left) }
	}
}

// around is an order with something about what it does, also about what is left
// of it.
func (o order) around(f func(ctx context.Context, do doing) (string, *velos.App, error)) order {
	do, after := o.do, o.after
	o.do = func(ctx context.Context) (string, *velos.App, error) { return f(ctx, do) }
	if after != nil {
		o.after = func(apps []velos.App, since velos.Time) doing {
			left := after(apps, since)
			return func(ctx context.Context) (string, *velos.App, error) { return f(ctx, left) }
		}
	}
	return o
}
