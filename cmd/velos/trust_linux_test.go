package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos/internal/home"
)

// A place is a directory with velos, velosd and a home of its own.
type place struct {
	dir string
	h   home.Home
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "velos-place-")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"velos", "velosd"} {
		if err := os.Link(self, filepath.Join(dir, "bin", name)); err != nil {
			if b, err := os.ReadFile(self); err != nil || os.WriteFile(filepath.Join(dir, "bin", name), b, 0o755) != nil {
				t.Fatal(err)
			}
		}
	}
	p := &place{dir, home.Home{Dir: filepath.Join(dir, "home")}}
	t.Cleanup(func() { end(p.h); os.RemoveAll(dir) })
	return p
}

func (p *place) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *place) command(t *testing.T, env []string, args ...string) *exec.Cmd {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	t.Cleanup(stop)
	cmd := exec.CommandContext(ctx, filepath.Join(p.dir, "bin", "velos"), args...)
	cmd.Dir = p.dir
	cmd.Env = append([]string{"VELOS_HOME=" + p.h.Dir, "HOME=" + p.dir, "PATH=" + filepath.Join(p.dir, "bin") + ":" + os.Getenv("PATH"), "TZ=UTC", "NO_COLOR=1", "GORACE=atexit_sleep_ms=0"}, env...)
	return cmd
}

