//go:build linux

package logs

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("still waiting: ", what)
		}
	}
}

func wantSeqs(t *testing.T, l *Log, n int) []velos.Entry {
	t.Helper()
	got := query(t, l, all)
	if len(got) != n {
		t.Fatalf("got %d lines; want %d", len(got), n)
	}
	for i, e := range got {
		if e.Seq != got[0].Seq+uint64(i) {
			t.Fatalf("line %d has seq %d after %d", i, e.Seq, got[0].Seq)
		}
	}
	return got
}

func sayLines(t *testing.T, l *Log, fd, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		say(t, fd, fmt.Sprintf("line %d %s\n", i, padding[:i%100]))
	}
}

func TestRotationKeepsItsBounds(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 8 << 10, MaxFiles: 3})
	out, err := run(t, l, 0, 1)
	sayLines(t, l, out, 0, 3000)
	hush(out, err)
	l.Settle(0)
	files, _ := filepath.Glob(dir + "/api-out.log*")
	if len(files) != 4 {
		t.Errorf("got %v", files)
	}
	for _, f := range files {
		if st, _ := os.Stat(f); st.Size() > 8<<10+300 {
			t.Errorf("%s has %d bytes", f, st.Size())
		}
	}
	got := query(t, l, all)
	for i, e := range got {
		if e.Seq != uint64(3000-len(got)+i+1) {
			t.Fatalf("line %d has seq %d", i, e.Seq)
		}
	}
}

func TestTheTotalIsBoundedOverBothStreams(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 10 << 20, MaxFiles: 100, MaxTotal: 100 << 10})
	out, err := run(t, l, 0, 1)
	for i := range 10 {
		sayLines(t, l, out, i*300, 300)
		sayLines(t, l, err, i*300, 300)
		l.Settle(0)
		sum := int64(0)
		files, _ := filepath.Glob(dir + "/api-*")
		for _, f := range files {
			st, _ := os.Stat(f)
			sum += st.Size()
		}
		if sum > 101<<10 {
			t.Errorf("%d bytes in %v", sum, files)
		}
		if got := l.Info().Bytes; got != sum {
			t.Errorf("info says %d bytes; they are %d", got, sum)
		}
	}
	hush(out, err)
}

// pack plays the compressor with a "compression" that reverses nothing.
func pack(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return
	}
	os.WriteFile(path+".zst.tmp", append([]byte("packed\n"), b...), 0o600)
	os.Rename(path+".zst.tmp", path+".zst")
	os.Remove(path)
}

// packByTheBook keeps to the protocol of Options.Compress.
func packByTheBook(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	b, _ := io.ReadAll(f)
	tmp := fmt.Sprintf("%s.tmp%d", path, rand.Int())
	os.WriteFile(tmp, append([]byte("packed\n"), b...), 0o600)
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return
	}
	defer dir.Close()
	unix.Flock(int(dir.Fd()), unix.LOCK_EX)
	mine, _ := f.Stat()
	if there, err := os.Stat(path); err != nil || !os.SameFile(mine, there) {
		os.Remove(tmp)
		return
	}
	os.Rename(tmp, path+".zst")
	os.Remove(path)
}

func unpack(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f.Seek(int64(len("packed\n")), 0)
	return f, nil
}

func TestHistoryReachesIntoCompressedFiles(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{Compress: pack, Expand: unpack})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 10 << 10, MaxFiles: 100})
	out, err := run(t, l, 0, 1)
	sayLines(t, l, out, 0, 2000)
	hush(out, err)
	l.Settle(0)
	if files, _ := filepath.Glob(dir + "/*.zst"); len(files) < 10 {
		t.Errorf("got %v", files)
	}
	wantSeqs(t, l, 2000)
	if got := query(t, l, velos.Query{Inst: -1, Last: 1500}); len(got) != 1500 || got[0].Seq != 501 {
		t.Errorf("got %d lines from %d", len(got), got[0].Seq)
	}
	if got := query(t, l, velos.Query{Inst: -1, After: 700}); len(got) != 1300 || got[0].Seq != 701 {
		t.Errorf("got %d lines from %d", len(got), got[0].Seq)
	}
}

