//go:build !linux

package daemon

// memory is not measured on this platform: 0 is "unknown".
func memory() (rss, anon int64) { return 0, 0 }
