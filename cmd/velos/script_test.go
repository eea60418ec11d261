//go:build unix

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/cli"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/daemon"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// TestMain makes the test binary both programs: scripts run velos and velosd
// as they would be installed, one beside the other.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"velos":  func() { os.Exit(cli.Main(os.Args[1:])) },
		"velosd": func() { os.Exit(daemon.Main()) },
	})
}

// patience bounds every wait of a script.
const patience = 60 * time.Second

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: false,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "waitstatus": waitStatus, "edit": edit, "waitfile": waitFile, "waitgone": waitGone, "waitlog": waitLog,
			"waitcontent": waitContent, "killapp": killApp, "killdaemon": killDaemon, "killyoung": killYoung, "isjson": isJSON, "minutes": minutes, "earlyminute": earlyMinute, "countrequests": countRequests, "waitrequests": waitRequests, "waitevent": waitEvent, "pidof": pidOf, "reboot": reboot,
		},
		Condition: condition,
	})
}

func setup(e *testscript.Env) error {
	dir := filepath.Join(e.WorkDir, ".velos")
	e.Setenv("VELOS_HOME", dir)
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("TZ", "UTC")
	e.Setenv("NO_COLOR", "1")
	e.Setenv("VELOS_AGENT", "0") // scripts tell of people, also where an agent runs them
	// With the race detector every program would sleep a second at its end.
	e.Setenv("GORACE", "atexit_sleep_ms=0")
	// Scripts are written for people, and people have programs in PATH.
	e.Setenv("PATH", e.Getenv("PATH")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	e.Defer(func() { end(home.Home{Dir: dir}) })
	return nil
}

// end stops the daemon that a script started, the hard way if need be. One
// that was killed may have no successor yet, so its keeper must be gone too:
// it holds the lock.
func end(h home.Home) {
	told := 0
	if !waitUntil(patience, func() bool {
		if l, err := h.Lock(); err == nil {
			l.Close()
			return true
		} else if !errors.Is(err, velos.ErrConflict) {
			return true // there was never one
		}
		if keeper, ok := h.Idle(); ok && keeper != told {
			told = keeper
			syscall.Kill(keeper, syscall.SIGTERM)
		}
		ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
		defer stop()
		if c, err := client.Dial(h.Socket()); err == nil {
			c.Shutdown(ctx, wire.Shutdown{})
			c.Close()
		}
		return false
	}) {
		if pid := daemonPID(h); pid > 1 {
			if keeper := parent(pid); keeper > 1 && keeper != os.Getpid() {
				syscall.Kill(keeper, syscall.SIGKILL)
			}
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func daemonPID(h home.Home) int {
	b, err := os.ReadFile(h.PIDFile())
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z")
}

func waitUntil(limit time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return done()
}

func condition(c string) (bool, error) {
	if name, ok := strings.CutPrefix(c, "has:"); ok {
		_, err := exec.LookPath(name)
		return err == nil, nil
	}
	if c == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %s", c)
}

// minutes ID COUNT LINES ERRORS makes that a daemon has counted so many minutes
// before this one, each with so many lines.
func minutes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: minutes id count lines errors")
	}
	var n [3]uint32
	for i, a := range args[1:] {
		v, err := strconv.ParseUint(a, 10, 32)
		ts.Check(err)
		n[i] = uint32(v)
	}
	var b []byte
	now := uint32(time.Now().Unix() / 60)
	for at := now - n[0]; at < now; at++ {
		for _, v := range []uint32{at, n[1], 0, n[2]} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
	}
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("VELOS_HOME"), "logs", ".spool", args[0]+".min"), b, 0o600))
}

// earlyminute waits until a minute has begun that is long enough for what must
// not be cut in two by its end.
func earlyMinute(_ *testscript.TestScript, _ bool, _ []string) {
	if late := time.Duration(time.Now().UnixNano()) % time.Minute; late > 30*time.Second {
		time.Sleep(time.Minute - late)
	}
}

// countrequests takes down how many requests the daemon has had, and
// waitrequests N waits until it has had N more.
func countRequests(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Setenv("REQUESTS", strconv.FormatUint(requests(ts), 10))
}

func waitRequests(ts *testscript.TestScript, _ bool, args []string) {
	before, err := strconv.ParseUint(ts.Getenv("REQUESTS"), 10, 64)
	ts.Check(err)
	n, err := strconv.ParseUint(args[0], 10, 64)
	ts.Check(err)
	if ours := uint64(0); !waitUntil(patience, func() bool { ours++; return requests(ts) >= before+n+ours }) {
		ts.Fatalf("there were no %d requests", n)
	}
}

// requests is how many the daemon has had, this one among them.
func requests(ts *testscript.TestScript) uint64 {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	c, err := client.Dial(home.Home{Dir: ts.Getenv("VELOS_HOME")}.Socket())
	ts.Check(err)
	defer c.Close()
	p, err := c.Ping(ctx)
	ts.Check(err)
	return p.Requests
}

// waitEvent NAME PATTERN waits until an event of an app matches. It may take
// until the minute is over.
func waitEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitevent name pattern")
	}
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	if !waitUntil(2*patience, func() bool {
		time.Sleep(200 * time.Millisecond)
		return ts.Exec("velos", "events", args[0]) == nil && re.MatchString(ts.ReadFile("stdout"))
	}) {
		ts.Fatalf("no event matches %s:\n%s", args[1], ts.ReadFile("stdout"))
	}
}

// exits CODE velos ... runs a command that must end with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [argument...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		code = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d; want %d", code, want)
	}
}

