package digest

import (
	"bytes"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// When is the time that a line says it was written at: in its header, or in a
// key of a JSON object or of logfmt. Times without a zone are of loc, those
// without a year of the year before ref. ok is false when it says none; a time of day
// alone is none.
func When(line []byte, loc *time.Location, ref velos.Time) (at velos.Time, ok bool) {
	line = line[level.Prefix(line):]
	line = line[:min(len(line), longestLine)]
	i := blanks(line, 0)
	if i < len(line) && line[i] == '{' || bytes.IndexByte(line, '=') > 0 {
		for _, key := range [...]string{`"time"`, `"ts"`, `"timestamp"`, `"@timestamp"`, `"@t"`, `"t"`, `"asctime"`, "ts=", "time=", "timestamp="} {
			k := bytes.Index(line, []byte(key))
			if k < 0 || k > 0 && class[line[k-1]]&alnum != 0 {
				continue
			}
			v := bytes.TrimLeft(line[k+len(key):], ": \"")
			if at, ok = epoch(v); ok {
				return at, true
			}
			if at, ok = parseTime(v, loc, ref); ok {
				return at, true
			}
		}
	}
	for words := 0; i < len(line) && i < 64 && words < 5; words++ {
		if at, ok = parseTime(line[i:], loc, ref); ok {
			return at, true
		}
		if words == 0 {
			if at, ok = epoch(line[i:]); ok {
				return at, true
			}
		}
		for i < len(line) && class[line[i]]&alnum != 0 {
			i++
		}
		for i < len(line) && class[line[i]]&alnum == 0 {
			i++
		}
	}
	return 0, false
}

// epoch reads seconds, milliseconds, micro- or nanoseconds since 1970.
func epoch(b []byte) (velos.Time, bool) {
	n := run(b, 0)
	if n != 10 && n != 13 && n != 16 && n != 19 || n < len(b) && class[b[n]]&letters != 0 {
		return 0, false
	}
	var v int64
	for _, c := range b[:min(n, 13)] {
		v = v*10 + int64(c-'0')
	}
	if n == 10 {
		v *= 1000
		if n < len(b) && b[n] == '.' {
			v += fraction(b[n+1:])
		}
	}
	return velos.Time(v), true
}

// fraction is a decimal fraction in thousandths.
func fraction(b []byte) (ms int64) {
	for i, unit := 0, int64(100); i < 3 && i < len(b) && class[b[i]]&digit != 0; i, unit = i+1, unit/10 {
		ms += unit * int64(b[i]-'0')
	}
	return ms
}

// parts is a date as far as it was read.
type parts struct{ year, month, day, hour, min, sec int }

// parseTime reads a date and a time that stand at the beginning of b.
func parseTime(b []byte, loc *time.Location, ref velos.Time) (velos.Time, bool) {
	p, n := readDate(b)
	if n == 0 || n >= len(b) {
		return 0, false
	}
	k := n + 1
	for k < len(b) && b[k] == ' ' {
		k++
	}
	end := clock(b, k)
	if end == 0 {
		// 05.678Z is more than the lexer takes for a time of day.
		return 0, false
	}
	h := run(b, k)
	p.hour = atoi(b[k : k+h])
	k += h + 1
	p.min = two(b, k)
	k += 3
	var ms int64
	if k+1 < end && class[b[k-1]]&mark|class[b[k-1]]&gap != 0 && run(b, k) == 2 {
		p.sec = two(b, k)
		k += 2
		if k+1 < len(b) && (b[k] == '.' || b[k] == ',' || b[k] == ':') && class[b[k+1]]&digit != 0 {
			ms = fraction(b[k+1:])
			k += 1 + run(b, k+1)
		}
	} else {
		k--
	}
	k, p.hour = halfOfDay(b, k, p.hour)
	if loc == nil {
		loc = time.UTC
	}
	if off, ok := offset(b, k); ok {
		loc = time.FixedZone("", off)
	}
	if p.year == 0 {
		if p.year = yearBehind(b, end); p.year == 0 {
			return yearless(p, ms, loc, ref), true
		}
	}
	return velos.TimeOf(time.Date(p.year, time.Month(p.month), p.day, p.hour, p.min, p.sec, 0, loc)) + velos.Time(ms), true
}

// yearless takes the last such day before ref, or the day after it: clocks
// differ.
func yearless(p parts, ms int64, loc *time.Location, ref velos.Time) velos.Time {
	year := ref.Std().In(loc).Year()
	at := func() velos.Time {
		return velos.TimeOf(time.Date(year, time.Month(p.month), p.day, p.hour, p.min, p.sec, 0, loc)) + velos.Time(ms)
	}
	if t := at(); ref == 0 || t <= ref+day*minute {
		return t
	}
	year--
	return at()
}

// yearBehind reads the year of Fri Jun 17 20:55:06 2005.
func yearBehind(b []byte, i int) int {
	if i+5 <= len(b) && b[i] == ' ' && run(b, i+1) == 4 {
		return atoi(b[i+1 : i+5])
	}
	return 0
}

// halfOfDay reads AM and PM.
func halfOfDay(b []byte, k, hour int) (int, int) {
	i := blanks(b, k)
	if i+1 < len(b) && b[i+1] == 'M' && (b[i] == 'A' || b[i] == 'P') {
		hour %= 12
		if b[i] == 'P' {
			hour += 12
		}
		return i + 2, hour
	}
	return k, hour
}

// offset reads a zone, in seconds east of Greenwich.
func offset(b []byte, k int) (int, bool) {
	if k < len(b) && b[k] == 'Z' {
		return 0, true
	}
	i := blanks(b, k)
	if bytes.HasPrefix(b[i:], []byte("UTC")) || bytes.HasPrefix(b[i:], []byte("GMT")) {
		return 0, true
	}
	if i+4 >= len(b) || b[i] != '+' && b[i] != '-' || run(b, i+1) < 2 {
		return 0, false
	}
	m := i + 3
	if b[m] == ':' {
		m++
	}
	if run(b, m) < 2 {
		return 0, false
	}
	off := two(b, i+1)*3600 + two(b, m)*60
	if b[i] == '-' {
		off = -off
	}
	return off, true
}

// readDate reads 2026-01-02, 2026/01/02, 02/Jan/2026, 02-Jan-2026, 2 Jan 2026,
// 20260102, 26/01/02, Jan 2, 2026 and Fri Jan  2, and returns where it ends.
func readDate(b []byte) (p parts, end int) {
	n := run(b, 0)
	switch {
	case n == 4 && len(b) >= 10 && dateMark(b[4]) && run(b, 5) == 2 && b[7] == b[4] && run(b, 8) >= 2:
		p, end = parts{year: atoi(b[:4]), month: two(b, 5), day: two(b, 8)}, 10
	case n == 8 && len(b) > 9:
		p, end = parts{year: atoi(b[:4]), month: two(b, 4), day: two(b, 6)}, 8
	case n == 2 && len(b) > 8 && b[2] == '/' && run(b, 3) == 2 && b[5] == '/' && run(b, 6) == 2:
		p, end = parts{year: 2000 + two(b, 0), month: two(b, 3), day: two(b, 6)}, 8
	case n >= 1 && n <= 2 && len(b) >= n+9 && (b[n] == '/' || b[n] == '-' || b[n] == ' ') && month(b[n+1:]) > 0 && b[n+4] == b[n] && run(b, n+5) == 4:
		p, end = parts{year: atoi(b[n+5 : n+9]), month: month(b[n+1:]), day: atoi(b[:n])}, n+9
	case n == 0:
		p, end = readNamed(b)
	}
	if p.month < 1 || p.month > 12 || p.day < 1 || p.day > 31 {
		return p, 0
	}
	return p, end
}

func readNamed(b []byte) (p parts, end int) {
	i := 0
	if len(b) > 8 && dayName(b[:3]) {
		if i = blanks(b, 3); i < len(b) && b[i] == ',' {
			i = blanks(b, i+1)
		}
	}
	m := month(b[i:])
	if m == 0 {
		return p, 0
	}
	k := blanks(b, i+3)
	n := run(b, k)
	if n < 1 || n > 2 || k == i+3 {
		return p, 0
	}
	p, end = parts{month: m, day: atoi(b[k : k+n])}, k+n
	if end+1 < len(b) && b[end] == ',' {
		if y := blanks(b, end+1); run(b, y) == 4 {
			p.year, end = atoi(b[y:y+4]), y+4
		}
	}
	return p, end
}

func month(b []byte) int {
	if len(b) < 4 || !monthName(b[:3]) {
		return 0
	}
	return bytes.Index([]byte("JanFebMarAprMayJunJulAugSepOctNovDec"), b[:3])/3 + 1
}

func atoi(b []byte) (n int) {
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}
