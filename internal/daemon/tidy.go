package daemon

import (
	"runtime/debug"
	"sync"
	"time"
)

// quiet is how long nothing may have changed before memory is given back.
const quiet = 3 * time.Second

// A tidy gives memory back to the system when a burst of work is over: the
// runtime alone would keep it for minutes, and a daemon is idle most of its
// life.
type tidy struct {
	mu    sync.Mutex
	timer *time.Timer
}

func newTidy() *tidy {
	t := &tidy{}
	t.timer = time.AfterFunc(quiet, debug.FreeOSMemory)
	return t
}

func (t *tidy) touch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Reset(quiet)
	}
}

func (t *tidy) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer.Stop()
	t.timer = nil
}