func TestAReaderSurvivesRotationsUnderIt(t *testing.T) {
	dir := t.TempDir()
	var packing sync.WaitGroup
	t.Cleanup(packing.Wait) // after the Store is closed and before its directory is removed
	s := store(t, dir, Options{Compress: func(p string) { packing.Go(func() { packByTheBook(p) }) }, Expand: unpack})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 50 << 10, MaxFiles: 100000})
	out, err := run(t, l, 0, 1)
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				writeAll([]int{out, err}[i%2], []byte(fmt.Sprintf("line %d %s\n", i, padding)))
			}
		}
	})
	for end, n := time.Now().Add(time.Second), 0; n < 10 || time.Now().Before(end); n++ {
		last := uint64(0)
		before := l.Info().Seq
		if e := l.Query(velos.Query{Inst: -1}, func(e *velos.Entry) bool {
			if e.Seq != last+1 {
				t.Errorf("%d after %d", e.Seq, last)
				return false
			}
			last = e.Seq
			return true
		}); e != nil {
			t.Error(e)
		}
		if last < before {
			t.Errorf("got %d lines of %d", last, before)
		}
		if t.Failed() || before > 60_000 {
			break
		}
	}
	close(stop)
	wg.Wait()
	hush(out, err)
	l.Settle(0)
	wantSeqs(t, l, int(l.Info().Seq))
	t.Logf("%d lines", l.Info().Seq)
}

func TestSequenceGoesOnOverRestartsOfTheDaemon(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		l := open(t, s, 1, Policy{Name: "api"})
		out, errw := run(t, l, 0, 5)
		say(t, out, "a\nb\nc\nno newline")
		if i == 1 {
			l.Settle(0)
		}
		s.Close()
		hush(out, errw)
		if i == 2 { // the checkpoint is no condition
			os.RemoveAll(dir + "/.spool")
		}
	}
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	got := wantSeqs(t, l, 11)
	if string(got[3].Msg) != "no newline" || string(got[10].Msg) != "c" || got[10].PID != 5 {
		t.Errorf("got %q", texts(got))
	}
}

func TestTheFilesMayBeMovedTruncatedAndDeleted(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	path := dir + "/api-out.log"
	put := func(text string) { say(t, out, text+"\n"); l.Settle(0) }
	has := func(path, want, not string) {
		t.Helper()
		b, _ := os.ReadFile(path)
		if !strings.Contains(string(b), want) || not != "" && strings.Contains(string(b), not) {
			t.Errorf("%s has %s; want %q", path, b, want)
		}
	}
	put("first")
	os.Rename(path, path+".moved")
	put("second")
	has(path+".moved", "second", "")
	l.Reopen()
	put("third")
	has(path, "third", "second")
	os.Truncate(path, 0)
	put("fourth")
	has(path, "fourth", "third")
	if b, _ := os.ReadFile(path); b[0] != '{' {
		t.Errorf("a hole was left: %q", b[:10])
	}
	os.Remove(path)
	put("fifth")
	has(path, "fifth", "fourth")
	l.Flush()
	put("sixth")
	has(path, "sixth", "fifth")
	if got := query(t, l, all); len(got) != 1 || got[0].Seq != 6 {
		t.Errorf("got %q", texts(got))
	}
}

