package channel

import "golang.org/x/sys/unix"

const (
	receiveFlags = unix.MSG_DONTWAIT | unix.MSG_CMSG_CLOEXEC
	sendFlags    = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
)

// Pair makes a channel's two ends. Both are closed on exec and do not block:
// Node expects that of its own.
func Pair() (ours, theirs int, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return p[0], p[1], err
}
