//go:build unix && !linux

package cli

// zombie: init collects the processes of others here.
func zombie(int) bool { return false }