func TestAFullDiskBlocksNobodyAndRecovers(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	var mu sync.Mutex
	var told []string
	s := store(t, dir, Options{Notice: func(_ uint32, text string) {
		mu.Lock()
		told = append(told, text)
		mu.Unlock()
	}})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	const n = 20000
	sayLines(t, l, out, 0, n) // several MiB: far more than fits
	l.Settle(0)
	i := l.Info()
	if i.Lines != n || i.Dropped == 0 || i.Dropped >= n {
		t.Errorf("info is %+v", i)
	}
	inFile := 0
	b, _ := os.ReadFile(dir + "/api-out.log")
	for line := range bytes.Lines(b) {
		var p parser
		var e velos.Entry
		if !p.parse(bytes.TrimSuffix(line, newline), &e) {
			t.Errorf("torn: %q", line)
		}
		inFile++
	}
	if uint64(inFile)+i.Dropped != n {
		t.Errorf("%d in the file, %d dropped; want %d together", inFile, i.Dropped, n)
	}
	if got := query(t, l, velos.Query{Inst: -1, Last: 10}); len(got) != 10 || got[9].Seq != n {
		t.Errorf("the ring has %d lines", len(got))
	}
	// What the spool gives back may let some lines in before it is full again.
	full := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) > 0 && strings.Contains(told[len(told)-1], "no space left")
	}
	if !full() {
		t.Errorf("told %q", told)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	k := 0
	until(t, "recovery", func() bool {
		sayLines(t, l, out, n+k, 1)
		k++
		l.Settle(0)
		return !full()
	})
	dropped := uint64(0)
	for _, text := range told {
		if _, count, ok := strings.Cut(text, "dropped meanwhile: "); ok {
			m, _ := strconv.ParseUint(count, 10, 64)
			dropped += m
		}
	}
	if dropped != l.Info().Dropped {
		t.Errorf("told %q, dropped %d", told, l.Info().Dropped)
	}
	before := l.Info().Dropped
	sayLines(t, l, out, 0, 1000)
	l.Settle(0)
	if l.Info().Dropped != before {
		t.Error("lines are dropped on")
	}
	until(t, "the spool is used again", func() bool {
		mem := true
		sayLines(t, l, out, 0, 1)
		s.do("look", func() error { mem = l.pipes.next.sp.memory; return nil })
		return !mem
	})
}

func TestAClockThatIsSetBackPutsNoRetryOff(t *testing.T) {
	var full, back atomic.Bool
	full.Store(true)
	timeNow = func() time.Time {
		if back.Load() {
			return time.Now().Add(-24 * time.Hour)
		}
		return time.Now()
	}
	writeSeam = func(fd int, b []byte) (int, error) {
		if full.Load() {
			return 0, unix.ENOSPC
		}
		return write(fd, b)
	}
	defer func() { timeNow, writeSeam = time.Now, write }()
	dir := t.TempDir()
	s := store(t, dir, Options{})
	defer s.Close()
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	sayLines(t, l, out, 0, 10)
	l.Settle(0)
	full.Store(false)
	back.Store(true)
	until(t, "a line in the file", func() bool {
		sayLines(t, l, out, 10, 1)
		l.Settle(0)
		b, _ := os.ReadFile(dir + "/api-out.log")
		return len(b) > 0
	})
}

func TestASlowFollowerIsCaughtUpFromTheFiles(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 1 << 20, MaxFiles: 1000})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	const n = 30000
	say(t, out, "first\n")
	l.Settle(0)
	started, gate := make(chan bool, 1), make(chan bool)
	done := make(chan uint64)
	go func() {
		last := uint64(0)
		l.Follow(t.Context(), velos.Query{Inst: -1}, func(list []velos.Entry) bool {
			for _, e := range list {
				if e.Missed != 0 || e.Seq != last+1 {
					t.Errorf("missed %d, seq %d after %d", e.Missed, e.Seq, last)
				}
				last = e.Seq
			}
			if last == 1 {
				started <- true
				<-gate
			}
			return last < n
		})
		done <- last
	}()
	<-started
	sayLines(t, l, out, 1, n-1)
	l.Settle(0)
	close(gate)
	if last := <-done; last != n {
		t.Errorf("last is %d; want %d", last, n)
	}
}

func TestWhatAFollowerMissedIsCountedExactly(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 100 << 10, MaxFiles: 2})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	const n = 30000
	say(t, out, "first\n")
	l.Settle(0)
	started, gate := make(chan bool, 1), make(chan bool)
	done := make(chan [2]uint64)
	go func() {
		var got [2]uint64
		l.Follow(t.Context(), velos.Query{Inst: -1}, func(list []velos.Entry) bool {
			last := uint64(0)
			for _, e := range list {
				got[1] += e.Missed
				if e.Missed == 0 {
					got[0]++
					last = e.Seq
				}
			}
			if got[0] == 1 {
				started <- true
				<-gate
			}
			return last < n
		})
		done <- got
	}()
	<-started
	sayLines(t, l, out, 1, n-1)
	l.Settle(0)
	close(gate)
	if got := <-done; got[0]+got[1] != n || got[1] == 0 {
		t.Errorf("got %d lines and missed %d; want %d together", got[0], got[1], n)
	}
}

