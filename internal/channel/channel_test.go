//go:build linux || darwin

package channel

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

// A room is a hub and what it said.
type room struct {
	*Hub
	mu    sync.Mutex
	heard []string
	ended []uint64
}

func hub(t *testing.T) *room {
	r := &room{}
	r.Hub = NewHub(func(id uint64, m *Message) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.heard = append(r.heard, fmt.Sprintf("%d %s", id, m.value))
	}, func(id uint64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended = append(r.ended, id)
	})
	t.Cleanup(r.Close)
	return r
}

func (r *room) words() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.heard, "|")
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain: ", what)
		}
	}
}

// join opens a channel and gives the program's end, which blocks.
func (r *room) join(t *testing.T, id uint64) (*Channel, *os.File) {
	t.Helper()
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Open(id, ours)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(theirs, false)
	f := os.NewFile(uintptr(theirs), "program")
	t.Cleanup(func() { f.Close() })
	return c, f
}

// lines reads until n lines have come and counts the descriptors beside them.
func lines(t *testing.T, f *os.File, n int) (list []string, fds int) {
	t.Helper()
	var all []byte
	b, oob := make([]byte, 1<<16), make([]byte, unix.CmsgSpace(4*64))
	unix.SetsockoptTimeval(int(f.Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20})
	for bytes.Count(all, []byte("\n")) < n {
		k, o, _, _, err := unix.Recvmsg(int(f.Fd()), b, oob, 0)
		if err != nil || k == 0 {
			t.Fatalf("after %q: %v", all, err)
		}
		all = append(all, b[:k]...)
		if o > 0 {
			before := openFiles(t)
			closeRights(oob[:o])
			fds += before - openFiles(t)
		}
	}
	return strings.Split(strings.TrimSuffix(string(all), "\n"), "\n"), fds
}

func TestLinesArriveHoweverTheyAreCut(t *testing.T) {
	r := hub(t)
	_, f := r.join(t, 1)
	_, g := r.join(t, 2)
	for _, b := range []byte(`{"a":1}` + "\n") {
		f.Write([]byte{b})
	}
	until(t, "the first", func() bool { return r.words() == `1 {"a":1}` })
	g.Write([]byte("\"x\"\n\n\nnonsense\n{\"b\":2}\n\"half"))
	until(t, "the others", func() bool { return r.words() == `1 {"a":1}|2 "x"|2 {"b":2}` })
	g.Write([]byte("\"\n"))
	until(t, "the last", func() bool { return strings.HasSuffix(r.words(), `|2 "half"`) })
	f.Close()
	until(t, "the end", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.ended) == 1 && r.ended[0] == 1 })
}

