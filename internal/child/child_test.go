//go:build unix

package child

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/velospm/velos"
)

func TestExitTellsCodeOrSignal(t *testing.T) {
	h := open(t, Options{})
	for _, c := range []struct {
		script string
		code   int
		signal string
	}{
		{"exit 0", 0, ""},
		{"exit 1", 1, ""},
		{"exit 255", 255, ""},
		{"kill -KILL $$", 0, "SIGKILL"},
		{"kill -TERM $$", 0, "SIGTERM"},
		{"ulimit -c 0; kill -SEGV $$", 0, "SIGSEGV"},
	} {
		p := start(t, h, "/bin/sh", "-c", c.script)
		x := exit(t, p)
		if x.Code != c.code || x.Signal != c.signal || x.Unknown || x.Leftover || x.Time.Before(p.Started()) {
			t.Errorf("%s: got %+v", c.script, x)
		}
		gone(t, p)
		if err := p.Signal(15, false); !errors.Is(err, velos.ErrNotRunning) {
			t.Errorf("%s: signal after the end: %v", c.script, err)
		}
		if err := p.Signal(15, true); !errors.Is(err, velos.ErrNotRunning) {
			t.Errorf("%s: signal to the tree after the end: %v", c.script, err)
		}
		if err := p.Kill(); err != nil {
			t.Errorf("%s: kill after the end: %v", c.script, err)
		}
	}
	if n := len(h.runs) + len(h.left) + len(h.seen); n != 0 {
		t.Errorf("the host remembers %d things of runs that are gone", n)
	}
}

func TestThereIsOneHostInAProgram(t *testing.T) {
	open(t, Options{})
	if _, err := Open(); !errors.Is(err, velos.ErrConflict) {
		t.Errorf("second host: %v", err)
	}
}

func TestManyStartsAtOnceLoseNoExit(t *testing.T) {
	h := open(t, Options{})
	const workers, rounds = 8, 40
	errs := make(chan error, workers)
	for w := range workers {
		go func() {
			for r := range rounds {
				code := (w*rounds + r) % 256
				p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", "exit " + strconv.Itoa(code)}, Stdout: -1, Stderr: -1})
				if err != nil {
					errs <- err
					return
				}
				if x := <-p.Exited(); x.Code != code || x.Leftover {
					errs <- errors.New("wrong exit of " + strconv.Itoa(code) + ": " + strconv.Itoa(x.Code))
					return
				}
				<-p.Gone()
			}
			errs <- nil
		}()
	}
	for range workers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.early) != 0 || len(h.runs) != 0 || h.forking != 0 {
		t.Errorf("left in the host: early %d, runs %d, forking %d", len(h.early), len(h.runs), h.forking)
	}
}

