//go:build unix

package child

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/velospm/velos/internal/proc"
)

// The test binary is also the misbehaving child.
func TestMain(m *testing.M) {
	Pass()
	killRounds, killTime, verdictLimit = 5000, time.Minute, time.Minute // a busy machine is no failure
	switch os.Getenv("CHILD_MODE") {
	case "":
		os.Exit(m.Run())
	case "exit":
		n, _ := strconv.Atoi(os.Args[1])
		os.Exit(n)
	case "ignore-term":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "unprivileged":
		unprivileged()
	case "former", "next", "middle":
		daemons[os.Getenv("CHILD_MODE")]()
	case "host":
		h, err := Open()
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", os.Args[1]}, Env: []string{"PATH=/usr/bin:/bin"}, Stdout: 1, Stderr: 2})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		<-p.Exited() // and no Close, like a daemon that is killed
	}
}

// daemons are modes of systems where there are foster children.
var daemons = map[string]func(){}

func open(t testing.TB, o Options) *Host {
	t.Helper()
	h, err := OpenWith(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var all []*Process
		h.mu.Lock()
		for _, p := range h.runs {
			all = append(all, p)
		}
		all = append(all, h.left...)
		h.mu.Unlock()
		for _, p := range all {
			if p.Kill() == nil {
				gone(t, p)
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func start(t testing.TB, h *Host, args ...string) *Process {
	t.Helper()
	p, err := h.Start(Command{Path: args[0], Args: args, Env: os.Environ(), Stdout: -1, Stderr: 2})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func exit(t testing.TB, p *Process) Exit {
	t.Helper()
	select {
	case x := <-p.Exited():
		return x
	case <-time.After(time.Minute):
		t.Fatalf("process %d did not end", p.PID())
		return Exit{}
	}
}

func gone(t testing.TB, p *Process) {
	t.Helper()
	select {
	case <-p.Gone():
	case <-time.After(time.Minute):
		t.Fatalf("the tree of process %d is not gone", p.PID())
	}
}

// output starts a command and returns what it wrote to stdout.
func output(t *testing.T, h *Host, c Command) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Stdout, c.Stderr = int(w.Fd()), 2
	p, err := h.Start(c)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	buf := make([]byte, 4096)
	r.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		n, err := r.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	exit(t, p)
	return b.String()
}

var tokens = time.Now().UnixNano() % 1e9

// token is a length of time for sleep(1) that nobody else uses: it finds again
// what a test has left behind. It is longer than any test takes.
func token() string {
	tokens++
	return fmt.Sprintf("1000.%09d", tokens%1e9)
}

// holding is the living processes that have the token in their command line.
func holding(token string) (pids []int) {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range list {
		b, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(b), token) {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(name, "/")[2])
		if s, err := proc.One(pid); err == nil && s.Alive() && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	pause := time.Millisecond // and longer, since looking at every process holds up what is waited for
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(pause) {
		if ok() {
			return
		}
		pause = min(2*pause, 50*time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// unprivileged is a daemon of an ordinary user; it prints what it sees.
func unprivileged() {
	h, err := Open()
	if err != nil {
		fmt.Println("open:", err)
		return
	}
	for _, c := range []Command{{Path: "/bin/true", Dir: os.Args[1]}, {Path: os.Args[1] + "/x"}} {
		c.Args = []string{"x"}
		_, err = h.Start(c)
		fmt.Println(err)
	}
	p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", "(setsid env -i sleep " + os.Args[2] + " >/dev/null 2>&1 &); exec sleep " + os.Args[2]},
		Env: []string{"PATH=/usr/bin:/bin"}, Stdout: -1, Stderr: -1})
	if err != nil {
		fmt.Println("start:", err)
		return
	}
	for end := time.Now().Add(time.Minute); !settled(p, os.Args[2], 2) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println("kill:", p.Kill(), len(holding(os.Args[2])))
}

// settled reports whether n processes are sleeping with the token.
func settled(p *Process, tok string, n int) bool {
	found := 0
	for _, pid := range holding(tok) {
		b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		if string(b) == "sleep\n" {
			found++
		}
	}
	return found == n
}
