package supervise

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// withHooks gives a Spec the hooks that are named.
func withHooks(names ...velos.HookName) func(*velos.Spec) {
	return func(s *velos.Spec) {
		for _, n := range names {
			s.Hooks = s.With(n, &velos.Hook{Command: []string{"/bin/" + string(n)}})
		}
	}
}

// taking is a hook that takes a while, and then ends with err.
func taking(d time.Duration, err error) func(context.Context, HookRun) error {
	return func(ctx context.Context, _ HookRun) error {
		select {
		case <-time.After(d):
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var exitsWith3 = &velos.Error{Code: velos.Failed, Message: "exit code 3"}

func (s *scene) hook(n int) *HookRun { return &s.hooksRun()[n] }

func (k *HookRun) lookup(name string) string {
	for _, v := range k.Vars {
		if text, ok := strings.CutPrefix(v, name+"="); ok {
			return text
		}
	}
	return ""
}

func TestHooksAreRunInTheOrderOfARun(t *testing.T) {
	play(t, withHooks(velos.HookNames[:]...), []life{{grace: time.Second}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.after(0)
		s.restart(true)
		s.after(0)
		s.stop(true)
		if got, want := s.hookNames(), "pre_start post_start pre_stop pre_start post_start pre_stop"; got != want {
			t.Errorf("got %s; want %s", got, want)
		}
		if pid := s.hook(1).lookup("VELOS_PID"); pid != "1000" {
			t.Errorf("post_start has VELOS_PID %q; want the run's", pid)
		}
	})
}

func TestARunBeginsWhenPreStartHasSucceeded(t *testing.T) {
	play(t, withHooks(velos.PreStart), []life{forever}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(20*time.Second, nil))
		reply := s.async(s.start)
		s.after(19 * time.Second)
		if in := s.inst(); s.runs() != 0 || in.Status != velos.Starting || in.Said != "runs pre_start" {
			t.Fatalf("%d runs, %s, %q; want none, starting", s.runs(), in.Status, in.Said)
		}
		s.after(2 * time.Second)
		if err, ok := answered(reply); !ok || err != nil {
			t.Errorf("answered %v, %v", err, ok)
		}
		s.want(velos.Online)
	})
}

func TestAFailedPreStartIsAStrikeAndTriedAgain(t *testing.T) {
	play(t, withHooks(velos.PreStart, velos.OnCrash, velos.OnGivingUp), []life{forever}, func(t *testing.T, s *scene) {
		s.hooksAre(func(_ context.Context, k HookRun) error {
			if k.Name == velos.PreStart && len(s.hooksRun()) < 3 {
				return exitsWith3
			}
			return nil
		})
		err := s.start(true)
		if velos.CodeOf(err) != velos.Crashed || !strings.Contains(err.Error(), "pre_start failed after ") || !strings.HasSuffix(err.Error(), ": exit code 3") {
			t.Fatalf("got %v", err)
		}
		s.want(velos.WaitingRestart)
		if in := s.inst(); in.Strikes != 1 || s.runs() != 0 || !strings.Contains(in.Reason, "pre_start") {
			t.Errorf("%d strikes, %d runs, reason %s", in.Strikes, s.runs(), in.Reason)
		}
		s.after(5 * time.Second)
		s.want(velos.Online)
		if got := s.hookNames(); got != "pre_start pre_start pre_start" {
			t.Errorf("got %s: it is no crash", got)
		}
	})
}

func TestPreStartThatAlwaysFailsGivesUp(t *testing.T) {
	play(t, func(p *velos.Spec) {
		withHooks(velos.PreStart, velos.OnGivingUp)(p)
		p.MaxRestarts = 2
	}, []life{forever}, func(t *testing.T, s *scene) {
		s.hooksAre(func(_ context.Context, k HookRun) error {
			if k.Name == velos.PreStart {
				return exitsWith3
			}
			return nil
		})
		s.start(true)
		s.after(time.Minute)
		s.want(velos.Errored)
		if got := s.hookNames(); got != "pre_start pre_start pre_start on_giving_up" {
			t.Errorf("got %s", got)
		}
		if r := s.inst().Reason; !strings.Contains(r, "failed 3 times in a row") || s.hook(3).lookup("VELOS_REASON") != r {
			t.Errorf("the reason is %q, and the hook was told %q", r, s.hook(3).lookup("VELOS_REASON"))
		}
	})
}

func TestAppsThatAreNotRestartedDoNotRepeatPreStart(t *testing.T) {
	play(t, func(p *velos.Spec) {
		withHooks(velos.PreStart)(p)
		p.Autorestart = velos.Never
	}, []life{forever}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(0, exitsWith3))
		s.start(true)
		s.after(time.Minute)
		s.want(velos.Errored)
		if got := s.hookNames(); got != "pre_start" {
			t.Errorf("got %s", got)
		}
	})
}

