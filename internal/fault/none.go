//go:build !faults

package fault

// Here does nothing.
func Here(string) {}
