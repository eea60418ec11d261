//go:build !linux

package proc

// Elsewhere a look is kept in the heap.
func room(int) []byte     { return nil }
func leave([]byte)        {}
func stats([]byte) []Stat { return nil }
