package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// nodes are the node programs to test with: the one of this machine, and
// those in the directory that VELOS_TEST_NODES names.
func nodes() []string {
	var list []string
	if p, err := exec.LookPath("node"); err == nil {
		list = append(list, p)
	}
	if dir := os.Getenv("VELOS_TEST_NODES"); dir != "" {
		more, _ := filepath.Glob(filepath.Join(dir, "*"))
		list = append(list, more...)
	}
	return list
}

// withNode runs f with each node program.
func withNode(t *testing.T, f func(t *testing.T, w *world)) {
	list := nodes()
	if len(list) == 0 {
		t.Skip("there is no node here")
	}
	for _, node := range list {
		t.Run(filepath.Base(node), func(t *testing.T) { f(t, newWorld(t, node)) })
	}
}

// A world is a Primary, what it parks and says, and its programs.
type world struct {
	t    *testing.T
	node string
	dir  string
	p    *Primary

	mu     sync.Mutex
	parked map[string]int
	names  []string // in the order of parking
	told   []telling
}

func newWorld(t *testing.T, node string) *world {
	w := &world{t: t, node: node, dir: t.TempDir(), parked: map[string]int{}}
	w.p = New(w.options())
	t.Cleanup(func() {
		w.p.Close()
		for _, fd := range w.parked {
			unix.Close(fd)
		}
	})
	return w
}

func (w *world) options() Options {
	script := filepath.Join(w.dir, "drain.cjs")
	return Options{
		Park: func(name string, fd int) {
			n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
			w.mu.Lock()
			defer w.mu.Unlock()
			if err != nil || len(name) > 120 {
				w.t.Errorf("park %s: %v", name, err)
				return
			}
			w.drop(name)
			w.parked[name], w.names = n, append(w.names, name)
		},
		Unpark: func(name string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.drop(name)
		},
		Tell: func(s Seat, n News) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, telling{s, n})
		},
		Script: func() (string, error) { return script, os.WriteFile(script, []byte(DrainScript), 0o644) },
	}
}

func (w *world) drop(name string) {
	if fd, ok := w.parked[name]; ok {
		unix.Close(fd)
		delete(w.parked, name)
		w.names = slices.DeleteFunc(w.names, func(s string) bool { return s == name })
	}
}

func (w *world) holds() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.names, " ")
}

// succeed replaces the Primary by one that inherits what was parked.
func (w *world) succeed(seats ...Seat) []Standing {
	w.t.Helper()
	w.p.Close()
	w.p = New(w.options())
	w.mu.Lock()
	names := slices.Clone(w.names)
	fds := make([]int, len(names))
	for i, name := range names {
		fds[i], _ = unix.FcntlInt(uintptr(w.parked[name]), unix.F_DUPFD_CLOEXEC, 0)
	}
	w.mu.Unlock()
	for i, name := range names {
		if !w.p.Inherit(name, fds[i]) {
			w.t.Errorf("%s is nobody's", name)
		}
	}
	var list []Standing
	for _, s := range seats {
		list = append(list, w.p.Adopted(s))
	}
	w.p.Settled(func(app uint32) bool { return app == 1 })
	return list
}

// A program runs a script.
type program struct {
	cmd  *exec.Cmd
	out  chan string
	seen []string
	over chan struct{}
}

func (w *world) start(seat Seat, kind Kind, script string) *program {
	w.t.Helper()
	path := filepath.Join(w.dir, fmt.Sprintf("app-%d-%d-%d.js", seat.Slot, seat.Side, time.Now().UnixNano()))
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		w.t.Fatal(err)
	}
	j, err := w.p.Join(seat, kind, seat.Slot*2+seat.Side+1)
	if err != nil {
		w.t.Fatal(err)
	}
	fd := os.NewFile(uintptr(j.FD), "channel")
	defer fd.Close()
	p := &program{cmd: exec.Command(w.node, append(j.Args, path)...), out: make(chan string, 1000), over: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), j.Env...)
	p.cmd.Env = append(p.cmd.Env, fmt.Sprintf("SEAT=%d%d", seat.Slot, seat.Side), "DIR="+w.dir)
	p.cmd.ExtraFiles = []*os.File{fd}
	r, out, _ := os.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	out.Close()
	go func() {
		defer close(p.out)
		defer r.Close()
		for b := bufio.NewScanner(r); b.Scan(); {
			p.out <- b.Text()
		}
	}()
	go func() { p.cmd.Wait(); close(p.over) }()
	w.t.Cleanup(func() { p.cmd.Process.Kill(); <-p.over })
	return p
}

// line waits for a line of output that begins with prefix.
func (p *program) line(t *testing.T, prefix string) string {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case s, ok := <-p.out:
			p.seen = append(p.seen, s)
			if strings.HasPrefix(s, prefix) {
				return strings.TrimSpace(strings.TrimPrefix(s, prefix))
			}
			if !ok {
				t.Fatalf("no line %q, but %q", prefix, p.seen)
			}
		case <-limit:
			t.Fatalf("no line %q, but %q", prefix, p.seen)
		}
	}
}

func (p *program) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.over:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
		return -1
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain: ", what)
		}
	}
}

// news waits for a piece of news that was not asked for before.
func (w *world) news(seat Seat, kind NewsKind) string {
	w.t.Helper()
	var text string
	until(w.t, fmt.Sprint("news ", kind, " of ", seat), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, n := range w.told {
			if n.seat == seat && n.news.Kind == kind {
				text = n.news.Text
				w.told = slices.Delete(w.told, i, i+1)
				return true
			}
		}
		return false
	})
	return text
}

// get asks for path once, on a connection of its own.
func get(address, path string) (string, error) {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial(network, address) }}}
	r, err := c.Get("http://x" + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), err
}

func (w *world) get(address, path string) string {
	w.t.Helper()
	s, err := get(address, path)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// host is where a test dials what listens at text.
func host(text string) string {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return path
	}
	_, s, _ := strings.Cut(text, "://")
	if strings.HasPrefix(s, ":") {
		s = "127.0.0.1" + s
	}
	return s
}
