//go:build !linux

package daemon

// dropProgram: how a system treats the clean pages of a program that is idle
// is left to it.
func dropProgram() {}
