package supervise

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// waiting is a scene's app that never becomes ready by itself.
func waiting(s *velos.Spec) { s.WaitReady, s.ListenTimeout = true, velos.MaxDelay }

// up starts an app and says where the answer will be.
func (s *scene) up(id uint32) <-chan error {
	return s.async(func(bool) error { return s.Start(context.Background(), id, -1, true, human) })
}

func (s *scene) status(id uint32) velos.Status {
	s.t.Helper()
	a, err := s.Info(id)
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Status
}

func TestARunThatWaitsHearsOfEveryChangeOfWhatItWaitsFor(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *scene, web uint32) error
		err    string // empty: it is started
	}{
		"its dependency is deleted": {func(s *scene, _ uint32) error { return s.Delete(s.id, human) }, "no app has that name"},
		"its dependency is renamed": {func(s *scene, _ uint32) error { return s.Rename(s.id, "db", human) }, "no app has that name"},
		"it depends on nothing any more": {func(s *scene, web uint32) error {
			a, _ := s.Info(web)
			a.Spec.DependsOn = nil
			return s.Update(web, a.Spec, human)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, waiting, []life{{}}, func(t *testing.T, s *scene) {
				web := s.needs("web", "api", velos.OnReady)
				reply := s.up(web)
				s.after(time.Minute)
				if err := c.change(s, web); err != nil {
					t.Fatal(err)
				}
				s.after(2 * time.Second)
				err, ok := answered(reply)
				if !ok || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("answered %v, %v", ok, err)
				}
			})
		})
	}
}

func TestARestartOfADependencyKeepsTheGateShut(t *testing.T) {
	play(t, waiting, []life{{grace: time.Second}}, func(t *testing.T, s *scene) {
		web := s.needs("web", "api", velos.OnReady)
		reply := s.up(web)
		s.async(s.restart)
		s.after(10 * time.Second)
		if s.status(web) != velos.Starting || s.runs() != 2 {
			t.Errorf("%s, %d runs", s.status(web), s.runs())
		}
		s.actor(1).hear(News{Kind: Ready})
		s.after(2 * time.Second)
		if err, ok := answered(reply); !ok || err != nil {
			t.Errorf("answered %v, %v", ok, err)
		}
	})
}

func TestADependencyThatIsBeingStoppedIsStartedAgain(t *testing.T) {
	play(t, nil, []life{{grace: 3 * time.Second}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		_ = s.stop(false)
		web := s.needs("web", "api", velos.OnReady)
		reply := s.up(web)
		s.after(time.Minute)
		if err, ok := answered(reply); !ok || err != nil || s.status(s.id) != velos.Online {
			t.Errorf("answered %v, %v; api is %s", ok, err, s.status(s.id))
		}
	})
}

func TestStartedMeansNowAndNotOnceUponATime(t *testing.T) {
	play(t, nil, []life{{grace: time.Millisecond}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		_ = s.stop(true)
		web := s.needs("web", "api", velos.OnStarted)
		reply := s.up(web)
		s.after(time.Minute)
		if err, ok := answered(reply); !ok || err != nil || s.status(s.id) != velos.Online {
			t.Errorf("answered %v, %v; api is %s", ok, err, s.status(s.id))
		}
	})
}

func TestAnInstanceThatIsStoppedAloneKeepsNobodyWaiting(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Instances = 2 }, []life{{grace: time.Millisecond}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		if err := s.Stop(context.Background(), s.id, 1, 0, -1, true, human); err != nil {
			t.Fatal(err)
		}
		web := s.needs("web", "api", velos.OnReady)
		reply := s.up(web)
		s.after(time.Minute)
		if err, ok := answered(reply); !ok || err != nil {
			t.Errorf("answered %v, %v", ok, err)
		}
	})
}

func TestAStartWhileItStopsWaitsForWhatItDependsOn(t *testing.T) {
	for name, lost := range map[string]bool{"and it comes": false, "and it is lost": true} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, []life{{}, {grace: 2 * time.Second}, {}}, func(t *testing.T, s *scene) {
				web := s.needs("web", "api", velos.OnReady)
				if err := s.Start(context.Background(), web, -1, true, human); err != nil {
					t.Fatal(err)
				}
				_ = s.Stop(context.Background(), web, -1, 0, -1, false, human)
				_ = s.stop(true)
				reply := s.up(web)
				if lost {
					_ = s.Delete(s.id, human)
				}
				s.after(time.Minute)
				err, ok := answered(reply)
				if !ok || (err != nil) != lost {
					t.Errorf("answered %v, %v", ok, err)
				}
				if web := s.actor(s.runs() - 1); !lost && web.born.Sub(s.actor(2).born) < time.Second {
					t.Error("it did not wait for what it depends on")
				}
			})
		})
	}
}

func TestAJobThatHasEndedWellLongAgoOpensTheGate(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Autorestart = velos.Never }, []life{{lives: 2 * time.Second}, {}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		s.after(24 * time.Hour)
		web := s.needs("web", "api", velos.OnExitedOK)
		if err := s.Start(context.Background(), web, -1, true, human); err != nil || s.runs() != 2 {
			t.Errorf("%v, %d runs", err, s.runs())
		}
	})
}
