//go:build !linux && !darwin

package tui

// machineMemory is unknown here.
func machineMemory() int64 { return 0 }
