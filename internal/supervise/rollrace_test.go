package supervise

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// onHold has f called when a reload has its successor ready and is about to give
// it the place.
func (s *scene) onHold(f func(Seat)) {
	s.mu2().Lock()
	defer s.mu2().Unlock()
	s.holding = f
}

func TestTheEndOfTheDaemonBetweenReadyAndTaken(t *testing.T) {
	play(t, clustered(1), []life{worker}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		s.onHold(func(Seat) {
			go s.Close()
			time.Sleep(time.Minute) // all that can end has ended
		})
		if _, err := s.reload(nil); velos.CodeOf(err) != velos.NotFound {
			t.Errorf("%v; want not found", err)
		}
	})
}

func TestAReloadThatIsInterruptedWhenItHasTakenAPlaceEndsTheOldRun(t *testing.T) {
	for range 20 { // what was under way may come through or not
		play(t, clustered(1), []life{worker}, func(t *testing.T, s *scene) {
			_ = s.start(true)
			a, _ := s.players()
			s.onHold(func(Seat) { a.roll.cancel() })
			_, err := s.reload(nil)
			if velos.CodeOf(err) != velos.Cancelled || err.Error() != "reload api: another order came first; 1 of 1 instances were replaced" {
				t.Errorf("%v; want cancelled", err)
			}
			s.after(time.Minute)
			if v := s.app(); len(v.Leaving) != 0 || fmt.Sprint(s.pids()) != "[1001]" {
				t.Fatalf("%d runs are left aside, pids %v", len(v.Leaving), s.pids())
			}
		})
	}
}

func TestScaleDownThatIsInterruptedStillEndsThoseThatGo(t *testing.T) {
	slow := worker
	slow.finish = 3 * time.Second
	play(t, clustered(3), []life{slow}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		reply := s.async(func(bool) error { return s.Scale(context.Background(), s.id, 1, false, human) })
		s.after(time.Second)
		if err := s.restart(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Minute)
		if err, ok := answered(reply); !ok || velos.CodeOf(err) != velos.Cancelled {
			t.Errorf("scale was answered %v, %v", ok, err)
		}
		if v := s.app(); len(v.Instances) != 1 || len(v.Leaving) != 0 {
			t.Errorf("%d instances, %d leaving", len(v.Instances), len(v.Leaving))
		}
	})
}

// seats fails when two runs that live at the same time have the same seat.
func (s *scene) seats() {
	s.t.Helper()
	s.mu2().Lock()
	defer s.mu2().Unlock()
	live := map[Seat]int{}
	for _, a := range s.played {
		a.mu.Lock()
		if !a.dead {
			if pid := live[a.launch.Seat]; pid != 0 {
				s.t.Errorf("processes %d and %d have the same seat %v", pid, a.pid, a.launch.Seat)
			}
			live[a.launch.Seat] = a.pid
		}
		a.mu.Unlock()
	}
}

func TestANewInstanceWaitsForTheOldOneOfItsSeat(t *testing.T) {
	slow := worker
	slow.finish = 3 * time.Second
	play(t, clustered(2), []life{slow}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		down := s.async(func(bool) error { return s.Scale(context.Background(), s.id, 1, false, human) })
		a, _ := s.players()
		a.interrupt()
		up := s.async(func(bool) error { return s.Scale(context.Background(), s.id, 2, false, human) })
		for range 50 {
			s.after(100 * time.Millisecond)
			s.seats()
		}
		_, _ = answered(down)
		if err, ok := answered(up); !ok || err != nil {
			t.Errorf("scale up was answered %v, %v", ok, err)
		}
	})
}