func TestSettleIsPromptWhileOthersFlood(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	stop := make(chan bool)
	var wg sync.WaitGroup
	for id := range uint32(4) {
		l := open(t, s, 10+id, Policy{Name: fmt.Sprint("flood", id), MaxSize: 1 << 20, MaxFiles: 1})
		out, err := run(t, l, 0, 1)
		b := bytes.Repeat([]byte(padding+"\n"), 200)
		wg.Go(func() {
			defer hush(out, err)
			for {
				select {
				case <-stop:
					return
				default:
					writeAll(out, b)
				}
			}
		})
	}
	l := open(t, s, 1, Policy{Name: "api"})
	worst := time.Duration(0)
	for i := range 50 {
		out, err := run(t, l, 0, i+1)
		say(t, err, "last words")
		hush(out, err)
		start := time.Now()
		l.Settle(0)
		worst = max(worst, time.Since(start))
		got := query(t, l, velos.Query{Inst: -1, Last: 1})
		if len(got) != 1 || string(got[0].Msg) != "last words" || got[0].PID != i+1 {
			t.Fatalf("got %q", texts(got))
		}
	}
	if worst > 30*time.Second { // the floods never end
		t.Errorf("it took %v", worst)
	}
	t.Logf("worst %v", worst)
	close(stop)
	wg.Wait()
}

func TestAGrandchildMayHoldThePipeOverSeveralRuns(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out1, err1 := run(t, l, 0, 1)
	say(t, out1, "half ")
	l.Settle(0)
	out2, err2 := run(t, l, 0, 2)
	say(t, out2, "new ")
	say(t, out1, "old\n")
	say(t, out2, "run\n")
	hush(out1, err1, out2, err2)
	l.Settle(0)
	got := map[string]int{}
	for _, e := range query(t, l, all) {
		got[string(e.Msg)] = e.PID
	}
	if len(got) != 3 || got["half "] != 1 || got["old"] != 1 || got["new run"] != 2 {
		t.Errorf("got %v", got)
	}
}

func TestLinesOfARunThatIsNotYetNamedWait(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 0)
	say(t, out, "early\n")
	s.do("pass", func() error { return nil })
	l.Began(0, 99)
	hush(out, err)
	l.Settle(0)
	if got := query(t, l, all); len(got) != 1 || got[0].PID != 99 {
		t.Errorf("got %+v", got)
	}
}

func TestAForkThatFailedLeavesNothing(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	before := descriptors(t)
	out, err := run(t, l, 0, 0)
	hush(out, err)
	until(t, "the pipes are gone", func() bool { return descriptors(t) == before })
}

func descriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestCloseGivesEverythingBack(t *testing.T) {
	fds, routines := descriptors(t), runtime.NumGoroutine()
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for id := range uint32(10) {
		l := open(t, s, id, Policy{Name: fmt.Sprint("api", id), MaxSize: 10 << 10, MaxFiles: 2})
		out, errw := run(t, l, 0, 1)
		sayLines(t, l, out, 0, 200)
		l.Settle(0)
		query(t, l, all)
		hush(out, errw)
	}
	s.Close()
	until(t, "descriptors", func() bool { return descriptors(t) <= fds })
	until(t, "goroutines", func() bool { return runtime.NumGoroutine() <= routines })
}

