package supervise

import (
	"iter"
	"slices"
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
		Generation: int(a.generation.Load()), Created: a.created, Lease: a.lease.Load(), Runs: v.Runs[:0],
	}
	slots := a.cast.Load().slots
	v.Runs = slices.Grow(v.Runs, len(slots)) // a save in a rush of starts is not to grow it step by step
	for _, r := range slots {
		in := r.snapshot.Load()
		if in.Wanted {
			v.Status = velos.Online
		}
		v.RestartCount += in.Restarts
		v.Runs = append(v.Runs, home.Run{
			Inst: in.Inst, Side: r.side, Wanted: in.Wanted, PID: in.PID, Start: r.ticks.Load(), Restarts: in.Restarts,
			Strikes: in.Strikes, Status: in.Status, RetryAt: in.RetryAt, LastExit: in.LastExit, Generation: in.Generation,
		})
	}
}

// A Survivor is a run that a former daemon has started and that the Machine
// has taken over. It may have ended already: then its exit is on the way.
type Survivor struct {
	Seat
	Child Child
	Began time.Time
	Lost  bool // it is gone, and nobody knows how it ended
	Mute  bool // a worker that does not listen yet: what it asked for may have got lost
	Holds bool // of two in one instance, the one that counts: see Machine.Hold
}

// Restore registers a saved app under its own id and lets its instances go on
// where they were: what survived is adopted, a pause before a restart lasts as
// long as it would have, what had given up stays so. Idle are the instances
// that should run and do not: starting them is the caller's choice. After a
// reboot nothing can have survived, and sameBoot is false.
func (s *Supervisor) Restore(v home.Saved, sameBoot bool) (idle []int, err error) {
	spec := v.Spec
	if err := check(&spec); err != nil {
		return nil, err
	}
	a := restored(s, v, &spec)
	s.mu.Lock()
	err = s.free(spec.Name, v.ID)
	if err == nil && s.apps[v.ID] != nil {
		err = &velos.Error{Code: velos.Conflict, Message: "restore " + spec.Name + ": its id is taken"}
	}
	if err == nil {
		s.envs.share(&spec, s.apps)
		s.next = max(s.next, v.ID+1)
		s.put(a)
	}
	s.mu.Unlock()
	if err != nil {
		a.cancel()
		return nil, err
	}
	if err := s.machine.Open(v.ID, &spec, true); err != nil {
		a.die()
		return nil, err
	}
	survivors := s.machine.Survivors(v.ID, &spec)
	for _, run := range runs(v) {
		if run.Inst < 0 || run.Inst >= spec.Instances {
			continue
		}
		sv, rest := choose(survivors, run)
		for _, other := range rest {
			a.adoptAside(other)
		}
		if s.takeUp(a, run, sv, sameBoot) {
			idle = append(idle, run.Inst)
		}
	}
	for i := range survivors {
		if sv := &survivors[i]; sv.Inst >= spec.Instances { // the number was being changed
			a.adoptAside(sv)
		}
	}
	a.live()
	for _, r := range a.cast.Load().everybody() {
		r.wake() // what was told before it lived was not heard
	}
	s.triggers.look(a)
	return idle, nil
}

// Resume says who gets connections, after all apps were restored.
func (s *Supervisor) Resume() {
	for _, a := range s.all() {
		a.serve()
	}
}

// choose finds the survivor that a saved run goes on with: of two, the one that
// had taken the place, else the one that was saved. The others were about to
// go, or never got the place.
func choose(list []Survivor, run home.Run) (sv *Survivor, rest []*Survivor) {
	for i := range list {
		c := &list[i]
		switch {
		case c.Inst != run.Inst:
		case sv == nil:
			sv = c
		case c.Holds && !sv.Holds, c.Holds == sv.Holds && (sv.Lost && !c.Lost || sv.Lost == c.Lost && c.Side == run.Side):
			rest = append(rest, sv)
			sv = c
		default:
			rest = append(rest, c)
		}
	}
	return sv, rest
}

// takeUp has an instance go on where it was; true: it should run and does not.
func (s *Supervisor) takeUp(a *app, run home.Run, sv *Survivor, sameBoot bool) (idle bool) {
	r := a.cast.Load().slots[run.Inst]
	r.side = run.Side & 1
	if sv != nil {
		r.side = sv.Side
	}
	r.remember(run)
	if sv != nil && sv.Lost && run.LastExit != nil && run.LastExit.PID == sv.Child.PID() {
		sv = nil // its end is on record
	}
	if sv != nil && dealtWith(run, *sv) {
		s.machine.Drain(r.seat())
		s.machine.Over(r.seat())
		sv = nil
	}
	switch {
	case sv != nil:
		r.adopt(run, *sv)
	case run.Wanted && !(sameBoot && r.pickUp(run)):
		r.want = true // from here on: the daemon may be killed before they are started
		idle = true
	}
	r.publish()
	return idle
}

