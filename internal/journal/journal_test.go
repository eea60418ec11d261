package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

func open(t *testing.T, path string, max int64) *Journal {
	t.Helper()
	j, err := Open(path, max)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func event(id uint32, cause string) velos.Event {
	return velos.Event{Kind: velos.KindState, ID: id, App: fmt.Sprint("app", id), Cause: cause, Actor: velos.Policy}
}

// seqs reads and gives the numbers only.
func seqs(t *testing.T, j *Journal, id uint32, after uint64, since velos.Time, last int) []uint64 {
	t.Helper()
	list, err := j.Read(id, after, since, last)
	if err != nil {
		t.Fatal(err)
	}
	var n []uint64
	for _, e := range list {
		n = append(n, e.Seq)
	}
	return n
}

// eventually polls until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// onDisk waits for the writer.
func onDisk(t *testing.T, j *Journal) {
	t.Helper()
	eventually(t, "everything is written", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.written == j.seq
	})
}

func TestEventsComeBackAsTheyWereOverReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	j := open(t, path, 1<<20)
	want := velos.Event{Kind: velos.KindExit, App: "api", ID: 7, Inst: -1, PID: 42, From: velos.Online, To: velos.Errored,
		Cause: "exited with code 1 after 3s\n\"quoted\"", Actor: velos.Actor{Kind: "user", UID: 1000, PID: 5, Exe: "velos"}, Gen: 3,
		Exit: &velos.Exit{Code: 1, PID: 42, Uptime: 3000}, Time: 1_700_000_000_000}
	j.Add(want)
	j.Add(event(8, "now"))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path, 1<<20)
	j.Add(event(9, "later"))
	list, err := j.Read(0, 0, 0, 0)
	if err != nil || len(list) != 3 {
		t.Fatalf("got %d events, %v; want 3", len(list), err)
	}
	want.Seq = 1
	got := list[0]
	if *got.Exit != *want.Exit {
		t.Errorf("got exit %+v; want %+v", *got.Exit, *want.Exit)
	}
	got.Exit, want.Exit = nil, nil
	if got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if list[1].Time == 0 || list[2].Seq != 3 {
		t.Errorf("got time %d and seq %d; want one set and 3", list[1].Time, list[2].Seq)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestReadFindsWhatWasAskedFor(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "e"), 1<<20)
	for i := range 10 {
		e := event(uint32(1+i%2), "x")
		e.Time = velos.Time(1000 + i)
		j.Add(e)
	}
	for _, c := range []struct {
		name  string
		id    uint32
		after uint64
		since velos.Time
		last  int
		want  []uint64
	}{
		{"all", 0, 0, 0, 0, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"one app", 2, 0, 0, 0, []uint64{2, 4, 6, 8, 10}},
		{"after", 0, 8, 0, 0, []uint64{9, 10}},
		{"after the end", 0, 10, 0, 0, nil},
		{"since", 0, 0, 1007, 0, []uint64{8, 9, 10}},
		{"last", 0, 0, 0, 2, []uint64{9, 10}},
		{"last of one app", 1, 0, 0, 2, []uint64{7, 9}},
		{"last of one app, after", 1, 8, 0, 2, []uint64{9}},
		{"last since", 1, 0, 1004, 9, []uint64{5, 7, 9}},
		{"more than there are", 0, 0, 0, 99, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"an app that is not there", 3, 0, 0, 1, nil},
	} {
		if got := seqs(t, j, c.id, c.after, c.since, c.last); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v; want %v", c.name, got, c.want)
		}
	}
}

func TestAFileThatWasMovedOrDeletedIsBegunAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	j := open(t, path, 1<<20)
	for i, away := range []func() error{
		func() error { return os.Rename(path, path+".moved") },
		func() error { return os.Remove(path) },
	} {
		j.Add(event(1, "before"))
		onDisk(t, j)
		if err := away(); err != nil {
			t.Skip(err)
		}
		j.Add(event(1, "after"))
		onDisk(t, j)
		if b, err := os.ReadFile(path); err != nil || bytes.Count(b, []byte{'\n'}) != 1 {
			t.Errorf("round %d: got %q, %v; want the newest event alone", i, b, err)
		}
	}
}

func TestTwoFilesAreKeptAndNoMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	const max = 20 << 10
	j := open(t, path, max)
	const n = 1000
	for i := range n {
		j.Add(event(uint32(i%3+1), strings.Repeat("x", i%300)))
		if i%50 == 0 {
			onDisk(t, j)
		}
	}
	onDisk(t, j)
	names, _ := filepath.Glob(path + "*")
	if len(names) != 2 {
		t.Errorf("got files %v; want two", names)
	}
	for _, p := range names {
		if info, err := os.Stat(p); err != nil || info.Size() > max {
			t.Errorf("%s has %d bytes, %v; want at most %d", p, info.Size(), err, max)
		}
	}
	all := seqs(t, j, 0, 0, 0, 0)
	for i, s := range all {
		if s != uint64(n-len(all)+i+1) {
			t.Fatalf("numbers have a gap or a double: %v", all)
		}
	}
	if len(all) < 100 {
		t.Errorf("only %d events are left", len(all))
	}
	for _, back := range []int{1, 30, 60, len(all) - 1, len(all)} {
		if got := seqs(t, j, 0, 0, 0, back); !slices.Equal(got, all[len(all)-back:]) {
			t.Errorf("last %d: got %v", back, got)
		}
		if got := seqs(t, j, 0, uint64(n-back), 0, 0); !slices.Equal(got, all[len(all)-back:]) {
			t.Errorf("after %d: got %v", n-back, got)
		}
	}
	j.Close()
	if again := open(t, path, max); !slices.Equal(seqs(t, again, 0, 0, 0, 0), all) {
		t.Error("reopened, it holds something else")
	}
}

func TestTornLastLineIsCutAtEveryByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	j := open(t, path, 1<<20)
	for range 3 {
		j.Add(event(1, "x"))
	}
	j.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	two := len(whole) / 3 * 2
	for n := two; n < len(whole); n++ {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j := open(t, path, 1<<20)
		j.Add(event(1, "next"))
		if got := seqs(t, j, 0, 0, 0, 0); !slices.Equal(got, []uint64{1, 2, 3}) {
			t.Fatalf("cut at %d of %d: got %v; want 1 2 3", n, len(whole), got)
		}
		j.Close()
		if b, _ := os.ReadFile(path); bytes.Count(b, []byte("\n")) != 3 || !bytes.Contains(b, []byte(`"next"`)) {
			t.Fatalf("cut at %d: the file is %q", n, b)
		}
	}
}

func TestForeignLinesArePassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	text := "garbage\n\n{\"seq\":4,\"kind\":\"state\"}\n{\"seq\":5,broken\n\x00\x00\x00\n{\"seq\":99999999999999999999,\"id\":1}\n" +
		strings.Repeat("y", 40<<10) + "\n\x00\x00"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	j := open(t, path, 1<<20)
	j.Add(event(1, "x"))
	onDisk(t, j)
	j.Close()
	j = open(t, path, 1<<20)
	if got := seqs(t, j, 0, 0, 0, 0); !slices.Equal(got, []uint64{4, 6}) {
		t.Errorf("got %v; want 4 6", got)
	}
}

func TestNumbersGoOnFromTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	j := open(t, path, 1<<20)
	j.Add(event(1, "x"))
	j.Add(event(1, "y"))
	j.Close()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	j = open(t, path, 1<<20)
	j.Add(event(1, "z"))
	if got := seqs(t, j, 0, 0, 0, 0); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("got %v; want 1 2 3", got)
	}
}

