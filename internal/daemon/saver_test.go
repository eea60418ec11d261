package daemon

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos/internal/home"
)

// pen counts what a saver writes.
type pen struct {
	writes int
	fails  bool
	slow   time.Duration
}

func (p *pen) saver() *saver {
	s := newSaver()
	s.run(func() *home.State { return nil }, func(*home.State) error {
		time.Sleep(p.slow) // inside a bubble: no real time passes
		p.writes++
		if p.fails {
			return errors.New("write state.json: no space left on device")
		}
		return nil
	})
	return s
}

func TestChangesGatherBeforeTheyAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{}
		s := p.saver()
		for range 50 {
			s.touch()
		}
		time.Sleep(time.Second)
		s.touch()
		time.Sleep(time.Second)
		s.freeze()
		if p.writes != 2 {
			t.Errorf("%d writes; want 2", p.writes)
		}
	})
}

func TestSyncWaitsForTheDiskAndNotForTheDebounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{slow: 7 * time.Millisecond}
		s := p.saver()
		s.touch()
		began := time.Now()
		if err := s.sync(); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 7*time.Millisecond {
			t.Errorf("took %v; want one write, 7ms", d)
		}
		if err := s.sync(); err != nil {
			t.Error(err)
		}
		s.freeze()
		if p.writes != 1 {
			t.Errorf("%d writes for one change; want 1", p.writes)
		}
	})
}

func TestManyWhoWaitShareAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{slow: 10 * time.Millisecond}
		s := p.saver()
		for range 20 {
			go func() {
				s.touch()
				if err := s.sync(); err != nil {
					t.Error(err)
				}
			}()
		}
		time.Sleep(time.Second)
		s.freeze()
		if p.writes > 3 {
			t.Errorf("%d writes for 20 changes at once; want at most 3", p.writes)
		}
	})
}

func TestAFailedWriteIsToldToWhoWaitsAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{fails: true}
		s := p.saver()
		s.touch()
		if err := s.sync(); err == nil {
			t.Error("sync said that it was written")
		}
		p.fails = false
		s.touch()
		if err := s.sync(); err != nil {
			t.Error(err)
		}
		s.freeze()
	})
}

func TestWhoWaitsIsNotToldOfAnOldFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{fails: true}
		s := p.saver()
		s.touch()
		if err := s.sync(); err == nil {
			t.Error("sync said that it was written")
		}
		p.fails = false
		if err := s.sync(); err != nil {
			t.Error("the disk has space again, and sync said: ", err)
		}
		s.freeze()
	})
}

func TestAFailedWriteIsTriedAgainThoughNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes, good atomic.Int32
		var space atomic.Bool
		s := newSaver()
		s.run(func() *home.State { return nil }, func(*home.State) error {
			writes.Add(1)
			if !space.Load() {
				return errors.New("write state.json: no space left on device")
			}
			good.Add(1)
			return nil
		})
		s.touch()
		time.Sleep(time.Minute)
		if n := writes.Load(); n < 5 || n > 20 {
			t.Errorf("%d attempts in a minute", n)
		}
		space.Store(true)
		time.Sleep(time.Minute)
		if good.Load() != 1 {
			t.Errorf("written %d times since there is space; want once", good.Load())
		}
		s.freeze()
	})
}

func TestNothingIsWrittenAfterTheFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{}
		s := p.saver()
		s.touch()
		s.freeze()
		n := p.writes
		s.touch()
		if err := s.sync(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if p.writes != n || n != 1 {
			t.Errorf("%d writes, %d of them before the freeze; want 1", p.writes, n)
		}
	})
}
