package view

import (
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
)

// Bytes is a size for people: "512 B", "4.2 KB", "45 MB". The steps are 1024.
func Bytes(n int64) string {
	v, unit := scale(n)
	return v + " " + unit
}

// ShortBytes is a size for agents and narrow columns: "45M".
func ShortBytes(n int64) string {
	v, unit := scale(n)
	return v + strings.TrimSuffix(unit, "B")
}

func scale(n int64) (string, string) {
	units := [...]string{"B", "KB", "MB", "GB", "TB", "PB"}
	v, i := float64(max(n, 0)), 0
	for v >= 1023.5 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if i > 0 && v < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64), units[i]
	}
	return strconv.FormatFloat(v, 'f', 0, 64), units[i]
}

// Span is a length of time for people, in at most two units: "850ms", "12s",
// "2d 3h".
func Span(m velos.Millis) string { return max(m, 0).String() }

// ShortSpan is Span with the largest unit alone: "2d".
func ShortSpan(m velos.Millis) string {
	s, _, _ := strings.Cut(Span(m), " ")
	return s
}

func ago(t, now velos.Time) string {
	if t == 0 {
		return "never"
	}
	if now < t {
		return "just now"
	}
	return Span(velos.Millis(now-t)) + " ago"
}

// Clock is the time of day, with the date when that is another day than now.
func (o Options) Clock(t velos.Time) string { return o.clock(t) }

// clock is the time of day, with the date when that is another day than now.
func (o Options) clock(t velos.Time) string {
	if t == 0 {
		return "-"
	}
	at, now := t.Std().In(o.loc()), o.Now.Std().In(o.loc())
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}

func percent(f float64) string {
	if f >= 9.95 {
		return strconv.FormatFloat(f, 'f', 0, 64) + "%"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + "%"
}

// uptime is how long the instance has been running; 0 when it is not.
func uptime(i *velos.Instance, now velos.Time) velos.Millis {
	if i.PID == 0 || i.Started == 0 || now < i.Started {
		return 0
	}
	return velos.Millis(now - i.Started)
}

// plural is "1 line", "2 lines", "2 processes".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
