package supervise

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/home"
)

// revive restores one saved instance on a stand where the given run survives.
func revive(t *testing.T, run home.Run, survivor *life, began time.Duration, lost bool, f func(t *testing.T, s *scene, idle []int)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st := &stand{lives: []life{forever}}
		if survivor != nil {
			a := &actor{life: *survivor, pid: 77, born: time.Now(), exit: make(chan child.Exit, 1), gone: make(chan struct{})}
			if survivor.lives > 0 {
				time.AfterFunc(survivor.lives, func() { a.end(child.Exit{Code: a.life.code}) })
			}
			st.survivors = []Survivor{{Child: a, Began: time.Now().Add(-began), Lost: lost}}
		}
		s := &scene{Supervisor: New(Options{Machine: st, Event: st.event}), stand: st, t: t, id: 9}
		idle, err := s.Restore(home.Saved{ID: 9, Spec: testSpec(), Status: velos.Online, Runs: []home.Run{run}}, true)
		if err != nil {
			t.Fatal(err)
		}
		f(t, s, idle)
		s.Close()
	})
}

func TestWhatSurvivesIsAdoptedWithItsHistory(t *testing.T) {
	run := home.Run{Wanted: true, PID: 77, Status: velos.Online, Restarts: 4}
	revive(t, run, &life{lives: 10 * time.Second, code: 3}, time.Hour, false, func(t *testing.T, s *scene, idle []int) {
		in := s.inst()
		if in.Status != velos.Online || in.PID != 77 || in.Restarts != 4 || len(idle) != 0 {
			t.Errorf("adopted as %+v, idle %v", in, idle)
		}
		s.after(11 * time.Second)
		in = s.inst()
		if in.LastExit == nil || in.LastExit.Code != 3 || in.Restarts != 5 || s.runs() != 1 {
			t.Errorf("after its end: %+v, %d launches", in, s.runs())
		}
	})
}

func TestAYoungSurvivorHasStillToLiveThroughMinUptime(t *testing.T) {
	run := home.Run{Wanted: true, PID: 77, Status: velos.Starting}
	revive(t, run, &life{}, 400*time.Millisecond, false, func(t *testing.T, s *scene, _ []int) {
		s.want(velos.Starting)
		s.after(600 * time.Millisecond)
		s.want(velos.Online)
	})
}

func TestAStopThatWasInProgressIsFinished(t *testing.T) {
	run := home.Run{Wanted: false, PID: 77, Status: velos.Stopping}
	revive(t, run, &life{grace: time.Second}, time.Hour, false, func(t *testing.T, s *scene, idle []int) {
		s.after(0)
		s.want(velos.Stopping)
		s.after(2 * time.Second)
		s.want(velos.Stopped)
		if len(idle) != 0 || s.runs() != 0 {
			t.Errorf("idle %v, %d launches; want none", idle, s.runs())
		}
	})
}

func TestARunThatTheStateFileDoesNotKnowIsWanted(t *testing.T) {
	run := home.Run{Wanted: false, PID: 0, Status: velos.Stopped}
	revive(t, run, &life{}, time.Hour, false, func(t *testing.T, s *scene, _ []int) { s.want(velos.Online) })
}

func TestAnEndThatNobodyHeardIsUnknownAndThePolicyHolds(t *testing.T) {
	run := home.Run{Wanted: true, PID: 77, Status: velos.Online}
	synctest.Test(t, func(t *testing.T) {
		st := &stand{lives: []life{forever}, survivors: []Survivor{{Child: &departed{pid: 77}, Began: time.Now().Add(-time.Hour), Lost: true}}}
		s := &scene{Supervisor: New(Options{Machine: st, Event: st.event}), stand: st, t: t, id: 9}
		if _, err := s.Restore(home.Saved{ID: 9, Spec: testSpec(), Status: velos.Online, Runs: []home.Run{run}}, true); err != nil {
			t.Fatal(err)
		}
		s.after(2 * time.Second)
		in := s.inst()
		if in.LastExit == nil || !in.LastExit.Unknown || in.Status != velos.Online || s.runs() != 1 {
			t.Errorf("%+v, %d launches; want an unknown end and one launch", in, s.runs())
		}
		s.Close()
	})
}

