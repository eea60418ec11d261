//go:build linux || darwin

package logs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

// store opens a Store in a directory of the test's own.
func store(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func open(t testing.TB, s *Store, id uint32, p Policy) *Log {
	t.Helper()
	l, err := s.Log(id, p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run starts a run without a program: the test has the write ends.
func run(t testing.TB, l *Log, inst, pid int) (out, err int) {
	t.Helper()
	out, err, e := l.Pipes(inst)
	if e != nil {
		t.Fatal(e)
	}
	if pid != 0 {
		l.Began(inst, pid)
	}
	return out, err
}

func say(t testing.TB, fd int, text string) {
	t.Helper()
	for b := []byte(text); len(b) > 0; {
		n, err := unix.Write(fd, b)
		if err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
}

func hush(fds ...int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// query collects what a query yields.
func query(t testing.TB, l *Log, q velos.Query) (list []velos.Entry) {
	t.Helper()
	err := l.Query(q, func(e *velos.Entry) bool {
		c := *e
		c.Msg = append([]byte{}, e.Msg...)
		list = append(list, c)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func texts(list []velos.Entry) (s []string) {
	for _, e := range list {
		s = append(s, string(e.Msg))
	}
	return s
}

var all = velos.Query{Inst: -1}

func TestALineReachesFileRingAndInfo(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 10 << 20, MaxFiles: 5})
	out, err := run(t, l, 0, 123)
	say(t, out, "hello\n")
	say(t, err, "oh no")
	hush(out, err)
	l.Settle(0)
	got := query(t, l, all)
	if len(got) != 2 {
		t.Fatalf("got %d lines: %v", len(got), texts(got))
	}
	b, _ := os.ReadFile(filepath.Join(dir, "api-out.log"))
	if !strings.Contains(string(b), `,"lvl":"info","pid":123,"msg":"hello","src":"stdout","seq":1,"inst":0}`) &&
		!strings.Contains(string(b), `,"lvl":"info","pid":123,"msg":"hello","src":"stdout","seq":2,"inst":0}`) {
		t.Errorf("out file has %s", b)
	}
	i := l.Info()
	if i.Lines != 2 || i.Errors != 1 || i.Seq != 2 || i.Bytes == 0 || i.Dropped != 0 {
		t.Errorf("info is %+v", i)
	}
}

func TestHistoryIsReadFromRotatedFiles(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 20 << 10, MaxFiles: 100})
	out, err := run(t, l, 0, 1)
	const n = 5000
	for i := range n {
		w := out
		if i%3 == 0 {
			w = err
		}
		say(t, w, fmt.Sprintf("line %d\n", i))
		if i%3 == 0 || i%3 == 2 {
			l.Settle(0)
		}
	}
	hush(out, err)
	l.Settle(0)
	got := query(t, l, all)
	if len(got) != n {
		t.Fatalf("got %d lines; want %d", len(got), n)
	}
	for i, e := range got {
		if e.Seq != uint64(i+1) {
			t.Fatalf("line %d has seq %d", i, e.Seq)
		}
	}
	for _, last := range []int{1, 10, 1000, 4999, 5000, 6000} {
		got := query(t, l, velos.Query{Inst: -1, Last: last})
		if want := min(last, n); len(got) != want || got[len(got)-1].Seq != n || got[0].Seq != uint64(n-want+1) {
			t.Errorf("last %d: got %d lines", last, len(got))
		}
	}
	if got := query(t, l, velos.Query{Inst: -1, After: 1234}); len(got) != n-1234 || got[0].Seq != 1235 {
		t.Errorf("after 1234: got %d lines", len(got))
	}
	if got := query(t, l, velos.Query{Inst: -1, Grep: "line 77", Last: 5}); len(got) != 5 || string(got[4].Msg) != "line 779" {
		t.Errorf("grep: got %v", texts(got))
	}
	if got := query(t, l, velos.Query{Inst: -1, Src: velos.Stderr}); len(got) != (n+2)/3 {
		t.Errorf("stderr: got %d", len(got))
	}
}

func TestAFollowerGetsHistoryAndThenNewLines(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	say(t, out, "a\nb\nc\n")
	l.Settle(0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := make(chan string, 100)
	done := make(chan error)
	go func() {
		done <- l.Follow(ctx, velos.Query{Inst: -1, Last: 2}, func(list []velos.Entry) bool {
			for _, e := range list {
				got <- string(e.Msg)
			}
			return true
		})
	}()
	for _, want := range []string{"b", "c"} {
		if g := <-got; g != want {
			t.Errorf("got %q; want %q", g, want)
		}
	}
	say(t, out, "d\n")
	if g := <-got; g != "d" {
		t.Errorf("got %q; want d", g)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	hush(out, err)
}
