package trigger

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A yard is a directory that is watched.
type yard struct {
	t   *testing.T
	dir string
	*Watcher
	reports chan Change
	notes   chan string
	delay   time.Duration // the longest of its queries
	written int
}

// Delays of reports. Where several steps make one report, a machine that is busy
// may pause between two of them: such a test waits longer for quiet.
const (
	quick = 200 * time.Millisecond
	slow  = time.Second
)

func TestMain(m *testing.M) {
	patience = 10 * time.Minute // a storm takes its time on a busy machine
	os.Exit(m.Run())
}

func newYard(t *testing.T) *yard {
	y := &yard{t: t, dir: t.TempDir(), reports: make(chan Change, 100), notes: make(chan string, 100)}
	y.Watcher = New(Options{
		Changed: func(_ uint32, c Change) { y.reports <- c },
		Note:    func(_ uint32, text string) { y.notes <- text },
	})
	t.Cleanup(y.Close)
	return y
}

func (y *yard) write(name string) {
	y.t.Helper()
	path := filepath.Join(y.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		y.t.Fatal(err)
	}
	// Each content has another size: two of them may have the same time.
	y.written++
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), y.written), 0o644); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) do(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) query(q Query) Query {
	q.Base, q.Delay = y.dir, max(q.Delay, quick)
	y.delay = max(y.delay, q.Delay)
	if q.Paths == nil {
		q.Paths = []string{"."}
	}
	return q
}

// watch watches and returns when changes are seen: a beacon is lit until it is
// reported.
func (y *yard) watch(id uint32, q Query) {
	y.t.Helper()
	q = y.query(q)
	q.Paths = append(q.Paths, "beacon")
	y.write("beacon")
	y.Watch(id, q)
	y.taken()
	for range 400 {
		y.write("beacon")
		select {
		case <-y.reports:
			y.quiet()
			return
		case <-time.After(2 * q.Delay):
		}
	}
	y.t.Fatal("nothing is ever reported")
}

// taken waits until all that was asked for is on its way.
func (y *yard) taken() {
	y.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		y.mu.Lock()
		n := len(y.requests)
		y.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			y.t.Fatal("nobody takes what is asked for")
		}
	}
}

// quiet waits until nothing more comes.
func (y *yard) quiet() {
	for {
		select {
		case <-y.reports:
		case <-time.After(max(4*quick, 2*y.delay)):
			return
		}
	}
}

// report is the next report, the beacon's last flicker aside.
func (y *yard) report() Change {
	y.t.Helper()
	for limit := time.After(time.Minute); ; {
		select {
		case c := <-y.reports:
			if c.Name != "beacon" || c.Count != 1 {
				return c
			}
		case <-limit:
			y.t.Fatal("no report")
		}
	}
}

func (y *yard) want(text string) {
	y.t.Helper()
	if got := y.report().String(); got != text {
		y.t.Fatalf("report: %s; want %s", got, text)
	}
}

func TestAChangedFileIsReportedOnce(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write("src/app.js")
	y.watch(1, Query{})
	y.write("src/app.js")
	y.want("src/app.js changed")
	y.do(os.Remove(filepath.Join(y.dir, "src/app.js")))
	y.want("src/app.js changed")
	select {
	case c := <-y.reports:
		t.Errorf("one too many: %s", c)
	case <-time.After(4 * quick):
	}
}

func TestDirectoriesThatComeLaterAreWatched(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.watch(1, Query{Delay: slow})
	y.write("a/b/c/first.js")
	y.want("a/b/c/first.js changed")
	y.write("a/b/c/second.js")
	y.want("a/b/c/second.js changed")
	y.do(os.Rename(filepath.Join(y.dir, "a"), filepath.Join(y.dir, "z")))
	if c := y.report(); c.Count < 3 {
		t.Errorf("a renamed directory: %s", c)
	}
	y.write("z/b/c/second.js")
	y.want("z/b/c/second.js changed")
}

func TestAnEditorThatReplacesTheFileIsOneChangeOfThatFile(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write("app.js")
	y.watch(1, Query{Delay: slow})
	y.write("app.js.tmp.42")
	y.do(os.Rename(filepath.Join(y.dir, "app.js.tmp.42"), filepath.Join(y.dir, "app.js")))
	y.want("app.js changed")
	// vim: the old one moves away, a new one is written, the old one goes.
	y.do(os.Rename(filepath.Join(y.dir, "app.js"), filepath.Join(y.dir, "app.js~")))
	y.write("app.js")
	y.do(os.Remove(filepath.Join(y.dir, "app.js~")))
	y.want("app.js changed")
}

