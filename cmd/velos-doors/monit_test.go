//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/velospm/velos/internal/cli"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/daemon"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// TestMain makes the test binary all three programs, one beside the other.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"velos":       func() { os.Exit(cli.Main(os.Args[1:])) },
		"velosd":      func() { os.Exit(daemon.Main()) },
		"velos-doors": main,
	})
}

// patience bounds every wait.
const patience = 60 * time.Second

// A terminal is a tmux of its own with velos monit in it.
type terminal struct {
	t      *testing.T
	socket string
	home   home.Home
	env    []string
}

func newTerminal(t *testing.T) *terminal {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not there")
	}
	dir, err := os.MkdirTemp("/tmp", "velos-monit-")
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, socket: filepath.Join(dir, "tmux"), home: home.Home{Dir: filepath.Join(dir, "home")}}
	for _, v := range os.Environ() {
		if k, _, _ := strings.Cut(v, "="); k != "NO_COLOR" && k != "TMUX" && k != "VELOS_AGENT" {
			x.env = append(x.env, v)
		}
	}
	x.env = append(x.env, "VELOS_HOME="+x.home.Dir, "VELOS_AGENT=0", "TERM=xterm-256color", "GORACE=atexit_sleep_ms=0", "LC_ALL=C.UTF-8")
	t.Cleanup(func() {
		x.tmux("kill-server")
		x.end()
		os.RemoveAll(dir)
	})
	return x
}

// end stops the daemon and its apps, the hard way if need be.
func (x *terminal) end() {
	pid := x.pid()
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	if c, err := client.Dial(x.home.Socket()); err == nil {
		_, _ = c.Shutdown(ctx, wire.Shutdown{})
		c.Close()
	}
	for end := time.Now().Add(patience); pid > 1 && syscall.Kill(pid, 0) == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return
		}
	}
}

