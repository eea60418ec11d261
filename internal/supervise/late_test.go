package supervise

import (
	"context"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// players are the scene's app and those who play its instances now.
func (s *scene) players() (*app, []*runner) {
	s.t.Helper()
	a, err := s.find(s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return a, a.cast.Load().slots
}

// send gives an order to one runner and fails when no answer comes.
func (s *scene) send(a *app, r *runner, o order) error {
	s.t.Helper()
	reply := make(chan error, 1)
	go func() { reply <- a.order(context.Background(), []*runner{r}, o) }()
	s.after(time.Minute)
	err, ok := answered(reply)
	if !ok {
		s.t.Errorf("the order to %s got no answer", verbNames[o.verb])
	}
	return err
}

func TestAnOrderToARunThatHasJustEndedIsAnswered(t *testing.T) {
	play(t, clustered(2), []life{worker}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		a, slots := s.players()
		if err := s.Scale(context.Background(), s.id, 1, false, human); err != nil {
			t.Fatal(err)
		}
		s.after(0)
		if err := s.send(a, slots[1], order{verb: stop, actor: human, grace: -1, wait: true}); err != nil {
			t.Errorf("a stop of what has ended: %v", err)
		}
		if err := s.send(a, slots[1], order{verb: start, actor: human, wait: true}); velos.CodeOf(err) != velos.Conflict {
			t.Errorf("a start of what has ended: %v; want a conflict", err)
		}
		if s.runs() != 2 {
			t.Errorf("%d runs; want no third one", s.runs())
		}
	})
}

func TestAStartThatComesAfterAReloadHasTakenThePlaceStartsNothing(t *testing.T) {
	slow := worker
	slow.finish = 3 * time.Second
	play(t, clustered(1), []life{slow}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		a, slots := s.players()
		go func() { _, _ = s.reload(nil) }()
		s.after(2 * time.Second)
		for _, v := range []verb{start, restart} {
			if err := s.send(a, slots[0], order{verb: v, actor: human, wait: true}); velos.CodeOf(err) != velos.Conflict {
				t.Errorf("%s: %v; want a conflict", verbNames[v], err)
			}
		}
		if v := s.app(); len(v.Leaving) != 0 || s.runs() != 2 {
			t.Errorf("%d leaving, %d runs; want 0 and 2", len(v.Leaving), s.runs())
		}
	})
}

func TestAStartWhileTheDaemonEndsStartsNothing(t *testing.T) {
	play(t, nil, []life{{grace: time.Second}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		a, slots := s.players()
		go s.Close()
		s.after(100 * time.Millisecond)
		if err := s.send(a, slots[0], order{verb: start, actor: human, wait: true}); velos.CodeOf(err) != velos.NotFound {
			t.Errorf("%v; want not found", err)
		}
		if s.runs() != 1 {
			t.Errorf("%d runs; want one", s.runs())
		}
	})
}
