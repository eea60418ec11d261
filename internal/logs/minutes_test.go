//go:build linux

package logs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

func minutesOf(t *testing.T, l *Log) (list []velos.Minute) {
	t.Helper()
	if err := l.Minutes(0, 0, func(m velos.Minute) bool { list = append(list, m); return true }); err != nil {
		t.Fatal(err)
	}
	return list
}

// pass closes the minute as the timer does.
func pass(t *testing.T, s *Store, step func(time.Duration), d time.Duration) {
	t.Helper()
	step(d)
	if err := s.do("turn", func() error { s.minuteOver.Store(true); s.turnMinute(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// early puts the clock to the beginning of a minute, so that none passes by itself.
func early(step func(time.Duration)) {
	step(time.Duration(velos.MinuteLength-stamp()%velos.MinuteLength) * time.Millisecond)
}

func TestEachMinuteIsCountedAndSilentOnesAreNot(t *testing.T) {
	step := setClock(t)
	early(step)
	dir := t.TempDir()
	s := store(t, dir, Options{Classify: level.Classify})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	say(t, out, "one\nWARN two\nERROR three\n    at stack (a.js:1)\n")
	until(t, "the lines", func() bool { return l.Info().Seq == 4 })
	first := stamp() - stamp()%velos.MinuteLength
	want := []velos.Minute{{Time: first, Lines: 4, Warn: 1, Errors: 1}}
	if got := minutesOf(t, l); !slices.Equal(got, want) {
		t.Errorf("the open minute: got %v, want %v", got, want)
	}
	pass(t, s, step, time.Minute)
	pass(t, s, step, 3*time.Minute)
	if s.counted != nil {
		t.Error("a silent app is still looked at")
	}
	say(t, out, "five\n")
	until(t, "the line", func() bool { return l.Info().Seq == 5 })
	want = append(want, velos.Minute{Time: first + 4*velos.MinuteLength, Lines: 1})
	if got := minutesOf(t, l); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	var some []velos.Minute
	l.Minutes(first+velos.MinuteLength, 0, func(m velos.Minute) bool { some = append(some, m); return true })
	if !slices.Equal(some, want[1:]) {
		t.Errorf("since: got %v, want %v", some, want[1:])
	}
	hush(out, errw)
	l.Settle(0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = store(t, dir, Options{Classify: level.Classify})
	l = open(t, s, 1, Policy{Name: "api"})
	if got := minutesOf(t, l); !slices.Equal(got, want) {
		t.Errorf("after a new start: got %v, want %v", got, want)
	}
	l.SetPolicy(Policy{Name: "web"})
	if got := minutesOf(t, l); !slices.Equal(got, want) {
		t.Errorf("after a new name: got %v, want %v", got, want)
	}
	out, errw = run(t, l, 0, 2)
	say(t, out, "six\n")
	until(t, "the line", func() bool { return l.Info().Seq == 6 })
	if want[1].Lines = 2; !slices.Equal(minutesOf(t, l), want) {
		t.Errorf("the minute goes on: got %v, want %v", minutesOf(t, l), want)
	}
	if err := l.Flush(); err != nil || len(minutesOf(t, l)) != 0 {
		t.Errorf("after a flush: %v, %v", minutesOf(t, l), err)
	}
	say(t, out, "seven\n")
	until(t, "the line", func() bool { return l.Info().Seq == 7 })
	pass(t, s, step, time.Minute)
	hush(out, errw)
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(dir + "/.spool/*"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestAFileOfMinutesHoldsAgainstCrashesAndClocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.min")
	read := func() (list []minute) {
		_, _, err := eachMinute(path, func(m *minute) bool { list = append(list, *m); return true })
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	add := func(m minute) {
		t.Helper()
		if err := addMinute(path, m); err != nil {
			t.Fatal(err)
		}
	}
	add(minute{100, 1, 0, 0})
	add(minute{101, 2, 1, 1})
	f, _ := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	f.WriteString("torn")
	f.Close()
	add(minute{103, 4, 0, 0})
	add(minute{102, 5, 0, 1}) // the clock went back a little
	want := []minute{{100, 1, 0, 0}, {101, 2, 1, 1}, {103, 9, 0, 1}}
	if got := read(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	add(minute{9000, 1, 0, 0}) // the clock was wrong
	add(minute{104, 1, 0, 0})
	if got, want := read(), append(want, minute{104, 1, 0, 0}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAFileOfMinutesIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.min")
	var b []byte
	for i := range uint32(2*mostMinutes - 1) {
		b = (&minute{at: 1000 + i, lines: i}).append(b)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := addMinute(path, minute{at: 1_000_000, lines: 7}); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Size() != mostMinutes*minuteSize {
		t.Errorf("%v, %v", st, err)
	}
	if newest, _, _ := eachMinute(path, func(*minute) bool { return true }); newest != 1_000_000 {
		t.Errorf("newest is %d", newest)
	}
}

func TestUnusualMinutesAreToldAndOrdinaryOnesAreNot(t *testing.T) {
	step := setClock(t)
	early(step)
	var mu sync.Mutex
	told := 0
	s := store(t, t.TempDir(), Options{Classify: level.Classify, Unusual: func([]uint32) { mu.Lock(); told++; mu.Unlock() }})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	write := func(ordinary, failed int) {
		t.Helper()
		seq := l.Info().Seq
		say(t, out, strings.Repeat("ok\n", ordinary)+strings.Repeat("ERROR x\n", failed))
		until(t, "the lines", func() bool { return l.Info().Seq == seq+uint64(ordinary+failed) })
		pass(t, s, step, time.Minute)
	}
	want := func(what string, n int) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if told != n {
			t.Errorf("%s: told %d times, want %d", what, told, n)
		}
		told = 0
	}
	for range 30 {
		write(100, 2)
	}
	want("ordinary minutes", 0)
	write(100, 12)
	want("many errors", 1)
	write(400, 0)
	want("many lines", 1)
	for range 2 {
		pass(t, s, step, time.Minute)
		pass(t, s, step, 0) // a minute is judged once, whoever closes it
	}
	want("two silent minutes", 0)
	for range 2 {
		pass(t, s, step, time.Minute)
	}
	want("a silence", 1)
	if s.do("look", func() error {
		if len(s.counted) > 0 {
			t.Error("a silence is looked at for ever")
		}
		return nil
	}) != nil {
		t.Fatal("no answer")
	}
	hush(out, errw)
}

func TestAKilledDaemonLosesNoMinute(t *testing.T) {
	step := setClock(t)
	early(step)
	dir := t.TempDir()
	s := store(t, dir, Options{Classify: level.Classify})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	say(t, out, "one\nERROR two\n")
	until(t, "the lines", func() bool { return l.Info().Seq == 2 })
	kept, err := os.ReadFile(s.ckptPath(1)) // what a kill would leave
	if err != nil {
		t.Fatal(err)
	}
	hush(out, errw)
	s.Close()
	if err := os.WriteFile(s.ckptPath(1), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	at := stamp() - stamp()%velos.MinuteLength
	step(5 * time.Minute)
	s = store(t, dir, Options{Classify: level.Classify})
	l = open(t, s, 1, Policy{Name: "api"})
	if got, want := minutesOf(t, l), (velos.Minute{Time: at, Lines: 2, Errors: 1}); len(got) != 1 || got[0] != want {
		t.Errorf("got %v, want %v", got, want)
	}
	s.Close()
	s = store(t, dir, Options{}) // and again: it is there once
	l = open(t, s, 1, Policy{Name: "api"})
	if got := minutesOf(t, l); len(got) != 1 || got[0].Lines != 2 {
		t.Errorf("the second time: %v", got)
	}
}

func TestRulesGiveLinesTheirLevel(t *testing.T) {
	rules, err := level.NewRules([]velos.LevelRule{{Pattern: "quota", Literal: "quota", Level: "error", Priority: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []bool{false, true} {
		s := store(t, t.TempDir(), Options{Classify: level.Classify})
		l := open(t, s, 1, Policy{Name: "api", Raw: raw, Rules: rules})
		out, errw := run(t, l, 0, 1)
		say(t, out, "INFO quota reached\nok\n")
		hush(out, errw)
		l.Settle(0)
		if got := query(t, l, velos.Query{Inst: -1, Level: velos.Err}); len(got) != 1 {
			t.Errorf("raw %v: from the ring: %v", raw, got)
		}
		l.freeRing()
		if got := query(t, l, velos.Query{Inst: -1, Level: velos.Err}); len(got) != 1 {
			t.Errorf("raw %v: from the file: %v", raw, got)
		}
	}
}
