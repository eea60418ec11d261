//go:build linux

package logs

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// A brake is a Classify that takes far longer than any child, however little of
// a busy machine that gets, until it is released. It holds the cutting of lines
// up, and nothing that comes between two pieces.
type brake struct {
	lines    int
	released atomic.Bool
}

func (b *brake) classify([]byte, velos.Stream) velos.Level {
	if b.lines++; b.lines%100 == 0 && !b.released.Load() {
		time.Sleep(10 * time.Millisecond)
	}
	return velos.Info
}

// gush has a child write n lines to out, and returns when it has ended.
func gush(t *testing.T, n int, out int) {
	t.Helper()
	w := os.NewFile(uintptr(out), "out")
	c := flood(t, n, w)
	defer w.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestAFloodIsTakenBeforeItIsCutAndSettledWhole(t *testing.T) {
	const n = 400_000
	var b brake
	s := store(t, t.TempDir(), Options{Classify: b.classify})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 1 << 30})
	out, errw := run(t, l, 0, 1)
	gush(t, n, out)
	behind := 0
	s.do("look", func() error {
		if l.w != nil {
			behind = len(l.w.late.pieces)
		}
		return nil
	})
	if behind == 0 || l.Info().Lines == n {
		t.Errorf("the child was held up: %d pieces and %d lines when it had ended", behind, l.Info().Lines)
	}
	b.released.Store(true)
	say(t, errw, "last words")
	hush(errw)
	l.Settle(0)
	if i := l.Info(); i.Lines != n+1 || i.Dropped != 0 {
		t.Errorf("info is %+v", i)
	}
	got := query(t, l, velos.Query{Inst: -1, Src: velos.Stderr})
	if len(got) != 1 || got[0].Seq < n-20_000 {
		t.Errorf("the last words are %+v", got)
	}
	s.do("look", func() error {
		if len(s.late) > 0 || s.ahead != 0 || l.pipes != nil {
			t.Errorf("%d apps and %d bytes are left, pipes %v", len(s.late), s.ahead, l.pipes)
		}
		return nil
	})
	left, _ := os.ReadDir(s.dir + "/.spool")
	for _, f := range left {
		if !strings.HasSuffix(f.Name(), ".ckpt") && !strings.HasSuffix(f.Name(), ".min") {
			t.Errorf("%s is left in the spool", f.Name())
		}
	}
}

func TestAnOtherAppIsHeardWhileAFloodWaits(t *testing.T) {
	var b brake
	s := store(t, t.TempDir(), Options{Classify: b.classify})
	l := open(t, s, 1, Policy{Name: "flood", MaxSize: 1 << 30})
	out, errw := run(t, l, 0, 1)
	gush(t, 200_000, out)
	hush(errw)
	quiet := open(t, s, 2, Policy{Name: "quiet"})
	out, errw = run(t, quiet, 0, 2)
	start := time.Now()
	say(t, out, "hello\n")
	until(t, "the line", func() bool { return quiet.Info().Lines == 1 })
	if l.Info().Lines == 200_000 {
		t.Error("the flood was cut first")
	}
	t.Log("heard after ", time.Since(start))
	b.released.Store(true)
	hush(out, errw)
}

func TestCloseLeavesNothingOfAFlood(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 1 << 30})
	out, errw := run(t, l, 0, 1)
	gush(t, 300_000, out)
	hush(errw)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = store(t, dir, Options{})
	l = open(t, s, 1, Policy{Name: "api", MaxSize: 1 << 30})
	if i := l.Info(); i.Lines != 300_000 || i.Seq != 300_000 {
		t.Errorf("info is %+v", i)
	}
}

func TestASpoolLostUnderAFloodEndsItsWait(t *testing.T) {
	var mu sync.Mutex
	told := 0
	var b brake
	s := store(t, t.TempDir(), Options{Notice: func(uint32, string) { mu.Lock(); told++; mu.Unlock() }, Classify: b.classify})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 1 << 30})
	out, errw := run(t, l, 0, 1)
	gush(t, 200_000, out)
	s.do("lose", func() error {
		for p := l.pipes; p != nil; p = p.next {
			s.drain(p) // what came later would be put behind the hole
		}
		if len(s.late) == 0 {
			t.Error("nothing waits")
		}
		return os.Truncate(s.spoolPath(1, 0), 0)
	})
	b.released.Store(true)
	hush(errw)
	l.Settle(0)
	s.do("look", func() error {
		if len(s.late) > 0 || s.ahead != 0 || l.pipes != nil {
			t.Errorf("%d apps and %d bytes are left", len(s.late), s.ahead)
		}
		return nil
	})
	mu.Lock()
	if told != 1 || l.Info().Lines == 200_000 {
		t.Errorf("%d lines kept, told %d times", l.Info().Lines, told)
	}
	mu.Unlock()
}
