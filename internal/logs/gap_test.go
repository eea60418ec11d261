//go:build linux

package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// rotatedLog writes 1,000 lines to each stream, in more than six files each,
// and ends as a daemon does. From the third on those of stdout are compressed.
func rotatedLog(t *testing.T) (dir string, p Policy, files int) {
	dir = t.TempDir()
	s := store(t, dir, Options{Expand: unpack})
	p = Policy{Name: "api", MaxSize: 20 << 10, MaxFiles: 100}
	l := open(t, s, 1, p)
	out, err := run(t, l, 0, 1)
	for n := range 20 { // stdout and stderr take turns, as their numbers do
		sayLines(t, l, out, 50*n, 50)
		l.Settle(0)
		sayLines(t, l, err, 50*n, 50)
		l.Settle(0)
	}
	hush(out, err)
	s.Close()
	for files = 0; found(dir+"/api-err.log", files+1); files++ {
	}
	for n := 3; found(dir+"/api-out.log", n); n++ {
		packByTheBook(numbered(dir+"/api-out.log", n))
	}
	if files < 6 {
		t.Fatal("only ", files, " rotated files")
	}
	return dir, p, files
}

// cutShort is a rotation by a daemon that is killed when it has moved all
// files down to that number.
func cutShort(t *testing.T, path string, down int) {
	t.Helper()
	last := 0
	for found(path, last+1) {
		last++
	}
	for n := last; n >= down; n-- {
		for _, suffix := range suffixes {
			if err := os.Rename(numbered(path, n)+suffix, numbered(path, n+1)+suffix); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	if !gapped(path) {
		t.Fatal("there is no gap")
	}
}

func TestARotationThatWasCutShortHidesNothing(t *testing.T) {
	dir, p, files := rotatedLog(t)
	for down := 1; down <= files; down++ {
		cutShort(t, dir+"/api-err.log", down)
		cutShort(t, dir+"/api-out.log", min(down, 4))
		s := store(t, dir, Options{Expand: unpack})
		l := open(t, s, 1, p)
		wantSeqs(t, l, 2000)
		if list, err := l.Files(); err != nil || len(list.List) < 2*files {
			t.Errorf("files are %v, %v", list, err)
		}
		total := int64(0)
		names, _ := filepath.Glob(dir + "/api-*.log*")
		for _, name := range names {
			st, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			total += st.Size()
		}
		if got := l.Info().Bytes; got != total {
			t.Errorf("%d bytes are counted of %d", got, total)
		}
		s.Close()
	}
}

// Lines go on in the right order, and no file is lost, when the daemon that
// comes next rotates.
func TestRotationGoesOnWhereItWasCutShort(t *testing.T) {
	dir, p, _ := rotatedLog(t)
	cutShort(t, dir+"/api-err.log", 2)
	s := store(t, dir, Options{Expand: unpack})
	l := open(t, s, 1, p)
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	sayLines(t, l, err, 1000, 1000)
	l.Settle(0)
	wantSeqs(t, l, 3000)
}

// While a compressor of the former daemon swaps a file, names stay as they are.
func TestAGapIsClosedWhenTheCompressorIsDone(t *testing.T) {
	soonCompressed(t)
	dir, p, _ := rotatedLog(t)
	cutShort(t, dir+"/api-err.log", 3)
	unlock, ok := lockDir(dir)
	if !ok {
		t.Fatal("the directory is locked")
	}
	s := store(t, dir, Options{Expand: unpack})
	l := open(t, s, 1, p)
	if !gapped(dir + "/api-err.log") {
		t.Error("files were moved under the lock")
	}
	unlock()
	until(t, "no gap", func() bool { return !gapped(dir + "/api-err.log") })
	wantSeqs(t, l, 2000)
}

func TestARotationThatFailsLeavesNoGap(t *testing.T) {
	dir, p, files := rotatedLog(t)
	path := dir + "/api-err.log"
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := shiftFiles(path, p.MaxFiles); err == nil || !gapped(path) {
		t.Fatal("the rotation was to fail in its last step")
	}
	if err := closeGap(path); err != nil || gapped(path) || !found(path, files) || found(path, files+1) {
		t.Errorf("the gap is still there: %v", err)
	}
}

func TestAFileThatCannotBeOpenedIsNoEndOfHistory(t *testing.T) {
	dir, p, _ := rotatedLog(t)
	s := store(t, dir, Options{Expand: unpack})
	l := open(t, s, 1, p)
	old := openSeam
	defer func() { openSeam = old }()
	openSeam = func(name string) (*os.File, error) {
		if strings.HasSuffix(name, "err.log.2") {
			return nil, &os.PathError{Op: "open", Path: name, Err: fmt.Errorf("too many open files")}
		}
		return old(name)
	}
	n := 0
	err := l.Query(velos.Query{Inst: -1}, func(*velos.Entry) bool { n++; return true })
	if velos.CodeOf(err) != velos.Failed || !strings.Contains(err.Error(), "too many open files") {
		t.Errorf("the reader was told %v", err)
	}
	if n < 1500 || n >= 2000 {
		t.Errorf("%d lines were found beside the missing file", n)
	}
}
