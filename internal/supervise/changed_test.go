package supervise

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

// watched is a supervisor whose every change is saved at once: what is on that
// disk when an order is answered is what a crash would leave.
func watched(t *testing.T, lives []life) (s *scene, disk func() home.Run) {
	t.Helper()
	st := &stand{lives: lives}
	s = &scene{stand: st, t: t}
	var saved atomic.Pointer[home.Run]
	s.Supervisor = New(Options{Machine: st, Event: st.event, Changed: func() {
		each, _, _ := s.Saved()
		for a := range each {
			r := a.Runs[0]
			saved.Store(&r)
		}
	}})
	id, err := s.Add(testSpec(), velos.Policy)
	if err != nil {
		t.Fatal(err)
	}
	s.id = id
	return s, func() home.Run { return *saved.Load() }
}

func (s *scene) onDisk(what string, r home.Run) {
	s.t.Helper()
	in := s.inst()
	if r.Wanted != in.Wanted || r.Status != in.Status || r.PID != in.PID || r.LastExit != in.LastExit {
		s.t.Errorf("%s: saved is %s, wanted %v, pid %d; it is %s, wanted %v, pid %d",
			what, r.Status, r.Wanted, r.PID, in.Status, in.Wanted, in.PID)
	}
}

func TestWhatAnOrderIsAnsweredWithIsWhatIsSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, disk := watched(t, []life{{grace: 3 * time.Second}})
		for _, step := range []struct {
			name string
			do   func(bool) error
			wait bool
		}{
			{"start", s.start, true}, {"restart", s.restart, false}, {"stop in the course of a restart", s.stop, false},
			{"start in the course of a stop", s.start, false}, {"stop again", s.stop, true},
		} {
			if err := step.do(step.wait); err != nil {
				t.Fatal(step.name, err)
			}
			s.onDisk(step.name, disk())
		}
		s.Close()
	})
}

func TestWhatPolicyDoesIsSavedAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, disk := watched(t, []life{{lives: 10 * time.Millisecond, code: 1}})
		s.start(false)
		s.after(time.Minute)
		s.want(velos.Errored)
		s.onDisk("gave up", disk())
		s.Close()
	})
}