func TestStopSignalThatIsIgnoredNeedsKill(t *testing.T) {
	h := open(t, Options{})
	r, w, _ := os.Pipe()
	defer r.Close()
	self, _ := os.Executable()
	p, err := h.Start(Command{Path: self, Args: []string{"child"}, Env: append(os.Environ(), "CHILD_MODE=ignore-term"), Stdout: int(w.Fd()), Stderr: 2})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(make([]byte, 10)); n == 0 {
		t.Fatal(err)
	}
	if err := p.Signal(int(syscall.SIGTERM), true); err != nil {
		t.Error(err)
	}
	if err := p.Signal(0, false); err != nil {
		t.Errorf("it does not ignore SIGTERM: %v", err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	if x := exit(t, p); x.Signal != "SIGKILL" {
		t.Errorf("got %+v", x)
	}
	gone(t, p)
}

func TestStartErrorsAreSentences(t *testing.T) {
	h := open(t, Options{})
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := write("plain", "hello", 0o644)
	text := write("text", "hello", 0o755)
	noInterp := write("script", "#! /no/such/python -u\n", 0o755)
	long := strings.Repeat("x", 120<<10)
	var huge []string
	for range 60 {
		huge = append(huge, long)
	}
	for _, c := range []struct {
		cmd  Command
		want string
		code velos.Code
	}{
		{Command{}, "there is no program to run", velos.Invalid},
		{Command{Path: dir + "/none"}, "no such file: " + dir + "/none", velos.NotFound},
		{Command{Path: plain}, "not executable: " + plain, velos.Denied},
		{Command{Path: text}, "not a program this system can run: " + text, velos.Invalid},
		{Command{Path: noInterp}, "no such interpreter: /no/such/python (first line of " + noInterp + ")", velos.NotFound},
		{Command{Path: dir}, "is a directory: " + dir, velos.Invalid},
		{Command{Path: "/bin/sh", Dir: dir + "/none"}, "no such directory: " + dir + "/none", velos.NotFound},
		{Command{Path: "/bin/sh", Dir: plain}, "not a directory: " + plain, velos.Invalid},
		{Command{Path: "/bin/sh", Args: append([]string{"sh"}, huge...)}, "arguments and environment are too long for /bin/sh", velos.TooLarge},
		{Command{Path: "/bin/sh", Args: []string{"a\x00b"}}, "invalid arguments or environment for /bin/sh", velos.Invalid},
		{Command{Path: "/bin/\x00sh"}, "a path holds a NUL byte", velos.Invalid},
	} {
		if c.cmd.Args == nil {
			c.cmd.Args = []string{"x"}
		}
		c.cmd.Stdout, c.cmd.Stderr = -1, -1
		_, err := h.Start(c.cmd)
		if err == nil || err.Error() != c.want || velos.CodeOf(err) != c.code {
			t.Errorf("got %v (%v); want %s (%v)", err, velos.CodeOf(err), c.want, c.code)
		}
	}
	if h.forking != 0 || len(h.runs) != 0 {
		t.Errorf("failed starts left %d forks and %d runs", h.forking, len(h.runs))
	}
}

func TestSignalsHaveNamesAndNumbers(t *testing.T) {
	for _, name := range []string{"TERM", "SIGTERM", "term", "sigTerm", "15"} {
		if n, err := SignalNumber(name); n != 15 || err != nil {
			t.Errorf("%s: got %d, %v", name, n, err)
		}
	}
	if n, err := SignalNumber("usr2"); n != int(syscall.SIGUSR2) || err != nil {
		t.Errorf("usr2: got %d, %v", n, err)
	}
	for _, name := range []string{"", "0", "-1", "65", "SIG", "SIGSIGTERM", "TERMINATE", "RTMIN+99", "RTMIN+-1", "9999999999999999999", "\x1b[2J"} {
		_, err := SignalNumber(name)
		if !errors.Is(err, velos.ErrInvalid) || velos.HintOf(err) == "" || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%q: got %v", name, err)
		}
	}
	for n := 1; n <= lastSignal; n++ {
		if got, err := SignalNumber(SignalName(n)); got != n || err != nil {
			t.Errorf("%d: name %s gives %d, %v", n, SignalName(n), got, err)
		}
	}
}

func TestLimitsOfTheSystemAreExplained(t *testing.T) {
	c := Command{Path: "/bin/sh"}
	for errno, code := range map[syscall.Errno]velos.Code{
		syscall.EAGAIN: velos.Busy, syscall.EMFILE: velos.Busy, syscall.ENFILE: velos.Busy, syscall.ENOMEM: velos.Busy,
		syscall.ETXTBSY: velos.Busy, syscall.E2BIG: velos.TooLarge, syscall.ENOEXEC: velos.Invalid, syscall.EIO: velos.Failed,
	} {
		err := explain(errno, c)
		if velos.CodeOf(err) != code || !errors.Is(err, errno) || strings.Contains(err.Error(), "%") {
			t.Errorf("%v: got %v (%v)", errno, err, velos.CodeOf(err))
		}
	}
}
