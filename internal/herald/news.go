package herald

import (
	"slices"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// A News is an event that somebody wants to hear of. What the program wrote
// is cleaned, and without the app's secrets.
type News struct {
	Kind     string     `json:"kind"`
	App      string     `json:"app"`
	ID       uint32     `json:"id"`
	Inst     int        `json:"instance"`
	Time     velos.Time `json:"ts"`
	Seq      uint64     `json:"seq"`
	What     string     `json:"what"` // in one line
	Exit     string     `json:"exit,omitempty"`
	Cause    string     `json:"cause,omitempty"` // as velos crash names it
	Restarts int        `json:"restarts,omitempty"`
	Line     string     `json:"last_line,omitempty"` // the program's own words
	Count    int        `json:"count,omitempty"`     // of the same kind in one message
}

const (
	longestLine = 300
	longestWhat = 400
)

// failures are how the policy says that it ended a run which did not work.
var failures = []string{"its health probe failed", "no sign of life", "it did not ", "it has triggered its watchdog"}

// newsOf tells whether an event is news, and which. It keeps count of apps that
// are down.
func (h *Herald) newsOf(e *velos.Event) (n News, ok bool) {
	if e.App == "" {
		return n, false
	}
	a := h.app(e.ID)
	kind, what := "", e.Cause
	switch {
	case e.Kind == velos.KindExit && e.Exit != nil && crashed(e.Exit, a):
		kind, what = "crash", e.Exit.String()
		n.Exit = what
	case e.Kind == velos.KindState && e.To == velos.Errored:
		kind = "gave_up"
	case e.Kind == velos.KindState && e.To == velos.Stopping && e.Actor.Kind == "policy" && begins(e.Cause, failures...):
		kind = "crash"
	case e.Kind == velos.KindOrder && e.Actor.Kind == "policy" && strings.HasPrefix(e.Cause, "restart, memory:"):
		kind = "memory"
	case e.Kind == velos.KindAlarm:
		kind = "anomaly"
	case e.Kind == velos.KindWarning:
		kind = warning(e.Cause)
	case e.Kind == velos.KindState && e.To == velos.Stopped && e.Actor.Kind == "user", e.Kind == velos.KindConfig && e.Cause == "deleted":
		delete(h.state.Down, e.App)
		return n, false
	default:
		return n, false
	}
	m := view.MaskOf()
	if a != nil {
		m = view.MaskOf(a)
	}
	n.Kind, n.App, n.ID, n.Inst, n.Time, n.Seq = kind, view.Text(e.App), e.ID, e.Inst, e.Time, e.Seq
	n.What = short(m.String(view.Text(what)), longestWhat)
	n.Exit = short(m.String(view.Text(n.Exit)), longestWhat)
	if kind == "crash" || kind == "gave_up" {
		h.state.Down[e.App] = Down{ID: e.ID, Since: e.Time, Kind: kind}
	}
	return n, true
}

func begins(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// warning is the kind of a warning, from how its text begins.
func warning(cause string) string {
	if begins(cause, "memory:", "memory ") {
		return "memory"
	}
	for _, name := range velos.HookNames {
		if begins(cause, string(name)+" failed") {
			return "hook"
		}
	}
	return "warning"
}

// crashed reports an end that nobody asked for and that is no proper one.
func crashed(x *velos.Exit, a *velos.App) bool {
	switch {
	case x.Asked:
		return false
	case x.Error != "", x.Unknown, x.Signal != "":
		return true
	case a != nil && slices.Contains(a.Spec.StopExitCodes, int64(x.Code)):
		return false
	}
	return x.Code != 0
}

// recovered finds apps that were down and have been online for long enough. It
// reports whether one is online and has not been so for long enough.
func (h *Herald) recovered() (watching bool) {
	for name, d := range h.state.Down {
		a := h.app(d.ID)
		if a == nil {
			delete(h.state.Down, name)
			continue
		}
		if a.Status != velos.Online {
			if a.Status == velos.Stopped && !slices.ContainsFunc(a.Instances, func(i velos.Instance) bool { return i.Wanted }) {
				delete(h.state.Down, name)
			}
			continue
		}
		since := velos.Time(0)
		for i := range a.Instances {
			since = max(since, a.Instances[i].Since)
		}
		if time.Since(since.Std()) < h.Stable {
			watching = true
			continue
		}
		delete(h.state.Down, name)
		n := News{Kind: "recovered", App: view.Text(a.Spec.Name), ID: a.ID, Inst: -1, Time: velos.TimeOf(time.Now()), Seq: h.state.Cursor,
			What: "online since " + since.Std().Format(time.TimeOnly) + ", " + velos.Millis(since-d.Since).String() + " after it " + told(d.Kind)}
		for i := range a.Instances {
			n.Restarts += a.Instances[i].Restarts
		}
		h.hand(n)
		watching = true // what was handed on is sent in the next round
	}
	return watching
}

// told is a kind as a verb.
func told(kind string) string {
	switch kind {
	case "crash":
		return "crashed"
	case "gave_up":
		return "gave up"
	case "recovered":
		return "recovered"
	}
	return kind
}

// short bounds a text, and keeps it on one line.
func short(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
