package keeper

import (
	"syscall"
	"testing"
	"time"
)

// A daemon that is stopped by a signal gives no sign of life, and cannot even
// be asked to end.
func TestASilentDaemonIsKilledAndStartedAnew(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	for range 5 {
		s.order("beat 60000", "ok")
	}
	first := s.daemon
	s.order("beat 1000", "ok")
	_ = syscall.Kill(first, syscall.SIGSTOP) // on a busy machine it may have been silent for too long already
	s.up()
	if s.daemon == first || !gone(first) {
		t.Errorf("daemon %d was followed by %d", first, s.daemon)
	}
}

func TestADaemonThatPromisesNothingMayBeSilent(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	first := s.daemon
	s.order("beat 3000\nbeat 0", "ok") // at once: a busy machine may pause between two orders
	s.expect("ok")
	time.Sleep(3300 * time.Millisecond) // nothing is to happen
	s.order("state", "state ")
	if s.daemon != first || gone(first) {
		t.Error("the daemon was killed")
	}
}
