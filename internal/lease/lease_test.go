package lease

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
)

// A stage has apps with leases, and processes that live or do not.
type stage struct {
	w      *Watch
	leases map[uint32]*velos.Lease
	dead   map[int]bool
	looks  int
	mu     sync.Mutex
	told   []string
}

func newStage(grace time.Duration) *stage {
	s := &stage{leases: map[uint32]*velos.Lease{}, dead: map[int]bool{}}
	s.w = New(Options{
		Each: func(yield func(uint32, *velos.Lease)) {
			for id := uint32(1); id < 10; id++ {
				if l := s.leases[id]; l != nil {
					yield(id, l)
				}
			}
		},
		Of:    func(id uint32) *velos.Lease { return s.leases[id] },
		Set:   func(id uint32, l *velos.Lease) { s.leases[id] = l },
		Alive: func(pid int, _ uint64) bool { s.looks++; return !s.dead[pid] },
		Grace: func() time.Duration { return grace },
		Gone: func(id uint32, l *velos.Lease, _ time.Duration) {
			s.tell("gone " + strconv.Itoa(int(id)) + ": " + l.Cause)
		},
		Stop: func(id uint32, l *velos.Lease) { s.tell("stop " + strconv.Itoa(int(id))) },
	})
	return s
}

func (s *stage) tell(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, what)
}

// kill ends a process.
func (s *stage) kill(pid int) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.dead[pid] = true
}

func (s *stage) lease(id uint32) *velos.Lease {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.leases[id]
}

// seen is how often it was looked whether a process lives.
func (s *stage) seen() int {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.looks
}

// pass lets time pass, and what is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *stage) take(id uint32, l velos.Lease) {
	s.w.Change(id, func(*velos.Lease) *velos.Lease { return Renewed(&l, time.Now()) })
}

func (s *stage) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.told, want) {
		t.Errorf("told %q, want %q", s.told, want)
	}
}

func TestAnAppIsStoppedAGraceAfterItsAgentsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(time.Minute)
		defer s.w.Close()
		s.take(1, velos.Lease{Agent: "codex", PID: 7, Start: 3})
		pass(time.Hour)
		s.expect(t)
		s.kill(7)
		pass(Every)
		s.expect(t, "gone 1: codex (pid 7) is gone")
		if l := s.lease(1); !l.Over() || !l.Binds() {
			t.Errorf("%+v", l)
		}
		pass(time.Minute - time.Second)
		s.expect(t, "gone 1: codex (pid 7) is gone")
		pass(Every)
		s.expect(t, "gone 1: codex (pid 7) is gone", "stop 1")
		looks := s.seen()
		pass(time.Hour)
		if s.seen() != looks {
			t.Error("it is looked for agents although no lease is left")
		}
	})
}

func TestALeaseThatIsTakenUpInItsGraceGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(time.Minute)
		defer s.w.Close()
		s.take(1, velos.Lease{Agent: "codex", PID: 7})
		s.kill(7)
		pass(10 * time.Second)
		s.take(1, velos.Lease{Agent: "codex", PID: 8})
		pass(time.Hour)
		s.expect(t, "gone 1: codex (pid 7) is gone")
		if l := s.lease(1); l.Over() || l.Cause != "" {
			t.Errorf("%+v", l)
		}
	})
}

func TestWhatIsKeptOutlivesItsAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(time.Minute)
		defer s.w.Close()
		s.take(1, velos.Lease{Agent: "codex", PID: 7, Keep: true})
		s.take(2, velos.Lease{Agent: "codex", PID: 7})
		s.kill(7)
		pass(30 * time.Second)
		s.w.Change(2, func(old *velos.Lease) *velos.Lease { l := *old; l.Keep = true; return &l })
		pass(time.Hour)
		s.expect(t, "gone 2: codex (pid 7) is gone")
	})
}

func TestALeaseEndsWhenNothingIsHeardOfItsAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(time.Minute)
		defer s.w.Close()
		s.take(1, velos.Lease{Agent: "codex", TTL: 600_000})
		s.take(2, velos.Lease{Agent: "codex", PID: 7, Start: 3, TTL: 600_000})
		if !s.w.Timed() {
			t.Error("nobody listens for signs of life")
		}
		for range 5 {
			pass(9 * time.Minute)
			s.w.Heard("codex", 7, 3)
			s.w.Heard("cursor", 0, 0)
		}
		s.expect(t)
		pass(9 * time.Minute)
		s.w.Heard("codex", 8, 3) // another process of the name: not the one of 2
		pass(3 * time.Minute)
		s.expect(t, "gone 2: codex has not been heard of for 10m", "stop 2")
	})
}

func TestAGraceGoesOnInTheNextDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(time.Minute)
		defer s.w.Close()
		s.kill(7)
		s.leases[1] = &velos.Lease{Agent: "codex", PID: 7, Gone: velos.TimeOf(time.Now().Add(-50 * time.Second)), Cause: "codex (pid 7) is gone"}
		s.leases[2] = &velos.Lease{Grants: []string{"codex"}}
		s.w.Begin()
		pass(9 * time.Second)
		s.expect(t)
		pass(2 * Every)
		s.expect(t, "stop 1")
	})
}

func TestWithoutLeasesNothingIsWatched(t *testing.T) {
	s := newStage(time.Minute)
	s.w.Begin()
	s.w.Change(1, func(*velos.Lease) *velos.Lease { return &velos.Lease{Grants: []string{"*"}} })
	if s.w.timer != nil || s.w.Timed() {
		t.Error("there is a timer")
	}
}
