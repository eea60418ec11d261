package daemon

import (
	"runtime/debug"
	"sync"
	"time"
)

// quiet is how long nothing may have happened before memory is given back.
const quiet = 3 * time.Second

// worth is by how many bytes anonymous memory must have grown for a garbage
// collection to pay. The runtime keeps lists for each size of object, which
// come to life with the first collection and never go: it takes 220 KiB for
// them, the second takes as much again (measured with 10 children: 1,050 KiB
// anonymous without a collection, 1,330 with one, 1,540 with two).
const worth = 768 << 10

// A tidy gives memory back to the system when a burst of work is over: the
// runtime alone would keep it for minutes, and a daemon is idle most of its
// life.
type tidy struct {
	mu    sync.Mutex
	timer *time.Timer
	low   int64 // anonymous memory after the last collection
}

func newTidy() *tidy {
	t := &tidy{}
	_, t.low = memory()
	t.timer = time.AfterFunc(quiet, t.rest)
	return t
}

// touch puts the rest off: there is work.
func (t *tidy) touch() {
	if t == nil { // a test's daemon
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Reset(quiet)
	}
}

func (t *tidy) rest() {
	_, now := memory()
	t.mu.Lock()
	collect := now == 0 || now-t.low > worth // 0: this system does not tell
	t.mu.Unlock()
	if collect {
		debug.FreeOSMemory()
		_, now = memory()
		t.mu.Lock()
		t.low = now
		t.mu.Unlock()
	}
	dropProgram()
}

// sampled lets go of what a look at the processes has touched, a megabyte of
// the program every 15 s, unless the end of a burst does it soon anyway.
func (t *tidy) sampled() { dropProgram() }

func (t *tidy) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer.Stop()
	t.timer = nil
}