func (x *terminal) run(name string, args ...string) string {
	x.t.Helper()
	c := exec.Command(name, args...)
	c.Env = x.env
	out, err := c.CombinedOutput()
	if err != nil {
		x.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (x *terminal) tmux(args ...string) string {
	c := exec.Command("tmux", append([]string{"-S", x.socket, "-f", "/dev/null"}, args...)...)
	c.Env = x.env
	out, _ := c.CombinedOutput()
	return string(out)
}

// pid of the daemon; 0 when there is none.
func (x *terminal) pid() int {
	c, err := client.Dial(x.home.Socket())
	if err != nil {
		return 0
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	p, _ := c.Ping(ctx)
	return p.PID
}

func (x *terminal) keys(keys ...string) {
	for _, k := range keys {
		x.tmux("send-keys", "-t", "m", k)
	}
}

// sees waits until the screen shows all of it, and none of what begins with
// "!".
func (x *terminal) sees(words ...string) string {
	x.t.Helper()
	screen := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		screen = x.tmux("capture-pane", "-p", "-t", "m")
		ok := true
		for _, w := range words {
			not := strings.HasPrefix(w, "!")
			ok = ok && strings.Contains(screen, strings.TrimPrefix(w, "!")) != not
		}
		if ok {
			return screen
		}
	}
	x.t.Fatalf("the screen does not come to show %q:\n%s", words, screen)
	return ""
}

func TestSomebodyWatchesAFleetAndItsDaemonIsKilled(t *testing.T) {
	x := newTerminal(t)
	script := filepath.Join(filepath.Dir(x.home.Dir), "talk.sh")
	text := "echo 'ERROR no such table: users' >&2; i=0; while :; do i=$((i+1)); echo \"request $i done\"; sleep 0.1; done\n"
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	x.tmux("new-session", "-d", "-s", "m", "-x", "100", "-y", "30", "velos monit --interval 200ms; echo left with $?; sleep 1000")
	x.sees("no daemon", "this view starts none")
	if x.pid() != 0 {
		t.Fatal("the view has started a daemon")
	}
	x.run("velos", "start", "--shell", "exec sleep 100000", "--name", "quiet")
	x.run("velos", "start", script, "--name", "talk", "--interpreter", "sh")
	x.sees("2 apps: 2 online", "quiet", "talk", "live")

	x.keys("/", "tal", "Enter")
	x.sees("/tal/", "1 left out", "!quiet", "request", "talk · follows")
	x.keys("Escape")
	x.sees("quiet", "!left out")
	x.keys("Tab", "/", "such TABLE", "Enter")
	x.sees("/such TABLE/ 0")
	x.keys("/", "C-u", "no such t", "Enter")
	x.sees("/no such t/ 1", "held", "no such table: users")
	x.keys("h")
	x.sees("1 only", "!request")
	x.keys("Escape")
	x.sees("request", "talk · follows")

	before := x.run("velos", "pid", "talk")
	x.keys("r")
	x.sees("restart talk? 1 process will end and begin again", "$ velos restart talk", "y yes")
	x.keys("n")
	x.sees("nothing was changed")
	x.keys("r", "y")
	x.sees("restarted talk")
	if after := x.run("velos", "pid", "talk"); after == before {
		t.Errorf("pid %s before and after the restart", strings.TrimSpace(after))
	}
	x.keys("v")
	x.sees("order: restart")
	x.keys("l")

	pid := x.pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	x.sees("velosd was away", "going on with pid", "live", "2 apps: 2 online", "request")
	if strings.Contains(x.sees("live"), "pid "+strconv.Itoa(pid)) {
		t.Error("the pid is that of the daemon that was killed")
	}
	x.run("velos", "kill")
	x.sees("daemon gone", "trying again")
	x.run("velos", "list")
	x.sees("live", "2 stopped")
	x.tmux("resize-window", "-t", "m", "-x", "40", "-y", "12")
	x.sees("live", "quiet", "talk")
	x.keys("q")
	x.sees("left with 0")
}

func TestAWatcherWithoutATerminalIsSentElsewhere(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ env, args, want string }{
		{"VELOS_AGENT=0", "monit", "there is no terminal"},
		{"VELOS_AGENT=1", "monit", "an agent has called it"},
		{"CLAUDECODE=1", "dash", "an agent has called it"},
		{"VELOS_AGENT=0", "monit --json", "no form for programs"},
	} {
		cmd := exec.Command("velos", strings.Fields(c.args)...)
		cmd.Env = append(os.Environ(), "VELOS_HOME="+filepath.Join(dir, "h"), c.env)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), c.want) || !strings.Contains(string(out), "velos list") {
			t.Errorf("%s velos %s: %v\n%s", c.env, c.args, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "h")); err == nil {
		t.Error("a refusal has made a home")
	}
}

