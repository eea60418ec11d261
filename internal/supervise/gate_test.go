package supervise

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// needs adds an app that depends on the scene's.
func (s *scene) needs(name, on string, c velos.Condition) uint32 {
	s.t.Helper()
	spec := testSpec()
	spec.Name, spec.DependsOn = name, []velos.Dependency{{Name: on, Condition: c}}
	id, err := s.Add(spec, human)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func TestAnAppStartsAfterWhatItDependsOn(t *testing.T) {
	for _, c := range []struct {
		condition velos.Condition
		life      life
		edit      func(*velos.Spec)
		after     time.Duration
	}{
		{velos.OnStarted, life{}, nil, 0},
		{velos.OnReady, life{}, nil, time.Second},
		{velos.OnHealthy, life{}, func(s *velos.Spec) { s.Health = &velos.Probe{TCP: "127.0.0.1:1"} }, 3 * time.Second},
		{velos.OnExitedOK, life{lives: 2 * time.Second}, func(s *velos.Spec) { s.Autorestart = velos.Never }, 2 * time.Second},
		{velos.OnExited, life{lives: 2 * time.Second, code: 3}, func(s *velos.Spec) { s.Autorestart = velos.Never }, 2 * time.Second},
	} {
		t.Run(string(c.condition), func(t *testing.T) {
			play(t, c.edit, []life{c.life, {}}, func(t *testing.T, s *scene) {
				web := s.needs("web", "API", c.condition)
				began := time.Now()
				reply := s.async(func(bool) error { return s.Start(context.Background(), web, -1, true, human) })
				if c.after > 0 {
					a, _ := s.Info(web)
					if i := a.Instances[0]; i.Status != velos.Starting || !strings.HasPrefix(i.Reason, "waits for api") || i.PID != 0 {
						t.Errorf("%s, %q, pid %d; want it waiting", i.Status, i.Reason, i.PID)
					}
				}
				s.after(2500 * time.Millisecond)
				if c.condition == velos.OnHealthy {
					s.after(500 * time.Millisecond)
					s.actor(0).hear(News{Kind: Well})
				}
				s.after(2 * time.Second)
				if err, ok := answered(reply); !ok || err != nil {
					t.Fatalf("answered: %v, %v", ok, err)
				}
				if d := s.actor(1).born.Sub(began); d != c.after {
					t.Errorf("it began after %v; want %v", d, c.after)
				}
			})
		})
	}
}

func TestAnAppWhoseDependencyFailsIsNotStarted(t *testing.T) {
	play(t, func(s *velos.Spec) { s.MaxRestarts = 0 }, []life{{lives: time.Millisecond, code: 1}}, func(t *testing.T, s *scene) {
		web := s.needs("web", "api", velos.OnReady)
		err := s.Start(context.Background(), web, -1, true, human)
		if err == nil || !strings.Contains(err.Error(), "depends on api, which is errored") {
			t.Errorf("%v", err)
		}
		if s.runs() != 1 {
			t.Errorf("%d runs; want the dependency's alone", s.runs())
		}
	})
}

func TestAnAppDoesNotWaitForOneThatHasEndedForGood(t *testing.T) {
	for _, code := range []int{0, 1} {
		for _, c := range []velos.Condition{velos.OnReady, velos.OnHealthy} {
			edit := func(s *velos.Spec) { s.Autorestart, s.Health = velos.Never, &velos.Probe{TCP: "127.0.0.1:1"} }
			play(t, edit, []life{{lives: 500 * time.Millisecond, code: code}, {}}, func(t *testing.T, s *scene) {
				web := s.needs("web", "api", c)
				err := s.Start(context.Background(), web, -1, true, human)
				if velos.CodeOf(err) != velos.Crashed || !strings.Contains(err.Error(), "depends on api, which has ended: ") {
					t.Errorf("%s, code %d: %v", c, code, err)
				}
				if a, _ := s.Info(web); a.Status != velos.Errored || s.runs() != 1 {
					t.Errorf("%s, code %d: %s, %d runs", c, code, a.Status, s.runs())
				}
				// A later start runs it again: what ended before counts no more.
				reply := s.async(func(bool) error { return s.Start(context.Background(), web, -1, true, human) })
				s.after(3 * time.Second)
				if s.actor(1).hear(News{Kind: Well}); c == velos.OnHealthy {
					s.after(3 * time.Second)
				}
				if err, ok := answered(reply); !ok || err != nil {
					t.Errorf("%s, code %d: answered %v, %v", c, code, err, ok)
				}
			})
		}
	}
}

func TestAnAppDoesNotWaitForOneThatThePolicyHasEnded(t *testing.T) {
	edit := func(s *velos.Spec) {
		s.Autorestart, s.WaitReady, s.Health = velos.Never, true, &velos.Probe{TCP: "127.0.0.1:1"}
	}
	for c, want := range map[velos.Condition]string{velos.OnReady: "has ended: it did not ", velos.OnHealthy: "has ended: it did not ", velos.OnExitedOK: "has failed: it did not ", velos.OnExited: ""} {
		play(t, edit, []life{{}, {news: []News{{Kind: Ready}}}}, func(t *testing.T, s *scene) {
			web := s.needs("web", "api", c)
			reply := s.async(func(bool) error { return s.Start(context.Background(), web, -1, true, human) })
			s.after(time.Minute)
			err, ok := answered(reply)
			if !ok || (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), "depends on api, which "+want) {
				t.Errorf("%s: answered %v, %v", c, err, ok)
			}
		})
	}
}

