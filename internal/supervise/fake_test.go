package supervise

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

// A life is the script of one run.
type life struct {
	lives    time.Duration // ends by itself after this long; 0: never
	code     int
	grace    time.Duration // ends this long after a stop signal; negative: ignores it
	refuses  error         // cannot be launched
	forking  time.Duration // how long the fork takes
	leaves   time.Duration // what it leaves behind lives on this long; negative: until killed
	immortal bool          // survives even SIGKILL
	news     []News        // heard at once
	finish   time.Duration // how long it takes to finish its connections; 0: it has none of ours
	health   time.Duration // when a health probe fails for good; 0: never
}

var forever = life{}

// A stand is a Machine whose children live scripted lives: run n of the
// whole test plays lives[n], the last one again and again.
type stand struct {
	mu        sync.Mutex
	lives     []life
	played    []*actor
	drained   int
	events    []velos.Event
	survivors []Survivor
	served    []string // each Serve and Rested
	held      []Seat
	holding   func(Seat)          // called by Hold
	sight     func(string, Sight) // of the one app that is watched
	watches   int
	memory    func() int64 // of every tree; nil: its pid
	hooked    []HookRun
	hooks     func(ctx context.Context, k HookRun) error // nil: they succeed at once
}

func (s *stand) Open(uint32, *velos.Spec, bool) error     { return nil }
func (s *stand) Change(uint32, *velos.Spec) error         { return nil }
func (s *stand) Forget(uint32)                            {}
func (s *stand) Output(uint32) velos.LogInfo              { return velos.LogInfo{} }
func (s *stand) Survivors(uint32, *velos.Spec) []Survivor { return s.survivors }
func (s *stand) Sample(_ time.Time, roots []int, set func(int, velos.Usage)) error {
	for _, r := range roots {
		u := velos.Usage{Memory: int64(r), Procs: 1}
		if s.memory != nil {
			u.Memory = s.memory()
			u.Peak = u.Memory
		}
		set(r, u)
	}
	return nil
}

func (s *stand) Over(Seat) {}

func (s *stand) Hook(ctx context.Context, k HookRun) error {
	s.mu.Lock()
	s.hooked = append(s.hooked, k)
	f := s.hooks
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(ctx, k)
}

// hooksAre makes all hooks from now on be f.
func (s *stand) hooksAre(f func(context.Context, HookRun) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = f
}

// hooksRun are the hooks that were run, in order.
func (s *stand) hooksRun() []HookRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hooked)
}

// hookNames are their names.
func (s *stand) hookNames() string {
	text := ""
	for _, k := range s.hooksRun() {
		text += " " + string(k.Name)
	}
	return strings.TrimSpace(text)
}

func (s *stand) Watch(_ uint32, spec *velos.Spec, tell func(string, Sight)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sight = tell
	if spec != nil {
		s.watches++
	}
}

// alter tells that files have changed; false: nobody watches.
func (s *stand) alter(text string) bool {
	s.mu.Lock()
	tell := s.sight
	s.mu.Unlock()
	if tell != nil {
		tell(text, Altered)
	}
	return tell != nil
}

// causes are the causes of all events of a kind, in order.
func (s *stand) causes(kind velos.Kind) (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Kind == kind {
			list = append(list, e.Cause)
		}
	}
	return list
}

func (s *stand) Addresses(roots []int, set func(int, velos.Addresses)) error {
	for _, r := range roots {
		set(r, velos.Addresses("tcp://127.0.0.1:"+strconv.Itoa(r)))
	}
	return nil
}

func (s *stand) Hold(seat Seat) {
	s.mu.Lock()
	s.held = append(s.held, seat)
	f := s.holding
	s.mu.Unlock()
	if f != nil {
		f(seat)
	}
}

func (s *stand) Serve(_ uint32, seats []Seat) {
	text := ""
	for _, seat := range seats {
		text += " " + strconv.Itoa(seat.Inst) + "ab"[seat.Side:][:1]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.served); n == 0 || s.served[n-1] != text[1:] {
		s.served = append(s.served, text[1:])
	}
}

func (s *stand) Rested(uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.served); n > 0 && s.served[n-1] != "-" {
		s.served = append(s.served, "-")
	}
}
func (s *stand) Rest()        {}
func (s *stand) Pipe(*Launch) {}

func (s *stand) Drain(Seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drained++
}

func (s *stand) Launch(l *Launch) (Child, error) {
	s.mu.Lock()
	n := len(s.played)
	if n >= len(s.lives) {
		n = len(s.lives) - 1
	}
	a := &actor{life: s.lives[n], launch: *l, pid: 1000 + len(s.played), born: time.Now(),
		exit: make(chan child.Exit, 1), gone: make(chan struct{})}
	s.played = append(s.played, a)
	s.mu.Unlock()
	time.Sleep(a.life.forking) // inside a bubble: no real time passes
	if a.life.refuses != nil {
		return nil, a.life.refuses
	}
	a.born = time.Now()
	if a.life.lives > 0 {
		time.AfterFunc(a.life.lives, func() { a.end(child.Exit{Code: a.life.code}) })
	}
	return a, nil
}

func (s *stand) event(e velos.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func (s *stand) runs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.played)
}

