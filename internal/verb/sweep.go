package verb

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/velospm/velos"
)

// A Leftover is an app that nobody is likely to miss, and why.
type Leftover struct {
	App velos.App
	Why string
}

// Leftovers finds what can be cleared away: apps whose agents have left them
// behind, apps whose directory is gone, and apps that agents have started, that
// do not run and that nothing has happened to for so long.
func Leftovers(apps []velos.App, older time.Duration, now velos.Time) []Leftover {
	var list []Leftover
	for i := range apps {
		if why := leftover(&apps[i], older, now); why != "" {
			list = append(list, Leftover{App: apps[i], Why: why})
		}
	}
	return list
}

func leftover(a *velos.App, older time.Duration, now velos.Time) string {
	l := a.Lease
	switch _, err := os.Stat(a.Spec.Cwd); {
	case errors.Is(err, fs.ErrNotExist):
		return "its directory " + a.Spec.Cwd + " is gone"
	case l.Over():
		return "its lease has ended: " + l.Cause
	case l == nil || l.Agent == "" || l.Keep || a.Status != velos.Stopped && a.Status != velos.Errored:
		return ""
	}
	last := max(a.Created, a.Updated)
	for i := range a.Instances {
		in := &a.Instances[i]
		if last = max(last, in.Since); in.LastExit != nil {
			last = max(last, in.LastExit.Time)
		}
	}
	if idle := now - last; idle >= velos.Time(older.Milliseconds()) {
		return l.Agent + " has started it, and it is " + string(a.Status) + " for " + (velos.Millis(idle) / 1000 * 1000).String()
	}
	return ""
}
