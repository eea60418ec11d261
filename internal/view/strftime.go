package view

import (
	"strings"
	"time"
)

// FormatTime shows t in a layout that is either strftime's (it has a %),
// moment's as PM2 uses it (YYYY-MM-DD HH:mm:ss), or Go's.
func FormatTime(t time.Time, layout string) string {
	switch {
	case strings.Contains(layout, "%"):
		return strftime(t, layout)
	case strings.Contains(layout, "YY"), strings.Contains(layout, "HH:mm"):
		return t.Format(moment(layout))
	}
	return t.Format(layout)
}

// strftime formats piece by piece, so that text between the verbs is never
// read as a part of a Go layout.
func strftime(t time.Time, layout string) string {
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' || i+1 == len(layout) {
			b.WriteByte(layout[i])
			continue
		}
		i++
		if v, ok := verb(t, layout[i]); ok {
			b.WriteString(v)
		} else {
			b.WriteByte('%')
			b.WriteByte(layout[i])
		}
	}
	return b.String()
}

func verb(t time.Time, c byte) (string, bool) {
	const verbs = "YmdHMSyBbAajeIpFTDRzZLfNhc"
	layouts := [...]string{"2006", "01", "02", "15", "04", "05", "06", "January", "Jan", "Monday", "Mon", "002", "_2",
		"03", "PM", "2006-01-02", "15:04:05", "01/02/06", "15:04", "-0700", "MST", ".000", ".000000", ".000000000", "Jan", "Mon Jan _2 15:04:05 2006"}
	switch c {
	case '%':
		return "%", true
	case 's':
		return itoa64(t.Unix()), true
	}
	i := strings.IndexByte(verbs, c)
	if i < 0 {
		return "", false
	}
	v := t.Format(layouts[i])
	if strings.HasPrefix(layouts[i], ".") {
		v = v[1:]
	}
	return v, true
}

// moment turns the layout of PM2's log_date_format into Go's.
func moment(layout string) string {
	return strings.NewReplacer("YYYY", "2006", "YY", "06", "MMMM", "January", "MMM", "Jan", "MM", "01", "DD", "02",
		"HH", "15", "hh", "03", "mm", "04", "ss", "05", ".SSS", ".000", ",SSS", ",000", "SSS", "000", "ZZ", "-0700", "Z", "-07:00", "A", "PM", "dddd", "Monday", "ddd", "Mon").Replace(layout)
}
