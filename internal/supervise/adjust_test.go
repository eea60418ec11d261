package supervise

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// change gives the app another Spec, in place.
func (s *scene) change(edit func(*velos.Spec)) {
	s.t.Helper()
	spec := *s.spec()
	edit(&spec)
	if err := s.Update(s.id, spec, human); err != nil {
		s.t.Fatal(err)
	}
}

func TestAStopGoesByTheKillTimeoutThatWasChangedMeanwhile(t *testing.T) {
	play(t, nil, []life{{grace: -1}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.change(func(p *velos.Spec) { p.KillTimeout = 200 })
		began := time.Now()
		s.stop(true)
		if d := time.Since(began); d != 200*time.Millisecond || s.runs() != 1 {
			t.Errorf("stopped after %v, %d runs", d, s.runs())
		}
	})
}

func TestThePolicyOfARunThatGoesOnCanBeChanged(t *testing.T) {
	play(t, nil, []life{{lives: 10 * time.Second, code: 1}, forever}, func(t *testing.T, s *scene) {
		s.start(true)
		s.change(func(p *velos.Spec) { p.Autorestart = velos.Never })
		s.after(time.Minute)
		s.want(velos.Stopped)
		if s.runs() != 1 {
			t.Errorf("%d runs", s.runs())
		}
	})
}

func TestExitCodesThatAreNamedMeanwhileEndTheApp(t *testing.T) {
	play(t, nil, []life{{lives: 10 * time.Second, code: 4}, forever}, func(t *testing.T, s *scene) {
		s.start(true)
		s.change(func(p *velos.Spec) { p.StopExitCodes = []int64{4} })
		s.after(time.Minute)
		s.want(velos.Stopped)
	})
}

func TestFewerRestartsHoldAtOnce(t *testing.T) {
	play(t, func(p *velos.Spec) { p.RestartDelay, p.MaxRestarts = 1000, 100 }, []life{{lives: 10 * time.Millisecond, code: 1}}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(3500 * time.Millisecond)
		s.change(func(p *velos.Spec) { p.MaxRestarts = 4 })
		s.after(time.Minute)
		s.want(velos.Errored)
		if s.runs() != 5 {
			t.Errorf("%d runs; want 5", s.runs())
		}
	})
}

func TestAPauseIsShortenedWithItsDelay(t *testing.T) {
	play(t, func(p *velos.Spec) { p.RestartDelay = 3_600_000 }, []life{{lives: 10 * time.Millisecond, code: 1}, forever}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(10 * time.Second)
		s.want(velos.WaitingRestart)
		s.change(func(p *velos.Spec) { p.RestartDelay = 12_000 })
		s.after(time.Second)
		s.want(velos.WaitingRestart)
		s.after(3 * time.Second)
		s.want(velos.Online)
	})
}

func TestAStartIsMeasuredByWhatWasChangedMeanwhile(t *testing.T) {
	play(t, func(p *velos.Spec) { p.MinUptime = 3_600_000 }, []life{forever}, func(t *testing.T, s *scene) {
		reply := s.async(s.start)
		s.after(2 * time.Second)
		s.change(func(p *velos.Spec) { p.MinUptime = 1000 })
		s.after(0)
		if err, ok := answered(reply); !ok || err != nil {
			t.Errorf("answered %v, %v", err, ok)
		}
		s.want(velos.Online)
	})
	play(t, func(p *velos.Spec) { p.WaitReady, p.ListenTimeout, p.MaxRestarts = true, 3_600_000, 0 }, []life{{grace: 0}}, func(t *testing.T, s *scene) {
		s.start(false)
		s.after(2 * time.Second)
		s.change(func(p *velos.Spec) { p.ListenTimeout = 5000 })
		s.after(4 * time.Second)
		s.want(velos.Errored)
	})
}

