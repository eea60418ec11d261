package daemon

import (
	"os"
	"strconv"
	"strings"
)

// memory is what this process has resident, and how much of that is
// anonymous: not shared with any file, the part that only we can give back.
func memory() (rss, anon int64) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	return kib(string(b), "\nVmRSS:"), kib(string(b), "\nRssAnon:")
}

func kib(text, key string) int64 {
	_, rest, ok := strings.Cut(text, key)
	if !ok {
		return 0
	}
	f := strings.TrimSpace(rest)
	if i := strings.IndexByte(f, ' '); i > 0 {
		f = f[:i]
	}
	n, _ := strconv.ParseInt(f, 10, 64)
	return n << 10
}
