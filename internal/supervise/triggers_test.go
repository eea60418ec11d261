package supervise

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/home"
)

// The bubble's clock begins at midnight of 2000-01-01, UTC.

func nightly(s *velos.Spec) { s.CronRestart = "TZ=UTC 0 3 * * *" }

func observed(s *velos.Spec) { s.Watch = true }

func hourly(s *velos.Spec) {
	s.Schedule, s.Autorestart = "TZ=UTC 0 * * * *", velos.Never
}

func (s *scene) ordered(want string) {
	s.t.Helper()
	if list := s.causes(velos.KindOrder); !slices.Contains(list, want) {
		s.t.Errorf("orders are %q; want %q among them", list, want)
	}
}

func TestCronRestartsAnAppAtItsTimes(t *testing.T) {
	play(t, nightly, []life{forever}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(0)
		if got := s.inst().NextRun.Std().UTC().Format(time.DateTime); got != "2000-01-01 03:00:00" {
			t.Errorf("next run: %s", got)
		}
		s.after(3*time.Hour - 2*time.Second)
		if s.runs() != 1 {
			t.Errorf("%d runs before it was time", s.runs())
		}
		s.after(4 * time.Second)
		s.want(velos.Online)
		if i := s.inst(); s.runs() != 2 || i.Restarts != 1 || i.NextRun.Std().UTC().Format(time.DateTime) != "2000-01-02 03:00:00" {
			t.Errorf("%d runs, %d restarts, next at %s", s.runs(), i.Restarts, i.NextRun.Std())
		}
		s.ordered("restart, cron: TZ=UTC 0 3 * * *")
		if a := s.actor(0); a.soft != 1 || a.hard != 0 {
			t.Errorf("the old run got %d stop signals and %d kills", a.soft, a.hard)
		}
	})
}

func TestTriggersRestWhileTheAppIsStopped(t *testing.T) {
	play(t, func(s *velos.Spec) { nightly(s); observed(s) }, []life{forever}, func(t *testing.T, s *scene) {
		s.after(24 * time.Hour) // it was never started
		if s.runs() != 0 || s.alter("a.js changed") {
			t.Fatal("what was never started is watched")
		}
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		if err := s.stop(true); err != nil {
			t.Fatal(err)
		}
		s.after(48 * time.Hour)
		if i := s.inst(); s.runs() != 1 || i.NextRun != 0 || s.alter("a.js changed") {
			t.Errorf("%d runs, next at %d", s.runs(), i.NextRun)
		}
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Second)
		if !s.alter("a.js changed") || s.inst().NextRun == 0 {
			t.Error("it is not watched again")
		}
		s.after(3 * time.Second)
		if s.runs() != 3 {
			t.Errorf("%d runs; want 3", s.runs())
		}
	})
}

func TestChangedFilesRestartAnApp(t *testing.T) {
	play(t, observed, []life{{grace: 2 * time.Second}, forever}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Second)
		s.alter("src/app.js changed")
		s.after(time.Second)
		s.want(velos.Stopping)
		if got := s.inst().Reason; got != "watch: src/app.js changed" {
			t.Errorf("reason: %s", got)
		}
		s.alter("src/b.js changed") // while the first restart is under way
		s.alter("src/c.js changed")
		s.after(10 * time.Second)
		s.want(velos.Online)
		if s.runs() != 3 {
			t.Errorf("%d runs; want 3: the changes that came meanwhile are one more", s.runs())
		}
		s.ordered("restart, watch: src/app.js changed")
		s.ordered("restart, watch: src/c.js changed")
		if s.inst().NextRun != 0 {
			t.Error("a next run is known")
		}
	})
}

