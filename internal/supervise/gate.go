package supervise

import (
	"strings"

	"github.com/velospm/velos"
)

// begin begins a run, or has it wait for what the app depends on. It returns
// the number of that run.
func (r *runner) begin(why string) int {
	wait, err := r.app.held()
	if r.trial {
		wait, err = "", nil // the run that it is to replace has it behind it
	}
	if err != nil {
		r.blocked(err)
		return r.run
	}
	if wait == "" {
		r.launch(why)
		return r.run
	}
	r.arm(0)
	r.gated = why
	r.app.sup.gated.Add(1)
	r.enter(velos.Starting, wait)
	return r.run + 1
}

// open ends the waiting for what the app depends on; false: there was none.
func (r *runner) open() bool {
	if r.gated == "" {
		return false
	}
	r.gated = ""
	r.app.sup.gated.Add(-1)
	return true
}

// follow begins the run that somebody has asked for while the last one was
// ending: as begin does, but the order is a waiter by now.
func (r *runner) follow(why string) {
	r.begin(why)
	if r.refusal != nil {
		r.run++
		r.answer(true, r.refusal)
		r.refusal = nil
	}
}

// pass looks again whether the run may begin.
func (r *runner) pass() bool {
	wait, err := r.app.held()
	switch {
	case err != nil:
		r.open()
		r.run++ // the one that was waited for
		r.blocked(err)
		r.refusal = nil // there is no order to answer now
		return true
	case wait == "":
		why := r.gated
		r.open()
		r.launch(why)
		return true
	case wait != r.reason:
		r.enter(velos.Starting, wait)
		return true
	}
	return false
}

// blocked: what the app depends on will not be there.
func (r *runner) blocked(err error) {
	r.actor = velos.Policy
	r.enter(velos.Errored, err.Error())
	r.answer(true, err)
	r.answer(false, nil)
	r.refusal = err
}

// stir has the runs that wait for an app look again: something has changed.
func (s *Supervisor) stir() {
	if s.gated.Load() == 0 {
		return
	}
	for _, a := range s.all() {
		for _, r := range a.cast.Load().slots {
			r.wake()
		}
	}
}

// held says what the app waits for before it is started; empty: for nothing.
// The error says that waiting is of no use.
func (a *app) held() (wait string, err error) {
	for _, d := range a.spec.Load().DependsOn {
		dep := a.sup.named(d.Name)
		if dep == nil {
			return "", &velos.Error{Code: velos.NotFound, Message: "start " + a.name() + ": it depends on " + d.Name + ", and no app has that name",
				Hint: "start " + d.Name + " first, or take it out of depends_on"}
		}
		ok, lost := dep.meets(d.Condition)
		if lost != "" {
			return "", &velos.Error{Code: velos.Crashed, Message: "start " + a.name() + ": it depends on " + dep.name() + ", which " + lost,
				Hint: "velos why " + dep.name()}
		}
		if !ok && wait == "" {
			wait = "waits for " + dep.name() + ": " + conditionWords[d.Condition]
		}
	}
	return wait, nil
}

var conditionWords = map[velos.Condition]string{
	velos.OnStarted: "to be started", velos.OnReady: "to be ready", velos.OnHealthy: "to be healthy", velos.OnExitedOK: "to end with code 0", velos.OnExited: "to end",
}

// meets reports whether every instance meets the condition; lost says why one
// never will as things are.
func (a *app) meets(c velos.Condition) (ok bool, lost string) {
	ok = true
	if c == velos.OnHealthy && a.spec.Load().Health == nil {
		return false, "has no health probe"
	}
	up := a.wanted()
	for _, r := range a.cast.Load().slots {
		i := r.snapshot.Load()
		if up && !i.Wanted && i.Status == velos.Stopped && c != velos.OnExitedOK && c != velos.OnExited {
			continue // somebody has stopped this one alone
		}
		if i.Status == velos.Errored && (c != velos.OnExited || i.LastExit == nil) {
			return false, "is errored: " + i.Reason
		}
		x := i.LastExit
		ended := i.Status == velos.Stopped && !i.Wanted && x != nil && r.heeds.Load() // for good, and nobody has stopped it
		if ended && (c == velos.OnReady || c == velos.OnHealthy) {
			return false, "has ended: " + parting(i)
		}
		switch c {
		case velos.OnStarted:
			ok = ok && (i.PID != 0 && i.Status != velos.Stopping || i.LastExit != nil && !i.LastExit.Asked)
		case velos.OnReady:
			ok = ok && i.Status == velos.Online
		case velos.OnHealthy:
			ok = ok && i.Status == velos.Online && i.Health == velos.Healthy
		case velos.OnExitedOK:
			if ended && (x.Asked || x.Error != "" || x.Code != 0 || x.Signal != "" || x.Unknown) {
				return false, "has failed: " + parting(i)
			}
			ok = ok && ended
		case velos.OnExited:
			ok = ok && (ended || i.Status == velos.Errored && x != nil)
		}
	}
	return ok, ""
}

