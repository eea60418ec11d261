package cron

import (
	"strconv"
	"strings"
	"time"
)

// A Problem is why an expression was not understood. At and Width are the
// bytes of the expression that it is about.
type Problem struct {
	At, Width int
	What      string // "minute 61 is too large: 0 to 59"
	Hint      string
}

func (p *Problem) Error() string { return p.What }

const forms = `such as "0 3 * * *" (minute, hour, day, month, weekday), "@hourly" or "@every 5m"`

// longest bounds an expression and an interval.
const (
	longest      = 512
	longestEvery = 366 * 24 * time.Hour
)

// A field is one place of an expression.
type field struct {
	name     string
	min, max int
	names    string // three letters each, the first is min, or 0 for days of the week
}

var fields = [...]field{
	{"second", 0, 59, ""},
	{"minute", 0, 59, ""},
	{"hour", 0, 23, ""},
	{"day of the month", 1, 31, ""},
	{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
	{"day of the week", 0, 7, "sunmontuewedthufrisat"},
}

// meaning is the expression that a word stands for.
func meaning(word string) (fields string, ok bool) {
	switch word {
	case "@yearly", "@annually":
		return "0 0 1 1 *", true
	case "@monthly":
		return "0 0 1 * *", true
	case "@weekly":
		return "0 0 * * 0", true
	case "@daily", "@midnight":
		return "0 0 * * *", true
	case "@hourly":
		return "0 * * * *", true
	}
	return "", false
}

// Parse reads an expression: five fields, or six with the seconds first, as
// crontab(5) has them; a word such as @daily; or @every with an interval.
// TZ=ZONE or CRON_TZ=ZONE may stand before it; without, the times are those of
// the system's zone. Where day of the month and day of the week are both
// given, one of them is enough; a field that begins with * is not given. The
// error is a *Problem.
func Parse(expression string) (*Schedule, error) {
	if len(expression) > longest {
		return nil, &Problem{0, 1, "is too long: at most " + strconv.Itoa(longest) + " characters", forms}
	}
	list := split(expression)
	s := &Schedule{zone: time.Local}
	if len(list) > 0 {
		if name, ok := zoneOf(list[0].text); ok {
			zone, err := time.LoadLocation(name)
			if err != nil || name == "" {
				return nil, list[0].problem("time zone "+quote(name)+" is not known here", "such as TZ=Europe/Berlin or TZ=UTC")
			}
			s.zone, list = zone, list[1:]
		}
	}
	if len(list) == 0 {
		return nil, &Problem{0, max(1, len(expression)), "is empty", forms}
	}
	if list[0].text[0] == '@' {
		var p *Problem
		if list, p = s.macro(list); p != nil || s.every > 0 {
			return s.or(p)
		}
	}
	if len(list) == 5 {
		list = append([]word{{0, "0"}}, list...)
	}
	if len(list) != 6 {
		last := list[len(list)-1]
		return nil, &Problem{list[0].at, last.at + len(last.text) - list[0].at,
			"has " + count(len(list)) + "; there are 5, or 6 with seconds first", forms}
	}
	return s.or(s.fill(list))
}

// or keeps a nil *Problem from becoming an error that is not nil.
func (s *Schedule) or(p *Problem) (*Schedule, error) {
	if p != nil {
		return nil, p
	}
	return s, nil
}

// A word is a part of an expression, and where it begins.
type word struct {
	at   int
	text string
}

func (w word) problem(what, hint string) *Problem { return &Problem{w.at, len(w.text), what, hint} }

func split(s string) (list []word) {
	begin := -1
	for i := 0; i <= len(s); i++ {
		blank := i == len(s) || s[i] == ' ' || s[i] == '\t'
		switch {
		case blank && begin >= 0:
			list = append(list, word{begin, s[begin:i]})
			begin = -1
		case !blank && begin < 0:
			begin = i
		}
	}
	return list
}

func zoneOf(s string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(s, "CRON_TZ="); ok {
		return name, true
	}
	return strings.CutPrefix(s, "TZ=")
}

// macro reads what begins with @. It returns the fields that the word stands
// for, or sets s.every.
func (s *Schedule) macro(list []word) ([]word, *Problem) {
	name := strings.ToLower(list[0].text)
	if name == "@every" {
		if len(list) != 2 {
			return nil, list[0].problem("@every needs one interval", `such as "@every 5m"`)
		}
		d, err := time.ParseDuration(list[1].text)
		switch {
		case err != nil:
			return nil, list[1].problem(quote(list[1].text)+" is no interval", `such as "@every 5m" or "@every 1h30m"`)
		case d < time.Second || d > longestEvery:
			return nil, list[1].problem("an interval is between 1s and 366 days", `such as "@every 5m"`)
		}
		s.every = d
		return nil, nil
	}
	text, ok := meaning(name)
	switch {
	case name == "@reboot":
		return nil, list[0].problem("@reboot is no time: apps come up with velosd", "leave it out; velos startup brings velosd up with the system")
	case !ok:
		return nil, list[0].problem(quote(list[0].text)+" is not known", "there are @hourly, @daily, @weekly, @monthly, @yearly and @every")
	case len(list) > 1:
		return nil, list[1].problem("nothing follows "+name, "leave the rest out")
	}
	fields := split(text)
	for i := range fields {
		fields[i].at = list[0].at
	}
	return fields, nil
}

func (s *Schedule) fill(list []word) *Problem {
	sets := [...]*uint64{&s.seconds, &s.minutes, &s.hours, &s.days, &s.months, &s.weekdays}
	for i, w := range list {
		set, p := fields[i].read(w)
		if p != nil {
			return p
		}
		*sets[i] = set
	}
	s.weekdays = s.weekdays&0x7f | s.weekdays>>7 // 7 is Sunday, too
	free := func(w word) bool { return w.text[0] == '*' || w.text[0] == '?' }
	s.both = free(list[3]) || free(list[5])
	if s.both && !s.possible() {
		return list[3].problem("day "+list[3].text+" never comes in month "+list[4].text, "February has 29 days at most; April, June, September and November have 30")
	}
	return nil
}

// possible reports whether one of the months has one of the days.
func (s *Schedule) possible() bool {
	first, _ := following(s.days, 0)
	for month := 1; month <= 12; month++ {
		// The days of a leap year: day 0 of a month is the last of the one before.
		if s.months&(1<<month) != 0 && first <= time.Date(2000, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day() {
			return true
		}
	}
	return false
}

// read reads a list such as 1,10-20/5,*/15.
func (f *field) read(w word) (set uint64, p *Problem) {
	at := w.at
	for part := range strings.SplitSeq(w.text, ",") {
		one, p := f.part(word{at, part})
		if p != nil {
			return 0, p
		}
		set |= one
		at += len(part) + 1
	}
	return set, nil
}

// part reads *, N, N-M, and each with /STEP.
func (f *field) part(w word) (set uint64, p *Problem) {
	span, text, stepped := strings.Cut(w.text, "/")
	step := 1
	if stepped {
		n, ok := number(text)
		if !ok || n < 1 || n > f.max {
			return 0, w.problem(f.name+": a step is a number from 1 to "+strconv.Itoa(f.max)+", not "+quote(text), "such as */5")
		}
		step = n
	}
	from, to := f.min, f.max
	if f.max == 7 {
		to = 6
	}
	low, high, ranged := strings.Cut(span, "-")
	switch {
	case span == "*", span == "?" && f.name[0] == 'd': // ? is another word for * where it means a day
	case !ranged:
		if from, p = f.value(w, span); p != nil {
			return 0, p
		}
		if !stepped {
			to = from
		}
	default:
		if from, p = f.value(w, low); p != nil {
			return 0, p
		}
		if to, p = f.value(w, high); p != nil {
			return 0, p
		}
		if f.max == 7 && to == 0 && from > 0 { // FRI-SUN
			to = 7
		}
		if from > to {
			return 0, w.problem(f.name+": "+span+" goes backwards", "write two ranges: "+low+"-"+strconv.Itoa(f.max)+","+strconv.Itoa(f.min)+"-"+high)
		}
	}
	for n := from; n <= to; n += step {
		set |= 1 << n
	}
	return set, nil
}

// value reads a number or a name.
func (f *field) value(w word, s string) (int, *Problem) {
	if n, ok := number(s); ok {
		if n < f.min || n > f.max {
			return 0, w.problem(f.name+" "+s+" is out of range", "it is between "+strconv.Itoa(f.min)+" and "+strconv.Itoa(f.max))
		}
		return n, nil
	}
	if len(s) == 3 {
		if i := strings.Index(f.names, strings.ToLower(s)); i >= 0 && i%3 == 0 {
			if f.max == 7 {
				return i / 3, nil
			}
			return i/3 + f.min, nil
		}
	}
	hint := "it is between " + strconv.Itoa(f.min) + " and " + strconv.Itoa(f.max)
	if f.names != "" {
		hint += ", or a name of three letters such as " + strings.ToUpper(f.names[3:6])
	}
	return 0, w.problem(f.name+": "+quote(s)+" is not understood", hint)
}

// number reads up to four digits.
func number(s string) (int, bool) {
	if len(s) == 0 || len(s) > 4 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func quote(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strconv.QuoteToASCII(s)
}

func count(fields int) string {
	if fields == 1 {
		return "1 field"
	}
	return strconv.Itoa(fields) + " fields"
}
