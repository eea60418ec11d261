package fan

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
)

var errAway = errors.New("nobody answers")

func TestWhoWaitsForTheDaemonHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		h := New(func() (*client.Client, error) { <-proceed; return nil, errAway }, time.Now)
		here := make(chan bool)
		var guest *Guest
		go func() {
			g, ok := h.Join(func(bool) {})
			guest = g
			here <- ok
		}()
		synctest.Wait()
		s, f := h.State(func() {}), h.Figures(time.Second, func() {}) // would wait for ever
		s.Leave()
		f.Leave()
		close(proceed)
		if <-here {
			t.Error("there is a daemon")
		}
		guest.Leave()
		h.Close()
		if h.state != nil || h.figures != nil || h.events != nil || len(h.guests) != 0 {
			t.Errorf("something is left: %+v", h)
		}
	})
}

func TestADaemonThatIsSlowIsAskedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		h := New(func() (*client.Client, error) {
			asked.Add(1)
			time.Sleep(askWithin)
			return nil, errAway
		}, time.Now)
		began := time.Now()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := h.Apps(t.Context(), func([]velos.App) bool { return true }); err != errAway {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		// One was under way when the others came, and the next one is for them.
		if took := time.Since(began); asked.Load() > 2 || took > 2*askWithin {
			t.Errorf("asked %d times in %v", asked.Load(), took)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		all.Go(func() { _, _ = h.Apps(t.Context(), func([]velos.App) bool { return false }) })
		defer all.Wait()
		synctest.Wait()
		if _, err := h.Apps(ctx, func([]velos.App) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waits no longer: %v", err)
		}
	})
}

func TestFiguresComeAsOftenAsSomebodyWantsThem(t *testing.T) {
	h := New(func() (*client.Client, error) { return nil, errAway }, time.Now)
	defer h.Close()
	every := func() time.Duration {
		h.figures.mu.Lock()
		defer h.figures.mu.Unlock()
		return h.figures.every
	}
	slow := h.Figures(10*time.Second, func() {})
	fast := h.Figures(time.Second, func() {})
	if every() != time.Second {
		t.Errorf("both: %v", every())
	}
	fast.Leave()
	if every() != 10*time.Second {
		t.Errorf("the slow one alone: %v", every())
	}
	slow.Leave()
}
