package tui

import "golang.org/x/sys/unix"

// machineMemory is how much memory this machine has; 0 is unknown.
func machineMemory() int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(n)
}
