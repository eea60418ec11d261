//go:build linux || darwin

package logs

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

// await is a channel that gets something for each call of found.
func await(l *Log, inst int, text string) (found chan struct{}, cancel func()) {
	found = make(chan struct{}, 10)
	cancel = l.Await(inst, text, func() { found <- struct{}{} })
	return found, cancel
}

func see(t *testing.T, what string, found chan struct{}) {
	t.Helper()
	select {
	case <-found:
	case <-time.After(time.Minute):
		t.Fatal("not found: " + what)
	}
}

// unseen makes sure that nothing was found in what has been written so far.
func unseen(t *testing.T, l *Log, inst int, what string, found chan struct{}) {
	t.Helper()
	l.s.do("read", func() error { l.s.gatherAll(l, inst); return nil }) // Settle would end the line
	select {
	case <-found:
		t.Error("found: " + what)
	default:
	}
}

// waits is how many wait in l.
func waits(l *Log) (n int) {
	l.s.do("count", func() error {
		for w := l.waits; w != nil; w = w.next {
			n++
		}
		return nil
	})
	return n
}

func TestATextIsFoundOnceInTheOutputOfItsInstance(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	other, otherErr := run(t, l, 1, 2)
	say(t, out, "listening on 80\n")
	l.Settle(0)
	found, cancel := await(l, 0, "listening on")
	say(t, other, "listening on 80\n")
	unseen(t, l, 1, "what another instance says", found)
	unseen(t, l, 0, "what was said before", found)
	say(t, out, "starting\nlisten\ning on\nready: listening  on\n")
	unseen(t, l, 0, "what is not the text", found)
	say(t, errw, "x listening on 80, listening on 81\n")
	see(t, "the text on stderr", found)
	say(t, errw, "listening on 80\n")
	unseen(t, l, 0, "a second time", found)
	if n := waits(l); n != 0 {
		t.Errorf("%d still wait", n)
	}
	cancel() // late, and no harm
	hush(out, errw, other, otherErr)
}

func TestATextIsFoundHoweverItsLineArrives(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	for name, parts := range map[string][]string{
		"a line without an end":    {"> ready"},
		"byte by byte":             {"...", "r", "e", "a", "d", "y"},
		"in two halves":            {"is rea", "dy\n"},
		"in a long line":           {strings.Repeat("x", maxLine-3), "ready"},
		"across the cut of a line": {strings.Repeat("x", maxLine-2) + "ready" + strings.Repeat("y", 100) + "\n"},
		"across a cut, in parts":   {strings.Repeat("x", maxLine-2) + "rea", "dy\n"},
	} {
		if !exact && name == "across a cut, in parts" {
			continue // without a spool the first part is not there any more
		}
		say(t, out, "\n")
		l.Settle(0)
		found, _ := await(l, 0, "ready")
		waits(l) // it waits by now
		for i, part := range parts {
			if i > 0 {
				unseen(t, l, 0, name+", before its end", found)
			}
			say(t, out, part)
		}
		see(t, name, found)
	}
	hush(out, errw)
}

func TestWhoGivesUpIsNotCalled(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	never, cancel := await(l, 0, "ready")
	found, _ := await(l, 0, "ready")
	long, _ := await(l, 0, strings.Repeat("x", maxLine+1))
	cancel()
	cancel()
	if n := waits(l); n != 1 {
		t.Errorf("%d wait; want 1", n)
	}
	say(t, out, "ready\n")
	see(t, "the text", found)
	unseen(t, l, 0, "what was given up", never)
	unseen(t, l, 0, "what no line can have", long)
	hush(out, errw)
}

func TestALaterOneIsNotToldOfWhatAnEarlierOneOverlooked(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	found, _ := await(l, 0, "ok, a text that is longer than the other")
	say(t, out, "ok, a text that is")
	unseen(t, l, 0, "a half", found)
	later, _ := await(l, 0, "ok")
	waits(l)
	say(t, out, " longer than the other")
	see(t, "the long text", found)
	unseen(t, l, 0, "what was said before", later)
	hush(out, errw)
}

func TestATextIsFoundInAFlood(t *testing.T) {
	var cut atomic.Int64 // lines
	s := store(t, t.TempDir(), Options{Classify: func([]byte, velos.Stream) velos.Level { cut.Add(1); return velos.Info }})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 1 << 30})
	out, errw := run(t, l, 0, 1)
	found, _ := await(l, 0, "now ready")
	filler := strings.Repeat(strings.Repeat("x", 99)+"\n", 10_000)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range 20 {
			if !pour(out, filler) {
				return
			}
		}
		pour(out, "and now ready\n")
		for range 20 {
			if !pour(out, filler) {
				return
			}
		}
	}()
	see(t, "the text in the middle of a flood", found)
	t.Log("found when so many lines were cut:", cut.Load())
	<-over
	hush(out, errw)
	l.Settle(0)
	if i := l.Info(); i.Lines != 400_001 {
		t.Errorf("info is %+v", i)
	}
}

func pour(fd int, text string) bool {
	for b := []byte(text); len(b) > 0; {
		n, err := write(fd, b)
		if err != nil {
			return false
		}
		b = b[n:]
	}
	return true
}

func TestATextIsFoundWithoutASpool(t *testing.T) {
	whole := moveSeam
	s := store(t, t.TempDir(), Options{})
	s.do("break the spool", func() error {
		moveSeam = func(int, int, int64, int) (int, bool, error) { return 0, false, unix.ENOSPC }
		return nil
	})
	t.Cleanup(func() { s.Close(); moveSeam = whole })
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	found, _ := await(l, 0, "ready")
	say(t, out, "starting\nis re")
	unseen(t, l, 0, "a half", found)
	say(t, out, "ady")
	see(t, "the text", found)
	hush(out, errw)
}

func TestARemovedLogForgetsWhoWaits(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	found, cancel := await(l, 0, "ready")
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	if n := waits(l); n != 0 {
		t.Errorf("%d still wait", n)
	}
	cancel()
	select {
	case <-found:
		t.Error("found in nothing")
	default:
	}
	hush(out, errw)
}