func (p *place) velos(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := p.command(t, env, args...)
	out, err := cmd.CombinedOutput()
	var x *exec.ExitError
	if err != nil && !errors.As(err, &x) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// terminal opens a pair of terminals: what is typed into the master is read
// from the slave.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// atTerminal runs velos on a terminal, and types an answer once it is asked.
func (p *place) atTerminal(t *testing.T, answer string, args ...string) (string, int) {
	t.Helper()
	master, slave := terminal(t)
	cmd := p.command(t, nil, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var mu sync.Mutex
	var out bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		asked := false
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			mu.Lock()
			out.Write(b[:n])
			if !asked && strings.Contains(out.String(), "[y/N] ") {
				asked = true
				_, _ = master.WriteString(answer)
			}
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	_ = cmd.Wait()
	<-done
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

func TestAHostileFileRunsNothingByItself(t *testing.T) {
	p := newPlace(t)
	ran := filepath.Join(p.dir, "ran")
	p.file(t, "velos.toml", "[apps.api]\nscript = \"touch "+ran+"; sleep 99\"\nshell = true\n")
	out, code := p.atTerminal(t, "\n", "start", "velos.toml")
	if code != 8 || !strings.Contains(out, "It would run:\n  api: touch "+ran+"; sleep 99\n") {
		t.Fatalf("%d %s", code, out)
	}
	if out, code = p.atTerminal(t, "\x03", "apply"); code != 130 {
		t.Errorf("Ctrl-C: %d %s", code, out)
	}
	for _, args := range [][]string{{"start", "velos.toml"}, {"apply"}, {"runtime"}, {"ensure", "velos.toml"}, {"run", "velos.toml"}, {"trust"}} {
		if out, code := p.velos(t, []string{"CLAUDECODE=1"}, args...); code == 0 {
			t.Errorf("%v: %s", args, out)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Fatal("it has run")
	}
	if out, code = p.atTerminal(t, "y\n", "start", "velos.toml"); code != 0 || !strings.Contains(out, "api: online") {
		t.Fatalf("%d %s", code, out)
	}
	if !waitUntil(patience, func() bool { _, err := os.Stat(ran); return err == nil }) {
		t.Error("it has not run")
	}
	if out, code := p.velos(t, []string{"CLAUDECODE=1"}, "apply"); code != 0 {
		t.Errorf("%d %s", code, out)
	}
	p.file(t, "velos.toml", "[apps.api]\nscript = \"sleep 98\"\nshell = true\n")
	if out, code = p.atTerminal(t, "n\n", "apply"); code != 8 || !strings.Contains(out, "- api: touch "+ran) || !strings.Contains(out, "+ api: sleep 98\n") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := p.velos(t, nil, "apply"); code != 0 { // a script
		t.Errorf("%d %s", code, out)
	}
}

func TestNoOutputAndNoFileHoldsAPlantedSecret(t *testing.T) {
	const planted, own = "sk-live-0123456789abcdef", "plain-name-0123456789"
	p := newPlace(t)
	p.file(t, ".env", "STRIPE_KEY="+planted+"\nACCOUNT="+own+"\n")
	p.file(t, "app.sh", "#!/bin/sh\necho \"key $STRIPE_KEY account $ACCOUNT\" >&2\nprintf %s \"$ACCOUNT\" | base64 >&2\nsleep 1.2\nexit 3\n")
	p.file(t, "velos.toml", "[apps.api]\nscript = \"app.sh\"\nargs = [\"${ACCOUNT_ARG:-none}\"]\nenv_file = \".env\"\nsecret = [\"ACCOUNT\"]\nmax_restarts = 0\nmin_uptime = \"10s\"\n[[notify]]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\ngroup = \"0s\"\n")
	if out, code := p.velos(t, nil, "start", "velos.toml", "--no-wait"); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	if !waitUntil(patience, func() bool { b, _ := os.ReadFile(p.h.NoticesFile()); return bytes.Contains(b, []byte("gave_up")) }) {
		b, _ := os.ReadFile(p.h.NoticesFile())
		t.Fatalf("no news: %s", b)
	}
	for _, args := range [][]string{{"list"}, {"info", "api"}, {"info", "api", "--env"}, {"env", "api"}, {"why", "api"}, {"crash", "api"}, {"events"}, {"logs", "api"}, {"logs", "api", "--summary"},
		{"logs", "api", "--patterns"}, {"diff"}, {"history", "api"}, {"config", "get", "api"}, {"changes"}, {"export", "systemd", "api"}, {"notify", "--status"}, {"trust", "list"}, {"doctor"}, {"save"}} {
		for _, form := range [][]string{nil, {"--json"}, {"--ai"}} {
			out, _ := p.velos(t, nil, append(args, form...)...)
			for _, secret := range []string{planted, own, "cGxhaW4tbmFtZS0wMTIzNDU2Nzg5"} {
				if strings.Contains(out, secret) {
					t.Errorf("velos %v %v shows %s:\n%s", args, form, secret, out)
				}
			}
		}
	}
	if out, _ := p.velos(t, nil, "logs", "api"); !strings.Contains(out, "key [masked] account [masked]") {
		t.Error(out)
	}
	err := filepath.WalkDir(p.h.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(path, p.h.LogDir()) && filepath.Base(path) != "daemon.log" {
			return nil // what a program writes is its own
		}
		b, err := os.ReadFile(path)
		if err == nil && (bytes.Contains(b, []byte(planted)) || bytes.Contains(b, []byte(own))) {
			t.Errorf("%s holds it", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAKilledDaemonLosesNoNews(t *testing.T) {
	got := make(chan string, 100)
	url := receive(t, got)
	p := newPlace(t)
	p.file(t, "velos.toml", "[apps.api]\nscript = \"sleep 999\"\nshell = true\n[[notify]]\ntype = \"webhook\"\nurl = \""+url+"\"\ngroup = \"1s\"\n")
	if out, code := p.velos(t, nil, "start", "velos.toml"); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	out, code := p.velos(t, nil, "pid", "api")
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if code != 0 || err != nil {
		t.Fatal(out, err)
	}
	daemon := daemonPID(p.h)
	if err := errors.Join(syscall.Kill(pid, syscall.SIGKILL), syscall.Kill(daemon, syscall.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	select {
	case body := <-got:
		if !strings.Contains(body, `"kind":"crash","app":"api"`) || !strings.Contains(body, "SIGKILL") {
			t.Error(body)
		}
	case <-time.After(patience):
		t.Fatal("no news came")
	}
}
