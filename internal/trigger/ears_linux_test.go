package trigger

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func TestWithoutInotifyFilesAreLookedAt(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write("app.js")
	e := &ears{places: map[int32]*place{}, failed: map[*watch]error{}, bell: newBell(), refuse: &velos.Error{Message: "inotify: too many open files"}}
	q := y.query(Query{})
	y.requests, y.ears = []request{{1, &q}}, e
	y.done.Add(1)
	go y.run(e)
	select {
	case text := <-y.notes:
		if !strings.Contains(text, "too many open files; files are looked at") {
			t.Errorf("note: %s", text)
		}
	case <-time.After(time.Minute):
		t.Fatal("nobody is told")
	}
	y.write("app.js")
	y.want("app.js changed")
}

func TestWhenTheSystemLosesCountEverythingMayHaveChanged(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write("a/x.js")
	e := newEars()
	defer e.close()
	v := &watch{id: 1, q: y.query(Query{}), rules: compile(y.dir, nil), roots: []*root{{path: y.dir, absent: true}}}
	watches := map[uint32]*watch{1: v}
	y.listen(e, v, false)
	before := len(e.places)
	y.write("b/y.js") // nobody reads of it
	y.heard(watches, e, true)
	if len(e.places) != before+1 {
		t.Errorf("%d directories are listened to; want %d", len(e.places), before+1)
	}
	if c, ok := v.gather.take(); !ok || !c.Lost {
		t.Errorf("report: %s, %v", c, ok)
	}
	e.forget(v)
	if len(e.places) != 0 {
		t.Errorf("%d directories are listened to after all was forgotten", len(e.places))
	}
}

// forest makes a tree of files.
func forest(t testing.TB, dirs, files int) string {
	dir := t.TempDir()
	for i := range dirs {
		d := filepath.Join(dir, "p"+strconv.Itoa(i%50), "d"+strconv.Itoa(i))
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		for j := range files {
			if err := os.WriteFile(filepath.Join(d, strconv.Itoa(j)), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkListeningToFiftyThousandFiles is the cost of beginning to watch, and
// of the seconds after it.
func BenchmarkListeningToFiftyThousandFiles(b *testing.B) {
	dir := forest(b, 5000, 10)
	v := &watch{id: 1, q: Query{Base: dir}, rules: compile(dir, nil), roots: []*root{{path: dir, absent: true}}}
	b.ReportAllocs()
	for b.Loop() {
		e := newEars()
		if err := e.listen(v, false); err != nil {
			b.Fatal(err)
		}
		e.forget(v)
		e.close()
	}
	b.StopTimer()
	w := New(Options{Changed: func(uint32, Change) {}, Note: func(_ uint32, text string) { b.Log(text) }})
	w.Watch(1, Query{Base: dir, Paths: []string{"."}, Delay: time.Second})
	time.Sleep(2 * time.Second)
	before := spent()
	time.Sleep(2 * time.Second)
	b.ReportMetric(float64(spent()-before)/float64(2*time.Second)*100, "%idle-cpu")
	w.Close()
}

// BenchmarkLookingAtFiftyThousandFiles is one look where the system tells
// nothing.
func BenchmarkLookingAtFiftyThousandFiles(b *testing.B) {
	dir := forest(b, 5000, 10)
	v := &watch{id: 1, q: Query{Base: dir}, rules: compile(dir, nil), roots: []*root{{path: dir}}, poll: &poll{}}
	b.ReportAllocs()
	for b.Loop() {
		v.poll.scan(v)
	}
}
