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
// old. There is one look at a time, and each is for all who have come to wait for
// it: hundreds who ask for an app each do not make the last of them, and whoever
// wants the list, wait for hundreds of looks.
func (s *Supervisor) lookAt(list []*runner, age time.Duration) {
	now := time.Now()
	var stale []*runner
	for _, r := range list {
		if r.unseen(now, age) {
			stale = append(stale, r)
		}
	}
	if len(stale) == 0 {
		return
	}
	s.lookLater.Lock()
	s.toLookAt = append(s.toLookAt, stale...)
	s.lookLater.Unlock()
	s.looking.Lock()
	defer s.looking.Unlock()
	s.lookLater.Lock()
	all := s.toLookAt
	s.toLookAt = nil
	s.lookLater.Unlock()
	if len(all) > 0 { // else somebody has looked for us
		s.look(all)
	}
}

// unseen reports whether a run's last look is too old.
func (r *runner) unseen(now time.Time, age time.Duration) bool {
	i := r.snapshot.Load()
	if i.PID == 0 {
		return false
	}
	if now.Sub(i.Started.Std()) < youngRun {
		age = freshLook
	}
	l := r.look.Load()
	return l == nil || l.pid != i.PID || now.Sub(l.at) >= age
}

func (s *Supervisor) look(list []*runner) {
	now := time.Now()
	var roots []int
	byRoot := map[int]*runner{}
	for _, r := range list {
		if pid := r.snapshot.Load().PID; pid != 0 && byRoot[pid] == nil {
			roots = append(roots, pid)
			byRoot[pid] = r
		}
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
