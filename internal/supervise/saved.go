package supervise

import (
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

// Saved is what a later daemon needs to know: every app, whether it should
// run, and which processes are its own. The second value is the next free id:
// ids are never given out twice.
func (s *Supervisor) Saved() ([]home.Saved, uint32) {
	apps := s.all()
	list := make([]home.Saved, len(apps))
	for i, a := range apps {
		v := home.Saved{
			ID: a.id, Spec: *a.spec.Load(), Status: velos.Stopped,
			Generation: int(a.generation.Load()), Created: a.created, Runs: make([]home.Run, len(a.runners)),
		}
		for j, r := range a.runners {
			in := r.snapshot.Load()
			if in.Wanted {
				v.Status = velos.Online
			}
			v.RestartCount += in.Restarts
			v.Runs[j] = home.Run{
				Inst: in.Inst, Wanted: in.Wanted, PID: in.PID, Start: r.ticks.Load(),
				Restarts: in.Restarts, Strikes: in.Strikes, Status: in.Status, LastExit: in.LastExit,
			}
		}
		list[i] = v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return list, s.next
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
