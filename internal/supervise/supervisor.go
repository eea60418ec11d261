package supervise

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

// Options are the Supervisor's ties to the rest of the daemon. Event and
// Changed are called by actors and must not block.
type Options struct {
	Machine Machine
	Event   func(velos.Event) // something happened
	Changed func()            // what is worth saving has changed
	Sampled func()            // a measurement that nobody asked for is over

	// Age is how long ago a process began, from its StartTicks, by a clock that
	// nobody sets. It may be nil.
	Age func(ticks uint64) (time.Duration, bool)
	// Former hears of each Spec that another one has replaced, one after
	// the other for each app. It may write to a disk.
	Former func(*velos.Former)
}

// A Supervisor is the registry of apps. Its mutex is for the phone book only:
// it is never held while sending, waiting, forking or writing.
type Supervisor struct {
	machine  Machine
	event    func(velos.Event)
	changed  func()
	former   func(*velos.Former)
	age      func(uint64) (time.Duration, bool)
	pool     pool // forks and drains
	turns    pool // of runners that have something to do
	sampler  sampler
	triggers triggers
	probed   atomic.Uint32 // whom Alive has asked last
	gated    atomic.Int32  // runs that wait for other apps

	ctx    context.Context // of the actors; not of any request
	cancel context.CancelFunc
	alive  sync.WaitGroup // apps in the phone book whose runners have not all ended

	born    time.Time    // set clocks do not count
	looking sync.Mutex   // one look for addresses at a time; held before lookLater
	rested  atomic.Int64 // in nanoseconds since born: when the next one for an order's answer may be

	lookLater sync.Mutex
	toLookAt  []*runner // what those who wait for a look want to know of

	mu    sync.Mutex
	apps  map[uint32]*app
	ids   []uint32 // in the order they were added
	next  uint32
	envs  envs
	ended bool
}

// New is a Supervisor without apps. Close ends it.
func New(o Options) *Supervisor {
	s := &Supervisor{machine: o.Machine, event: o.Event, changed: o.Changed, age: o.Age, former: o.Former, apps: map[uint32]*app{}, next: 1, born: time.Now()}
	if s.event == nil {
		s.event = func(velos.Event) {}
	}
	if o.Sampled != nil {
		s.sampler.over = o.Sampled
	}
	if s.changed == nil {
		s.changed = func() {}
	}
	s.pool.rest = s.machine.Rest
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.triggers.sup = s
	s.sampler.run(s)
	return s
}

// Add registers an app and starts nothing. It fails with velos.Conflict when
// the name is taken, in any spelling of upper and lower case.
func (s *Supervisor) Add(spec velos.Spec, actor velos.Actor) (uint32, error) {
	return s.add(spec, false, actor)
}

// Readd is Add for an app that was known before: where its logs went must be
// there. Else a disk that is not mounted yet would get its directories anew,
// on the disk below.
func (s *Supervisor) Readd(spec velos.Spec, actor velos.Actor) (uint32, error) {
	return s.add(spec, true, actor)
}

func (s *Supervisor) add(spec velos.Spec, known bool, actor velos.Actor) (uint32, error) {
	if err := check(&spec); err != nil {
		return 0, err
	}
	s.mu.Lock()
	id := s.next
	err := s.free(spec.Name, 0)
	if err == nil {
		s.next++
		s.envs.share(&spec, s.apps)
		// The name is taken from here on; Open below may fail and give it back.
		s.put(newApp(s, id, &spec, velos.TimeOf(time.Now())))
	}
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if err := s.raise(id, known); err != nil {
		return 0, err
	}
	s.event(velos.Event{Kind: velos.KindConfig, App: spec.Name, ID: id, Inst: -1, Cause: "added", Actor: actor, Gen: 1})
	s.changed()
	return id, nil
}

// raise opens an app's output and starts its actors; when that fails the app
// is dropped again.
func (s *Supervisor) raise(id uint32, known bool) error {
	a, err := s.find(id)
	if err != nil {
		return err
	}
	if err := s.machine.Open(id, a.spec.Load(), known); err != nil {
		a.die()
		return err
	}
	a.live()
	return nil
}

// free reports a Conflict when another app than except has the name. The
// caller holds mu.
func (s *Supervisor) free(name string, except uint32) error {
	if s.ended {
		return &velos.Error{Code: velos.Unreachable, Message: "velosd is ending"}
	}
	for id, a := range s.apps {
		if id != except && strings.EqualFold(a.name(), name) {
			return &velos.Error{Code: velos.Conflict, Message: "name " + name + " is in use by app " + strconv.Itoa(int(id)),
				Hint: "choose another with --name, or `velos delete " + a.name() + "` first"}
		}
	}
	return nil
}

