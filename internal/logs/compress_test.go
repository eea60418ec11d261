//go:build linux

package logs

import (
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func soonCompressed(t *testing.T) {
	old := compressRest
	compressRest = 10
	t.Cleanup(func() { compressRest = old }) // runs after the Store is closed
}

// A slow compressor finds that the files it was asked for have moved on.
func TestPlainFilesOfAFloodAreCompressedThoughTheAppTalksOn(t *testing.T) {
	soonCompressed(t)
	dir := t.TempDir()
	var mu sync.Mutex
	flooding := true
	s := store(t, dir, Options{Expand: unpack, Compress: func(path string) {
		mu.Lock()
		defer mu.Unlock()
		if !flooding {
			packByTheBook(path)
		}
	}})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 20 << 10, MaxFiles: 5})
	out, err := run(t, l, 0, 1)
	defer hush(out, err)
	sayLines(t, l, out, 0, 2000)
	l.Settle(0)
	mu.Lock()
	flooding = false
	mu.Unlock()
	from := 2000
	until(t, "five compressed files", func() bool {
		sayLines(t, l, out, from, 1)
		from++
		time.Sleep(10 * time.Millisecond)
		files, _ := filepath.Glob(dir + "/api-out.log.*.zst")
		return len(files) == 5 && len(l.plain()) == 0
	})
	l.Settle(0)
	if got := query(t, l, all); got[len(got)-1].Seq != uint64(from) || int(got[len(got)-1].Seq-got[0].Seq)+1 != len(got) {
		t.Errorf("got %d lines from %d to %d", len(got), got[0].Seq, got[len(got)-1].Seq)
	}
}

func TestPlainFilesOfAFormerDaemonAreCompressed(t *testing.T) {
	soonCompressed(t)
	dir := t.TempDir()
	s := store(t, dir, Options{})
	p := Policy{Name: "api", MaxSize: 20 << 10, MaxFiles: 5}
	l := open(t, s, 1, p)
	out, err := run(t, l, 0, 1)
	sayLines(t, l, out, 0, 2000)
	hush(out, err)
	l.Settle(0)
	s.Close()
	s = store(t, dir, Options{Compress: packByTheBook, Expand: unpack})
	l = open(t, s, 1, p)
	until(t, "no plain file", func() bool { return len(l.plain()) == 0 })
	if files, _ := filepath.Glob(dir + "/*.zst"); len(files) != 5 {
		t.Errorf("got %v", files)
	}
}

// A trickle hands out a file slowly, as a busy machine expands it.
type trickle struct{ io.ReadCloser }

func (r trickle) Read(b []byte) (int, error) {
	time.Sleep(15 * time.Millisecond)
	return r.ReadCloser.Read(b[:min(len(b), 4<<10)])
}

func TestExpandingManyFilesIsNoHungDisk(t *testing.T) {
	old := patience
	patience = 2 * time.Second
	t.Cleanup(func() { patience = old })
	s := store(t, t.TempDir(), Options{Compress: pack, Expand: func(path string) (io.ReadCloser, error) {
		r, err := unpack(path)
		return trickle{r}, err
	}})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 50 << 10, MaxFiles: 100})
	out, err := run(t, l, 0, 1)
	sayLines(t, l, out, 0, 8000)
	hush(out, err)
	l.Settle(0)
	if got := query(t, l, velos.Query{Inst: -1, After: 1}); len(got) != 7999 || got[0].Seq != 2 {
		t.Errorf("got %d lines", len(got))
	}
	if got := query(t, l, velos.Query{Inst: -1, Last: 7000}); len(got) != 7000 || got[0].Seq != 1001 {
		t.Errorf("got %d lines", len(got))
	}
}
