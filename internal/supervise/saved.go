package supervise

import (
	"iter"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

// Saved is what a later daemon needs to know: every app, whether it should
// run, and which processes are its own, one after another, in memory that the
// next one takes over. N is their number, next the next free id: ids are never
// given out twice.
func (s *Supervisor) Saved() (each iter.Seq[*home.Saved], n int, next uint32) {
	apps := s.all()
	s.mu.Lock()
	defer s.mu.Unlock()
	return func(yield func(*home.Saved) bool) {
		var v home.Saved
		for _, a := range apps {
			a.saved(&v)
			if !yield(&v) {
				return
			}
		}
	}, len(apps), s.next
}

// saved fills v and takes over its list of runs.
func (a *app) saved(v *home.Saved) {
	*v = home.Saved{
		ID: a.id, Spec: *a.spec.Load(), Status: velos.Stopped,
		Generation: int(a.generation.Load()), Created: a.created, Runs: v.Runs[:0],
	}
	for _, r := range a.runners {
		in := r.snapshot.Load()
		if in.Wanted {
			v.Status = velos.Online
		}
		v.RestartCount += in.Restarts
		v.Runs = append(v.Runs, home.Run{
			Inst: in.Inst, Wanted: in.Wanted, PID: in.PID, Start: r.ticks.Load(),
			Restarts: in.Restarts, Strikes: in.Strikes, Status: in.Status, LastExit: in.LastExit,
		})
	}
}

// Restore registers a saved app under its own id, with its counts, and starts
// nothing.
func (s *Supervisor) Restore(v home.Saved) error {
	spec := v.Spec
	if err := spec.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	err := s.free(spec.Name, v.ID)
	if err == nil && s.apps[v.ID] != nil {
		err = &velos.Error{Code: velos.Conflict, Message: "restore " + spec.Name + ": its id is taken"}
	}
	if err == nil {
		s.envs.share(&spec)
		s.next = max(s.next, v.ID+1)
		s.put(restored(s, v, &spec))
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.raise(v.ID)
}

// Reserve makes ids below next never be given out.
func (s *Supervisor) Reserve(next uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = max(s.next, next)
}

func restored(s *Supervisor, v home.Saved, spec *velos.Spec) *app {
	created := v.Created
	if created == 0 {
		created = velos.TimeOf(time.Now())
	}
	a := newApp(s, v.ID, spec, created)
	a.generation.Store(int64(max(1, v.Generation)))
	for _, run := range v.Runs {
		if run.Inst < 0 || run.Inst >= len(a.runners) {
			continue
		}
		r := a.runners[run.Inst]
		r.restarts, r.last = run.Restarts, run.LastExit
		r.reason = "restored"
		r.publish()
	}
	return a
}