func TestAnotherHealthProbeTakesOver(t *testing.T) {
	sick := []News{{Kind: Well}}
	play(t, func(p *velos.Spec) { p.Health = &velos.Probe{TCP: "127.0.0.1:1"} }, []life{{news: sick, grace: 0}}, func(t *testing.T, s *scene) {
		s.start(true)
		if h := s.inst().Health; h != velos.Healthy {
			t.Fatalf("health is %q", h)
		}
		s.change(func(p *velos.Spec) { p.Health = nil })
		s.actor(0).hear(News{Sick, "too late"})
		s.after(time.Second)
		if in := s.inst(); in.Health != "" || in.Status != velos.Online {
			t.Errorf("health %q, %s", in.Health, in.Status)
		}
		s.change(func(p *velos.Spec) { p.Health = &velos.Probe{TCP: "127.0.0.1:2"} })
		if q := s.actor(0).asked(); q == nil || q.TCP != "127.0.0.1:2" || s.runs() != 1 {
			t.Errorf("asked by %+v, %d runs", q, s.runs())
		}
		s.change(func(p *velos.Spec) { p.Namespace = "web" })
		s.actor(0).hear(News{Sick, "answered 503"})
		s.after(time.Second)
		if s.runs() != 2 {
			t.Error("the new probe has not counted")
		}
	})
}

func TestALimitOfMemoryIsChangedWithoutARun(t *testing.T) {
	play(t, func(p *velos.Spec) { p.MaxMemory = 1 << 30 }, []life{{grace: 0}}, func(t *testing.T, s *scene) {
		s.memory = func() int64 { return 100 << 20 }
		s.start(true)
		s.after(time.Minute)
		if s.runs() != 1 {
			t.Fatalf("%d runs", s.runs())
		}
		s.change(func(p *velos.Spec) { p.MaxMemory = 50 << 20 })
		s.after(10 * time.Second)
		if in := s.inst(); s.runs() < 2 || !strings.Contains(in.Reason+s.causes(velos.KindOrder)[1], "memory: 100 MB over max_memory 50.0 MB") {
			t.Errorf("%d runs, reason %s", s.runs(), in.Reason)
		}
	})
}

func TestWatchingIsSwitchedOnAndOffWithoutARun(t *testing.T) {
	play(t, nil, []life{{grace: 0}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.change(func(p *velos.Spec) { p.Watch = true })
		s.after(0)
		if s.runs() != 1 || !s.alter("a.js") {
			t.Fatalf("%d runs, or nobody watches", s.runs())
		}
		s.after(2 * time.Second)
		if s.runs() != 2 {
			t.Fatalf("%d runs after a change; want 2", s.runs())
		}
		s.change(func(p *velos.Spec) { p.Watch = false })
		s.after(0)
		if s.alter("a.js") {
			t.Error("it is still watched")
		}
		s.change(func(p *velos.Spec) { p.CronRestart = "@every 1m" })
		s.after(61 * time.Second)
		if s.runs() != 3 {
			t.Errorf("%d runs; want one more by cron", s.runs())
		}
	})
}

func TestHooksAreChangedWithoutARun(t *testing.T) {
	play(t, nil, []life{{grace: 0}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.change(withHooks(velos.PreStop))
		s.stop(true)
		if got := s.hookNames(); got != "pre_stop" || s.runs() != 1 {
			t.Errorf("got %q, %d runs", got, s.runs())
		}
	})
}

func TestWhatNeedsANewRunWaitsForIt(t *testing.T) {
	play(t, nil, []life{{grace: 0}, {lives: 5 * time.Second, code: 1, grace: 0}, {grace: 0}}, func(t *testing.T, s *scene) {
		s.start(true)
		s.change(func(p *velos.Spec) {
			p.Args, p.KillTimeout, p.Schedule, p.Autorestart = []string{"x"}, 700, "@daily", velos.Never
		})
		r := s.runner()
		if r.spec.Args != nil || r.spec.KillTimeout != 700 || r.spec.Schedule != "" || r.spec.Autorestart != velos.Always {
			t.Errorf("the run goes by %+v", r.spec)
		}
		_ = s.Restart(context.Background(), s.id, -1, true, human)
		if got := s.actor(1).launch.Spec.Args; len(got) != 1 {
			t.Errorf("the next run has %q", got)
		}
	})
}

// asked is the probe that the run was last given.
func (a *actor) asked() *velos.Probe {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.probe
}
