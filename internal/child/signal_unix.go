//go:build unix

package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func signalName(n int) string { return unix.SignalName(syscall.Signal(n)) }
