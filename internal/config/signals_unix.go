//go:build unix

package config

import "golang.org/x/sys/unix"

func signalOfNumber(n int) string { return unix.SignalName(unix.Signal(n)) }