// put and drop edit the phone book; put wants mu held.
func (s *Supervisor) put(a *app) {
	s.alive.Add(1)
	s.apps[a.id] = a
	s.ids = append(s.ids, a.id)
}

func (s *Supervisor) drop(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.apps, id)
	for i, v := range s.ids {
		if v == id {
			s.ids = append(s.ids[:i:i], s.ids[i+1:]...)
			break
		}
	}
}

func (s *Supervisor) find(id uint32) (*app, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.apps[id]; a != nil {
		return a, nil
	}
	return nil, &velos.Error{Code: velos.NotFound, Message: "no app has id " + strconv.Itoa(int(id)), Hint: "velos list"}
}

// all returns the apps in the order they were added.
func (s *Supervisor) all() []*app {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*app, 0, len(s.ids))
	for _, id := range s.ids {
		list = append(list, s.apps[id])
	}
	return list
}

// Start brings an app's instance, or all of them for a negative inst, up.
// With wait it returns when they are online, or with the reason why not:
// velos.Crashed, velos.Cancelled. Without, when the order is taken. A job with
// a schedule is not run now, it waits for its time from here on.
func (s *Supervisor) Start(ctx context.Context, id uint32, inst int, wait bool, actor velos.Actor) error {
	o := order{verb: start, actor: actor, wait: wait}
	if a, err := s.find(id); err == nil && a.spec.Load().Schedule != "" {
		o.verb = engage
	}
	return s.order(ctx, id, inst, o)
}

// Stop brings instances down and, with wait, returns when their trees are
// gone. sig 0 and grace < 0 mean what the Spec says.
func (s *Supervisor) Stop(ctx context.Context, id uint32, inst, sig int, grace time.Duration, wait bool, actor velos.Actor) error {
	return s.order(ctx, id, inst, order{verb: stop, actor: actor, sig: sig, grace: grace, wait: wait})
}

// Restart stops and starts; the new run begins when the old one is gone. It
// brings up what was down.
func (s *Supervisor) Restart(ctx context.Context, id uint32, inst int, wait bool, actor velos.Actor) error {
	a, err := s.find(id)
	if err != nil {
		return err
	}
	if inst < 0 {
		a.interrupt()
	}
	return s.order(ctx, id, inst, order{verb: restart, actor: actor, wait: wait, spec: a.spec.Load()})
}

// Signal sends one signal to the root of each instance.
func (s *Supervisor) Signal(ctx context.Context, id uint32, inst, sig int, actor velos.Actor) error {
	return s.order(ctx, id, inst, order{verb: signal, actor: actor, sig: sig})
}

// Reset sets restart counts to zero.
func (s *Supervisor) Reset(ctx context.Context, id uint32, inst int, actor velos.Actor) error {
	err := s.order(ctx, id, inst, order{verb: reset, actor: actor})
	s.changed()
	return err
}

func (s *Supervisor) order(ctx context.Context, id uint32, inst int, o order) error {
	a, err := s.find(id)
	if err != nil {
		return err
	}
	if o.verb == stop {
		defer a.halt()()
	}
	list, err := a.pick(inst, o.verb == stop)
	if err != nil {
		return err
	}
	if o.verb == start || o.verb == engage {
		o.spec = a.spec.Load()
	}
	if o.verb == start || o.verb == restart {
		if err := s.raiseDependencies(a, o.actor); err != nil {
			return err
		}
	}
	s.event(velos.Event{Kind: velos.KindOrder, App: a.name(), ID: id, Inst: max(inst, -1), Cause: verbNames[o.verb],
		Actor: o.actor, Gen: int(a.generation.Load())})
	return a.order(ctx, list, o)
}

// Update replaces an app's Spec. Running instances take over at once what needs
// no new run, and the rest when they are started again; another number of
// instances holds at once.
func (s *Supervisor) Update(id uint32, spec velos.Spec, actor velos.Actor) error {
	a, err := s.find(id)
	if err != nil {
		return err
	}
	if err := check(&spec); err != nil {
		return err
	}
	if err := s.update(a, spec, actor); err != nil {
		return err
	}
	a.adjust()
	return nil
}

func (s *Supervisor) update(a *app, spec velos.Spec, actor velos.Actor) error {
	a.change.Lock()
	defer a.change.Unlock()
	want := spec.Instances
	spec.Instances = len(a.cast.Load().slots)
	change := func() error {
		a.updates++
		return s.replace(a, spec, "changed", actor)
	}
	if want == spec.Instances {
		return change()
	}
	l, err := a.begin("change", actor, func(l *roll) error {
		if err := change(); err != nil {
			return err
		}
		return l.scale(want)
	})
	if err != nil {
		return err
	}
	return l.await(context.Background(), "change")
}