func TestARestartingReloadThatFailsIsRolledBackToo(t *testing.T) {
	ok := life{grace: time.Millisecond}
	dies := life{lives: 10 * time.Millisecond, code: 1}
	for name, lives := range map[string][]life{
		"the first instance":                   {ok, ok, dies, ok},
		"the second instance":                  {ok, ok, ok, dies, ok},
		"the first instance, never restarted":  {ok, ok, dies, ok},
		"the second instance, never restarted": {ok, ok, ok, dies, ok},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *velos.Spec) {
				s.Instances, s.RestartDelay = 2, 60_000
				if strings.Contains(name, "never") {
					s.Autorestart = velos.Never
				}
			}, lives, func(t *testing.T, s *scene) {
				_ = s.start(true)
				next := s.app().Spec
				next.Args = []string{"--new"}
				_, err := s.reload(&next)
				if velos.CodeOf(err) != velos.Failed || !strings.Contains(err.Error(), "rolled back") {
					t.Errorf("%v; want a word of the roll-back", err)
				}
				s.after(5 * time.Minute)
				a := s.app()
				if a.Status != velos.Online || len(a.Spec.Args) != 0 {
					t.Errorf("%s, %v", a.Status, a.Spec.Args)
				}
				for _, i := range a.Instances {
					if args := s.actor(i.PID - 1000).launch.Spec.Args; len(args) != 0 {
						t.Errorf("instance %d runs %v; want the old arguments", i.Inst, args)
					}
				}
			})
		})
	}
}

func TestAReloadOfAProgramThatIsNotThereIsRolledBack(t *testing.T) {
	missing := life{refuses: &velos.Error{Code: velos.NotFound, Message: "no such file"}}
	play(t, clustered(2), []life{worker, worker, worker, missing, worker}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		next := s.app().Spec
		next.Args = []string{"--new"}
		if _, err := s.reload(&next); velos.CodeOf(err) != velos.Failed || !strings.Contains(err.Error(), "rolled back") {
			t.Errorf("%v; want a word of the roll-back", err)
		}
	})
}

func TestARenameAndAnUpdateDuringAReloadStand(t *testing.T) {
	slow := worker
	slow.news = nil
	slow.finish = 3 * time.Second
	play(t, clustered(2), []life{slow}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		next := s.app().Spec
		next.Args = []string{"--new"}
		reply := s.async(func(bool) error { _, err := s.reload(&next); return err })
		if err := s.Rename(s.id, "other", human); err != nil {
			t.Fatal(err)
		}
		s.after(time.Minute)
		if err, ok := answered(reply); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if v := s.app(); v.Spec.Name != "other" || len(v.Spec.Args) != 1 {
			t.Errorf("the name is %s, %v; want the new ones", v.Spec.Name, v.Spec.Args)
		}

		next = s.app().Spec
		next.Args = []string{"--newer"}
		reply = s.async(func(bool) error { _, err := s.reload(&next); return err })
		change := s.app().Spec
		change.Args = []string{"--changed"}
		if err := s.Update(s.id, change, human); err != nil {
			t.Fatal(err)
		}
		s.after(time.Minute)
		if err, ok := answered(reply); !ok || velos.CodeOf(err) != velos.Conflict {
			t.Errorf("answered %v, %v; want a conflict", ok, err)
		}
		if v := s.app(); v.Spec.Args[0] != "--changed" {
			t.Errorf("the app is configured with %v", v.Spec.Args)
		}
	})
}

func TestAnUpdateThatCannotChangeTheNumberChangesNothing(t *testing.T) {
	play(t, clustered(1), []life{worker, {grace: time.Millisecond}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		go func() { _, _ = s.reload(nil) }()
		s.after(time.Second)
		change := s.app().Spec
		change.Args, change.Instances = []string{"--changed"}, 3
		if err := s.Update(s.id, change, human); velos.CodeOf(err) != velos.Conflict {
			t.Errorf("%v; want a conflict", err)
		}
		if v := s.app(); len(v.Spec.Args) != 0 {
			t.Errorf("the app is configured with %v", v.Spec.Args)
		}
	})
}

func TestAnotherNumberOfInstancesOfAStoppedApp(t *testing.T) {
	play(t, nil, []life{forever}, func(t *testing.T, s *scene) {
		for _, n := range []int{4, 2} {
			change := s.app().Spec
			change.Instances = n
			if err := s.Update(s.id, change, human); err != nil {
				t.Fatal(err)
			}
			s.after(0)
			if v := s.app(); len(v.Instances) != n || len(v.Leaving) != 0 || v.Status != velos.Stopped {
				t.Errorf("%d instances, %d leaving, %s", len(v.Instances), len(v.Leaving), v.Status)
			}
		}
		if err := s.Delete(s.id, human); err != nil { // ends: those that never ran, too
			t.Error(err)
		}
	})
}

