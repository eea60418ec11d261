//go:build linux || darwin

package logs

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/velospm/velos"
)

// flood starts a child that writes n lines of 120 bytes to w.
func flood(tb testing.TB, n int, w *os.File) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "LOGS_TEST_ROLE=flood", fmt.Sprint("LOGS_TEST_N=", n))
	c.Stdout = w
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	return c
}

// BenchmarkFlood is a program that writes as fast as it can, until all of it
// is in the file; one operation is one line.
func BenchmarkFlood(b *testing.B) {
	dir := b.TempDir()
	s := store(b, dir, Options{})
	l := open(b, s, 1, Policy{Name: "api", MaxSize: 10 << 20, MaxFiles: 5})
	out, errw := run(b, l, 0, 1)
	hush(errw)
	w := os.NewFile(uintptr(out), "out")
	b.SetBytes(120)
	b.ResetTimer()
	c := flood(b, b.N, w)
	w.Close()
	c.Wait()
	l.Settle(0)
	b.StopTimer()
	if i := l.Info(); i.Lines != uint64(b.N) {
		b.Errorf("%d lines of %d", i.Lines, b.N)
	}
}

// BenchmarkCat is the yardstick: the same through a pipe into cat > file.
func BenchmarkCat(b *testing.B) {
	f, err := os.Create(b.TempDir() + "/out")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	cat := exec.Command("cat")
	cat.Stdin, cat.Stdout = r, f
	b.SetBytes(120)
	b.ResetTimer()
	cat.Start()
	c := flood(b, b.N, w)
	w.Close()
	r.Close()
	c.Wait()
	cat.Wait()
}

// BenchmarkLineAtATime is a program that writes each line by itself.
func BenchmarkLineAtATime(b *testing.B) {
	s := store(b, b.TempDir(), Options{})
	l := open(b, s, 1, Policy{Name: "api", MaxSize: 10 << 20, MaxFiles: 5})
	out, errw := run(b, l, 0, 1)
	line := []byte("GET /api/items/4711 200 12ms user anna trace abcd and so on until ninety bytes are reached\n")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		writeAll(out, line)
	}
	l.Settle(0)
	b.StopTimer()
	hush(out, errw)
}

// BenchmarkIngest is the path from spool to file alone.
func BenchmarkIngest(b *testing.B) {
	s := store(b, b.TempDir(), Options{Classify: func([]byte, velos.Stream) velos.Level { return velos.Info }})
	l := open(b, s, 1, Policy{Name: "api", MaxSize: 10 << 20, MaxFiles: 2})
	var text []byte
	for range 2000 {
		text = append(text, "2026-01-02T03:04:05Z worker 17 handled request GET /api/items/4711 in 12ms status 200 bytes 18231 user anna trace a\n"...)
	}
	b.SetBytes(int64(len(text) / 2000))
	b.ReportAllocs()
	b.ResetTimer()
	err := s.do("bench", func() error {
		p := &pipe{log: l, fd: -1, src: velos.Stdout, pid: 1, sp: &spool{handle: handle{fd: -1}, spot: -1, memory: true}}
		s.buffers()
		s.look()
		for n := 0; n < b.N; n += 2000 {
			s.takeLines(p, text, false)
		}
		return nil
	})
	if err != nil && b.N < 1e6 {
		b.Fatal(err)
	}
}
