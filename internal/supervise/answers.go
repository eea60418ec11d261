package supervise

import (
	"slices"
	"time"

	"github.com/velospm/velos"
)

// What the registry tells: nobody is waited for.

// List is every app as it is now, in the order they were added.
func (s *Supervisor) List() []velos.App {
	s.sampler.fresh(s)
	apps := s.all()
	var all []*runner
	for _, a := range apps {
		all = append(all, a.cast.Load().slots...)
	}
	s.lookAt(all, oldLook)
	list := make([]velos.App, len(apps))
	for i, a := range apps {
		list[i] = a.view()
	}
	return list
}

// quickLook is how many runs are looked at for the answer to an order: with
// hundreds that would take longer than the order.
const quickLook = 16

// quickShare is which part of the time may go into looks for such answers: of
// hundreds of orders at once only some are told where the app listens, which it
// seldom does that early.
const quickShare = 5

// Outcome is Info for the answer to an order. Who did not wait for the order
// does not wait for figures either: there are none of what is just being forked.
func (s *Supervisor) Outcome(id uint32, waited bool) (velos.App, error) {
	a, err := s.find(id)
	if err != nil {
		return velos.App{}, err
	}
	if !waited {
		return a.view(), nil
	}
	s.sampler.fresh(s)
	if list := a.cast.Load().everybody(); len(list) <= quickLook {
		s.glanceAt(list)
	}
	return a.view(), nil
}

// glanceAt is lookAt unless such looks take too much of the time.
func (s *Supervisor) glanceAt(list []*runner) {
	began := time.Since(s.born)
	rested := s.rested.Load()
	if int64(began) < rested || !s.rested.CompareAndSwap(rested, int64(began+time.Second)) {
		return // it is too early, or somebody looks at this moment
	}
	s.lookAt(list, freshLook)
	end := time.Since(s.born)
	s.rested.Store(int64(end + (quickShare-1)*(end-began)))
}

// Info is one app as it is now.
func (s *Supervisor) Info(id uint32) (velos.App, error) {
	a, err := s.find(id)
	if err != nil {
		return velos.App{}, err
	}
	s.sampler.fresh(s)
	s.lookAt(a.cast.Load().everybody(), freshLook)
	return a.view(), nil
}

// Len is the number of apps.
func (s *Supervisor) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.apps)
}

// Lookup finds an app's id by its exact name.
func (s *Supervisor) Lookup(name string) (uint32, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, a := range s.apps {
		if a.name() == name {
			return id, true
		}
	}
	return 0, false
}

// IDs are those of all apps, in the order they were added.
func (s *Supervisor) IDs() []uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ids)
}

// Spec is what an app should be. It measures nothing.
func (s *Supervisor) Spec(id uint32) (velos.Spec, bool) {
	a, err := s.find(id)
	if err != nil {
		return velos.Spec{}, false
	}
	return *a.spec.Load(), true
}

// Wanted says of each instance of an app whether it should run; nil when there
// is no such app. It measures nothing.
func (s *Supervisor) Wanted(id uint32) []bool {
	a, err := s.find(id)
	if err != nil {
		return nil
	}
	var list []bool
	for _, r := range a.cast.Load().slots {
		list = append(list, r.snapshot.Load().Wanted)
	}
	return list
}

// Name is an app's name, empty when there is none. It measures nothing.
func (s *Supervisor) Name(id uint32) string {
	a, err := s.find(id)
	if err != nil {
		return ""
	}
	return a.name()
}

// Notifies reports whether somebody has asked for news of an app; 0: of any.
func (s *Supervisor) Notifies(id uint32) bool {
	if a, err := s.find(id); err == nil {
		return a.spec.Load().Notify
	}
	return id == 0 && slices.ContainsFunc(s.all(), func(a *app) bool { return a.spec.Load().Notify })
}
