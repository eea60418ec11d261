//go:build unix

package cli

import (
	"errors"
	"os"
	"syscall"
)

// detached starts a process in a session of its own: no terminal, and no
// Ctrl-C meant for us.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// gone reports whether no process has this number.
func gone(pid int) bool {
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid)
}

// lockDir waits for the lock on a directory.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
