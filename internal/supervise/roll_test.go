package supervise

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func clustered(n int) func(*velos.Spec) {
	return func(s *velos.Spec) {
		s.Instances, s.Mode, s.Interpreter = n, velos.Cluster, "/usr/bin/node"
	}
}

// worker is a life that listens at once and finishes its connections in time.
var worker = life{news: []News{{Listens, "tcp://0.0.0.0:80"}}, finish: 200 * time.Millisecond, grace: time.Millisecond}

func (s *scene) reload(spec *velos.Spec) (string, error) {
	return s.Reload(context.Background(), s.id, -1, 1, spec, human)
}

// startInTurn starts instance after instance: started at once, which is forked
// first is chance.
func (s *scene) startInTurn() {
	s.t.Helper()
	for i := range s.app().Instances {
		if err := s.Start(context.Background(), s.id, i, true, human); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *scene) app() velos.App {
	s.t.Helper()
	a, err := s.Info(s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *scene) pids() (list []int) {
	for _, i := range s.app().Instances {
		list = append(list, i.PID)
	}
	return list
}

func TestAReloadKeepsTheCountOfRestarts(t *testing.T) {
	crashes := life{lives: 2 * time.Second, code: 1, news: worker.news}
	play(t, clustered(1), []life{crashes, worker}, func(t *testing.T, s *scene) {
		s.startInTurn()
		s.after(5 * time.Second)
		if a := s.app(); a.Restarts() != 1 {
			t.Fatalf("%d restarts before the reload; want 1", a.Restarts())
		}
		for range 2 {
			if why, err := s.reload(nil); err != nil || why != "" {
				t.Fatalf("%q, %v", why, err)
			}
			if a := s.app(); a.Restarts() != 1 {
				t.Errorf("%d restarts after the reload; want the 1 from before", a.Restarts())
			}
		}
	})
}

func TestAReloadPutsOneRunAfterAnotherInItsPlace(t *testing.T) {
	play(t, clustered(2), []life{worker}, func(t *testing.T, s *scene) {
		s.startInTurn()
		if why, err := s.reload(nil); err != nil || why != "" {
			t.Fatalf("%q, %v", why, err)
		}
		if got := fmt.Sprint(s.pids()); got != "[1002 1003]" {
			t.Errorf("pids are %s; want those of the third and the fourth run", got)
		}
		if a := s.app(); len(a.Leaving) != 0 || a.Restarts() != 0 || a.Status != velos.Online {
			t.Errorf("%d leaving, %d restarts, %s; want nothing of that", len(a.Leaving), a.Restarts(), a.Status)
		}
		// The second successor was begun when the first predecessor was gone.
		if d := s.actor(3).born.Sub(s.actor(2).born); d < 200*time.Millisecond {
			t.Errorf("the second instance followed after %v; want one at a time", d)
		}
		if got := strings.Join(s.served, ", "); got != "0a, 0a 1a, 0b 1a, 0b 1b" {
			t.Errorf("served: %s", got)
		}
		if s.actor(0).patient != 1 || s.actor(0).soft != 1 {
			t.Errorf("the predecessor was asked to finish %d times and signalled %d times; want 1 and 1", s.actor(0).patient, s.actor(0).soft)
		}
		if fmt.Sprint(s.held) != fmt.Sprint([]Seat{{s.id, 0, 1}, {s.id, 1, 1}}) {
			t.Errorf("held: %v", s.held)
		}
	})
}

func TestAReloadWhoseFirstRunDiesChangesNothing(t *testing.T) {
	dies := life{lives: 10 * time.Millisecond, code: 1}
	play(t, clustered(2), []life{worker, worker, dies}, func(t *testing.T, s *scene) {
		s.startInTurn()
		next := s.app().Spec
		next.Args = []string{"--new"}
		_, err := s.reload(&next)
		if err == nil || velos.CodeOf(err) != velos.Failed || !strings.Contains(err.Error(), "the old runs go on") || !strings.Contains(err.Error(), "exited with code 1") {
			t.Fatalf("%v; want a failure that says why", err)
		}
		s.after(0)
		a := s.app()
		if fmt.Sprint(s.pids()) != "[1000 1001]" || len(a.Leaving) != 0 || len(a.Spec.Args) != 0 || s.runs() != 3 {
			t.Errorf("pids %v, %d leaving, args %v, %d runs", s.pids(), len(a.Leaving), a.Spec.Args, s.runs())
		}
		if s.actor(0).soft+s.actor(1).soft != 0 {
			t.Error("an old run was told to stop")
		}
	})
}

func TestAReloadThatFailsLaterIsRolledBack(t *testing.T) {
	dies := life{lives: 10 * time.Millisecond, code: 1}
	play(t, clustered(2), []life{worker, worker, worker, dies, worker}, func(t *testing.T, s *scene) {
		s.startInTurn()
		next := s.app().Spec
		next.Args = []string{"--new"}
		_, err := s.reload(&next)
		if err == nil || !strings.Contains(err.Error(), "rolled back") {
			t.Fatalf("%v; want a word of the roll-back", err)
		}
		s.after(0)
		if got := fmt.Sprint(s.pids()); got != "[1004 1001]" {
			t.Errorf("pids are %s", got)
		}
		if args := s.actor(4).launch.Spec.Args; len(args) != 0 {
			t.Errorf("the last run has %v; want the old arguments", args)
		}
		if a := s.app(); len(a.Spec.Args) != 0 || a.Generation != 1 {
			t.Errorf("the app has %v, generation %d", a.Spec.Args, a.Generation)
		}
	})
}

func TestAReloadThatSucceedsMakesTheNewSpecTheApps(t *testing.T) {
	play(t, clustered(2), []life{worker}, func(t *testing.T, s *scene) {
		s.startInTurn()
		next := s.app().Spec
		next.Args, next.Instances = []string{"--new"}, 3
		if _, err := s.reload(&next); err != nil {
			t.Fatal(err)
		}
		a := s.app()
		for _, i := range a.Instances[:2] {
			if i.Generation != 2 {
				t.Errorf("instance %d runs generation %d; want 2, the reload's", i.Inst, i.Generation)
			}
		}
		if len(a.Instances) != 3 || a.Spec.Instances != 3 || a.Spec.Args[0] != "--new" || a.Status != velos.Online {
			t.Errorf("%d instances of %d, %v, %s", len(a.Instances), a.Spec.Instances, a.Spec.Args, a.Status)
		}
	})
}

func TestWhatAReloadBringsIsKnownWhileItsRunsHaveIt(t *testing.T) {
	play(t, clustered(1), []life{worker}, func(t *testing.T, s *scene) {
		s.startInTurn()
		next := s.app().Spec
		next.Env = map[string]string{"API_KEY": "new"}
		done := make(chan error, 1)
		go func() {
			_, err := s.reload(&next)
			done <- err
		}()
		for s.runs() < 2 {
			time.Sleep(time.Millisecond)
		}
		if a := s.app(); a.Coming == nil || a.Coming.Env["API_KEY"] != "new" || a.Spec.Env["API_KEY"] != "" {
			t.Errorf("the run is there, and what it has is %v", a.Coming)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if a := s.app(); a.Coming != nil || a.Spec.Env["API_KEY"] != "new" {
			t.Errorf("it is over: %v, %v", a.Coming, a.Spec.Env)
		}
	})
}

func TestASuccessorThatDoesNotListenIsNotTaken(t *testing.T) {
	mute := life{grace: time.Millisecond}
	play(t, clustered(1), []life{worker, mute}, func(t *testing.T, s *scene) {
		s.startInTurn()
		began := time.Now()
		_, err := s.reload(nil)
		if err == nil || !strings.Contains(err.Error(), "listen as the run before it within 8s (listen_timeout)") {
			t.Fatalf("%v", err)
		}
		if d := time.Since(began); d < 8*time.Second || d > 9*time.Second {
			t.Errorf("it took %v; want listen_timeout", d)
		}
		if fmt.Sprint(s.pids()) != "[1000]" || s.actor(0).soft != 0 {
			t.Errorf("pids %v, the old run was signalled %d times", s.pids(), s.actor(0).soft)
		}
	})
}

func TestRunsThatCannotOverlapAreRestartedOneByOne(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Instances = 2 }, []life{{grace: time.Millisecond}}, func(t *testing.T, s *scene) {
		s.startInTurn()
		why, err := s.reload(nil)
		if err != nil || !strings.Contains(why, "opens its ports itself") {
			t.Fatalf("%q, %v", why, err)
		}
		if got := fmt.Sprint(s.pids()); got != "[1002 1003]" {
			t.Errorf("pids %s", got)
		}
		if d := s.actor(3).born.Sub(s.actor(2).born); d < time.Second {
			t.Errorf("the second followed after %v; want min_uptime", d)
		}
	})
}

func TestAStopEndsAReload(t *testing.T) {
	slow := life{grace: time.Millisecond} // never listens
	play(t, clustered(2), []life{worker, worker, slow}, func(t *testing.T, s *scene) {
		s.startInTurn()
		reply := make(chan error, 1)
		go func() { _, err := s.reload(nil); reply <- err }()
		s.after(time.Second)
		if a := s.app(); len(a.Leaving) != 1 {
			t.Fatalf("%d runs beside the instances; want the successor", len(a.Leaving))
		}
		if err := s.stop(true); err != nil {
			t.Fatal(err)
		}
		if err := <-reply; velos.CodeOf(err) != velos.Cancelled {
			t.Errorf("the reload was answered %v; want cancelled", err)
		}
		s.after(0)
		if a := s.app(); a.Status != velos.Stopped || len(a.Leaving) != 0 {
			t.Errorf("%s, %d leaving", a.Status, len(a.Leaving))
		}
		if n := len(s.served); s.served[n-1] != "-" {
			t.Errorf("served %v; want the sockets closed at last", s.served)
		}
	})
}

func TestOneReloadAtATime(t *testing.T) {
	play(t, clustered(1), []life{worker, {grace: time.Millisecond}}, func(t *testing.T, s *scene) {
		s.startInTurn()
		go func() { _, _ = s.reload(nil) }()
		s.after(time.Second)
		if _, err := s.reload(nil); velos.CodeOf(err) != velos.Conflict {
			t.Errorf("%v; want a conflict", err)
		}
		s.after(time.Minute)
		if _, err := s.reload(nil); velos.CodeOf(err) == velos.Conflict {
			t.Error("the first reload has not ended")
		}
	})
}

func TestAPredecessorThatDoesNotFinishIsSignalledAndKilledInTime(t *testing.T) {
	never := worker
	never.finish, never.grace = time.Hour, -1
	play(t, clustered(1), []life{never, worker}, func(t *testing.T, s *scene) {
		s.startInTurn()
		began := time.Now()
		if _, err := s.reload(nil); err != nil {
			t.Fatal(err)
		}
		a := s.actor(0)
		if a.soft != 1 || a.hard != 1 {
			t.Errorf("%d signals, %d kills; want 1 and 1", a.soft, a.hard)
		}
		if d := time.Since(began); d < 5*time.Second || d > 5100*time.Millisecond {
			t.Errorf("it took %v; want kill_timeout", d)
		}
	})
}

func TestAReloadOfAStoppedAppIsRefused(t *testing.T) {
	play(t, clustered(1), []life{worker}, func(t *testing.T, s *scene) {
		if _, err := s.reload(nil); velos.CodeOf(err) != velos.NotRunning {
			t.Errorf("%v; want not running", err)
		}
	})
}

func TestScaleAddsAndTakesAway(t *testing.T) {
	play(t, clustered(1), []life{worker}, func(t *testing.T, s *scene) {
		s.startInTurn()
		if err := s.Scale(context.Background(), s.id, 3, false, human); err != nil {
			t.Fatal(err)
		}
		if a := s.app(); len(a.Instances) != 3 || a.Status != velos.Online || a.Spec.Instances != 3 {
			t.Fatalf("%d instances, %s, config %d", len(a.Instances), a.Status, a.Spec.Instances)
		}
		before := s.pids()
		if err := s.Scale(context.Background(), s.id, -1, true, human); err != nil {
			t.Fatal(err)
		}
		a := s.app()
		if fmt.Sprint(s.pids()) != fmt.Sprint(before[:2]) || a.Spec.Instances != 2 || len(a.Leaving) != 0 {
			t.Errorf("pids %v, config %d, %d leaving", s.pids(), a.Spec.Instances, len(a.Leaving))
		}
		if s.actor(before[2]-1000).patient != 1 {
			t.Error("the third was not asked to finish its connections")
		}
		for _, n := range []int{0, -5, 100_000} {
			if err := s.Scale(context.Background(), s.id, n, false, human); velos.CodeOf(err) != velos.Invalid {
				t.Errorf("scale to %d: %v; want invalid", n, err)
			}
		}
	})
}

func TestScaleThatFailsKeepsTheNumber(t *testing.T) {
	play(t, clustered(1), []life{worker, worker, {lives: time.Millisecond, code: 3}}, func(t *testing.T, s *scene) {
		s.startInTurn()
		if err := s.Scale(context.Background(), s.id, 3, false, human); velos.CodeOf(err) != velos.Crashed {
			t.Fatalf("%v; want crashed", err)
		}
		s.after(time.Minute)
		if a := s.app(); len(a.Instances) != 1 || a.Spec.Instances != 1 || len(a.Leaving) != 0 || a.Status != velos.Online {
			t.Errorf("%d instances, config %d, %d leaving, %s", len(a.Instances), a.Spec.Instances, len(a.Leaving), a.Status)
		}
	})
}

func TestScaleOfAStoppedAppStartsNothing(t *testing.T) {
	play(t, clustered(1), []life{worker}, func(t *testing.T, s *scene) {
		if err := s.Scale(context.Background(), s.id, 3, false, human); err != nil {
			t.Fatal(err)
		}
		if a := s.app(); len(a.Instances) != 3 || a.Status != velos.Stopped || s.runs() != 0 {
			t.Errorf("%d instances, %s, %d runs", len(a.Instances), a.Status, s.runs())
		}
		if err := s.start(true); err != nil || s.runs() != 3 {
			t.Errorf("%v, %d runs", err, s.runs())
		}
	})
}

func TestDeleteInTheMiddleOfAReloadTakesAll(t *testing.T) {
	play(t, clustered(2), []life{worker, worker, {grace: time.Millisecond}}, func(t *testing.T, s *scene) {
		s.startInTurn()
		go func() { _, _ = s.reload(nil) }()
		s.after(time.Second)
		if err := s.Delete(s.id, human); err != nil {
			t.Fatal(err)
		}
		for i := range s.runs() {
			if !s.actor(i).dead {
				t.Errorf("run %d lives", i)
			}
		}
	})
}

func TestTheEndOfTheDaemonTakesAReloadAlong(t *testing.T) {
	play(t, clustered(2), []life{worker, worker, {grace: time.Millisecond}}, func(t *testing.T, s *scene) {
		s.startInTurn()
		go func() { _, _ = s.reload(nil) }()
		s.after(time.Second)
	})
}