func TestRawFilesHoldTheBytesAsWritten(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api", Raw: true})
	out, err := run(t, l, 0, 1)
	text := "a\r\n\n\xff\x00" + strings.Repeat("x", 2*maxLine) + "\n"
	for range 10 {
		say(t, out, text)
	}
	say(t, out, "end")
	hush(out, err)
	l.Settle(0)
	b, _ := os.ReadFile(dir + "/api-out.log")
	if want := strings.Repeat(text, 10) + "end\n"; string(b) != want {
		t.Errorf("got %d bytes; want %d", len(b), len(want))
	}
	if got := query(t, l, velos.Query{Inst: -1, Last: 1}); len(got) != 1 || string(got[0].Msg) != "end" {
		t.Errorf("got %d", len(got))
	}
}

func TestRawHistoryIsReadAsText(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api", Raw: true, MaxSize: 20 << 10, MaxFiles: 100})
	out, err := run(t, l, 0, 1)
	sayLines(t, l, out, 0, 3000)
	hush(out, err)
	l.Settle(0)
	got := query(t, l, all)
	if len(got) != 3000 {
		t.Fatalf("got %d lines", len(got))
	}
	for i, e := range got {
		if want := fmt.Sprintf("line %d %s", i, padding[:i%100]); string(e.Msg) != want {
			t.Fatalf("got %q; want %q", e.Msg, want)
		}
	}
	for _, n := range []int{1, 100, 2500, 2999, 3000, 4000} {
		if got := query(t, l, velos.Query{Inst: -1, Last: n}); len(got) != min(n, 3000) || got[0].Msg == nil {
			t.Errorf("last %d: got %d", n, len(got))
		}
	}
}

func TestMergedStreamsShareAFile(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api", Out: dir + "/x.log", Err: dir + "/x.log"})
	out, err := run(t, l, 0, 1)
	say(t, out, "o\n")
	say(t, err, "e\n")
	hush(out, err)
	l.Settle(0)
	b, _ := os.ReadFile(dir + "/x.log")
	if bytes.Count(b, newline) != 2 || !strings.Contains(string(b), `"src":"stderr"`) {
		t.Errorf("got %s", b)
	}
	if i := l.Info(); i.Out != i.Err {
		t.Errorf("info is %+v", i)
	}
	wantSeqs(t, l, 2)
}

func TestAnAppRenamedTakesItsFilesAlong(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	p := Policy{Name: "old", MaxSize: 4 << 10, MaxFiles: 100}
	l := open(t, s, 1, p)
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	sayLines(t, l, out, 0, 200)
	l.Settle(0)
	p.Name = "new"
	if err := l.SetPolicy(p); err != nil {
		t.Fatal(err)
	}
	sayLines(t, l, out, 200, 200)
	l.Settle(0)
	wantSeqs(t, l, 400)
	if left, _ := filepath.Glob(dir + "/old*"); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

func TestPathsThatCannotWorkAreRefused(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	open(t, s, 1, Policy{Name: "one", Out: dir + "/one.log"})
	os.Symlink("/etc/passwd", dir+"/link.log")
	os.Symlink(dir, dir+"/again")
	open(t, s, 3, Policy{Name: "three", Out: dir + "/four-err.log"})
	for _, c := range []struct {
		path, want string
		code       velos.Code
	}{
		{dir + "/link.log/x.log", "not a directory", velos.Invalid},
		{"x.log", "not an absolute path", velos.Invalid},
		{dir + "/link.log", "not a regular file", velos.Invalid},
		{dir, "not a regular file", velos.Invalid},
		{dir + "/one.log", "one writes to it", velos.Conflict},
		{dir + "/again/one.log", "one writes to it", velos.Conflict},
	} {
		_, err := s.Log(2, Policy{Name: "two", Out: c.path})
		if err == nil || !strings.Contains(err.Error(), c.want) || velos.CodeOf(err) != c.code {
			t.Errorf("%s: got %v", c.path, err)
		}
	}
	if _, err := s.Log(4, Policy{Name: "four"}); velos.CodeOf(err) != velos.Conflict {
		t.Errorf("a standard file that another app was given: got %v", err)
	}
}

func TestTheDirectoryOfALogFileIsMade(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "one", Out: dir + "/deep/down/out.log", Err: dir + "/deep/err.log"})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	sayLines(t, l, out, 0, 2)
	l.Settle(0)
	if b, err := os.ReadFile(dir + "/deep/down/out.log"); err != nil || bytes.Count(b, []byte("\n")) != 2 {
		t.Errorf("%v %q", err, b)
	}
	if st, err := os.Stat(dir + "/deep/down"); err != nil || st.Mode().Perm()&0o700 != 0o700 {
		t.Errorf("%v %v", st, err)
	}
	// A directory that was there and is gone may be a disk: it is not made again, another one is.
	if err := os.RemoveAll(dir + "/deep"); err != nil {
		t.Fatal(err)
	}
	p := Policy{Name: "one", Out: dir + "/deep/down/out.log", Err: dir + "/deep/err.log", MaxSize: 1 << 20}
	if err := l.SetPolicy(p); err == nil || !strings.Contains(err.Error(), "no such directory") {
		t.Errorf("got %v", err)
	}
	p.Out, p.Err = dir+"/other/out.log", dir+"/other/err.log"
	if err := l.SetPolicy(p); err != nil {
		t.Error(err)
	}
}

