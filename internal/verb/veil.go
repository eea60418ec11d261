package verb

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Veil hides the secrets that an app has and those that it had before: what it
// wrote then is still in its log. Ctx is for the questions of the Veil, too.
func Veil(ctx context.Context, conn *client.Client, a *velos.App) (*view.Veil, error) {
	v := view.NewVeil()
	v.Before = Before(ctx, conn)
	if err := Learn(ctx, conn, v, a); err != nil {
		return nil, err
	}
	return v, nil
}

// Learn adds to a Veil what an app is now and what the daemon knows that it was.
func Learn(ctx context.Context, conn *client.Client, v *view.Veil, a *velos.App) error {
	all, err := conn.Selves(ctx, a)
	if err != nil {
		return err
	}
	slices.Reverse(all) // the newest last
	v.Learn(all...)
	return nil
}

// Before asks for the entry before one, as a Veil wants to know it.
func Before(ctx context.Context, conn *client.Client) func(*velos.Entry) (velos.Entry, bool) {
	return func(e *velos.Entry) (velos.Entry, bool) {
		b, err := conn.Before(ctx, e)
		return b, err == nil && b.Seq > 0
	}
}

// Runs are the processes of which an app's secrets are known: a new one may
// have others.
type Runs map[int]bool

// RunsOf are those of an app as it is.
func RunsOf(a *velos.App) Runs {
	r := Runs{0: true} // a line of nobody's
	for _, list := range [][]velos.Instance{a.Instances, a.Leaving} {
		for i := range list {
			r[list[i].PID] = true
		}
	}
	return r
}

// Meet reports whether a process is new, and remembers it.
func (r Runs) Meet(pid int) bool {
	known := r[pid]
	r[pid] = true
	return !known
}

// A Cover keeps the Veil of an app up to date whose lines are followed: its
// secrets change with its configuration.
type Cover struct {
	*view.Veil
	conn *client.Client
	id   uint32
	runs Runs
}

// NewCover keeps a Veil up to date that knows an app as it is now.
func NewCover(v *view.Veil, conn *client.Client, a *velos.App) *Cover {
	return &Cover{v, conn, a.ID, RunsOf(a)}
}

// Meet finds out what has become secret, before the first line of a run is
// shown and where the caller knows that something has changed.
func (c *Cover) Meet(ctx context.Context, e *velos.Entry, changed bool) error {
	if !c.runs.Meet(e.PID) && !changed {
		return nil
	}
	now, err := c.conn.Info(ctx, wire.All(c.id))
	if errors.Is(err, velos.ErrNotFound) {
		return nil // deleted meanwhile, and its secrets stay
	}
	if err != nil {
		return err
	}
	if err := Learn(ctx, c.conn, c.Veil, &now); err != nil {
		return err
	}
	c.runs = RunsOf(&now)
	c.runs.Meet(e.PID)
	return nil
}

// Over is a stream of entries of which each is met before it is handed on.
func (c *Cover) Over(ctx context.Context, entries iter.Seq2[velos.Entry, error]) iter.Seq2[velos.Entry, error] {
	return func(yield func(velos.Entry, error) bool) {
		for e, err := range entries {
			if err == nil {
				err = c.Meet(ctx, &e, false)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
