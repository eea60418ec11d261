package view

import (
	"io"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/crash"
)

// By names an actor; it is empty for the daemon's own decisions.
func By(a velos.Actor) string { return by(a) }

const (
	crashLine   = 200 // characters of the message in --ai
	crashFrames = 5   // of the project, in --ai and for people
	crashText   = 12  // lines of the event, where there is no stack
)

// crashJSON is a crash report in --json.
type crashJSON struct {
	App         string         `json:"app"`
	Inst        int            `json:"instance"`
	Status      velos.Status   `json:"status"`
	Exit        *velos.Exit    `json:"exit"`
	Meaning     string         `json:"exit_meaning"`
	Cause       crash.Cause    `json:"cause"`
	Subject     string         `json:"subject,omitempty"`
	Port        int            `json:"port,omitempty"`
	Holder      string         `json:"holder,omitempty"`
	Message     string         `json:"message"`
	Frame       string         `json:"frame,omitempty"`
	Stack       []crash.Frame  `json:"stack"`
	Text        []string       `json:"text"`
	Peak        int64          `json:"memory_peak_bytes,omitempty"`
	Limit       int64          `json:"memory_limit_bytes,omitempty"`
	Restarts    int            `json:"restart_count"`
	Strikes     int            `json:"unstable_restarts"`
	Allowed     int            `json:"max_restarts"`
	RetryAt     velos.Time     `json:"retry_at,omitempty"`
	Fingerprint string         `json:"fingerprint,omitempty"`
	Same        int            `json:"same_before"`
	First       velos.Time     `json:"first_at,omitempty"`
	Changed     []string       `json:"changed,omitempty"`
	Timeline    []crash.Moment `json:"timeline"`
	Hints       []string       `json:"hints"`
}

// CrashJSON is a crash report as an object, for every door.
func CrashJSON(r *crash.Report) any {
	j := crashJSON{App: r.App, Inst: r.Inst, Status: r.Status, Exit: r.Exit, Cause: r.Cause, Subject: r.Subject, Port: r.Port, Holder: Text(r.Holder),
		Message: r.Message, Frame: r.Frame, Stack: append([]crash.Frame{}, r.Stack...), Text: append([]string{}, r.Text...), Peak: r.Peak, Limit: r.Limit,
		Restarts: r.Restarts, Strikes: r.Strikes, Allowed: r.Allowed, RetryAt: r.RetryAt, Fingerprint: r.Fingerprint, Same: r.Same, First: r.First,
		Changed: r.Changed, Timeline: append([]crash.Moment{}, r.Timeline...), Hints: append([]string{}, r.Next...)}
	if r.Exit != nil {
		j.Meaning = r.Exit.String()
	}
	return j
}

// crashAI is the same for agents, in at most 400 tokens.
type crashAI struct {
	Name    string      `json:"n"`
	Status  string      `json:"s"`
	Exit    string      `json:"x,omitempty"`
	Cause   crash.Cause `json:"cause,omitempty"`
	Subject string      `json:"subject,omitempty"`
	Holder  string      `json:"holder,omitempty"`
	Message string      `json:"e,omitempty"`
	Frame   string      `json:"at,omitempty"`
	Stack   []string    `json:"stack,omitempty"`
	Memory  string      `json:"mem,omitempty"`
	Strikes string      `json:"k,omitempty"`
	Next    string      `json:"next,omitempty"`
	Same    string      `json:"same,omitempty"`
	Changed string      `json:"chg,omitempty"`
	Time    []string    `json:"tl,omitempty"`
	Do      []string    `json:"do"`
}

// mostCrash is the weight of all texts in a crashAI: with its keys that is
// below 400 tokens.
const mostCrash = 260

func (o Options) crashAI(r *crash.Report) crashAI {
	room := mostCrash
	fit := func(s string, most int) string {
		s = Fit(s, max(0, min(most, room)))
		room -= Weight(s)
		return s
	}
	j := crashAI{Name: crashName(r), Status: shortStatus(r.Status), Cause: r.Cause, Strikes: crashStrikes(r), Same: o.crashSame(r)}
	if r.Exit != nil {
		j.Exit = fit(r.Exit.String(), 60)
	}
	j.Subject, j.Holder, j.Message, j.Frame = fit(r.Subject, 45), fit(Text(r.Holder), 35), fit(r.Message, 70), fit(r.Frame, 40)
	j.Changed = fit(CrashChanged(r), 40)
	for _, d := range r.Next {
		j.Do = append(j.Do, fit(d, 40))
	}
	if r.Cause == crash.Memory && r.Peak > 0 {
		j.Memory = "peak " + ShortBytes(r.Peak)
		if r.Limit > 0 {
			j.Memory += " of " + ShortBytes(r.Limit)
		}
	}
	if r.RetryAt > o.Now {
		j.Next = "in " + Span(velos.Millis(r.RetryAt-o.Now))
	}
	moments := r.Timeline[max(0, len(r.Timeline)-4):]
	for i := range moments {
		j.Time = append(j.Time, fit(o.moment(&moments[i]), 25))
	}
	stack := ownFrames(r)
	if len(stack) == 0 && len(r.Text) > 1 {
		for _, l := range r.Text[max(0, len(r.Text)-4):] {
			if l = strings.TrimSpace(l); l != "" && l != r.Message {
				stack = append(stack, l)
			}
		}
	}
	for _, l := range stack {
		if room < 8 {
			break
		}
		j.Stack = append(j.Stack, fit(l, 35))
	}
	return j
}

