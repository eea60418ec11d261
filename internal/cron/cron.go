// Package cron reads cron expressions and says when their next time is. It is
// pure: it starts no clock and remembers nothing.
package cron

import (
	"math/bits"
	"time"
)

// A Schedule is an expression that was understood. It does not change.
//
// A time of day that does not exist, because the clock is set forward over it,
// is due right after the gap, once; one that exists twice is due the first
// time. An expression that runs in every hour of the day (its hours are *)
// speaks of time that passes and not of times of day: it has nothing to make
// up for in a gap, and goes on as ever in an hour that comes twice.
type Schedule struct {
	every    time.Duration // of @every; 0: the fields below
	zone     *time.Location
	seconds  uint64
	minutes  uint64
	hours    uint64
	days     uint64 // of the month
	months   uint64
	weekdays uint64 // Sunday is 0
	both     bool   // a day must be right by month and by week; else one is enough
}

// horizon bounds the search. Every day that Parse lets through comes within
// 28 years, or within 40 where 2100 is no leap year.
const horizon = 41 * 366 * daySeconds

const daySeconds = 24 * 60 * 60

// everyHour is the hours of *.
const everyHour = 1<<24 - 1

// Every is the interval of @every, 0 for other expressions.
func (s *Schedule) Every() time.Duration { return s.every }

// Next is the first time after t; zero when there is none. An interval is
// counted from t.
func (s *Schedule) Next(t time.Time) time.Time {
	if s.every > 0 {
		return t.Add(s.every)
	}
	after := t.In(s.zone)
	_, offset := after.Zone()
	from := after.Unix() + int64(offset) + 1
	last := from + horizon
	for range 256 { // two changes of the clock a year, and the odd law
		_, offset := after.Zone()
		start, end := after.ZoneBounds()
		limit := last
		if !end.IsZero() {
			limit = min(last, end.Unix()+int64(offset))
		}
		if s.hours != everyHour {
			from = max(from, unseen(start, offset, from))
		}
		if n, ok := s.clock(from, limit); ok {
			return time.Unix(n-int64(offset), 0).In(s.zone)
		}
		if limit == last {
			return time.Time{}
		}
		_, next := end.Zone()
		from = end.Unix() + int64(next)
		if _, missed := s.clock(limit, from); missed && s.hours != everyHour {
			return end
		}
		after = end
	}
	return time.Time{}
}

// NextSince is the first time after now of a schedule that began at begin: an
// interval is counted from there, whoever counts.
func (s *Schedule) NextSince(begin, now time.Time) time.Time {
	if s.every <= 0 || begin.IsZero() || begin.After(now) {
		return s.Next(now)
	}
	passed := now.Sub(begin) / s.every
	return begin.Add((passed + 1) * s.every)
}

// unseen is where the clock shows times that it has not shown before, if it
// was set back to show offset at start: by the clock, as seconds since 1970.
func unseen(start time.Time, offset int, from int64) int64 {
	if start.IsZero() {
		return from
	}
	_, before := start.Add(-time.Nanosecond).Zone()
	return start.Unix() + int64(max(before, offset))
}

// clock finds the first time in [from, limit) by the clock alone, in seconds
// since 1970 as if there were no zones.
func (s *Schedule) clock(from, limit int64) (int64, bool) {
	for from < limit {
		t := time.Unix(from, 0).UTC()
		year, month, day := t.Date()
		if s.months&(1<<month) == 0 {
			from = time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC).Unix()
			continue
		}
		midnight := from - int64(t.Hour()*3600+t.Minute()*60+t.Second())
		if s.day(day, t.Weekday()) {
			if n, ok := s.timeOfDay(t.Hour(), t.Minute(), t.Second()); ok {
				return midnight + n, midnight+n < limit
			}
		}
		from = midnight + daySeconds
	}
	return 0, false
}

func (s *Schedule) day(day int, weekday time.Weekday) bool {
	byMonth, byWeek := s.days&(1<<day) != 0, s.weekdays&(1<<weekday) != 0
	if s.both {
		return byMonth && byWeek
	}
	return byMonth || byWeek
}

// timeOfDay is the first time of a day from a given one on, in seconds.
func (s *Schedule) timeOfDay(hour, minute, second int) (int64, bool) {
	sec, same := following(s.seconds, second)
	if !same {
		sec, _ = following(s.seconds, 0)
		minute++
	}
	m, ok := following(s.minutes, minute)
	if !ok {
		m, _ = following(s.minutes, 0)
		hour++
	}
	h, today := following(s.hours, hour)
	if !today {
		return 0, false
	}
	first := func(set uint64) int { n, _ := following(set, 0); return n }
	switch {
	case h != hour:
		m, sec = first(s.minutes), first(s.seconds)
	case m != minute:
		sec = first(s.seconds)
	}
	return int64(h*3600 + m*60 + sec), true
}

// following is the smallest member of a set that is n or more.
func following(set uint64, n int) (int, bool) {
	if n > 63 || set>>n == 0 {
		return 0, false
	}
	return n + bits.TrailingZeros64(set>>n), true
}
