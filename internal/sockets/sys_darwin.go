package sockets

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// reuses: this system would give everything to the socket that came last, so
// that all places share one.
const reuses = false

// socket makes a socket; the lock keeps a fork from happening before it is
// closed on exec.
func socket(family, typ int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(family, typ, 0)
	if err != nil {
		return -1, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func queued(int, Network) int { return 0 }

func zone(string) (uint32, error) { return 0, unix.EINVAL }

func attach(int, []int) error { return nil }
