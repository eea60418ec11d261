package child

// The first realtime signal is the one that C libraries leave to programs.
const (
	firstRealtime = 34
	lastSignal    = 64
)
