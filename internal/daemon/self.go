package daemon

import (
	"os"
	"strconv"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func pid() int { return os.Getpid() }

// say writes a line of the daemon's own log. Its stderr is the log file: the
// starter has seen to that.
func say(text string) {
	_, _ = os.Stderr.WriteString(time.Now().Format("2006-01-02 15:04:05.000 ") + text + "\n")
}