func TestAnyNumberOfAppsMayWriteIntoADevice(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	for id := uint32(1); id <= 3; id++ {
		l := open(t, s, id, Policy{Name: fmt.Sprint("app", id), Out: "/dev/null", Err: "/dev/null"})
		out, err := run(t, l, 0, 1)
		say(t, out, "a line\n")
		hush(out, err)
		l.Settle(0)
		if got := texts(query(t, l, all)); len(got) != 1 {
			t.Errorf("got %q", got)
		}
	}
}

func TestRemoveForgetsButLeavesTheFiles(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	say(t, out, "a\nlast")
	following := make(chan error, 1)
	first := make(chan bool, 10)
	go func() {
		following <- l.Follow(t.Context(), all, func([]velos.Entry) bool { first <- true; return true })
	}()
	<-first
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	<-following
	hush(out, err)
	if left, _ := os.ReadDir(dir + "/.spool"); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	l = open(t, s, 2, Policy{Name: "api"})
	got := wantSeqs(t, l, 2)
	if string(got[1].Msg) != "last" {
		t.Errorf("got %q", texts(got))
	}
}

func TestDotsWithoutANewlineAreReadOnce(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	for range 3000 {
		say(t, out, ".")
	}
	s.do("pass", func() error { return nil })
	say(t, out, "\n")
	hush(out, err)
	l.Settle(0)
	if got := query(t, l, all); len(got) != 1 || len(got[0].Msg) != 3000 {
		t.Errorf("got %d lines", len(got))
	}
}

func TestWorkMemoryAndSpoolAreGivenBackInAPause(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	sayLines(t, l, out, 0, 100)
	l.Settle(0)
	until(t, "the sweep", func() bool {
		done := false
		s.do("look", func() error {
			done = len(s.warm) == 0 && l.pipes.next.sp.size == 0 && l.pipes.next.sp.fd < 0
			return nil
		})
		return done
	})
	sayLines(t, l, out, 100, 100)
	l.Settle(0)
	wantSeqs(t, l, 200)
}

func TestAnIdleRingShrinksAndHistoryStaysWhole(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	sayLines(t, l, out, 0, 3000)
	l.Settle(0)
	s.do("shrink", func() error { l.shrink(); return nil })
	if n := cap(l.ring.buf); n != ringMin {
		t.Errorf("the ring has %d bytes", n)
	}
	sayLines(t, l, out, 3000, 10)
	l.Settle(0)
	wantSeqs(t, l, 3010)
}

func TestAHungDiskHangsOnlyTheLogs(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, errw := run(t, l, 0, 1)
	say(t, out, "before\n")
	l.Settle(0)
	gate := make(chan bool)
	old := patience
	patience, writeSeam = 100*time.Millisecond, func(fd int, b []byte) (int, error) { <-gate; return write(fd, b) }
	defer func() { patience, writeSeam = old, write }()
	say(t, out, "hangs\n")
	start := time.Now()
	l.Settle(0)
	if _, err := s.Log(2, Policy{Name: "other"}); velos.CodeOf(err) != velos.Timeout {
		t.Errorf("Log says %v; want a timeout", err)
	}
	if got := query(t, l, all); len(got) != 1 || l.Info().Seq != 1 {
		t.Errorf("got %v", texts(got))
	}
	if _, _, err := l.Pipes(1); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	close(gate)
	hush(out, errw)
	until(t, "the line", func() bool { return l.Info().Seq == 2 })
	open(t, s, 2, Policy{Name: "other"}) // what came too late holds no place
}

