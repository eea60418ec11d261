//go:build unix

package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/velospm/velos/internal/home"
)

var bootID = regexp.MustCompile(`"boot_id":"[^"]*"`)

// reboot is a power cut: keeper, daemon and all apps are killed at once, and
// what is found on disk is from another run of the system.
func reboot(ts *testscript.TestScript, _ bool, _ []string) {
	h := home.Home{Dir: ts.Getenv("VELOS_HOME")}
	list := apps(ts)
	daemon := daemonPID(h)
	if daemon < 2 {
		ts.Fatalf("there is no daemon")
	}
	pids := []int{parent(daemon), daemon}
	for _, a := range list {
		for _, i := range a.Instances {
			if i.PID > 1 {
				pids = append(pids, i.PID)
			}
		}
	}
	for _, pid := range pids {
		if pid > 1 && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for _, pid := range pids[1:] {
		if !waitUntil(patience, func() bool { return gone(pid) }) {
			ts.Fatalf("process %d does not die", pid)
		}
	}
	text, err := os.ReadFile(h.StateFile())
	ts.Check(err)
	if !bootID.Match(text) {
		ts.Fatalf("the state file names no run of the system")
	}
	ts.Check(os.WriteFile(h.StateFile(), bootID.ReplaceAll(text, []byte(`"boot_id":"another"`)), 0o600))
}

// parent is a process's parent on Linux, else 0.
func parent(pid int) int {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	if f := strings.Fields(rest); len(f) > 1 {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}
