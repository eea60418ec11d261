package supervise

import (
	"time"

	"github.com/velospm/velos"
)

// A look is what a run was found to listen on, and when.
type look struct {
	pid   int
	at    time.Time
	found velos.Addresses
}

// How old a look may be when somebody lists all apps, and when somebody asks
// for one; a young run's is soon out of date, and a look costs a fifth of a
// millisecond for each process.
const (
	oldLook   = time.Minute
	freshLook = time.Second
	youngRun  = 10 * time.Second
)

// lookAt finds out what those of the runners listen on whose last look is too
// old.
func (s *Supervisor) lookAt(list []*runner, age time.Duration) {
	s.looking.Lock()
	defer s.looking.Unlock()
	now := time.Now()
	var roots []int
	byRoot := map[int]*runner{}
	for _, r := range list {
		i := r.snapshot.Load()
		if i.PID == 0 {
			continue
		}
		limit := age
		if now.Sub(i.Started.Std()) < youngRun {
			limit = freshLook
		}
		if l := r.look.Load(); l != nil && l.pid == i.PID && now.Sub(l.at) < limit {
			continue
		}
		roots = append(roots, i.PID)
		byRoot[i.PID] = r
	}
	if len(roots) == 0 {
		return
	}
	// An error leaves the former ones in place.
	_ = s.machine.Addresses(roots, func(root int, a velos.Addresses) {
		r := byRoot[root]
		if old := r.look.Load(); old != nil && old.pid == root && old.found == a {
			a = old.found // one string for all looks
		}
		r.look.Store(&look{root, now, a})
	})
}