func TestAnEndOnRecordIsNotToldTwice(t *testing.T) {
	exit := &velos.Exit{PID: 77, Code: 5}
	run := home.Run{Wanted: true, PID: 77, Status: velos.WaitingRestart, RetryAt: 0, LastExit: exit}
	revive(t, run, &life{}, time.Hour, true, func(t *testing.T, s *scene, _ []int) {
		s.after(2 * time.Second)
		if in := s.inst(); in.LastExit == nil || in.LastExit.Code != 5 || s.runs() != 1 {
			t.Errorf("%+v, %d launches", in, s.runs())
		}
	})
}

func TestAPauseLastsAsLongAsItWouldHave(t *testing.T) {
	run := home.Run{Wanted: true, Status: velos.WaitingRestart, LastExit: &velos.Exit{Code: 1}}
	synctest.Test(t, func(t *testing.T) {
		run.RetryAt = velos.TimeOf(time.Now().Add(5 * time.Second))
		st := &stand{lives: []life{forever}}
		s := &scene{Supervisor: New(Options{Machine: st, Event: st.event}), stand: st, t: t, id: 9}
		idle, err := s.Restore(home.Saved{ID: 9, Spec: testSpec(), Status: velos.Online, Runs: []home.Run{run}}, true)
		if err != nil || len(idle) != 0 {
			t.Fatal(idle, err)
		}
		s.after(4900 * time.Millisecond)
		s.want(velos.WaitingRestart)
		s.after(200 * time.Millisecond)
		s.want(velos.Starting)
		s.Close()
	})
}

func TestWhatHadGivenUpStaysSoUntilAReboot(t *testing.T) {
	run := home.Run{Wanted: true, Status: velos.Errored, LastExit: &velos.Exit{Code: 1}}
	revive(t, run, nil, 0, false, func(t *testing.T, s *scene, idle []int) {
		s.want(velos.Errored)
		if len(idle) != 0 {
			t.Errorf("idle %v; want none", idle)
		}
		if err := s.start(true); err != nil {
			t.Fatal(err)
		}
		s.want(velos.Online)
	})
	synctest.Test(t, func(t *testing.T) {
		st := &stand{lives: []life{forever}}
		s := New(Options{Machine: st, Event: st.event})
		idle, err := s.Restore(home.Saved{ID: 9, Spec: testSpec(), Status: velos.Online, Runs: []home.Run{run}}, false)
		if err != nil || len(idle) != 1 {
			t.Errorf("after a reboot idle is %v, %v; want the instance", idle, err)
		}
		s.Close()
	})
}

func TestAnInstanceThatTheAppHasNotMayFinishItsConnections(t *testing.T) {
	for _, extra := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			st := &stand{lives: []life{forever}}
			born := time.Now()
			cast := func(pid, inst int) *actor {
				a := &actor{life: worker, pid: pid, born: born, exit: make(chan child.Exit, 1), gone: make(chan struct{})}
				st.survivors = append(st.survivors, Survivor{Seat: Seat{9, inst, 0}, Child: a, Began: born.Add(-time.Hour)})
				return a
			}
			stays, goes := cast(77, 0), cast(78, extra)
			s := &scene{Supervisor: New(Options{Machine: st, Event: st.event}), stand: st, t: t, id: 9}
			spec := testSpec()
			clustered(1)(&spec)
			if _, err := s.Restore(home.Saved{ID: 9, Spec: spec, Status: velos.Online, Runs: []home.Run{{Wanted: true, PID: 77, Status: velos.Online}}}, true); err != nil {
				t.Fatal(err)
			}
			s.after(time.Minute)
			if goes.patient != 1 || goes.hard != 0 || !goes.dead || stays.dead || len(s.app().Leaving) != 0 {
				t.Errorf("asked to finish %d times, killed %d times, dead: %v; the other one: %v", goes.patient, goes.hard, goes.dead, stays.dead)
			}
			s.Close()
		})
	}
}