func TestTheGoroutineIsThereOnlyWhileThereAreChannels(t *testing.T) {
	r := hub(t)
	before := runtime.NumGoroutine()
	for range 20 {
		a, _ := r.join(t, 1)
		b, _ := r.join(t, 2)
		// The one of the round before may be on its last steps.
		until(t, "one goroutine for both", func() bool { return runtime.NumGoroutine() <= before+1 })
		a.Close()
		b.Close()
		if a.Close() || velos.CodeOf(a.Send([]byte("1"))) != velos.NotRunning {
			t.Error("it is closed twice")
		}
	}
	until(t, "its end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestAMessageAfterADescriptorWaitsForItsAcknowledgement(t *testing.T) {
	r := hub(t)
	c, f := r.join(t, 1)
	if err := c.Pass([]byte("1"), int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	// This one's descriptor is closed before its turn comes.
	p := filepath.Join(t.TempDir(), "f")
	os.WriteFile(p, nil, 0o600)
	fd, _ := unix.Open(p, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err := c.Pass([]byte("2"), fd); err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	c.Send([]byte("3"))
	if got, fds := lines(t, f, 1); strings.Join(got, "") != "1" || fds != 1 {
		t.Fatalf("got %v and %d descriptors", got, fds)
	}
	if _, _, err := unix.Recvfrom(int(f.Fd()), make([]byte, 9), unix.MSG_DONTWAIT); err != unix.EAGAIN {
		t.Errorf("something did not wait: %v", err)
	}
	f.Write([]byte("{\"cmd\":\"NODE_HANDLE_ACK\"}\n"))
	if got, fds := lines(t, f, 1); strings.Join(got, "") != "2" || fds != 1 {
		t.Fatalf("got %v and %d descriptors", got, fds)
	}
	f.Write([]byte("{\"cmd\":\"NODE_HANDLE_NACK\"}\n"))
	if got, fds := lines(t, f, 1); strings.Join(got, "") != "3" || fds != 0 {
		t.Fatalf("got %v and %d descriptors", got, fds)
	}
	until(t, "both words", func() bool { return r.words() == `1 {"cmd":"NODE_HANDLE_ACK"}|1 {"cmd":"NODE_HANDLE_NACK"}` })
}

func TestStrayDescriptorsAreClosedAndAcknowledged(t *testing.T) {
	r := hub(t)
	c, f := r.join(t, 1)
	before := openFiles(t)
	for i := range 50 {
		text := `{"cmd":"NODE_HANDLE","type":"net.Socket","msg":"hello"}`
		if i%2 == 1 { // too long, and to be acknowledged all the same
			text = `{"cmd":"NODE_HANDLE","type":"net.Socket","msg":"` + strings.Repeat("x", 3*maxLine) + `"}`
		}
		rights := unix.UnixRights(int(f.Fd()), int(f.Fd()), 1)
		n, err := unix.SendmsgN(int(f.Fd()), []byte(text+"\n"), rights, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text[min(n, len(text)):] + "\n")[min(max(n-len(text), 0), 1):])
		if got, _ := lines(t, f, 1); got[0] != string(handleAck) {
			t.Fatalf("got %v", got)
		}
	}
	if after := openFiles(t); after > before+2 {
		t.Errorf("%d descriptors, and %d before", after, before)
	}
	c.Close()
}

func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestAProgramThatNeverReadsMakesNobodyWait(t *testing.T) {
	r := hub(t)
	deaf, f := r.join(t, 1)
	well, g := r.join(t, 2)
	unix.SetsockoptTimeval(int(f.Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20})
	line := []byte(`"` + strings.Repeat("x", 4000) + `"`)
	var err error
	sent := 0
	for ; sent < 10000 && err == nil; sent++ {
		err = deaf.Send(line)
	}
	if velos.CodeOf(err) != velos.Busy {
		t.Fatalf("after %d: %v", sent, err)
	}
	// It also asks without end, and is answered as far as there is room.
	go f.Write(bytes.Repeat([]byte("{\"cmd\":\"NODE_HANDLE\"}\n"), 2000))
	for range 3 {
		if err := well.Send([]byte("1")); err != nil {
			t.Fatal(err)
		}
		lines(t, g, 1)
		g.Write([]byte("2\n"))
	}
	until(t, "the other program's words", func() bool { return r.words() == "2 2|2 2|2 2" })
	// What was kept arrives when it reads at last, without anybody's help.
	b := bufio.NewScanner(f)
	for long := 0; long < sent-1 && b.Scan(); {
		switch {
		case b.Text() == string(line):
			long++
		case b.Text() != string(handleAck):
			t.Fatalf("a line was torn: %.60q", b.Text())
		}
	}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
}

func TestALineWithoutEndCostsNothing(t *testing.T) {
	r := hub(t)
	_, f := r.join(t, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	chunk := bytes.Repeat([]byte("[{\"x\":"), 1<<15)
	for sent := 0; sent < 100<<20; sent += len(chunk) {
		if _, err := f.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	f.Write([]byte("\n\"still here\"\n"))
	until(t, "the next line", func() bool { return r.words() == `1 "still here"` })
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

func TestAQuietChannelIsSmall(t *testing.T) {
	const n = 200
	r := hub(t)
	r.join(t, 1<<40)
	measure := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	ends := make([][2]int, n)
	for i := range ends {
		ours, theirs, err := Pair()
		if err != nil {
			t.Skip(err)
		}
		defer unix.Close(theirs)
		ends[i] = [2]int{ours, theirs}
	}
	before := measure()
	for i := range ends {
		r.Open(uint64(i), ends[i][0])
	}
	if each := (measure() - before) / n; each > 400 {
		t.Errorf("%d bytes each", each)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"cmd\":\"NODE_HANDLE\"}\n{\"cmd\":\"NODE_HANDLE_ACK\"}\n\"x"), 3)
	f.Add(append(bytes.Repeat([]byte("x"), maxLine), "\n\"y\"\n"...), 1000)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		whole, parts := []string{}, []string{}
		var to *[]string
		h := NewHub(func(_ uint64, m *Message) { *to = append(*to, string(m.value)) }, func(uint64) {})
		read := func(list *[]string, step int) {
			to = list
			c := &Channel{hub: h, closed: true}
			r := newReader()
			for rest := b; len(rest) > 0; {
				part := rest[:min(len(rest), max(step, 1))]
				rest = rest[len(part):]
				for len(part) > 0 {
					i := bytes.IndexByte(part, '\n')
					if i < 0 {
						c.keep(part)
						break
					}
					h.line(c, r, part[:i])
					part = part[i+1:]
				}
				if len(c.partial) > maxLine {
					t.Fatal("too much is kept")
				}
			}
		}
		read(&whole, maxLine)
		read(&parts, max(step, len(b)/500))
		if strings.Join(whole, "\n") != strings.Join(parts, "\n") {
			t.Fatalf("whole: %q, in parts: %q", whole, parts)
		}
	})
}
