package keeper

import (
	"syscall"
	"time"
)

const (
	maxBeat = 24 * time.Hour
	// lastWords is how long a daemon that gives no sign of life has, after
	// SIGABRT, to write down what its goroutines are doing.
	lastWords = time.Second
)

// beat starts the daemon's time anew, or lets it off for 0. Called by serve:
// a timer may be set by one goroutine while another waits for it.
func (k *keeper) beat(ms uint32) {
	if ms == 0 {
		k.silent.Stop()
		return
	}
	k.silent.Reset(min(time.Duration(ms)*time.Millisecond, maxBeat))
}

// silence ends a daemon that is there and does nothing. What follows is what
// follows any death of a daemon.
func (k *keeper) silence() {
	if k.pid == 0 {
		return
	}
	sig := syscall.SIGKILL
	if !k.given {
		sig = syscall.SIGABRT
		say("velosd gives no sign of life: it is killed and started anew")
		k.silent.Reset(lastWords)
	}
	k.given = true
	_ = syscall.Kill(k.pid, sig) // not reaped yet, so it cannot be another's pid
}