func TestFollowersSeeEveryEventOnceHoweverSlow(t *testing.T) {
	const n, followers = 2000, 4
	j := open(t, filepath.Join(t.TempDir(), "e"), 8<<20)
	j.Add(event(1, "before"))
	var wg sync.WaitGroup
	for f := range followers {
		wg.Go(func() {
			var got []uint64
			err := j.Follow(t.Context(), 0, 0, func(e *velos.Event) bool {
				got = append(got, e.Seq)
				if f > 0 && len(got)%(100*f) == 0 {
					time.Sleep(time.Millisecond) // a slow reader, not a wait
				}
				return len(got) < n
			})
			if err != nil {
				t.Error(err)
			}
			for i, s := range got {
				if s != uint64(i+1) {
					t.Errorf("follower %d: event %d has number %d", f, i+1, s)
					return
				}
			}
		})
	}
	for i := range n - 1 {
		j.Add(event(uint32(i), strings.Repeat("x", 100)))
		if i%200 == 0 {
			onDisk(t, j) // else what the disk has not taken would be shed
		}
	}
	wg.Wait()
	if d := j.Dropped(); d != 0 {
		t.Errorf("%d dropped", d)
	}
}

// The disk grows page by page: who reads meanwhile sees a line's beginning.
func TestALineThatIsBeingWrittenIsReadFromMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	j := open(t, path, 1<<20)
	j.Add(event(1, "whole"))
	onDisk(t, j)
	e := event(1, strings.Repeat("x", 100))
	e.Seq, e.Time = 2, 1
	text := append(record.AppendJSON(nil, &e), '\n')
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(text[:len(text)/2])
	j.mu.Lock() // as if the writer were in the middle of it
	j.seq, j.taken = 2, 2
	j.tail = append(j.tail[:0], line{seq: 2, text: text})
	j.mu.Unlock()
	if got := seqs(t, j, 0, 0, 0, 0); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("got %v; want 1 2", got)
	}
	f.Write(text[len(text)/2:])
	if got := seqs(t, j, 0, 0, 0, 0); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("got %v when it is written; want 1 2", got)
	}
	j.mu.Lock()
	j.written = 2
	j.mu.Unlock()
}

func TestFollowHearsOneAppAndEndsWithItsContextOrTheJournal(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "e"), 1<<20)
	for i := range 6 {
		j.Add(event(uint32(i%2+1), "x"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var got []uint64
	err := j.Follow(ctx, 2, 3, func(e *velos.Event) bool {
		got = append(got, e.Seq)
		if len(got) == 2 {
			j.Add(event(1, "not for us"))
			j.Add(event(2, "live"))
		}
		if len(got) == 3 {
			cancel()
		}
		return true
	})
	if !errors.Is(err, context.Canceled) || !slices.Equal(got, []uint64{4, 6, 8}) {
		t.Errorf("got %v, %v; want 4 6 8 and the context's end", got, err)
	}
	j.mu.Lock()
	j.grown = nil // the first follower's
	j.mu.Unlock()
	ended := make(chan error)
	go func() {
		ended <- j.Follow(t.Context(), 0, 1<<60, func(e *velos.Event) bool {
			j.Close()
			return e.Cause == "last words"
		})
	}()
	eventually(t, "somebody follows", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.grown != nil
	})
	j.Add(event(1, "last words"))
	if err := <-ended; err != nil {
		t.Errorf("closed: got %v; want nil", err)
	}
	j.Add(event(1, "after the end"))
	if j.Seq() != 9 {
		t.Errorf("a closed journal took an event")
	}
}

func TestDiskThatRefusesIsCountedAndForgiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	j := open(t, path, 4<<10)
	// A directory in the old file's place: the journal cannot turn over.
	if err := os.MkdirAll(filepath.Join(path+".1", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := 0; j.Fault() == nil; i++ {
		j.Add(event(1, strings.Repeat("x", 500)))
		if i > 10_000 {
			t.Fatal("the disk takes everything")
		}
	}
	if got := seqs(t, j, 0, 0, 0, 1); !slices.Equal(got, []uint64{j.Seq()}) {
		t.Errorf("the newest event is not readable: %v", got)
	}
	for range 500 {
		j.Add(event(1, strings.Repeat("x", 500)))
	}
	if d := j.Dropped(); d < 300 || d > 500+j.Seq() {
		t.Errorf("%d dropped of 500 and more; want most of them", d)
	}
	j.mu.Lock()
	if j.size > most+1<<10 { // and the newest line, while the writer holds the others
		t.Errorf("%d bytes held in memory; want at most %d", j.size, most)
	}
	j.mu.Unlock()
	if err := os.RemoveAll(path + ".1"); err != nil {
		t.Fatal(err)
	}
	j.Add(event(1, "again"))
	onDisk(t, j)
	if err := j.Fault(); err != nil {
		t.Errorf("mended, and still %v", err)
	}
	if got := seqs(t, j, 0, 0, 0, 50); len(got) != 50 || got[49] != j.Seq() {
		t.Errorf("got %v; want the last 50", got)
	}
}

// Hundreds of apps that are deleted at once were faster than the writer, and
// what happened to some of them was on no record.
func TestABurstLosesNothingOnADiskThatWorks(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "e"), 200)
	j.names.RLock() // the writer waits from the second event on, which begins a file
	for range 800 {
		j.Add(event(1, strings.Repeat("x", 300)))
	}
	j.names.RUnlock()
	onDisk(t, j)
	if d := j.Dropped(); d != 0 {
		t.Errorf("%d events are lost", d)
	}
	if got := seqs(t, j, 0, 0, 0, 1); !slices.Equal(got, []uint64{800}) {
		t.Errorf("the newest event is %v", got)
	}
}