func TestScaleWhileTheAppIsBeingStoppedIsRefused(t *testing.T) {
	play(t, nil, []life{{grace: 2 * time.Second}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		s.async(s.stop)
		if err := s.Scale(context.Background(), s.id, 3, false, human); velos.CodeOf(err) != velos.Conflict {
			t.Errorf("%v; want a conflict", err)
		}
		s.after(time.Minute)
		if err := s.Scale(context.Background(), s.id, 3, false, human); err != nil || s.runs() != 1 {
			t.Errorf("%v, %d runs", err, s.runs())
		}
	})
}

func TestScaleWhileAStopGoesOnThatNobodyWaitsForStartsNothing(t *testing.T) {
	play(t, nil, []life{{grace: 2 * time.Second}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		_ = s.stop(false)
		if err := s.Scale(context.Background(), s.id, 3, false, human); err != nil {
			t.Error(err)
		}
		s.after(time.Minute)
		if v := s.app(); v.Status != velos.Stopped || s.runs() != 1 {
			t.Errorf("%s, %d runs", v.Status, s.runs())
		}
	})
}

func TestASuccessorThatEndsBetweenReadyAndTakenIsNotTaken(t *testing.T) {
	brief := life{lives: time.Second, code: 1, news: worker.news, leaves: 0}
	play(t, func(s *velos.Spec) { clustered(1)(s); s.MinUptime = 1000 }, []life{worker, brief, worker}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		a, _ := s.players()
		r := newRunner(a, 0, 1)
		r.trial, r.needs = true, 1
		if !a.join(r) {
			t.Fatal("cannot join")
		}
		if err := s.ask(a, r, order{verb: start, actor: human, wait: true}); err != nil {
			t.Fatal(err)
		}
		s.after(2 * time.Second)
		if err := s.ask(a, r, order{verb: take, actor: human}); velos.CodeOf(err) != velos.Crashed {
			t.Errorf("%v; want crashed", err)
		}
		if err := s.ask(a, r, order{verb: retire, actor: human, grace: -1, wait: true}); err != nil {
			t.Error(err)
		}
		if s.runs() != 2 {
			t.Errorf("%d runs; a trial has one", s.runs())
		}
	})
}

// ask gives an order to one runner.
func (s *scene) ask(a *app, r *runner, o order) error {
	return a.order(context.Background(), []*runner{r}, o)
}

func TestAReloadInEveryStateOfAnInstance(t *testing.T) {
	crashes := life{lives: time.Millisecond, code: 1}
	for name, c := range map[string]struct {
		edit  func(*velos.Spec)
		lives []life
	}{
		"waiting_restart": {func(s *velos.Spec) { s.RestartDelay = 600_000 }, []life{crashes, worker}},
		"errored":         {func(s *velos.Spec) { s.MaxRestarts = 0 }, []life{crashes, worker}},
		"starting":        {func(s *velos.Spec) { s.WaitReady = true }, []life{{}, {news: []News{{Kind: Ready}, {Listens, "tcp://0.0.0.0:80"}}}}},
		"forking":         {nil, []life{{forking: 3 * time.Second}, worker}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *velos.Spec) {
				clustered(1)(s)
				if c.edit != nil {
					c.edit(s)
				}
			}, c.lives, func(t *testing.T, s *scene) {
				_ = s.start(false)
				s.after(500 * time.Millisecond)
				if _, err := s.reload(nil); err != nil {
					t.Error(err)
				}
				s.after(time.Minute)
				if v := s.app(); v.Status != velos.Online || len(v.Leaving) != 0 || s.runs() != 2 {
					t.Errorf("%s, %d leaving, %d runs", v.Status, len(v.Leaving), s.runs())
				}
				s.seats()
			})
		})
	}
}
