//go:build unix

package daemon

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// notify sends a datagram to the socket of a service manager; @ stands for the
// NUL of an abstract name. A manager that reads nothing for two seconds gets
// nothing.
func notify(socket, text string) error {
	syscall.ForkLock.RLock() // not every system can make it closed on exec at once
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	limit := unix.Timeval{Sec: 2}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	for {
		err = unix.Sendto(fd, []byte(text), 0, &unix.SockaddrUnix{Name: socket})
		if err != unix.EINTR {
			return os.NewSyscallError("send to "+socket, err)
		}
	}
}

// monotonic is now in microseconds, on the clock that a manager orders reloads by.
func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail with this clock
	return t.Nano() / int64(time.Microsecond)
}