func apps(ts *testscript.TestScript) []velos.App {
	h := home.Home{Dir: ts.Getenv("VELOS_HOME")}
	c, err := client.Dial(h.Socket())
	if err != nil {
		return nil
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	list, err := c.List(ctx)
	if err != nil {
		return nil
	}
	return list.Apps
}

func app(ts *testscript.TestScript, name string) *velos.App {
	list := apps(ts)
	for i := range list {
		if list[i].Spec.Name == name {
			return &list[i]
		}
	}
	return nil
}

// waitstatus NAME STATUS [RESTARTS] waits until an app has a status, and at
// least so many restarts.
func waitStatus(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: waitstatus NAME STATUS [RESTARTS]")
	}
	restarts := 0
	if len(args) > 2 {
		restarts, _ = strconv.Atoi(args[2])
	}
	var last *velos.App
	if !waitUntil(patience, func() bool {
		last = app(ts, args[0])
		return last != nil && string(last.Status) == args[1] && last.Restarts() >= restarts
	}) {
		ts.Fatalf("%s did not become %s with %d restarts: it is %+v", args[0], args[1], restarts, last)
	}
}

// edit FILE [NAME RESTARTS] writes a file. With a name it does so again and
// again, until the app has had so many restarts.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 && len(args) != 3 {
		ts.Fatalf("usage: edit FILE [NAME RESTARTS]")
	}
	write := func() {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(time.Now().String()), 0o600))
	}
	write()
	if len(args) == 1 {
		return
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	next := time.Now().Add(time.Second)
	if !waitUntil(patience, func() bool {
		if time.Now().After(next) { // it was not watched yet
			write()
			next = time.Now().Add(time.Second)
		}
		a := app(ts, args[1])
		return a != nil && a.Restarts() >= want
	}) {
		ts.Fatalf("%s is not restarted when %s changes", args[1], args[0])
	}
}

// waitfile FILE waits until a file is there and not empty.
func waitFile(ts *testscript.TestScript, _ bool, args []string) {
	for _, a := range args {
		path := ts.MkAbs(a)
		if !waitUntil(patience, func() bool { st, err := os.Stat(path); return err == nil && st.Size() > 0 }) {
			ts.Fatalf("there is no %s", a)
		}
	}
}

// waitcontent FILE EXPRESSION waits until a file has something that matches.
func waitContent(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	path := ts.MkAbs(args[0])
	if !waitUntil(patience, func() bool { b, err := os.ReadFile(path); return err == nil && re.Match(b) }) {
		ts.Fatalf("%s has nothing like %s", args[0], args[1])
	}
}

// waitgone FILE waits until no process has the pid that is in a file.
func waitGone(ts *testscript.TestScript, _ bool, args []string) {
	for _, a := range args {
		pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(a)))
		ts.Check(err)
		if !waitUntil(patience, func() bool { return gone(pid) }) {
			ts.Fatalf("process %d is still there", pid)
		}
	}
}

// waitlog NAME TEXT waits until an app has written a text.
func waitLog(ts *testscript.TestScript, _ bool, args []string) {
	if !waitUntil(patience, func() bool {
		a := app(ts, args[0])
		if a == nil {
			return false
		}
		c, err := client.Dial(home.Home{Dir: ts.Getenv("VELOS_HOME")}.Socket())
		if err != nil {
			return false
		}
		defer c.Close()
		for _, err := range c.Logs(context.Background(), a.ID, velos.Query{Inst: -1, Grep: args[1]}) {
			return err == nil
		}
		return false
	}) {
		ts.Fatalf("%s has not written %q", args[0], args[1])
	}
}

// killapp NAME SIGNAL signals the first process of an app behind the daemon's
// back.
func killApp(ts *testscript.TestScript, _ bool, args []string) {
	a := app(ts, args[0])
	if a == nil || a.Instances[0].PID < 2 {
		ts.Fatalf("%s has no process", args[0])
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(syscall.Kill(a.Instances[0].PID, syscall.Signal(n)))
}

// killdaemon ends the daemon with SIGKILL.
func killDaemon(ts *testscript.TestScript, _ bool, _ []string) {
	pid := daemonPID(home.Home{Dir: ts.Getenv("VELOS_HOME")})
	if pid < 2 {
		ts.Fatalf("there is no daemon")
	}
	ts.Check(syscall.Kill(pid, syscall.SIGKILL))
	if !waitUntil(patience, func() bool { return gone(pid) }) {
		ts.Fatalf("the daemon does not die")
	}
}

// killyoung N kills N daemons, each as soon as it is there: the keeper starts
// the next one later each time.
func killYoung(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	h, last := home.Home{Dir: ts.Getenv("VELOS_HOME")}, 0
	for range n {
		if !waitUntil(patience, func() bool { pid := daemonPID(h); return pid > 1 && pid != last && !gone(pid) }) {
			ts.Fatalf("there is no daemon after %d", last)
		}
		last = daemonPID(h)
		killDaemon(ts, false, nil)
	}
}

// pidof NAME FILE writes the pid of an app's first process into a file.
func pidOf(ts *testscript.TestScript, _ bool, args []string) {
	a := app(ts, args[0])
	if a == nil {
		ts.Fatalf("there is no app %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strconv.Itoa(a.Instances[0].PID)), 0o600))
}

// isjson reads stdout of the last command: it must be one JSON value.
func isJSON(ts *testscript.TestScript, _ bool, _ []string) {
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("stdout is no JSON: %v", err)
	}
}