func TestAWatcherIsStoppedAndGoesOn(t *testing.T) {
	x := newTerminal(t)
	x.run("velos", "start", "--shell", "echo here I am; exec sleep 100000", "--name", "quiet")
	x.tmux("new-session", "-d", "-s", "m", "-x", "100", "-y", "30", "PS1='ready> ' sh -i")
	x.sees("ready>")
	x.keys("velos monit", "Enter")
	x.sees("live", "here I am")
	x.keys("C-z")
	x.sees("Stopped", "ready>", "!live")
	if flags := strings.TrimSpace(x.tmux("display", "-p", "-t", "m", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}")); flags != "0 0 1" {
		t.Errorf("the terminal is left with its other screen, mouse and cursor as %s", flags)
	}
	x.keys("fg", "Enter")
	x.sees("live", "quiet", "here I am")
	pid := x.watcher()
	if err := syscall.Kill(pid, syscall.SIGTSTP); err != nil {
		t.Fatal(err)
	}
	x.sees("Stopped", "ready>", "!live")
	x.keys("fg", "Enter")
	x.sees("live", "quiet")
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	x.sees("Hangup", "ready>", "!live")
	x.keys("velos monit", "Enter")
	x.sees("live")
	if err := syscall.Kill(x.watcher(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	x.sees("ready>", "!live")
	if flags := strings.TrimSpace(x.tmux("display", "-p", "-t", "m", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}")); flags != "0 0 1" {
		t.Errorf("after SIGTERM: %s", flags)
	}
	x.keys("clear; velos monit", "Enter")
	x.sees("live")
	pid = x.watcher()
	x.keys("C-z")
	x.sees("Stopped", "!live")
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	x.keys("fg; echo left with $?", "Enter")
	x.sees("left with 130", "!live")
	if flags := strings.TrimSpace(x.tmux("display", "-p", "-t", "m", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}")); flags != "0 0 1" {
		t.Errorf("told to end while it was stopped: %s", flags)
	}
	x.keys("exit", "Enter")
}

// watcher is the pid of velos monit, in which velos-doors is one with it.
func (x *terminal) watcher() int {
	x.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		list, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, path := range list {
			env, _ := os.ReadFile(path)
			args, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			if strings.Contains(string(env), "VELOS_HOME="+x.home.Dir+"\x00") && strings.Contains(string(args), "velos-doors\x00monit\x00") {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
				return pid
			}
		}
	}
	x.t.Fatal("velos monit does not run")
	return 0
}

func TestTheLinesOfManyAppsTakeFewConnections(t *testing.T) {
	x := newTerminal(t)
	const many = 60
	var file strings.Builder
	for i := range many {
		file.WriteString("[[apps]]\nname = \"app" + strconv.Itoa(i) + "\"\nshell = true\nscript = \"echo this is number " + strconv.Itoa(i) + " here; exec sleep 100000\"\n")
	}
	path := filepath.Join(filepath.Dir(x.home.Dir), "velos.toml")
	if err := os.WriteFile(path, []byte(file.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	x.run("velos", "start", path)
	x.tmux("new-session", "-d", "-s", "m", "-x", "100", "-y", "90", "velos monit; echo left with $?; sleep 1000")
	x.sees("live", "60 online")
	x.keys("a", "Tab", "z")
	x.sees("number 0 here", "number 59 here")
	sockets := 0
	list, _ := filepath.Glob("/proc/" + strconv.Itoa(x.pid()) + "/fd/*")
	for _, fd := range list {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, "socket:") {
			sockets++
		}
	}
	if sockets == 0 || sockets > 20 {
		t.Errorf("the daemon has %d sockets", sockets)
	}
	x.run("velos", "restart", "app7")
	x.sees("number 59 here", "app7")
	x.keys("q")
	x.sees("left with 0")
}

func TestAViewWhoseTerminalIsGoneEnds(t *testing.T) {
	x := newTerminal(t)
	x.tmux("new-session", "-d", "-s", "other", "sleep 1000")
	x.tmux("new-session", "-d", "-s", "m", "-x", "100", "-y", "30", "trap '' HUP; velos monit")
	x.sees("no daemon")
	pid := x.watcher()
	x.tmux("kill-session", "-t", "m")
	for end := time.Now().Add(patience); syscall.Kill(pid, 0) == nil; time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("it goes on without a terminal")
		}
	}
}

func TestAWatcherSeesWhatWasRecordedBefore(t *testing.T) {
	x := newTerminal(t)
	x.run("velos", "start", "--shell", "exec sleep 100000", "--name", "quiet")
	x.tmux("new-session", "-d", "-s", "m", "-x", "100", "-y", "30", "velos monit --interval 1s; echo left with $?; sleep 1000")
	x.sees("live", "quiet")
	x.keys("p")
	x.sees("nothing was recorded yet: velos metrics --history", "as seen from here")
	recorder := exec.Command("velos", "metrics", "--history", "--port", "0")
	recorder.Env = x.env
	if err := recorder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = recorder.Process.Signal(syscall.SIGTERM)
		_ = recorder.Wait()
	}()
	x.sees("last 1h", "a bar is 1m", "memory avg", "now")
	x.keys("T")
	x.sees("last 6h", "memory avg")
	x.keys("q")
	x.sees("left with 0")
}