func TestWhatIsIgnoredIsNotReported(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write("node_modules/x/index.js")
	y.watch(1, Query{Delay: slow, Ignore: []string{"tmp/", "*.json", "!keep.json"}, Except: []string{filepath.Join(y.dir, "home")}})
	y.write("node_modules/x/index.js")
	y.write("tmp/x.js")
	y.write("app.log")
	y.write("data.json")
	y.write("home/state")
	y.write("home2/keep.json")
	y.want("home2/keep.json changed")
}

func TestOneFileCanBeWatched(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write("conf/app.log")
	y.write("conf/other.toml")
	y.watch(1, Query{Paths: []string{"conf/app.log"}})
	y.write("conf/other.toml")
	y.do(os.Remove(filepath.Join(y.dir, "conf/app.log")))
	y.want("conf/app.log changed")
	y.write("conf/app.log")
	y.want("conf/app.log changed")
}

func TestAPathThatIsNotThereYetIsWatchedWhenItComes(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.watch(1, Query{Delay: slow, Paths: []string{"dist"}})
	for range 2 {
		y.write("dist/bundle.js")
		y.want("dist/bundle.js changed")
		y.do(os.RemoveAll(filepath.Join(y.dir, "dist")))
		y.report()
		y.quiet()
	}
}

func TestAStormIsOneReport(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of files")
	}
	t.Parallel()
	y := newYard(t)
	y.write("src/keep.js")
	y.watch(1, Query{Delay: 3 * slow})
	const files = 4_000
	for i := range files {
		y.write("src/d" + strconv.Itoa(i%50) + "/" + strconv.Itoa(i) + ".js")
	}
	c := y.report()
	if !strings.HasPrefix(c.Name, "src/d") || c.Count != files && !c.Lost {
		t.Errorf("report: %s (%d files, lost %v); want %d", c, c.Count, c.Lost, files)
	}
	select {
	case c := <-y.reports:
		t.Errorf("a second report: %s", c)
	case <-time.After(5 * slow):
	}
	y.write("src/d7/7.js") // what was made in the storm is watched
	y.want("src/d7/7.js changed")
}

func TestAppsThatShareATreeEachHearOfIt(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.watch(1, Query{})
	y.watch(2, Query{}) // reports of either: the first is heard of by both
	y.write("a.js")
	y.want("a.js changed")
	y.want("a.js changed")
	y.Forget(1)
	for { // until it is forgotten, two reports come
		y.write("a.js")
		y.report()
		select {
		case <-y.reports:
			continue
		case <-time.After(4 * quick):
		}
		break
	}
}

func TestAWatcherThatHasForgottenAllWatchesAgain(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for range 3 {
		y.watch(1, Query{})
		y.Forget(1)
		for range 1000 {
			y.mu.Lock()
			idle := y.ears == nil
			y.mu.Unlock()
			if idle {
				break
			}
			time.Sleep(time.Millisecond)
		}
		y.quiet()
		y.write("a.js")
		select {
		case c := <-y.reports:
			t.Errorf("forgotten, and yet: %s", c)
		case <-time.After(4 * quick):
		}
	}
}

func TestLookingNowAndThenFindsTheSame(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write("src/app.js")
	y.write("src/old.js")
	y.write("node_modules/x.js")
	q := y.query(Query{Paths: []string{".", "gone", "src/app.js"}})
	v := &watch{q: q, rules: compile(q.Base, q.Ignore), poll: &poll{}}
	for _, p := range q.Paths {
		v.roots = append(v.roots, &root{path: filepath.Join(y.dir, p)})
	}
	look := func(want string) {
		t.Helper()
		v.poll.scan(v)
		if c, ok := v.gather.take(); ok != (want != "") || ok && c.String() != want {
			t.Errorf("report: %s; want %q", c, want)
		}
	}
	look("")
	look("")
	y.write("src/app.js")
	look("src/app.js changed")
	y.write("node_modules/x.js")
	look("")
	y.write("a/new.js")
	look("a/new.js changed")
	y.do(os.Remove(filepath.Join(y.dir, "src/old.js")))
	look("a file changed")
	y.write("gone/x.js")
	look("gone/x.js changed")
	if d := time.Until(v.poll.next); d < time.Second || d > longPause {
		t.Errorf("the next look is in %s", d)
	}
}
