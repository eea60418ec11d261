//go:build unix && !linux

package child

// There are no realtime signals that could be named.
const (
	firstRealtime = 0
	lastSignal    = 31
)
