package channel

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	receiveFlags = unix.MSG_DONTWAIT
	sendFlags    = unix.MSG_DONTWAIT
)

// Pair makes a channel's two ends. Both are closed on exec and do not block:
// Node expects that of its own. The lock keeps a fork from happening before
// that is so.
func Pair() (ours, theirs int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, -1, err
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		if err == nil {
			err = unix.SetNonblock(fd, true)
		}
		if err == nil { // there is no flag for it when sending
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1)
		}
	}
	if err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return -1, -1, err
	}
	return p[0], p[1], nil
}
