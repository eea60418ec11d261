package tui

import "golang.org/x/sys/unix"

// machineMemory is how much memory this machine has; 0 is unknown.
func machineMemory() int64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return int64(s.Totalram) * int64(s.Unit)
}