func TestAddDoesNotWaitForTheDisk(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "e"), 1<<20)
	j.names.RLock() // the writer hangs when it wants to turn over
	j.max = 100
	for range 2 * burst / 500 {
		j.Add(event(1, strings.Repeat("x", 500)))
	}
	j.names.RUnlock()
	onDisk(t, j)
	if j.Dropped() == 0 {
		t.Error("nothing dropped: the writer did not hang")
	}
}

func TestOneTextCannotFillTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	j := open(t, path, 1<<20)
	e := event(1, strings.Repeat("ü", 1<<20))
	e.Exit = &velos.Exit{Error: strings.Repeat("\x00", 1<<20)}
	j.Add(e)
	j.Close()
	if info, _ := os.Stat(path); info.Size() > 64<<10 || len(e.Exit.Error) != 1<<20 {
		t.Errorf("the line has %d bytes", info.Size())
	}
}

func TestBadPathsAreNamed(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "x"), link); err != nil {
		t.Skip(err)
	}
	for _, p := range []string{dir, filepath.Join(dir, "no", "e"), link} {
		if j, err := Open(p, 1); j != nil || err == nil || strings.Count(err.Error(), p) != 1 {
			t.Errorf("%s: got %v; want an error that names it once", p, err)
		}
	}
}

func TestIdleJournalIsSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	j := open(t, path, 1<<20)
	for i := range 2000 {
		j.Add(event(uint32(i), strings.Repeat("x", 100)))
		if i%100 == 0 {
			onDisk(t, j)
		}
	}
	seqs(t, j, 0, 0, 0, 10)
	onDisk(t, j)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grew := int64(after.HeapAlloc) - int64(before.HeapAlloc); grew > 48<<10 {
		t.Errorf("an idle journal holds %d bytes", grew)
	} else {
		t.Logf("an idle journal holds %d bytes of heap, %d of them lines", grew, j.size)
	}
}

func FuzzBackwards(f *testing.F) {
	f.Add([]byte("a\nb\n\nc"), 3)
	f.Fuzz(func(t *testing.T, b []byte, rep int) {
		b = bytes.Repeat(b, max(1, min(rep, 1000)))
		var got [][]byte
		err := backwards(bytes.NewReader(b), int64(len(b)), func(text []byte, at int64) bool {
			if !bytes.HasPrefix(b[at:], append(bytes.Clone(text), '\n')) {
				t.Fatalf("%q is not at %d", text, at)
			}
			got = append(got, bytes.Clone(text))
			return true
		})
		slices.Reverse(got)
		want := bytes.Split(b[:bytes.LastIndexByte(b, '\n')+1], []byte("\n"))
		if err != nil || !slices.EqualFunc(got, want[:len(want)-1], bytes.Equal) {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	})
}
