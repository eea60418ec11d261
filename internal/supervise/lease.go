package supervise

import (
	"context"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/proc"
)

// Lease is whose an app is; nil: people's, or there is no such app.
func (s *Supervisor) Lease(id uint32) *velos.Lease {
	a, err := s.find(id)
	if err != nil {
		return nil
	}
	return a.lease.Load()
}

// SetLease says whose an app is from now on. The lease is not changed any more
// by whoever hands it over.
func (s *Supervisor) SetLease(id uint32, l *velos.Lease) {
	if a, err := s.find(id); err == nil {
		a.lease.Store(l)
		s.changed()
	}
}

// Leases gives every app that has a lease.
func (s *Supervisor) Leases(yield func(id uint32, l *velos.Lease)) {
	for _, a := range s.all() {
		if l := a.lease.Load(); l != nil {
			yield(a.id, l)
		}
	}
}

// agent is whose an app is; empty: people's.
func (a *app) agent() string {
	if l := a.lease.Load(); l != nil {
		return l.Agent
	}
	return ""
}

// agentOf is the agent that a process of a former daemon was begun for.
func agentOf(pid int) (agent string) {
	proc.Variables(pid, len(agentVariable)+100, func(v []byte) {
		if name, value, ok := strings.Cut(string(v), "="); ok && name == agentVariable {
			agent = value
		}
	})
	return agent
}

// Release is Stop for a reason of the daemon's own.
func (s *Supervisor) Release(id uint32, why string) error {
	return s.order(context.Background(), id, -1, order{verb: stop, actor: velos.Policy, why: why, grace: -1, wait: true})
}

// Remains is an app as it is saved.
func (s *Supervisor) Remains(id uint32) (v home.Saved, ok bool) {
	a, err := s.find(id)
	if err != nil {
		return v, false
	}
	a.saved(&v)
	return v, true
}