func TestChangedFilesStartWhatHasGivenUpOrEnded(t *testing.T) {
	crashes := life{lives: 10 * time.Millisecond, code: 1}
	play(t, func(s *velos.Spec) { observed(s); s.MaxRestarts = 0 }, []life{crashes, forever}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		s.after(time.Second)
		s.want(velos.Errored)
		s.alter("app.js changed")
		s.after(3 * time.Second)
		s.want(velos.Online)
	})
	play(t, func(s *velos.Spec) { observed(s); s.Autorestart = velos.Never }, []life{{lives: 2 * time.Second}, forever}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		s.after(5 * time.Second)
		s.want(velos.Stopped)
		s.alter("app.js changed")
		s.after(3 * time.Second)
		s.want(velos.Online)
		if err := s.stop(true); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnAppWhoseSocketsAreOursIsReloadedByItsTriggers(t *testing.T) {
	play(t, func(s *velos.Spec) {
		observed(s)
		s.Listen = []string{"tcp://127.0.0.1:0"}
		s.ListenReuse = true
		s.Instances = 2
	}, []life{forever}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Second)
		s.alter("app.js changed")
		s.after(time.Second / 2)
		a, _ := s.Info(s.id)
		if len(a.Leaving) == 0 || a.Instances[0].Status != velos.Online {
			t.Errorf("the old run does not go on: %+v", a.Instances[0])
		}
		s.alter("b.js changed") // the reload is under way
		s.after(20 * time.Second)
		s.want(velos.Online)
		if s.runs() != 6 {
			t.Errorf("%d runs; want 6", s.runs())
		}
		s.ordered("reload, watch: app.js changed")
		s.ordered("reload, watch: b.js changed")
	})
}

func TestATriggerWaitsForTheReloadOfSomebodyElse(t *testing.T) {
	play(t, func(s *velos.Spec) { clustered(2)(s); observed(s) }, []life{worker}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Second)
		done := make(chan error, 1)
		go func() { _, err := s.reload(nil); done <- err }()
		s.after(10 * time.Millisecond)
		s.alter("app.js changed")
		s.after(30 * time.Second)
		a := s.app()
		if err := <-done; err != nil || s.runs() != 6 || a.Restarts() != 0 {
			t.Errorf("%v, %d runs, %d restarts; want two reloads", err, s.runs(), a.Restarts())
		}
	})
}

func TestAReloadByATriggerThatFailsIsOnRecord(t *testing.T) {
	broken := life{lives: 10 * time.Millisecond, code: 1}
	play(t, func(s *velos.Spec) { clustered(1)(s); observed(s) }, []life{worker, broken}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Second)
		s.alter("app.js changed")
		s.after(5 * time.Second)
		s.want(velos.Online)
		if w := s.causes(velos.KindWarning); len(w) != 1 || !strings.HasPrefix(w[0], "reload api: ") || s.pids()[0] != 1000 {
			t.Errorf("pid %v, warnings %q", s.pids(), w)
		}
	})
}

func TestANewSpecHasItsOwnTimes(t *testing.T) {
	play(t, nightly, []life{forever}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		spec := testSpec()
		spec.CronRestart = "@every 10m"
		if err := s.Update(s.id, spec, human); err != nil {
			t.Fatal(err)
		}
		s.after(10*time.Minute + 3*time.Second)
		if s.runs() != 2 {
			t.Errorf("%d runs; want 2", s.runs())
		}
		if err := s.Update(s.id, testSpec(), human); err != nil {
			t.Fatal(err)
		}
		s.after(24 * time.Hour)
		if i := s.inst(); s.runs() != 2 || i.NextRun != 0 {
			t.Errorf("%d runs, next at %d, without any trigger", s.runs(), i.NextRun)
		}
		s.triggers.mu.Lock()
		defer s.triggers.mu.Unlock()
		if s.triggers.called != nil {
			t.Error("the goroutine lives on")
		}
	})
}

