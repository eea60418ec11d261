//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// unread reports whether stdout is a pipe or a socket without a reader.
func unread() bool {
	fds := []unix.PollFd{{Fd: int32(os.Stdout.Fd())}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0
}
