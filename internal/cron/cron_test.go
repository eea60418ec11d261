package cron

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, expression string) *Schedule {
	t.Helper()
	s, err := Parse(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return s
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Skip(err)
	}
	return l
}

const layout = "2006-01-02 15:04:05 -0700"

func TestNextTimesAreThoseOfCrontab(t *testing.T) {
	for _, c := range [...]struct{ expression, after, want string }{
		{"* * * * *", "2026-11-28 00:00:00", "2026-11-28 00:01:00"},
		{"* * * * * *", "2026-11-28 00:00:00", "2026-11-28 00:00:01"},
		{"*/20 * * * * *", "2026-11-28 00:00:59", "2026-11-28 00:01:00"},
		{"30 0 3 * * *", "2026-11-28 00:00:00", "2026-11-28 03:00:30"},
		{"0 3 * * *", "2026-11-28 03:00:00", "2026-11-29 03:00:00"},
		{"0 3 * * *", "2026-12-31 03:00:01", "2027-01-01 03:00:00"},
		{"5/20 * * * *", "2026-11-28 00:26:00", "2026-11-28 00:45:00"},
		{"10-30/10,59 8-9 * * *", "2026-11-28 08:31:00", "2026-11-28 08:59:00"},
		{"0 0 * JAN *", "2026-11-28 00:00:00", "2027-01-01 00:00:00"},
		{"0 0 * jan,Mar *", "2027-01-31 00:00:00", "2027-03-01 00:00:00"},
		{"0 9 * * MON-FRI", "2026-11-27 09:00:00", "2026-11-30 09:00:00"},
		{"0 9 * * 7", "2026-11-28 00:00:00", "2026-11-29 09:00:00"},
		{"0 9 * * 0", "2026-11-28 00:00:00", "2026-11-29 09:00:00"},
		{"0 9 * * sun", "2026-11-28 00:00:00", "2026-11-29 09:00:00"},
		{"0 9 * * FRI-SUN", "2026-11-28 10:00:00", "2026-11-29 09:00:00"},
		{"0 9 ? * 2", "2026-11-28 10:00:00", "2026-12-01 09:00:00"},
		{"0 0 13 * FRI", "2026-11-28 00:00:00", "2026-12-04 00:00:00"},  // either
		{"0 0 13 * FRI", "2026-12-12 00:00:00", "2026-12-13 00:00:00"},  // either
		{"0 0 */2 * FRI", "2026-11-28 00:00:00", "2026-12-11 00:00:00"}, // both: * is not given
		{"0 0 29 2 *", "2026-11-28 00:00:00", "2028-02-29 00:00:00"},    // leap day
		{"0 0 29 2 *", "2096-02-29 00:00:00", "2104-02-29 00:00:00"},    // 2100 has none
		{"0 0 31 * *", "2027-01-31 00:00:00", "2027-03-31 00:00:00"},    // months without
		{"0 0 30 2 1", "2027-01-31 00:00:00", "2027-02-01 00:00:00"},    // the weekday is enough
		{"0 0 */31 2 2", "2026-11-28 00:00:00", "2028-02-01 00:00:00"},  // first of February, a Tuesday
		{"59 59 23 31 12 *", "2026-12-31 23:59:59", "2027-12-31 23:59:59"},
		{"@hourly", "2026-11-28 00:00:00", "2026-11-28 01:00:00"},
		{"@daily", "2026-11-28 00:00:00", "2026-11-29 00:00:00"},
		{"@Midnight", "2026-11-28 00:00:00", "2026-11-29 00:00:00"},
		{"@weekly", "2026-11-28 00:00:00", "2026-11-29 00:00:00"},
		{"@monthly", "2026-11-28 00:00:00", "2026-12-01 00:00:00"},
		{"@yearly", "2026-11-28 00:00:00", "2027-01-01 00:00:00"},
		{"@annually", "2026-11-28 00:00:00", "2027-01-01 00:00:00"},
		{"@every 1h30m", "2026-11-28 00:00:10", "2026-11-28 01:30:10"},
		{"  0   3\t* * *  ", "2026-11-28 00:00:00", "2026-11-28 03:00:00"},
	} {
		prefix := "TZ=UTC "
		after, _ := time.Parse(time.DateTime, c.after)
		if got := parse(t, prefix+c.expression).Next(after).UTC().Format(time.DateTime); got != c.want {
			t.Errorf("%s after %s: %s; want %s", c.expression, c.after, got, c.want)
		}
	}
}

