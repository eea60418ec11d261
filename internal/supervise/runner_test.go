package supervise

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

func exitCode(n int) child.Exit { return child.Exit{Code: n} }

func TestStartAnswersWhenMinUptimeIsLivedThrough(t *testing.T) {
	play(t, nil, []life{forever}, func(t *testing.T, s *scene) {
		began := time.Now()
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != time.Second {
			t.Errorf("answered after %v; want min_uptime, 1s", d)
		}
		s.want(velos.Online)
	})
}

func TestStartFailsAtTheFirstCrash(t *testing.T) {
	play(t, nil, []life{{lives: 30 * time.Millisecond, code: 3}}, func(t *testing.T, s *scene) {
		began := time.Now()
		err := s.start(true)
		if !errors.Is(err, velos.ErrCrashed) {
			t.Fatalf("got %v; want crashed", err)
		}
		if !strings.Contains(err.Error(), "exited with code 3") || !strings.Contains(err.Error(), "before min_uptime") {
			t.Errorf("the error does not say why: %v", err)
		}
		if d := time.Since(began); d != 30*time.Millisecond {
			t.Errorf("answered after %v; want 30ms", d)
		}
	})
}

func TestCrashLoopEndsInErrored(t *testing.T) {
	play(t, func(p *velos.Spec) { p.MaxRestarts = 2 }, []life{{lives: 10 * time.Millisecond, code: 1}}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(time.Minute)
		s.want(velos.Errored)
		if n := s.runs(); n != 3 {
			t.Errorf("%d runs; want 3: the first and two restarts", n)
		}
		if r := s.inst(); r.Restarts != 2 || r.Strikes != 3 {
			t.Errorf("%d restarts, %d strikes; want 2, 3", r.Restarts, r.Strikes)
		}
	})
}

func TestStartAfterErroredCountsFromZero(t *testing.T) {
	play(t, func(p *velos.Spec) { p.MaxRestarts = 0 }, []life{{lives: 1, code: 1}, forever}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(time.Second)
		s.want(velos.Errored)
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		if n := s.inst().Strikes; n != 0 {
			t.Errorf("%d strikes; want 0", n)
		}
	})
}

func TestUptimeResetsStrikes(t *testing.T) {
	short, long := life{lives: 10 * time.Millisecond, code: 1}, life{lives: 2 * time.Second, code: 1}
	play(t, func(p *velos.Spec) { p.MaxRestarts = 1 }, []life{short, long, short, long, forever}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(time.Minute)
		s.want(velos.Online)
		if n := s.runs(); n != 5 {
			t.Errorf("%d runs; want 5", n)
		}
	})
}

func TestSecondStopHasItsOwnClock(t *testing.T) {
	play(t, nil, []life{{grace: 4 * time.Second}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.restart(true) // the first child takes 4 of its 5 seconds
		s.stop(true)    // so does the second
		if hard := s.actor(1).hard; hard != 0 {
			t.Errorf("the second child was killed %d times; want 0", hard)
		}
	})
}

func TestStopKillsWhatIgnoresIt(t *testing.T) {
	play(t, nil, []life{{grace: -1}}, func(t *testing.T, s *scene) {
		s.start(true)
		began := time.Now()
		if err := s.stop(true); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("stopped after %v; want kill_timeout, 5s", d)
		}
		if n := s.actor(0).conts; n != 1 {
			t.Errorf("%d SIGCONTs behind the stop signal; want 1, for a program that is stopped", n)
		}
		in := s.inst()
		if in.LastExit == nil || !in.LastExit.Killed || !in.LastExit.Asked {
			t.Errorf("last exit %+v; want asked and killed", in.LastExit)
		}
		if in.Status != velos.Stopped {
			t.Errorf("status %s after a stop that was asked for; want stopped", in.Status)
		}
	})
}

func TestWhatSurvivesAKillIsReportedAndNotForgotten(t *testing.T) {
	play(t, nil, []life{{grace: -1, immortal: true}, forever}, func(t *testing.T, s *scene) {
		s.start(true)
		err := s.stop(true)
		if !errors.Is(err, velos.ErrTimeout) {
			t.Fatalf("got %v; want timeout", err)
		}
		s.want(velos.Stopping)
		s.start(false)
		s.after(time.Minute)
		if n := s.runs(); n != 1 {
			t.Errorf("%d runs; nothing may be launched beside a run that is still there", n)
		}
		s.actor(0).end(child.Exit{Signal: "SIGKILL"})
		s.after(2 * time.Second)
		s.want(velos.Online)
	})
}