// An actor plays one life.
type actor struct {
	life   life
	launch Launch
	pid    int
	born   time.Time

	mu    sync.Mutex
	soft  int // stop signals received
	hard  int // kills
	conts int // SIGCONTs after stop signals
	other []int
	dead  bool
	exit  chan child.Exit
	gone  chan struct{}
	tell  func() // never nil after Notify

	signals func() // called first by Signal

	hear     func(News)
	finished int // Finish calls
	patient  int
	said     []string
	probe    *velos.Probe // of the last Adjust
}

func (a *actor) Hear(f func(News)) {
	a.mu.Lock()
	a.hear = f
	a.mu.Unlock()
	for _, n := range a.life.news {
		f(n)
	}
	if a.life.health > 0 {
		time.AfterFunc(a.life.health, func() { f(News{Sick, "answered 503"}) })
	}
}

func (a *actor) Finish(patient bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.finished++
	if patient {
		a.patient++
	}
	if a.life.finish == 0 {
		return false
	}
	hear := a.hear
	time.AfterFunc(a.life.finish, func() { hear(News{Kind: Finished}) })
	return true
}

func (a *actor) Say(message string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.said = append(a.said, message)
	return nil
}

func (a *actor) Adjust(spec *velos.Spec) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.probe = spec.Health
}

func (a *actor) PID() int                  { return a.pid }
func (a *actor) Started() time.Time        { return a.born }
func (a *actor) StartTicks() uint64        { return uint64(a.pid) }
func (a *actor) Exited() <-chan child.Exit { return a.exit }
func (a *actor) Gone() <-chan struct{}     { return a.gone }

func (a *actor) Notify(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tell = f
	if a.dead {
		f()
	}
}

func (a *actor) told() {
	if a.tell != nil {
		a.tell()
	}
}

func (a *actor) Signal(sig int, tree bool) error {
	if a.signals != nil {
		a.signals()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !tree {
		a.other = append(a.other, sig)
		return nil
	}
	if n, _ := child.SignalNumber("SIGCONT"); sig == n {
		a.conts++
		return nil
	}
	a.soft++
	if a.life.grace >= 0 {
		time.AfterFunc(a.life.grace, func() { a.end(child.Exit{Signal: "SIGTERM"}) })
	}
	return nil
}

func (a *actor) Kill() error {
	a.mu.Lock()
	a.hard++
	immortal, dead := a.life.immortal, a.dead
	a.mu.Unlock()
	if immortal {
		return errors.New("still there")
	}
	if dead {
		a.vanish()
		return nil
	}
	a.life.leaves = 0
	a.end(child.Exit{Signal: "SIGKILL"})
	return nil
}

func (a *actor) end(x child.Exit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dead {
		return
	}
	a.dead = true
	x.Time = time.Now()
	x.Leftover = a.life.leaves != 0
	a.exit <- x
	switch {
	case a.life.leaves == 0:
		close(a.gone)
	case a.life.leaves > 0:
		time.AfterFunc(a.life.leaves, a.vanish)
	}
	a.told()
}

func (a *actor) vanish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.gone:
	default:
		close(a.gone)
		a.told()
	}
}

// A scene is a supervisor on a stand, inside a bubble.
type scene struct {
	*Supervisor
	*stand
	t  *testing.T
	id uint32
}

func testSpec() velos.Spec {
	s := velos.NewSpec()
	s.Name, s.Script, s.Cwd = "api", "/srv/api", "/srv"
	return s
}

// play runs f in a bubble with one app made from testSpec and edit.
func play(t *testing.T, edit func(*velos.Spec), lives []life, f func(t *testing.T, s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st := &stand{lives: lives}
		s := &scene{Supervisor: New(Options{Machine: st, Event: st.event}), stand: st, t: t}
		spec := testSpec()
		if edit != nil {
			edit(&spec)
		}
		id, err := s.Add(spec, velos.Policy)
		if err != nil {
			t.Fatal(err)
		}
		s.id = id
		f(t, s)
		s.Close() // returns only when every actor has ended; a leak fails the bubble
	})
}

var human = velos.Actor{Kind: "user", User: "ann", UID: 1000}

func (s *scene) start(wait bool) error {
	return s.Start(context.Background(), s.id, -1, wait, human)
}
func (s *scene) stop(wait bool) error {
	return s.Stop(context.Background(), s.id, -1, 0, -1, wait, human)
}
func (s *scene) restart(wait bool) error {
	return s.Restart(context.Background(), s.id, -1, wait, human)
}

// after lets time pass and everything settle.
func (s *scene) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// async makes an order and says where its answer will be.
func (s *scene) async(f func(bool) error) <-chan error {
	ch := make(chan error, 1)
	go func() { ch <- f(true) }()
	synctest.Wait()
	return ch
}

func (s *scene) inst() velos.Instance {
	s.t.Helper()
	a, err := s.Info(s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Instances[0]
}

func (s *scene) want(status velos.Status) {
	s.t.Helper()
	if got := s.inst().Status; got != status {
		s.t.Fatalf("status is %s (%s); want %s", got, s.inst().Reason, status)
	}
}

func (s *scene) actor(n int) *actor {
	s.mu2().Lock()
	defer s.mu2().Unlock()
	return s.played[n]
}

func (s *scene) mu2() *sync.Mutex { return &s.stand.mu }

func answered(ch <-chan error) (error, bool) {
	synctest.Wait() // who is answered has still to say so
	select {
	case err := <-ch:
		return err, true
	default:
		return nil, false
	}
}