// parting is how the last run ended, and why if the policy has ended it.
func parting(i *velos.Instance) string {
	if i.LastExit.Asked {
		return i.Reason
	}
	return i.LastExit.String()
}

// down reports whether nothing of the app runs or is about to.
func (a *app) down() bool {
	for _, r := range a.cast.Load().everybody() {
		i := r.snapshot.Load()
		if i.Status != velos.Errored && (i.Wanted || i.Status != velos.Stopped) {
			return false
		}
	}
	return true
}

// stopped reports whether every instance is stopped, and should be.
func (a *app) stopped() bool {
	for _, r := range a.cast.Load().slots {
		if i := r.snapshot.Load(); i.Wanted || i.Status != velos.Stopped {
			return false
		}
	}
	return true
}

// named finds an app by its name, in any spelling of upper and lower case.
func (s *Supervisor) named(name string) *app {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		if strings.EqualFold(a.name(), name) {
			return a
		}
	}
	return nil
}

// raiseDependencies starts what the app depends on and is down, deepest
// first. Nobody waits here: the runs of a wait for theirs.
func (s *Supervisor) raiseDependencies(a *app, actor velos.Actor) error {
	return s.raiseUnder(a, actor, []*app{a})
}

func (s *Supervisor) raiseUnder(a *app, actor velos.Actor, path []*app) error {
	for _, d := range a.spec.Load().DependsOn {
		dep := s.named(d.Name)
		if dep == nil {
			continue // held says so
		}
		for i, p := range path {
			if p == dep {
				return cycle(append(path[i:], dep))
			}
		}
		if err := s.raiseUnder(dep, actor, append(path[:len(path):len(path)], dep)); err != nil {
			return err
		}
		done, _ := dep.meets(d.Condition)
		if done || dep.wanted() {
			continue
		}
		s.event(velos.Event{Kind: velos.KindOrder, App: dep.name(), ID: dep.id, Inst: -1, Cause: "start, needed by " + a.name(),
			Actor: actor, Gen: int(dep.generation.Load())})
		list, _ := dep.pick(-1, false)
		_ = dep.order(s.ctx, list, order{verb: start, actor: actor, why: "needed by " + a.name(), spec: dep.spec.Load()})
	}
	return nil
}

func cycle(path []*app) error {
	text := ""
	for i, a := range path {
		if i > 0 {
			text += " → "
		}
		text += a.name()
	}
	return &velos.Error{Code: velos.Invalid, Message: "start " + path[0].name() + ": depends_on goes in a circle: " + text, Hint: "take one of them out"}
}

// dependents are, for each app, those that depend on it. A circle is cut
// somewhere.
func dependents(apps []*app) map[*app][]*app {
	byName := map[string]*app{}
	any := false
	for _, a := range apps {
		byName[strings.ToLower(a.name())] = a
		any = any || len(a.spec.Load().DependsOn) > 0
	}
	if !any {
		return nil
	}
	m := map[*app][]*app{}
	var reaches func(from, to *app, depth int) bool
	reaches = func(from, to *app, depth int) bool {
		if from == to || depth > len(apps) {
			return true
		}
		for _, d := range m[from] {
			if reaches(d, to, depth+1) {
				return true
			}
		}
		return false
	}
	for _, a := range apps {
		for _, d := range a.spec.Load().DependsOn {
			if dep := byName[strings.ToLower(d.Name)]; dep != nil && !reaches(a, dep, 0) {
				m[dep] = append(m[dep], a)
			}
		}
	}
	return m
}

// inReverse does f for each app, side by side, and for an app only when it is
// done for all that depend on it.
func inReverse(apps []*app, f func(*app)) {
	after := dependents(apps)
	done := make(map[*app]chan struct{}, len(apps))
	for _, a := range apps {
		done[a] = make(chan struct{})
	}
	for _, a := range apps {
		go func() {
			for _, d := range after[a] {
				<-done[d]
			}
			f(a)
			close(done[a])
		}()
	}
	for _, a := range apps {
		<-done[a]
	}
}