// Rename gives an app another name. Its log files follow.
func (s *Supervisor) Rename(id uint32, name string, actor velos.Actor) error {
	a, err := s.find(id)
	if err != nil {
		return err
	}
	if err := velos.ValidName(name); err != nil {
		return err
	}
	a.change.Lock()
	defer a.change.Unlock()
	spec := *a.spec.Load()
	cause := "renamed from " + spec.Name + " to " + name
	spec.Name = name
	return s.replace(a, spec, cause, actor)
}

// replace puts a new spec in place. The caller holds a.change.
func (s *Supervisor) replace(a *app, spec velos.Spec, cause string, actor velos.Actor) error {
	if a.deleted {
		return a.gone()
	}
	old := a.spec.Load()
	s.mu.Lock()
	err := s.free(spec.Name, a.id)
	if err == nil {
		s.envs.share(&spec, s.apps)
		a.spec.Store(&spec) // the name is taken from here on
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	fault.Here("rename.taken")
	if err := s.machine.Change(a.id, &spec); err != nil {
		a.spec.Store(old)
		return err
	}
	fault.Here("rename.moved")
	now, since := time.Now().UnixMilli(), a.updated.Load()
	gen := a.generation.Add(1)
	a.updated.Store(now)
	s.triggers.look(a)
	if s.former != nil {
		s.former(&velos.Former{ID: a.id, Generation: int(gen) - 1, Since: velos.Time(since), Until: velos.Time(now), Cause: cause, By: actor, Spec: *old})
	}
	s.event(velos.Event{Kind: velos.KindConfig, App: spec.Name, ID: a.id, Inst: -1, Cause: cause, Actor: actor, Gen: int(gen)})
	s.changed()
	s.stir()
	return nil
}

// Delete stops an app and forgets it; its log files stay. It returns when
// everything of it is gone, and fails with velos.Timeout when something of it
// cannot be killed: then the app stays in the list.
func (s *Supervisor) Delete(id uint32, actor velos.Actor) error {
	a, err := s.find(id)
	if err != nil {
		return err
	}
	defer a.halt()()
	a.change.Lock()
	if a.deleted {
		a.change.Unlock()
		return a.gone()
	}
	a.deleted = true
	a.change.Unlock()
	s.event(velos.Event{Kind: velos.KindOrder, App: a.name(), ID: id, Inst: -1, Cause: "delete", Actor: actor, Gen: int(a.generation.Load())})
	// The stop cancels what is in progress and gives the journal its actor;
	// the cancel ends the actors when their children are gone.
	everybody, _ := a.pick(-1, true)
	err = a.order(context.Background(), everybody, order{verb: stop, actor: actor, why: "delete", grace: -1, wait: true})
	if velos.CodeOf(err) == velos.Timeout {
		a.change.Lock()
		a.deleted = false
		a.change.Unlock()
		return err
	}
	a.cancel()
	<-a.ended
	fault.Here("delete.ended")
	s.drop(id)
	s.triggers.wake()
	s.machine.Forget(id)
	fault.Here("delete.forgotten")
	s.event(velos.Event{Kind: velos.KindConfig, App: a.name(), ID: id, Inst: -1, Cause: "deleted", Actor: actor, Gen: int(a.generation.Load())})
	s.changed()
	s.stir()
	return nil
}

// StopAll stops every app by order, side by side but none before those that
// depend on it, and returns when all are down or were reported stuck.
func (s *Supervisor) StopAll(actor velos.Actor) {
	inReverse(s.all(), func(a *app) {
		_ = s.Stop(context.Background(), a.id, -1, 0, -1, true, actor) // what is stuck is in the journal
	})
}

// Close stops every app, in parallel but none before those that depend on it,
// and returns when all is gone.
func (s *Supervisor) Close() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	if apps := s.all(); dependents(apps) != nil {
		inReverse(apps, func(a *app) {
			a.cancel()
			<-a.ended
		})
	}
	s.cancel()
	s.alive.Wait()
	s.sampler.wait()
	s.triggers.wait()
	s.turns.wait.Wait()
	s.pool.wait.Wait()
}

func noInstance(name string, inst, n int) error {
	return &velos.Error{Code: velos.NotFound, Message: name + " has no instance " + strconv.Itoa(inst),
		Hint: name + " has " + strconv.Itoa(n) + ", numbered from 0"}
}