func TestAStopOutranksATriggerThatComesTooLate(t *testing.T) {
	play(t, func(s *velos.Spec) { observed(s); s.MaxMemory = 1 << 30 }, []life{forever}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		a, _ := s.find(s.id)
		list := a.heeding()
		if err := s.stop(true); err != nil {
			t.Fatal(err)
		}
		err := a.order(context.Background(), list, order{verb: restart, actor: velos.Policy, own: true, grace: -1})
		s.after(time.Second)
		if velos.CodeOf(err) != velos.Cancelled || s.runs() != 1 {
			t.Errorf("%v, %d runs", err, s.runs())
		}
		s.want(velos.Stopped)
	})
}

func TestABadExpressionIsRefusedWithItsPlace(t *testing.T) {
	play(t, nil, []life{forever}, func(t *testing.T, s *scene) {
		spec := testSpec()
		spec.CronRestart = "0 25 * * *"
		err := s.Update(s.id, spec, human)
		if velos.CodeOf(err) != velos.Invalid || !strings.Contains(err.Error(), "app api: cron_restart: hour 25 is out of range") || velos.HintOf(err) == "" {
			t.Errorf("error: %v", err)
		}
		spec.Name = "other"
		if _, err := s.Add(spec, human); velos.CodeOf(err) != velos.Invalid {
			t.Errorf("error: %v", err)
		}
	})
}

func TestAJobRunsAtItsTimesAndRestsBetweenThem(t *testing.T) {
	play(t, hourly, []life{{lives: 5 * time.Minute}}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Second)
		s.want(velos.Stopped)
		i := s.inst()
		if s.runs() != 0 || !i.Wanted || i.NextRun.Std().UTC().Hour() != 1 || i.Reason != "waits for its time: TZ=UTC 0 * * * *" {
			t.Errorf("%d runs; %+v", s.runs(), i)
		}
		s.after(time.Hour)
		s.want(velos.Online)
		s.after(10 * time.Minute)
		s.want(velos.Stopped)
		if i := s.inst(); !i.Wanted || i.Reason != "exited with code 0 after 5m" || i.Restarts != 0 {
			t.Errorf("after a run: %+v", i)
		}
		s.after(2 * time.Hour)
		if s.runs() != 3 {
			t.Errorf("%d runs in three hours", s.runs())
		}
		s.ordered("start, schedule: TZ=UTC 0 * * * *")
		if err := s.stop(true); err != nil {
			t.Fatal(err)
		}
		s.after(5 * time.Hour)
		if i := s.inst(); s.runs() != 3 || i.NextRun != 0 || i.Wanted {
			t.Errorf("%d runs after it was stopped: %+v", s.runs(), i)
		}
	})
}

func TestATimeOfAnIntervalComesOnceThoughItsRunBeginsLater(t *testing.T) {
	for _, lives := range []time.Duration{time.Millisecond, 30 * time.Millisecond, 3 * time.Second} {
		play(t, func(s *velos.Spec) { s.Schedule, s.Autorestart = "@every 10s", velos.Never }, []life{{forking: 5 * time.Millisecond, lives: lives}}, func(t *testing.T, s *scene) {
			if err := s.start(true); err != nil {
				t.Fatal(err)
			}
			s.after(65 * time.Second)
			if w := s.causes(velos.KindWarning); s.runs() != 6 || len(w) > 0 {
				t.Errorf("%v: %d runs in 65 seconds, warnings %q", lives, s.runs(), w)
			}
		})
	}
}

func TestAJobCanBeRunAtOnce(t *testing.T) {
	play(t, hourly, []life{{lives: 5 * time.Minute}}, func(t *testing.T, s *scene) {
		if err := s.restart(true); err != nil {
			t.Fatal(err)
		}
		s.want(velos.Online)
		s.after(10 * time.Minute)
		if i := s.inst(); i.Status != velos.Stopped || i.NextRun == 0 {
			t.Errorf("after that: %+v", i)
		}
		if why, err := s.Reload(context.Background(), s.id, -1, 1, nil, human); err != nil || s.runs() != 1 {
			t.Errorf("a reload runs it: %d runs, %q, %v", s.runs(), why, err)
		}
	})
}

