package trigger

import "time"

// A bell waits for a moment or for somebody who calls.
type bell struct {
	rung  chan struct{}
	until time.Time
}

func newBell() bell { return bell{rung: make(chan struct{}, 1)} }

func (b *bell) ring() {
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

func (b *bell) wait() {
	if b.until.IsZero() {
		<-b.rung
		return
	}
	t := time.NewTimer(time.Until(b.until))
	defer t.Stop()
	select {
	case <-b.rung:
	case <-t.C:
	}
}
