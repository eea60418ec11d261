package wire

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// A descriptor is born without CLOEXEC here: the lock keeps a fork from
// happening in between.

func socket() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return tame(syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
}

// accept does not block, its fd being non-blocking, so that the lock is held
// for a moment only.
func accept(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	n, _, err := syscall.Accept(fd)
	return tame(n, err)
}

func tame(fd int, err error) (int, error) {
	if err != nil {
		return -1, err
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

func credentials(fd int) (Peer, error) {
	x, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	p := Peer{UID: int(x.Uid), GID: int(x.Groups[0])}
	if pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil {
		p.PID = pid
	}
	return p, nil
}