// CrashChanged names what has changed since the last good run.
func CrashChanged(r *crash.Report) string { return Text(strings.Join(r.Changed, ", ")) }

func crashName(r *crash.Report) string {
	if r.Many {
		return Text(r.App) + ":" + strconv.Itoa(r.Inst)
	}
	return Text(r.App)
}

func crashStrikes(r *crash.Report) string {
	switch {
	case r.Strikes == 0:
		return ""
	case r.Allowed < 0:
		return strconv.Itoa(r.Strikes)
	}
	return strconv.Itoa(r.Strikes) + "/" + strconv.Itoa(r.Allowed)
}

func (o Options) crashSame(r *crash.Report) string {
	if r.Same == 0 {
		return ""
	}
	return strconv.Itoa(r.Same) + " before, first " + o.clock(r.First)
}

// moment is a row of the timeline.
func (o Options) moment(m *crash.Moment) string {
	s := o.clock(m.Time) + " " + Text(m.Text)
	if m.Count > 1 {
		s += " ×" + strconv.Itoa(m.Count)
	}
	return s
}

// ownFrames are the frames inside the project, and how many others there are.
func ownFrames(r *crash.Report) []string {
	var list []string
	others := 0
	for i := range r.Stack {
		f := &r.Stack[i]
		switch {
		case !f.Own:
			others++
		case len(list) < crashFrames:
			if at := cut(f.At, 100); len(list) == 0 || list[len(list)-1] != at {
				list = append(list, at)
			}
		}
	}
	if others > 0 {
		list = append(list, "+"+plural(others, "frame")+" of libraries")
	}
	return list
}

// Crash writes a crash report.
func Crash(w io.Writer, r *crash.Report, o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		b.b = append(encode(CrashJSON(r)), '\n')
	case AI:
		b.b = append(encode(o.crashAI(r)), '\n')
	default:
		b.str(o.CrashText(r))
	}
	return b.to(w)
}

// CrashText is a crash report in plain lines.
func (o Options) CrashText(r *crash.Report) string {
	var b buffer
	line := func(key, value string) {
		if value != "" {
			b.str("  ", o.paint(dim, key), strings.Repeat(" ", max(1, 12-len(key))), cut(value, o.room(14)), "\n")
		}
	}
	if r.Exit == nil {
		b.str(o.paint(bold, crashName(r)), " has not crashed: no run ended without being asked to\n")
		return string(b.b)
	}
	b.str(o.paint(bold, crashName(r)), " ", r.Exit.String(), " at ", o.clock(r.Exit.Time), " (", ago(r.Exit.Time, o.Now), "), now ", string(r.Status), "\n")
	cause := string(r.Cause)
	if r.Subject != "" {
		cause += ": " + r.Subject
	}
	line("cause", cause)
	line("held by", Text(r.Holder))
	line("message", r.Message)
	line("at", r.Frame)
	if r.Cause == crash.Memory && r.Peak > 0 {
		limit := ""
		if r.Limit > 0 {
			limit = " of " + Bytes(r.Limit)
		}
		line("memory", "peak "+Bytes(r.Peak)+limit)
	}
	line("in a row", crashStrikes(r))
	line("the same", o.crashSame(r))
	line("changed", CrashChanged(r))
	if r.RetryAt > o.Now {
		line("next start", "in "+Span(velos.Millis(r.RetryAt-o.Now)))
	}
	text := r.Text
	if len(text) > 1 {
		o.section(&b, "what it wrote last")
		if n := len(text) - crashText; n > 0 && len(r.Stack) == 0 {
			text = text[n:]
		}
		for _, l := range text {
			b.str("  ", cut(strings.ReplaceAll(l, "\t", "  "), o.room(2)), "\n")
		}
	}
	if len(r.Timeline) > 0 {
		o.section(&b, "timeline")
	}
	for i := range r.Timeline {
		b.str("  ", o.moment(&r.Timeline[i]), "\n")
	}
	o.section(&b, "what to do")
	for _, s := range r.Next {
		b.str("  ", cut(s, o.room(2)), "\n")
	}
	return string(b.b)
}