func TestStopWhileBackingOff(t *testing.T) {
	play(t, func(p *velos.Spec) { p.RestartDelay = 60_000 }, []life{{lives: 1, code: 1}}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(time.Second)
		s.want(velos.WaitingRestart)
		if err := s.stop(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Hour)
		s.want(velos.Stopped)
		if n := s.runs(); n != 1 {
			t.Errorf("%d runs; want 1", n)
		}
	})
}

func TestStopDuringTheForkEndsTheChild(t *testing.T) {
	play(t, nil, []life{{forking: time.Second}}, func(t *testing.T, s *scene) {
		up := s.async(s.start)
		if err := s.stop(true); err != nil {
			t.Fatal(err)
		}
		if err, ok := answered(up); !ok || !errors.Is(err, velos.ErrCancelled) {
			t.Errorf("the start got %v, %v; want cancelled", err, ok)
		}
		s.want(velos.Stopped)
		if n := s.actor(0).soft; n != 1 {
			t.Errorf("%d stop signals; want 1", n)
		}
	})
}

func TestRestartWaitsForTheOldRunToBeGone(t *testing.T) {
	play(t, nil, []life{{grace: 3 * time.Second, leaves: time.Second}, forever}, func(t *testing.T, s *scene) {
		s.start(true)
		began := time.Now()
		if err := s.restart(true); err != nil {
			t.Fatal(err)
		}
		if d := s.actor(1).born.Sub(began); d != 4*time.Second {
			t.Errorf("the new run began after %v; want 4s, when the old tree was gone", d)
		}
	})
}

func TestALeftoverOfACrashIsStoppedBeforeTheNextRun(t *testing.T) {
	play(t, nil, []life{{lives: 2 * time.Second, code: 1, leaves: -1}, forever}, func(t *testing.T, s *scene) {
		s.start(true)
		s.after(1100 * time.Millisecond)
		s.want(velos.Stopping)
		s.after(10 * time.Second)
		s.want(velos.Online)
		a := s.actor(0)
		if a.soft != 1 || a.hard != 1 {
			t.Errorf("leftover got %d signals and %d kills; want 1 and 1", a.soft, a.hard)
		}
	})
}

func TestAnOrderDuringTheEndOutranksThePolicy(t *testing.T) {
	once := func(p *velos.Spec) { p.Autorestart = velos.Never }
	play(t, once, []life{{lives: 2 * time.Second, code: 1, leaves: time.Second}, forever}, func(t *testing.T, s *scene) {
		s.start(true)
		s.after(1500 * time.Millisecond) // the root has ended, a leftover lives
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.want(velos.Online)
	})
}

func TestExponentialBackoff(t *testing.T) {
	play(t, func(p *velos.Spec) { p.ExpBackoffRestartDelay, p.MaxRestarts = 100, -1 }, []life{{lives: 1, code: 1}}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(10 * time.Minute)
		var gaps []time.Duration
		for i := 1; i < s.runs(); i++ {
			gaps = append(gaps, s.actor(i).born.Sub(s.actor(i-1).born))
		}
		for i, want := range []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000} {
			want *= time.Millisecond
			if gap := gaps[i]; gap < want*9/10-time.Millisecond || gap > want*11/10+time.Millisecond {
				t.Errorf("pause %d is %v; want about %v", i, gap, want)
			}
			if gaps[i] > velos.MaxBackoff.Std()+time.Millisecond {
				t.Errorf("pause %d is %v, over the cap", i, gaps[i])
			}
		}
	})
}

func TestAStableMinuteResetsTheBackoff(t *testing.T) {
	crash := life{lives: 1, code: 1}
	lives := []life{crash, crash, crash, {lives: time.Minute, code: 1}, forever}
	play(t, func(p *velos.Spec) { p.ExpBackoffRestartDelay = 1000 }, lives, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(10 * time.Minute)
		gap := s.actor(4).born.Sub(s.actor(3).born) - time.Minute
		if gap > 1100*time.Millisecond {
			t.Errorf("pause after a stable minute is %v; want about the first, 1s", gap)
		}
	})
}

func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy velos.Restart
		stops  []int64
		code   int
		status velos.Status
		fails  bool
	}{
		{"always restarts after 0", velos.Always, nil, 0, velos.Online, true},
		{"on-failure rests after 0", velos.OnFailure, nil, 0, velos.Stopped, false},
		{"on-failure restarts after 1", velos.OnFailure, nil, 1, velos.Online, true},
		{"never rests after 1", velos.Never, nil, 1, velos.Stopped, true},
		{"never rests after 0", velos.Never, nil, 0, velos.Stopped, false},
		{"a stop exit code rests", velos.Always, []int64{7}, 7, velos.Stopped, false},
		{"another code does not", velos.Always, []int64{7}, 8, velos.Online, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			edit := func(p *velos.Spec) { p.Autorestart, p.StopExitCodes = c.policy, c.stops }
			play(t, edit, []life{{lives: time.Millisecond, code: c.code}, forever}, func(t *testing.T, s *scene) {
				if err := s.start(true); (err != nil) != c.fails {
					t.Errorf("start answered %v; want an error: %v", err, c.fails)
				}
				s.after(5 * time.Second)
				s.want(c.status)
			})
		})
	}
}