func TestPreStartThatTakesTooLongIsEnded(t *testing.T) {
	play(t, withHooks(velos.PreStart), []life{forever}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(time.Hour, nil))
		began := time.Now()
		err := s.start(true)
		if err == nil || time.Since(began) != velos.DefaultHookTimeout.Std() {
			t.Errorf("answered %v after %v", err, time.Since(began))
		}
	})
}

func TestAStopEndsPreStart(t *testing.T) {
	play(t, withHooks(velos.PreStart), []life{forever}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(20*time.Second, nil))
		reply := s.async(s.start)
		s.after(time.Second)
		began := time.Now()
		if err := s.stop(true); err != nil || time.Since(began) != 0 {
			t.Errorf("answered %v after %v", err, time.Since(began))
		}
		if err, ok := answered(reply); !ok || velos.CodeOf(err) != velos.Cancelled {
			t.Errorf("the start was answered %v, %v; want cancelled", err, ok)
		}
		s.want(velos.Stopped)
		if s.runs() != 0 {
			t.Errorf("%d runs", s.runs())
		}
	})
}

func TestARestartBeginsPreStartAnew(t *testing.T) {
	play(t, withHooks(velos.PreStart), []life{forever}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(20*time.Second, nil))
		s.start(false)
		s.after(15 * time.Second)
		began := time.Now()
		if err := s.restart(true); err != nil || time.Since(began) != 21*time.Second {
			t.Errorf("answered %v after %v", err, time.Since(began))
		}
		if s.runs() != 1 {
			t.Errorf("%d runs; want 1", s.runs())
		}
	})
}

func TestADeletionEndsPreStart(t *testing.T) {
	play(t, withHooks(velos.PreStart), []life{forever}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(20*time.Second, nil))
		s.start(false)
		s.after(time.Second)
		began := time.Now()
		if err := s.Delete(s.id, human); err != nil || time.Since(began) != 0 || s.runs() != 0 {
			t.Errorf("answered %v after %v, %d runs", err, time.Since(began), s.runs())
		}
	})
}

func TestTheStopSignalWaitsForPreStop(t *testing.T) {
	play(t, withHooks(velos.PreStop), []life{{grace: time.Second}}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(10*time.Second, exitsWith3))
		s.start(true)
		began := time.Now()
		reply := s.async(s.stop)
		s.after(9 * time.Second)
		if soft := s.count((*actor).softs); soft != 0 {
			t.Fatalf("%d signals before pre_stop was over", soft)
		}
		s.after(3 * time.Second)
		if err, ok := answered(reply); !ok || err != nil {
			t.Errorf("answered %v, %v", err, ok)
		}
		if d := time.Since(began); d != 12*time.Second || s.count((*actor).hards) != 0 {
			t.Errorf("stopped after %v", d)
		}
		if w := s.causes(velos.KindWarning); len(w) != 1 || w[0] != "pre_stop failed after 10s: exit code 3" {
			t.Errorf("warnings: %q", w)
		}
	})
}

func TestPreStopThatHangsHasItsOwnLimit(t *testing.T) {
	play(t, func(p *velos.Spec) {
		p.Hooks = p.With(velos.PreStop, &velos.Hook{Command: []string{"/x"}, Timeout: 3000})
	}, []life{{grace: -1}}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(time.Hour, nil))
		s.start(true)
		began := time.Now()
		s.stop(true)
		if d := time.Since(began); d != 8*time.Second {
			t.Errorf("stopped after %v; want 3s of pre_stop and 5s of kill_timeout", d)
		}
	})
}

func TestARunThatEndsDuringPreStopLeavesItItsTime(t *testing.T) {
	play(t, withHooks(velos.PreStop), []life{{lives: 5 * time.Second}, forever}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(10*time.Second, nil))
		s.start(true)
		began := time.Now()
		if err := s.restart(true); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 11*time.Second || s.runs() != 2 {
			t.Errorf("restarted after %v, %d runs", d, s.runs())
		}
	})
}