func TestAJobThatIsStillRunningAtItsTime(t *testing.T) {
	for _, c := range [...]struct {
		overlap velos.Overlap
		runs    int // after four hours and a half, each run lasting 90 minutes
	}{{"", 2}, {velos.Skip, 2}, {velos.Queue, 3}, {velos.Kill, 4}} {
		play(t, func(s *velos.Spec) { hourly(s); s.Overlap = c.overlap }, []life{{lives: 90 * time.Minute}}, func(t *testing.T, s *scene) {
			if err := s.start(true); err != nil {
				t.Fatal(err)
			}
			s.after(4*time.Hour + 30*time.Minute + time.Second)
			if s.runs() != c.runs {
				t.Errorf("%s: %d runs; want %d", c.overlap, s.runs(), c.runs)
			}
			if warned := len(s.causes(velos.KindWarning)) > 0; warned != (c.overlap == "" || c.overlap == velos.Skip) {
				t.Errorf("%s: warnings %q", c.overlap, s.causes(velos.KindWarning))
			}
		})
	}
}

func TestAJobThatFailsRunsAgainAtItsNextTime(t *testing.T) {
	refuses := life{refuses: &velos.Error{Code: velos.Invalid, Message: "no such file"}}
	play(t, hourly, []life{refuses, {lives: time.Minute, code: 3}, {lives: time.Minute}}, func(t *testing.T, s *scene) {
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Hour + time.Second)
		s.want(velos.Errored)
		s.after(time.Hour + 5*time.Minute)
		if i := s.inst(); i.Status != velos.Stopped || i.LastExit.Code != 3 {
			t.Errorf("after a failure: %+v", i)
		}
		s.after(time.Hour)
		if i := s.inst(); s.runs() != 3 || i.LastExit.Code != 0 {
			t.Errorf("%d runs; %+v", s.runs(), i)
		}
	})
}

func TestTheNextDaemonKnowsWhoWaitsForItsTime(t *testing.T) {
	play(t, nil, []life{{lives: time.Minute}}, func(t *testing.T, s *scene) {
		spec := testSpec()
		spec.Name = "job"
		hourly(&spec)
		restore := func(id uint32, name string, run home.Run) []int {
			spec.Name = name
			idle, err := s.Restore(home.Saved{ID: id, Spec: spec, Runs: []home.Run{run}}, true)
			if err != nil {
				t.Fatal(err)
			}
			return idle
		}
		if idle := restore(7, "waits", home.Run{Wanted: true, Status: velos.Stopped}); len(idle) != 1 {
			t.Errorf("idle: %v", idle)
		} else if err := s.Start(context.Background(), 7, 0, false, velos.Policy); err != nil { // as the daemon does
			t.Fatal(err)
		}
		if idle := restore(8, "stopped", home.Run{Status: velos.Stopped}); len(idle) != 0 {
			t.Errorf("idle: %v", idle)
		}
		s.after(time.Hour + time.Second)
		if s.runs() != 1 {
			t.Errorf("%d runs; want 1", s.runs())
		}
	})
}

func TestAnIntervalGoesOnWhereTheLastDaemonLeftIt(t *testing.T) {
	play(t, nil, []life{forever}, func(t *testing.T, s *scene) {
		spec := testSpec()
		spec.Name, spec.CronRestart = "old", "@every 24h"
		ghost := &actor{pid: 99, born: time.Now(), exit: make(chan child.Exit, 1), gone: make(chan struct{})}
		s.survivors = []Survivor{{Seat: Seat{ID: 9}, Child: ghost, Began: time.Now().Add(-20 * time.Hour)}}
		if _, err := s.Restore(home.Saved{ID: 9, Spec: spec, Runs: []home.Run{{Wanted: true, PID: 99, Status: velos.Online}}}, true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Second)
		a, err := s.Info(9)
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Until(a.Instances[0].NextRun.Std()); d > 4*time.Hour || d < 3*time.Hour {
			t.Errorf("next run in %s", d)
		}
	})
}