func TestACallerWhoGivesUpDoesNotTakeTheOrderBack(t *testing.T) {
	play(t, nil, []life{{grace: 3 * time.Second}}, func(t *testing.T, s *scene) {
		s.start(true)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := s.Stop(ctx, s.id, -1, 0, -1, true, human)
		if !errors.Is(err, velos.ErrTimeout) {
			t.Fatalf("got %v; want timeout", err)
		}
		s.after(5 * time.Second)
		s.want(velos.Stopped)
	})
}

func TestDeleteWhileEverythingElseIsAskedFor(t *testing.T) {
	play(t, nil, []life{{grace: time.Second}}, func(t *testing.T, s *scene) {
		s.start(true)
		re := s.async(s.restart)
		if err := s.Delete(s.id, human); err != nil {
			t.Fatal(err)
		}
		s.after(0)
		if err, ok := answered(re); !ok || err == nil {
			t.Errorf("the restart got %v, %v; want an error", err, ok)
		}
		if err := s.start(true); !errors.Is(err, velos.ErrNotFound) {
			t.Errorf("start of a deleted app: %v; want not found", err)
		}
		if n := s.Len(); n != 0 {
			t.Errorf("%d apps left", n)
		}
	})
}

func TestIdsAreNeverReused(t *testing.T) {
	play(t, nil, []life{forever}, func(t *testing.T, s *scene) {
		if err := s.Delete(s.id, human); err != nil {
			t.Fatal(err)
		}
		id, err := s.Add(testSpec(), human)
		if err != nil {
			t.Fatal(err)
		}
		if id == s.id {
			t.Errorf("id %d was given out twice", id)
		}
	})
}

func TestANameIsTakenInAnySpelling(t *testing.T) {
	play(t, nil, []life{forever}, func(t *testing.T, s *scene) {
		other := testSpec()
		other.Name = "API"
		if _, err := s.Add(other, human); !errors.Is(err, velos.ErrConflict) {
			t.Errorf("got %v; want conflict", err)
		}
	})
}

func TestAProgramThatCannotBeStartedIsErrored(t *testing.T) {
	refusal := &velos.Error{Code: velos.Failed, Message: "start api: no such file: /srv/api"}
	play(t, nil, []life{{refuses: refusal}}, func(t *testing.T, s *scene) {
		if err := s.start(true); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("got %v", err)
		}
		s.want(velos.Errored)
		s.after(time.Hour)
		if n := s.runs(); n != 1 {
			t.Errorf("%d tries; want 1", n)
		}
	})
}

func TestAMachineThatIsBusyIsAskedAgain(t *testing.T) {
	busy := &velos.Error{Code: velos.Busy, Message: "start api: too many processes"}
	play(t, nil, []life{{refuses: busy}, {refuses: busy}, forever}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(10 * time.Second)
		s.want(velos.Online)
	})
}

func TestCloseDoesNotWaitForEverForWhatCannotBeKilled(t *testing.T) {
	play(t, nil, []life{{grace: -1, immortal: true}}, func(t *testing.T, s *scene) {
		s.start(true)
		began := time.Now()
		s.Close()
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("took %v; want kill_timeout and as long again", d)
		}
	})
}

func TestCloseStopsEverything(t *testing.T) {
	play(t, func(p *velos.Spec) { p.Instances = 10 }, []life{{grace: 2 * time.Second}}, func(t *testing.T, s *scene) {
		s.start(true)
		began := time.Now()
		s.Close()
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("took %v; ten instances stop side by side in 2s", d)
		}
	})
}

func TestEveryChangeIsAnEventWithItsActor(t *testing.T) {
	play(t, nil, []life{{lives: 90 * time.Second, code: 1}, forever}, func(t *testing.T, s *scene) {
		s.start(true)
		s.after(100 * time.Second)
		s.stop(true)
		var got []string
		s.mu2().Lock()
		defer s.mu2().Unlock()
		for _, e := range s.events {
			if e.App != "api" || e.Time != 0 && e.Seq != 0 {
				t.Errorf("event of another app or already numbered: %+v", e)
			}
			got = append(got, string(e.Kind)+" "+string(e.To)+" "+e.Actor.Kind)
		}
		want := []string{"config  policy", "order  user", "state starting user", "state online user",
			"exit  user", "state starting policy", "state online policy",
			"order  user", "state stopping user", "exit  user", "state stopped user"}
		want[4] = "exit  policy"
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
