//go:build unix

package cli

import (
	"errors"
	"syscall"
)

// detached starts a process in a session of its own: no terminal, and no
// Ctrl-C meant for us.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// gone reports whether no process has this number.
func gone(pid int) bool {
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid)
}
