package verb

import (
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// Moment reads a point in time: an age ("10m", "1h ago", "2d"), a date with
// or without a time, a time of today, or Unix seconds or milliseconds.
func Moment(text string, now time.Time, loc *time.Location) (velos.Time, error) {
	s := strings.TrimSpace(text)
	if loc == nil {
		loc = time.UTC
	}
	switch s {
	case "now":
		return velos.TimeOf(now), nil
	case "today", "yesterday":
		y, m, d := now.In(loc).Date()
		if s == "yesterday" {
			d--
		}
		return velos.TimeOf(time.Date(y, m, d, 0, 0, 0, 0, loc)), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) >= 9 {
		if len(s) < 12 {
			n *= 1000
		}
		return velos.Time(n), nil
	}
	if m, ok := Age(s); ok {
		return velos.TimeOf(now) - velos.Time(m), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return velos.TimeOf(t), nil
		}
	}
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			y, m, d := now.In(loc).Date()
			return velos.TimeOf(time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, loc)), nil
		}
	}
	return 0, &velos.Error{Code: velos.Invalid, Message: strconv.Quote(text) + " is no point in time",
		Hint: "such as 10m, 1h ago, 15:04, 2026-01-02 15:04 or 2026-01-02T15:04:05Z"}
}

// Age reads "10m", "1h ago", "-2d", "3 hours ago".
func Age(s string) (velos.Millis, bool) {
	s = strings.TrimPrefix(strings.TrimSpace(strings.TrimSuffix(s, "ago")), "-")
	for _, u := range [...]struct{ long, short string }{{"seconds", "s"}, {"second", "s"}, {"secs", "s"}, {"sec", "s"}, {"minutes", "m"}, {"minute", "m"},
		{"mins", "m"}, {"min", "m"}, {"hours", "h"}, {"hour", "h"}, {"days", "d"}, {"day", "d"}} {
		if strings.HasSuffix(s, u.long) {
			s = strings.TrimSpace(strings.TrimSuffix(s, u.long)) + u.short
			break
		}
	}
	if n, ok := strings.CutSuffix(s, "w"); ok {
		weeks, err := strconv.ParseFloat(n, 64)
		if err != nil || !(weeks >= 0 && weeks <= 5200) { // a century, as for days
			return 0, false
		}
		return velos.Millis(weeks * 7 * 86_400_000), true
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, false // a number alone could be anything
	}
	m, err := config.Duration(s)
	return m, err == nil
}
