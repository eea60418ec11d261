package supervise

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/home"
)

// A closed stand has no room for output, and takes its time to say so.
type closed struct{ stand }

func (c *closed) Open(uint32, *velos.Spec, bool) error {
	time.Sleep(time.Second)
	return errors.New("open the logs: read-only file system")
}

func TestAnAppThatCannotBeOpenedMayBeDeletedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Machine: &closed{}})
		added := make(chan error, 1)
		go func() {
			_, err := s.Add(testSpec(), human)
			added <- err
		}()
		synctest.Wait()
		if err := s.Delete(1, human); err != nil {
			t.Error(err)
		}
		if err := <-added; err == nil {
			t.Error("the app was added")
		}
		if n := s.Len(); n != 0 {
			t.Errorf("%d apps left", n)
		}
		s.Close()
	})
}

func TestWhatShouldRunIsSavedSoBeforeItIsStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Machine: &stand{lives: []life{forever}}})
		run := home.Run{Wanted: true, Status: velos.Online, PID: 77}
		idle, err := s.Restore(home.Saved{ID: 9, Spec: testSpec(), Status: velos.Online, Runs: []home.Run{run}}, true)
		if err != nil || len(idle) != 1 {
			t.Fatal(idle, err)
		}
		each, _, _ := s.Saved()
		for a := range each {
			if !a.Runs[0].Wanted || a.Status != velos.Online {
				t.Errorf("saved as %s, wanted %v: a second crash would forget it", a.Status, a.Runs[0].Wanted)
			}
		}
		s.Close()
	})
}

func TestAClockThatWasSetBackHoldsNothingUp(t *testing.T) {
	for _, c := range []struct {
		name string
		run  home.Run
		sv   []Survivor
		to   velos.Status
	}{
		{"a young survivor", home.Run{Wanted: true, PID: 77, Status: velos.Starting}, []Survivor{{}}, velos.Online},
		{"a pause", home.Run{Wanted: true, Status: velos.WaitingRestart, LastExit: &velos.Exit{Code: 1}}, nil, velos.Online},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &stand{lives: []life{forever}, survivors: c.sv}
				for i := range c.sv {
					c.sv[i] = Survivor{Child: &actor{pid: 77, born: time.Now(), exit: make(chan child.Exit, 1), gone: make(chan struct{})}, Began: time.Now().Add(time.Hour)}
				}
				c.run.RetryAt = velos.TimeOf(time.Now().Add(time.Hour))
				s := &scene{Supervisor: New(Options{Machine: st, Event: st.event}), stand: st, t: t, id: 9}
				if _, err := s.Restore(home.Saved{ID: 9, Spec: testSpec(), Status: velos.Online, Runs: []home.Run{c.run}}, true); err != nil {
					t.Fatal(err)
				}
				s.after(20 * time.Second)
				s.want(c.to)
				s.Close()
			})
		})
	}
}