func TestAStopAtOnceRunsNoPreStop(t *testing.T) {
	play(t, withHooks(velos.PreStop), []life{{grace: -1}}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(10*time.Second, nil))
		s.start(true)
		s.Stop(context.Background(), s.id, -1, 0, 0, true, human)
		if got := s.hookNames(); got != "" {
			t.Errorf("got %s", got)
		}
		s.start(true)
		s.stop(false)
		s.after(time.Second)
		began := time.Now()
		s.Stop(context.Background(), s.id, -1, 0, 0, true, human)
		if d := time.Since(began); d > 10*time.Millisecond {
			t.Errorf("a stop at once took %v beside a pre_stop", d)
		}
	})
}

func TestARestartDoesNotWaitForOnCrash(t *testing.T) {
	play(t, withHooks(velos.OnCrash), []life{{lives: 2 * time.Second, code: 7}, {lives: 2 * time.Second, code: 8}, {lives: 2 * time.Second, code: 9}, forever}, func(t *testing.T, s *scene) {
		s.hooksAre(taking(20*time.Second, exitsWith3))
		s.start(true)
		s.after(10 * time.Second)
		s.want(velos.Online)
		s.after(time.Minute)
		var codes []string
		for _, k := range s.hooksRun() {
			codes = append(codes, k.lookup("VELOS_EXIT_CODE"))
		}
		if !slices.Equal(codes, []string{"7", "9"}) {
			t.Errorf("told of %q; want the first and, when that was over, the newest", codes)
		}
		if w := s.causes(velos.KindWarning); len(w) != 2 {
			t.Errorf("warnings: %q", w)
		}
	})
}

func TestAnEndThatIsNoneTellsNobody(t *testing.T) {
	play(t, withHooks(velos.OnCrash), []life{{lives: 2 * time.Second}, {grace: time.Second}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.after(5 * time.Second) // code 0
		s.stop(true)
		if got := s.hookNames(); got != "" {
			t.Errorf("got %s", got)
		}
	})
}

func TestPostStartEndsWithItsRun(t *testing.T) {
	play(t, withHooks(velos.PostStart, velos.PreStop), []life{{grace: time.Second}}, func(t *testing.T, s *scene) {
		ended := make(chan time.Time, 1)
		s.hooksAre(func(ctx context.Context, k HookRun) error {
			if k.Name == velos.PreStop {
				return nil
			}
			<-ctx.Done()
			ended <- time.Now()
			return errors.New("cut short")
		})
		s.start(true)
		s.after(time.Second)
		began := time.Now()
		s.stop(true)
		if at := <-ended; !at.Equal(began) {
			t.Errorf("post_start ended %v after the stop began", at.Sub(began))
		}
		if w := s.causes(velos.KindWarning); len(w) != 0 {
			t.Errorf("warnings: %q", w)
		}
	})
}

func TestAReloadRunsTheSuccessorsAndThePredecessorsHooks(t *testing.T) {
	play(t, func(p *velos.Spec) {
		withHooks(velos.PreStart, velos.PostStart, velos.PreStop)(p)
		p.Listen, p.ListenReuse = []string{"tcp://127.0.0.1:1"}, true
	}, []life{{grace: time.Second}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.after(0)
		before := len(s.hooksRun())
		if _, err := s.Reload(context.Background(), s.id, -1, 1, nil, human); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range s.hooksRun()[before:] {
			got = append(got, string(k.Name)+" "+k.lookup("VELOS_PID"))
		}
		slices.Sort(got) // post_start is beside what follows
		if want := []string{"post_start 1001", "pre_start ", "pre_stop 1000"}; !slices.Equal(got, want) {
			t.Errorf("got %q; want %q", got, want)
		}
		s.hooksAre(taking(0, exitsWith3))
		if _, err := s.Reload(context.Background(), s.id, -1, 1, nil, human); err == nil || !strings.Contains(err.Error(), "the others run on") {
			t.Errorf("got %v", err)
		}
		s.want(velos.Online)
	})
}

func TestAnAppWithoutHooksCostsNothingForThem(t *testing.T) {
	play(t, nil, []life{{lives: 2 * time.Second, code: 1}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.after(10 * time.Second)
		if s.runner().hooks != nil {
			t.Error("the runner has made room for hooks")
		}
	})
}