func TestMemoryOverTheLimitRestartsTheInstance(t *testing.T) {
	const mb = 1 << 20
	var memory atomic.Int64
	play(t, func(s *velos.Spec) { s.MaxMemory = 800 * mb }, []life{forever}, func(t *testing.T, s *scene) {
		s.memory = memory.Load
		memory.Store(500 * mb)
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(time.Minute)
		if w := s.causes(velos.KindWarning); len(w) != 0 || s.runs() != 1 {
			t.Errorf("%d runs, warnings %q", s.runs(), w)
		}
		memory.Store(740 * mb)
		s.after(time.Minute)
		if w := s.causes(velos.KindWarning); len(w) != 1 || !strings.HasPrefix(w[0], "memory: 740 MB, 92% of max_memory 800 MB, growing ") || !strings.Contains(w[0], "; at that rate it is over in ") {
			t.Errorf("warnings: %q", w)
		}
		memory.Store(100 * mb)
		s.after(10 * time.Second)
		memory.Store(730 * mb)
		s.after(10 * time.Second)
		if w := s.causes(velos.KindWarning); len(w) != 2 {
			t.Errorf("after it was well below it: %q", w)
		}
		memory.Store(812 * mb)
		s.after(1900 * time.Millisecond)
		if s.runs() != 1 {
			t.Error("one measurement was enough")
		}
		memory.Store(900 * mb)
		s.after(3 * time.Second)
		memory.Store(100 * mb)
		s.after(5 * time.Second)
		s.want(velos.Online)
		if i := s.inst(); s.runs() != 2 || i.Restarts != 1 || s.actor(0).soft != 1 {
			t.Errorf("%d runs, %d stop signals; %+v", s.runs(), s.actor(0).soft, i)
		}
		s.ordered("restart, memory: 900 MB over max_memory 800 MB")
		if x := s.inst().LastExit; x == nil || x.Cause != "memory: 900 MB over max_memory 800 MB" || !x.OverMemory() || !x.Unwanted() || x.Peak != 900*mb {
			t.Errorf("the end that memory has brought: %+v", x)
		}
		if err := s.restart(true); err != nil {
			t.Fatal(err)
		}
		if x := s.inst().LastExit; x.Unwanted() || x.Peak != 0 {
			t.Errorf("the end that was asked for: %+v", x)
		}
	})
}

func TestAPeakOfMemoryIsForgiven(t *testing.T) {
	const mb = 1 << 20
	var memory atomic.Int64
	play(t, func(s *velos.Spec) { s.MaxMemory = 800 * mb }, []life{forever}, func(t *testing.T, s *scene) {
		memory.Store(100 * mb)
		s.memory = memory.Load
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			s.after(watchedSample)
			memory.Store(900 * mb)
			s.after(watchedSample)
			s.inst() // somebody looks: two measurements in a moment are no proof
			memory.Store(100 * mb)
		}
		if s.runs() != 1 {
			t.Errorf("%d runs; want 1", s.runs())
		}
	})
}

func TestWithoutALimitMemoryIsMeasuredRarely(t *testing.T) {
	var looks atomic.Int64
	play(t, nil, []life{forever}, func(t *testing.T, s *scene) {
		s.memory = func() int64 { return looks.Add(1) }
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.after(5 * time.Minute)
		if n := looks.Load(); n > 21 {
			t.Errorf("%d measurements in five minutes", n)
		}
		spec := testSpec()
		spec.MaxMemory = 1 << 30
		if err := s.Update(s.id, spec, human); err != nil {
			t.Fatal(err)
		}
		if err := s.restart(true); err != nil {
			t.Fatal(err)
		}
		before := looks.Load()
		s.after(5 * time.Minute)
		if n := looks.Load() - before; n < 140 {
			t.Errorf("%d measurements in five minutes with a limit", n)
		}
	})
}
