package daemon

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

func TestAKeeperWaitsForTheLockOnlyWhileItIsWanted(t *testing.T) {
	h := home.Home{Dir: t.TempDir()}
	old, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	lock, err := takeLock(h, func() bool { old.Close(); return false })
	if err != nil {
		t.Fatalf("a keeper that is wanted: %v", err)
	}
	_, err = takeLock(h, func() bool { lock.Close(); return true })
	if velos.CodeOf(err) != velos.Conflict {
		t.Errorf("one that is not: %v; want a conflict", err)
	}
	if lock, err = h.Lock(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	lock.Close()
}

func TestAKeeperThatTellsLessThanItAnnouncedHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan struct{}, 4)
		told <- struct{}{}
		began := time.Now()
		if n := hear(told, 3, time.Second); n != 1 || time.Since(began) != time.Second {
			t.Errorf("heard %d in %v; want 1 in a second", n, time.Since(began))
		}
	})
}
