//go:build unix

package cli

import "golang.org/x/sys/unix"

// systemSignal is the number of a signal with a full name; 0 if there is none.
func systemSignal(name string) int { return int(unix.SignalNum(name)) }