func TestAnAppThatWaitsForAnyEndStartsWhenTheOtherGivesUp(t *testing.T) {
	play(t, func(s *velos.Spec) { s.MaxRestarts = 0 }, []life{{lives: time.Millisecond, code: 1}, {}}, func(t *testing.T, s *scene) {
		web := s.needs("web", "api", velos.OnExited)
		if err := s.Start(context.Background(), web, -1, true, human); err != nil || s.runs() != 2 {
			t.Errorf("%v, %d runs", err, s.runs())
		}
	})
}

func TestAnAppThatWaitsForAnyEndIsNotStartedByAStop(t *testing.T) {
	play(t, nil, []life{{}, {}}, func(t *testing.T, s *scene) {
		web := s.needs("web", "api", velos.OnExited)
		reply := s.async(func(bool) error { return s.Start(context.Background(), web, -1, true, human) })
		s.after(time.Second)
		if err := s.Stop(context.Background(), s.id, -1, 0, -1, true, human); err != nil {
			t.Error(err)
		}
		s.after(time.Minute)
		if _, ok := answered(reply); ok || s.runs() != 1 {
			t.Errorf("answered %v, %d runs; want it waiting", ok, s.runs())
		}
	})
}

func TestAnUnknownDependencyIsNamed(t *testing.T) {
	play(t, nil, []life{{}}, func(t *testing.T, s *scene) {
		web := s.needs("web", "cache", velos.OnReady)
		if err := s.Start(context.Background(), web, -1, true, human); velos.CodeOf(err) != velos.NotFound || !strings.Contains(err.Error(), "cache") {
			t.Errorf("%v", err)
		}
	})
}

func TestACircleOfDependenciesIsRefused(t *testing.T) {
	play(t, func(s *velos.Spec) { s.DependsOn = []velos.Dependency{{Name: "web", Condition: velos.OnReady}} }, []life{{}}, func(t *testing.T, s *scene) {
		web := s.needs("web", "api", velos.OnReady)
		err := s.Start(context.Background(), web, -1, true, human)
		if velos.CodeOf(err) != velos.Invalid || !strings.Contains(err.Error(), "web → api → web") {
			t.Errorf("%v", err)
		}
	})
}

func TestAStopWhileItWaitsForADependency(t *testing.T) {
	play(t, func(s *velos.Spec) { s.WaitReady = true }, []life{{}}, func(t *testing.T, s *scene) {
		web := s.needs("web", "api", velos.OnReady)
		reply := s.async(func(bool) error { return s.Start(context.Background(), web, -1, true, human) })
		if err := s.Stop(context.Background(), web, -1, 0, -1, true, human); err != nil {
			t.Error(err)
		}
		s.after(0)
		if err, ok := answered(reply); !ok || velos.CodeOf(err) != velos.Cancelled {
			t.Errorf("answered: %v, %v", ok, err)
		}
		s.actor(0).hear(News{Kind: Ready})
		s.after(time.Minute)
		if a, _ := s.Info(web); a.Status != velos.Stopped || s.runs() != 1 {
			t.Errorf("%s, %d runs", a.Status, s.runs())
		}
	})
}

func TestAppsEndBeforeWhatTheyDependOn(t *testing.T) {
	play(t, nil, []life{{grace: time.Second}}, func(t *testing.T, s *scene) {
		web := s.needs("web", "api", velos.OnReady)
		s.needs("edge", "web", velos.OnStarted)
		edge, _ := s.Lookup("edge")
		if err := s.Start(context.Background(), edge, -1, true, human); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		s.StopAll(human)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("it took %v; want one after the other", d)
		}
		last := ""
		for _, e := range s.events {
			if e.Kind == velos.KindState && e.To == velos.Stopped {
				last += e.App + " "
			}
		}
		if last != "edge web api " {
			t.Errorf("they ended in the order %s", last)
		}
		_ = web
	})
}
