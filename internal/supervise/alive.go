package supervise

import (
	"context"

	"github.com/velospm/velos"
)

// Alive returns nil when the supervisor has shown that it does its work: the
// phone book opens, and an order to one actor has come back through mailbox,
// pool and turn. Each call asks the next actor, so that a single one that is
// stuck is found too. It does not look at disks, forks or children: those may
// be slow without anything being wrong here. When something is stuck it
// returns late or never, whatever ctx says.
func (s *Supervisor) Alive(ctx context.Context) error {
	apps := s.all()
	n := int(s.probed.Add(1) % (1 << 30))
	for i := range apps {
		a := apps[(n+i)%len(apps)]
		slots := a.cast.Load().slots
		r := slots[n/len(apps)%len(slots)]
		if m := r.mode.Load(); m == unborn || m == through {
			continue // has no turns
		}
		err := a.order(ctx, []*runner{r}, order{verb: hail})
		if velos.CodeOf(err) == velos.NotFound {
			err = nil // deleted meanwhile: it has answered in its own way
		}
		return err
	}
	done := make(chan struct{})
	s.turns.do(func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
