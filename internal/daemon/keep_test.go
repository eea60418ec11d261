package daemon

import (
	"testing"
	"testing/synctest"
	"time"
)

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