func TestAChangeOfTheClockNeitherLosesNorDoublesARun(t *testing.T) {
	for _, c := range [...]struct{ expression, after, want string }{
		// Berlin, 2026-03-29: 02:00 becomes 03:00.
		{"TZ=Europe/Berlin 30 2 * * *", "2026-03-28 02:30:00 +0100", "2026-03-29 03:00:00 +0200, 2026-03-30 02:30:00 +0200"},
		{"TZ=Europe/Berlin 0,30 2,3 * * *", "2026-03-28 12:00:00 +0100", "2026-03-29 03:00:00 +0200, 2026-03-29 03:30:00 +0200, 2026-03-30 02:00:00 +0200"},
		{"CRON_TZ=Europe/Berlin 30 * * * *", "2026-03-29 00:59:00 +0100", "2026-03-29 01:30:00 +0100, 2026-03-29 03:30:00 +0200"},
		{"TZ=Europe/Berlin */20 * * * *", "2026-03-29 01:39:00 +0100", "2026-03-29 01:40:00 +0100, 2026-03-29 03:00:00 +0200, 2026-03-29 03:20:00 +0200"},
		// Berlin, 2026-10-25: 03:00 becomes 02:00.
		{"TZ=Europe/Berlin 30 2 * * *", "2026-10-24 12:00:00 +0200", "2026-10-25 02:30:00 +0200, 2026-10-26 02:30:00 +0100"},
		{"TZ=Europe/Berlin 30 2 * * *", "2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"},
		{"TZ=Europe/Berlin 30 2 * * *", "2026-10-25 02:10:00 +0100", "2026-10-26 02:30:00 +0100"},
		{"TZ=Europe/Berlin 0 3 * * *", "2026-10-25 01:00:00 +0200", "2026-10-25 03:00:00 +0100, 2026-10-26 03:00:00 +0100"},
		{"TZ=Europe/Berlin 30 * * * *", "2026-10-25 01:31:00 +0200", "2026-10-25 02:30:00 +0200, 2026-10-25 02:30:00 +0100, 2026-10-25 03:30:00 +0100"},
		// Lord Howe changes by half an hour; Samoa left out a whole day; Havana's gap is at midnight.
		{"TZ=Australia/Lord_Howe 15 2 * * *", "2026-10-03 12:00:00 +1030", "2026-10-04 02:30:00 +1100, 2026-10-05 02:15:00 +1100"},
		{"TZ=Pacific/Apia 0 12 * * *", "2011-12-29 13:00:00 -1000", "2011-12-31 00:00:00 +1400, 2011-12-31 12:00:00 +1400"},
		{"TZ=America/Havana 0 0 * * *", "2026-03-07 12:00:00 -0500", "2026-03-08 01:00:00 -0400, 2026-03-09 00:00:00 -0400"},
		{"TZ=Asia/Kathmandu 0 0 * * *", "2026-11-28 00:00:00 +0545", "2026-11-29 00:00:00 +0545"},
	} {
		name, _ := zoneOf(strings.Fields(c.expression)[0])
		l := zone(t, name)
		s := parse(t, c.expression)
		at, err := time.Parse(layout, c.after)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range strings.Split(c.want, ", ") {
			at = s.Next(at)
			if got := at.In(l).Format(layout); got != want {
				t.Errorf("%s after %s: %s; want %s", c.expression, c.after, got, want)
			}
		}
	}
}

