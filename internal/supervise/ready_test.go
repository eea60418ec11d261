package supervise

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func TestWaitReadyWaitsForTheProgramsWord(t *testing.T) {
	play(t, func(s *velos.Spec) { s.WaitReady = true }, []life{{}}, func(t *testing.T, s *scene) {
		reply := s.async(s.start)
		s.after(5 * time.Second)
		s.want(velos.Starting)
		s.actor(0).hear(News{Kind: Ready})
		s.after(0)
		if err, ok := answered(reply); !ok || err != nil {
			t.Errorf("answered: %v, %v", ok, err)
		}
		s.want(velos.Online)
	})
}

func TestTheWordOfAnEarlierRunIsNotHeard(t *testing.T) {
	play(t, func(s *velos.Spec) { s.WaitReady = true }, []life{{lives: time.Second, code: 1}, {}}, func(t *testing.T, s *scene) {
		_ = s.start(false)
		s.after(1500 * time.Millisecond)
		s.actor(0).hear(News{Kind: Ready})
		s.after(0)
		s.want(velos.Starting)
	})
}

func TestARunThatIsNotReadyInTimeHasFailed(t *testing.T) {
	play(t, func(s *velos.Spec) { s.WaitReady, s.ListenTimeout, s.MaxRestarts = true, 3000, 1 }, []life{{grace: time.Millisecond}}, func(t *testing.T, s *scene) {
		err := s.start(true)
		if velos.CodeOf(err) != velos.Timeout || !strings.Contains(err.Error(), "did not say that it is ready within 3s (listen_timeout)") {
			t.Errorf("%v; want the timeout with its name", err)
		}
		s.after(10 * time.Second)
		s.want(velos.Errored) // each counts as a strike
		if x := s.inst().LastExit; strings.Contains(x.String(), "somebody else") {
			t.Errorf("the end is told as %q; it was the policy's doing", x)
		}
		if !strings.Contains(s.inst().Reason, "listen_timeout") {
			t.Errorf("the reason is %q", s.inst().Reason)
		}
	})
}

func TestAnUnhealthyRunIsStartedAnew(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Health = &velos.Probe{TCP: "127.0.0.1:1"}; s.Autorestart = velos.OnFailure },
		[]life{{health: 10 * time.Second, grace: time.Millisecond}, {}}, func(t *testing.T, s *scene) {
			_ = s.start(true)
			s.actor(0).hear(News{Kind: Well})
			s.after(0)
			if h := s.inst().Health; h != velos.Healthy {
				t.Errorf("health is %q", h)
			}
			s.after(12 * time.Second)
			i := s.inst()
			if i.Status != velos.Online || i.Restarts != 1 || i.Health != "" {
				t.Errorf("%s, %d restarts, health %q", i.Status, i.Restarts, i.Health)
			}
			said := false
			for _, e := range s.events {
				said = said || strings.Contains(e.Cause, "health probe failed: answered 503")
			}
			if !said {
				t.Error("no event says why")
			}
		})
}

func TestAWatchdogThatIsNotFedEndsTheRun(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Watchdog = 2000 }, []life{{grace: time.Millisecond}, {}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		for range 5 {
			s.after(1500 * time.Millisecond)
			s.actor(0).hear(News{Kind: Beats})
		}
		s.after(0)
		s.want(velos.Online)
		if s.runs() != 1 {
			t.Fatal("a run that feeds its watchdog was ended")
		}
		s.after(2100 * time.Millisecond)
		if s.runs() != 2 {
			t.Errorf("%d runs; want a second one", s.runs())
		}
	})
}

