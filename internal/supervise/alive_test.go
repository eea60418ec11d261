package supervise

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
)

func TestASupervisorThatWorksIsAlive(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Instances = 3 }, []life{forever}, func(t *testing.T, s *scene) {
		for range 10 { // stopped ones are asked too
			if err := s.Alive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		before, n := s.inst(), len(s.events)
		for range 10 {
			if err := s.Alive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if s.inst() != before || len(s.events) != n {
			t.Error("being asked has changed something")
		}
	})
}

func TestASupervisorWithoutAppsIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Machine: &stand{}})
		if err := s.Alive(t.Context()); err != nil {
			t.Error(err)
		}
		s.Close()
	})
}

// The turn hangs in the child's own lock, which stands for any call of a turn
// that should not block and does.
func TestAnActorThatIsStuckIsFound(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Instances = 2 }, []life{forever}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		stuck := s.played[0]
		free := make(chan struct{})
		stuck.signals = func() { <-free }
		go s.Signal(context.Background(), s.id, stuck.launch.Inst, 10, human)
		synctest.Wait()
		answered := 0
		for range 2 { // each instance in turn
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if s.Alive(ctx) == nil {
				answered++
			}
			cancel()
		}
		if answered != 1 {
			t.Errorf("%d of 2 actors have answered; want the one that is not stuck", answered)
		}
		close(free)
		synctest.Wait()
		if err := s.Alive(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAPoolThatIsStuckIsFound(t *testing.T) {
	play(t, nil, []life{forever}, func(t *testing.T, s *scene) {
		synctest.Wait() // the actor's first turn is over
		free := make(chan struct{})
		for range lanes {
			s.turns.do(func() { <-free })
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if s.Alive(ctx) == nil {
			t.Error("alive without a lane to run in")
		}
		close(free)
	})
}
