package view

import (
	"io"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// Events writes events as they come, one line each; --json without lines is
// an array. Apps hide their secrets, as far as they are known.
type Events struct {
	w     io.Writer
	o     Options
	mask  Mask
	lines bool
	wide  int // of the widest name
	n     int
}

// NewEvents prepares to write events to w; lines asks for one JSON object a
// line instead of an array. What apps were before is known from former.
func NewEvents(w io.Writer, apps []velos.App, lines bool, o Options, former ...*velos.App) *Events {
	list, wide := make([]*velos.App, len(apps)), len(daemonName)
	for i := range apps {
		list[i] = &apps[i]
		wide = max(wide, len(apps[i].Spec.Name)+len(strconv.Itoa(len(apps[i].Instances)-1))+1)
	}
	return &Events{w: w, o: o, mask: MaskOf(append(list, former...)...), lines: lines, wide: wide}
}

// Add writes one event.
func (v *Events) Add(e velos.Event) error {
	e = v.mask.Event(e)
	var b buffer
	switch v.o.Format {
	case JSON:
		v.object(&b, encode(e))
	case AI:
		v.object(&b, encode(eventAI{Time: int64(e.Time) / 1000, Name: eventName(&e), Msg: eventText(&e), By: by(e.Actor)}))
	default:
		name := eventName(&e)
		b.str(v.o.paint(dim, v.o.clock(e.Time)), "  ", v.o.paint(NameColor(e.App), name), strings.Repeat(" ", max(0, v.wide-len(name))), "  ", v.o.paint(eventColor(&e), Text(eventText(&e))))
		if who := by(e.Actor); who != "" {
			b.str("  ", v.o.paint(dim, "by "+who))
		}
		b.str("\n")
	}
	v.n++
	return b.to(v.w)
}

// Close ends an array.
func (v *Events) Close() error {
	var b buffer
	if v.o.Format == Human || v.lines {
		return nil
	}
	switch {
	case v.n == 0:
		b.str("[]\n")
	case v.o.Format == JSON:
		b.str("\n]\n")
	default:
		b.str("]\n")
	}
	return b.to(v.w)
}

func (v *Events) object(b *buffer, j []byte) {
	switch {
	case v.lines:
		b.str(string(j), "\n")
		return
	case v.n == 0:
		b.str("[")
	default:
		b.str(",")
	}
	if v.o.Format == JSON {
		b.str("\n")
	}
	b.str(string(j))
}

type eventAI struct {
	Time int64  `json:"t"`
	Name string `json:"n,omitempty"`
	Msg  string `json:"m"`
	By   string `json:"by,omitempty"`
}

// daemonName stands where an event is about no app.
const daemonName = "velosd"

func eventName(e *velos.Event) string {
	switch {
	case e.App == "":
		return daemonName
	case e.Inst >= 0:
		return Text(e.App) + ":" + strconv.Itoa(e.Inst)
	}
	return Text(e.App)
}

// eventText is the event in plain words.
func eventText(e *velos.Event) string {
	switch e.Kind {
	case velos.KindState:
		s := string(e.From) + " -> " + string(e.To)
		if e.From == "" {
			s = string(e.To)
		}
		if e.PID != 0 {
			s += " (pid " + strconv.Itoa(e.PID) + ")"
		}
		if e.Cause != "" {
			s += ": " + e.Cause
		}
		return s
	case velos.KindExit:
		if e.Exit != nil {
			return e.Exit.String()
		}
	case velos.KindOrder:
		return "order: " + e.Cause
	case velos.KindWarning:
		return "warning: " + e.Cause
	case velos.KindAlarm:
		return "alarm: " + e.Cause
	}
	if e.Cause == "" {
		return string(e.Kind)
	}
	return e.Cause
}

func eventColor(e *velos.Event) string {
	switch {
	case e.Kind == velos.KindState:
		return StatusColor(e.To)
	case e.Kind == velos.KindAlarm && e.Alarm != nil && e.Alarm.Severity == "critical":
		return red
	case e.Kind == velos.KindWarning, e.Kind == velos.KindAlarm:
		return yellow
	case e.Kind == velos.KindExit && e.Exit != nil && !e.Exit.Asked && (e.Exit.Code != 0 || e.Exit.Signal != ""):
		return red
	}
	return noColor
}

// by names an actor; the daemon's own decisions need no name.
func by(a velos.Actor) string {
	if a.Kind != "user" {
		return ""
	}
	s := Text(a.User)
	if s == "" {
		s = "uid " + strconv.Itoa(a.UID)
	}
	how := a.Exe
	if a.Agent != "" {
		s, how = Text(a.Agent), a.Channel
		if a.Client != "" && a.Client != a.Agent {
			how = strings.TrimSpace(how + ", " + a.Client)
		}
	}
	if how != "" {
		s += " (" + Text(how) + ")"
	}
	return s
}