// dealtWith reports whether the state knows how the survivor has ended and
// what followed: only the word that it was saved has not come through.
func dealtWith(run home.Run, sv Survivor) bool {
	switch run.Status {
	case velos.Stopped, velos.Errored, velos.WaitingRestart:
		return run.PID == 0 && run.LastExit != nil && run.LastExit.PID == sv.Child.PID() && run.LastExit.Time >= velos.TimeOf(sv.Began)
	}
	return false
}

// runs are the saved runs; a file without any, written by hand say, means all
// instances.
func runs(v home.Saved) []home.Run {
	if len(v.Runs) > 0 {
		return v.Runs
	}
	list := make([]home.Run, v.Spec.Instances)
	for i := range list {
		list[i] = home.Run{Inst: i, Wanted: v.Status == velos.Online}
	}
	return list
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
	a.lease.Store(v.Lease)
	return a
}

// remember takes over what became of earlier runs.
func (r *runner) remember(run home.Run) {
	r.restarts, r.strikes, r.last = run.Restarts, run.Strikes, run.LastExit
	r.reason = "restored"
	r.heeds.Store(run.Wanted || run.LastExit != nil && !run.LastExit.Asked)
}

// adopt goes on with a run that is there. A run that the state file does not
// know was started after it was written, so it is wanted.
func (r *runner) adopt(run home.Run, sv Survivor) {
	r.run, r.child, r.exited = 1, sv.Child, sv.Child.Exited()
	r.began = sv.Began
	r.ticks.Store(sv.Child.StartTicks())
	known := run.PID == sv.Child.PID() || run.LastExit != nil && run.LastExit.PID == sv.Child.PID()
	r.want = run.Wanted || !known
	if known {
		r.gen = run.Generation
	}
	r.grace = -1
	r.actor = velos.Policy
	r.listen()
	why := "adopted: velosd was restarted and it ran on"
	up := time.Since(r.began)
	if up < 0 { // the clock was set back
		r.began, up = time.Now(), 0
	}
	ready := run.Status == velos.Online && known
	if sv.Mute && !ready { // it would wait for ever; its policy starts another
		_ = sv.Child.Kill()
	}
	switch {
	case !r.want:
		r.status = velos.Online
		r.condemn("a stop was in progress when velosd was restarted")
		r.ask() // its pre_stop has had its turn
	case ready || r.awaits() == "" && up >= r.spec.MinUptime.Std():
		r.status, r.reason, r.since = velos.Online, why, r.began.Add(r.spec.MinUptime.Std())
		r.arm(r.spec.Watchdog.Std())
	default:
		r.status, r.reason, r.since = velos.Starting, why, r.began
		r.await(up)
	}
	r.event(velos.Event{Kind: velos.KindDaemon, PID: sv.Child.PID(), Cause: why})
	sv.Child.Notify(r.wake)
}

// adoptAside takes over a run that has not got its instance's place, or has it
// no more, and has it end.
func (a *app) adoptAside(sv *Survivor) {
	r := newRunner(a, sv.Inst, sv.Side)
	r.retired = true
	r.run, r.child, r.exited = 1, sv.Child, sv.Child.Exited()
	r.began, r.grace, r.status = sv.Began, -1, velos.Online
	r.actor = velos.Policy
	r.listen()
	why := "another run has its place: a reload"
	if sv.Inst >= len(a.cast.Load().slots) {
		why = "the app has no such instance: a change of their number"
	}
	r.condemn(why + " was in progress when velosd was restarted")
	r.ask()
	r.publish()
	sv.Child.Notify(r.wake)
	a.recast(func(c *cast) { c.aside = append(c.aside, r) })
}

// pickUp goes on with a state that has no process: a pause, or having given
// up. False: there is nothing to go on with.
func (r *runner) pickUp(run home.Run) bool {
	switch run.Status {
	case velos.Errored:
		r.want, r.status = true, velos.Errored
		if r.last != nil {
			r.reason = "gave up before velosd was restarted; last: " + r.last.String()
		}
	case velos.WaitingRestart:
		if r.last == nil {
			return false
		}
		r.want, r.status, r.reason = true, velos.WaitingRestart, r.last.String()
		r.arm(min(max(time.Until(run.RetryAt.Std()), time.Millisecond), longest(r.spec)))
	default:
		return false
	}
	return true
}