func TestTheShutdownMessageTakesTheSignalsPlace(t *testing.T) {
	play(t, func(s *velos.Spec) { s.ShutdownWithMessage = true }, []life{{}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		_ = s.stop(false)
		s.after(time.Second)
		a := s.actor(0)
		if !slices.Equal(a.said, []string{`{"type":"shutdown"}`, `"shutdown"`}) || a.soft != 0 {
			t.Errorf("said %v, %d signals", a.said, a.soft)
		}
		s.after(5 * time.Second)
		s.want(velos.Stopped)
		if a.hard != 1 {
			t.Errorf("%d kills after kill_timeout; want 1", a.hard)
		}
	})
}

func TestAStopOfAWorkerLetsItFinishFirst(t *testing.T) {
	play(t, clustered(1), []life{worker}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		_ = s.stop(true)
		if a := s.actor(0); a.finished != 1 || a.patient != 0 || a.soft != 1 {
			t.Errorf("asked to finish %d times (%d patiently), %d signals", a.finished, a.patient, a.soft)
		}
	})
}

func TestTheProgramsOwnStatusIsShown(t *testing.T) {
	play(t, nil, []life{{}}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		s.actor(0).hear(News{Said, "42 clients"})
		s.after(0)
		if got := s.inst().Said; got != "42 clients" {
			t.Errorf("said %q", got)
		}
	})
}

func TestAFloodOfNewsDrownsNoWordThatMatters(t *testing.T) {
	var p post
	p.put(letter{1, News{Kind: Ready}})
	p.put(letter{1, News{Kind: Sick}})
	for range 1000 {
		p.put(letter{1, News{Kind: Beats}})
		p.put(letter{1, News{Said, "busy"}})
		p.put(letter{1, News{Listens, "tcp://0.0.0.0:80"}})
	}
	p.put(letter{1, News{Kind: Well}})
	p.put(letter{1, News{Kind: Sick}})
	p.put(letter{1, News{Kind: Finished}})
	kinds, last := map[NewsKind]int{}, NewsKind(0)
	for l, ok := p.next(); ok; l, ok = p.next() {
		kinds[l.Kind]++
		if l.Kind == Well || l.Kind == Sick {
			last = l.Kind
		}
	}
	if kinds[Ready] != 1 || kinds[Finished] != 1 || kinds[Beats] != 1 || kinds[Said] != 1 || last != Sick || kinds[Listens] > maxLetters {
		t.Errorf("%v, the last word on health is %d", kinds, last)
	}
}

func TestARunThatIsNeverWellIsAStrikeEachTime(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Health, s.MaxRestarts = &velos.Probe{TCP: "127.0.0.1:1"}, 3 },
		[]life{{health: 90 * time.Second, grace: time.Millisecond}}, func(t *testing.T, s *scene) {
			_ = s.start(true)
			s.after(time.Hour)
			s.want(velos.Errored)
			if s.runs() != 4 || !strings.HasSuffix(s.inst().Reason, "health probe failed: answered 503; stopped by SIGTERM after 1m 30s") {
				t.Errorf("%d runs, %q; want 4", s.runs(), s.inst().Reason)
			}
		})
}

func TestARunThatWasWellIsNoStrike(t *testing.T) {
	play(t, func(s *velos.Spec) { s.Health, s.MaxRestarts = &velos.Probe{TCP: "127.0.0.1:1"}, 0 },
		[]life{{health: 10 * time.Second, grace: time.Millisecond}}, func(t *testing.T, s *scene) {
			_ = s.start(true)
			for n := range 5 {
				s.actor(n).hear(News{Kind: Well})
				s.after(11 * time.Second)
				s.want(velos.Online)
			}
		})
}

func TestAWorkerThatIsStartedAnewIsServedWhenItListens(t *testing.T) {
	late := life{grace: time.Millisecond} // listens later than it starts
	play(t, clustered(2), []life{worker, worker, late}, func(t *testing.T, s *scene) {
		_ = s.start(true)
		_ = s.Restart(context.Background(), s.id, 0, false, human)
		s.after(500 * time.Millisecond)
		if got := s.served[len(s.served)-1]; got != "1a" {
			t.Errorf("served: %s; want the other one alone", got)
		}
	})
}