// naive says whether a schedule has a time by the clock.
func naive(s *Schedule, t time.Time) bool {
	return s.seconds&(1<<t.Second()) != 0 && s.minutes&(1<<t.Minute()) != 0 && s.hours&(1<<t.Hour()) != 0 &&
		s.months&(1<<t.Month()) != 0 && s.day(t.Day(), t.Weekday())
}

func TestEveryTimeByTheClockIsRunOnceAndNothingElse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	n := func(low, high int) string { return strconv.Itoa(low + r.IntN(high-low+1)) }
	for range 60 {
		name := pick("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Africa/Casablanca")
		l := zone(t, name)
		expression := "TZ=" + name + " " + pick("*/15", n(0, 59), n(0, 29)+"-"+n(30, 59)+"/7") + " " + pick(n(0, 4), n(0, 1)+"-"+n(2, 5), "*/2") + " " +
			pick("*", n(1, 28), "*/3") + " " + pick("*", "3,10", "MAR-NOV") + " " + pick("*", n(0, 7), "SUN")
		s := parse(t, expression)
		begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(300*24)) * time.Hour)
		end := begin.Add(21 * 24 * time.Hour)
		// The oracle walks minute by minute and keeps the clocks it has seen.
		var want []time.Time
		seen := map[string]bool{}
		before := begin.In(l)
		for at := before.Add(time.Minute); at.Before(end); at = at.Add(time.Minute) {
			due := false
			_, was := before.Zone()
			_, is := at.Zone()
			for c := at.Add(time.Duration(was-is) * time.Second); is > was && c.Before(at); c = c.Add(time.Minute) {
				// By the clock, c is what at would be without the change.
				due = due || naive(s, c.UTC().Add(time.Duration(is)*time.Second))
			}
			if stamp := at.Format(time.DateTime); naive(s, at) && !seen[stamp] {
				due, seen[stamp] = true, true
			}
			if due {
				want = append(want, at)
			}
			before = at
		}
		at := begin
		for _, w := range want {
			if at = s.Next(at); !at.Equal(w) {
				t.Fatalf("%s: %s; want %s", expression, at.Format(layout), w.Format(layout))
			}
		}
		if at = s.Next(at); !at.IsZero() && at.Before(end) {
			t.Fatalf("%s: %s is one too many", expression, at.Format(layout))
		}
	}
}

func TestNextIsAlwaysLater(t *testing.T) {
	s := parse(t, "TZ=Africa/Casablanca 30 2 * * *") // sets its clock for Ramadan
	at := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 20_000 {
		next := s.Next(at)
		if !next.After(at) || next.Sub(at) > 26*time.Hour {
			t.Fatalf("after %s: %s", at, next)
		}
		at = next
	}
}

func TestAnIntervalIsCountedFromItsBegin(t *testing.T) {
	s := parse(t, "@every 24h")
	begin := time.Date(2026, 11, 1, 6, 30, 0, 0, time.UTC)
	now := begin.Add(50 * time.Hour)
	if got, want := s.NextSince(begin, now), begin.Add(72*time.Hour); !got.Equal(want) {
		t.Errorf("next is %s; want %s", got, want)
	}
	if got, want := s.NextSince(time.Time{}, now), now.Add(24*time.Hour); !got.Equal(want) {
		t.Errorf("without a begin: %s; want %s", got, want)
	}
	if got, want := s.NextSince(begin, begin), begin.Add(24*time.Hour); !got.Equal(want) {
		t.Errorf("at the begin: %s; want %s", got, want)
	}
}

