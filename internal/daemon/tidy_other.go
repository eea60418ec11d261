//go:build !linux

package daemon

// anonymous memory is not measured on this system: 0 is "unknown".
func anonymous() int64 { return 0 }

// dropProgram: how a system treats the clean pages of a program that is idle
// is left to it.
func dropProgram() {}