func TestAQuietChildCostsNextToNothing(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	const n = 200
	policies := make([]Policy, n)
	for i := range policies {
		policies[i] = Policy{Name: fmt.Sprint("app", i), MaxSize: 10 << 20, MaxFiles: 5, MaxTotal: 100 << 20}
	}
	ends := make([]int, 0, 2*n)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	fds, before := descriptors(t), heap()
	for i, p := range policies {
		l := open(t, s, uint32(i), p)
		out, err := run(t, l, 0, i+1)
		ends = append(ends, out, err)
	}
	s.do("pass", func() error { return nil })
	each := (int(heap()) - int(before) - 8*2*n) / n
	perChild := (descriptors(t) - fds) / n
	hush(ends...)
	t.Logf("%d bytes, %d descriptors", each, perChild)
	if each > 330 || perChild > 4 { // two of them are the child's
		t.Errorf("a quiet child costs %d bytes and %d descriptors", each, perChild)
	}
}

func TestMorePipesThanAPageOfTheCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, s, 1, Policy{Name: "api"})
	const n = 200
	var ends []int
	for i := range n {
		out, errw := run(t, l, i, i+1)
		say(t, out, fmt.Sprintf("out %d\nhalf", i))
		say(t, errw, fmt.Sprintf("err %d\n", i))
		ends = append(ends, out, errw)
	}
	s.Close()
	hush(ends...)
	s = store(t, dir, Options{})
	l = open(t, s, 1, Policy{Name: "api"})
	wantSeqs(t, l, 2*n)
	for i := range n {
		l.Settle(i)
	}
	for _, e := range wantSeqs(t, l, 3*n)[2*n:] {
		if string(e.Msg) != "half" || e.PID != e.Inst+1 {
			t.Fatalf("got %q of %d, pid %d", e.Msg, e.Inst, e.PID)
		}
	}
}

func TestAnOldEventDoesNotEndANewPipe(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 0)
	s.do("old event", func() error {
		for p := l.pipes; p != nil; p = p.next {
			s.serve(p, true)
		}
		return nil
	})
	l.Began(0, 5)
	say(t, out, "hello\n")
	hush(out, err)
	l.Settle(0)
	if got := query(t, l, all); len(got) != 1 || got[0].PID != 5 {
		t.Errorf("got %+v", got)
	}
}

func TestATruncatedCheckpointIsNoEnd(t *testing.T) {
	dir := t.TempDir()
	told := make(chan string, 100)
	s := store(t, dir, Options{Notice: func(_ uint32, text string) { told <- text }})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	sayLines(t, l, out, 0, 100)
	l.Settle(0)
	if err := os.Truncate(dir+"/.spool/1.ckpt", 0); err != nil {
		t.Fatal(err)
	}
	sayLines(t, l, out, 100, 100)
	l.Settle(0)
	sayLines(t, l, out, 200, 100)
	l.Settle(0)
	wantSeqs(t, l, 300)
	if text := <-told; !strings.Contains(text, "checkpoint") {
		t.Errorf("told %q", text)
	}
	until(t, "a new checkpoint", func() bool {
		sayLines(t, l, out, 0, 1)
		l.Settle(0)
		st, err := os.Stat(dir + "/.spool/1.ckpt")
		return err == nil && st.Size() == pageSize
	})
	say(t, out, "half")
	n := l.Info().Seq
	s.Close()
	s = store(t, dir, Options{})
	l = open(t, s, 1, Policy{Name: "api"})
	l.Settle(0)
	if got := wantSeqs(t, l, int(n)+1); string(got[n].Msg) != "half" {
		t.Errorf("got %q", got[n].Msg)
	}
}