func TestWhatIsWrongIsNamedWithItsPlace(t *testing.T) {
	for _, c := range [...]struct{ expression, about, what string }{
		{"", "", "is empty"},
		{"  ", "  ", "is empty"},
		{"TZ=UTC", "TZ=UTC", "is empty"},
		{"* * *", "* * *", "has 3 fields"},
		{"TZ=UTC * * * * * * *", "* * * * * * *", "has 7 fields"},
		{"61 * * * *", "61", "minute 61 is out of range"},
		{"0 24 * * *", "24", "hour 24 is out of range"},
		{"0 0 0 * *", "0", "day of the month 0 is out of range"},
		{"0 0 32 * *", "32", "day of the month 32 is out of range"},
		{"0 0 1 13 *", "13", "month 13 is out of range"},
		{"0 0 1 * 8", "8", "day of the week 8 is out of range"},
		{"99 0 0 1 * *", "99", "second 99 is out of range"},
		{"0 0 * * MONDAY", "MONDAY", "day of the week: \"MONDAY\" is not understood"},
		{"0 0 * FOO *", "FOO", "month: \"FOO\" is not understood"},
		{"0 0 * ANF *", "ANF", "month: \"ANF\" is not understood"},
		{"0 JAN * * *", "JAN", "hour: \"JAN\" is not understood"},
		{"1,2,x * * * *", "x", "minute: \"x\" is not understood"},
		{"1,,2 * * * *", "", "minute: \"\" is not understood"},
		{"*/0 * * * *", "*/0", "minute: a step is a number"},
		{"*/ * * * *", "*/", "minute: a step is a number"},
		{"*/5/5 * * * *", "*/5/5", "minute: a step is a number"},
		{"0 22-2 * * *", "22-2", "hour: 22-2 goes backwards"},
		{"-5 * * * *", "-5", "minute: \"\" is not understood"},
		{"? * * * *", "?", "minute: \"?\" is not understood"},
		{"0 0 L * *", "L", "day of the month: \"L\" is not understood"},
		{"0 0 30 2 *", "30", "day 30 never comes in month 2"},
		{"0 0 31 FEB,APR,JUN,SEP,NOV *", "31", "never comes in month"},
		{"@reboot", "@reboot", "@reboot is no time"},
		{"@often", "@often", "is not known"},
		{"@daily 5", "5", "nothing follows @daily"},
		{"@every", "@every", "needs one interval"},
		{"@every 5", "5", "is no interval"},
		{"@every 10ms", "10ms", "between 1s and 366 days"},
		{"@every -5m", "-5m", "between 1s and 366 days"},
		{"TZ=Mars/Olympus 0 0 * * *", "TZ=Mars/Olympus", "time zone \"Mars/Olympus\" is not known"},
		{"TZ=../../etc/passwd 0 0 * * *", "TZ=../../etc/passwd", "is not known"},
		{"TZ= 0 0 * * *", "TZ=", "is not known"},
	} {
		s, err := Parse(c.expression)
		var p *Problem
		if s != nil || !errors.As(err, &p) {
			t.Errorf("%q: %v, %v; want a problem", c.expression, s, err)
			continue
		}
		if !strings.Contains(p.What, c.what) || p.Hint == "" || len(c.about) > 0 && c.expression[p.At:p.At+p.Width] != c.about {
			t.Errorf("%q: %q about %d+%d, hint %q; want %q about %q", c.expression, p.What, p.At, p.Width, p.Hint, c.what, c.about)
		}
	}
	if _, err := Parse(strings.Repeat("1,", 1000) + "1 * * * *"); err == nil {
		t.Error("an endless expression was taken")
	}
}

func FuzzAnExpressionIsUnderstoodOrNamesItsProblem(f *testing.F) {
	for _, s := range []string{"0 3 * * *", "TZ=UTC */5 1-2,3 * JAN MON", "@every 5m", "0 0 29 2 *", "@daily", "? ? ? ? ?", "0 0 */31 2 1"} {
		f.Add(s, int64(1_800_000_000))
	}
	f.Fuzz(func(t *testing.T, expression string, now int64) {
		s, err := Parse(expression)
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || p.What == "" || p.At < 0 || p.At > len(expression) {
				t.Fatalf("%q: %v", expression, err)
			}
			return
		}
		at := time.Unix(now&0xffffffff, 0)
		if next := s.Next(at); !next.After(at) {
			t.Fatalf("%q after %s: %s", expression, at, next)
		}
	})
}

func BenchmarkNextOfALeapDay(b *testing.B) {
	s, err := Parse("TZ=Europe/Berlin 0 0 29 2 *")
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		s.Next(at)
	}
}
