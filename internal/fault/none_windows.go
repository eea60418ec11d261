//go:build faults

package fault

// Here does nothing on this system.
func Here(string) {}
