//go:build linux

package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// sleeper is the pid of a program with an environment, below a shell with
// another one. It is returned when it is the sleep: a process in the middle of
// its exec has no environment to be read.
func sleeper(t *testing.T, outer, inner string) int {
	t.Helper()
	pidFile := filepath.Join(t.TempDir(), "pid")
	c := exec.Command("/bin/sh", "-c", "env -i "+inner+" sh -c 'echo $$ >"+pidFile+".new; mv "+pidFile+".new "+pidFile+"; exec sleep 600' & wait")
	c.Env = append(strings.Fields(outer), "PATH=/usr/bin:/bin")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	t.Cleanup(func() {
		if p, err := os.FindProcess(pid); err == nil && pid > 1 {
			_ = p.Kill()
		}
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	await(t, func() bool {
		b, err := os.ReadFile(pidFile)
		if err == nil {
			pid = atoi(strings.TrimSpace(string(b)))
		}
		if pid <= 1 {
			return false
		}
		proc := filepath.Join("/proc", strconv.Itoa(pid))
		comm, _ := os.ReadFile(filepath.Join(proc, "comm"))
		environ, _ := os.ReadFile(filepath.Join(proc, "environ"))
		return string(comm) == "sleep\n" && strings.Contains(string(environ), inner)
	})
	return pid
}

func atoi(s string) (n int) {
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

func TestAnAgentIsKnownByItsEnvironmentOrThatOfItsAncestors(t *testing.T) {
	for _, c := range []struct{ outer, inner, agent, waived string }{
		{"VELOS_AGENT=0", "CLAUDECODE=1", "claude-code", ""},
		{"CURSOR_AGENT=1", "X=1", "cursor", ""},
		{"CURSOR_AGENT=1", "CLAUDECODE=1", "claude-code", ""},
		{"CLAUDECODE=1", "VELOS_AGENT=0", "", "claude-code"},
		{"X=1", "VELOS_AGENT=robot", "robot", ""},
	} {
		var w seen
		lookAt(sleeper(t, c.outer, c.inner), &w)
		if w.agent != c.agent || w.waived != c.waived || !w.known {
			t.Errorf("%s around %s: %q, %q; want %q, %q", c.outer, c.inner, w.agent, w.waived, c.agent, c.waived)
		}
	}
}

// The socket of sd_notify is a path, and that is how the protocol is.
func TestProgramsAreToldOfNothingInTheHomeButTheirNotifySocket(t *testing.T) {
	h := home.Home{Dir: filepath.Join(t.TempDir(), "h")}
	t.Setenv("VELOS_HOME", h.Dir)
	d := liveIn(t, h)
	c := dial(t, d)
	r, err := c.Start(t.Context(), wire.Start{Spec: shell("api", "env; echo over; exec sleep 600"), Wait: true, Inst: -1})
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return strings.HasSuffix(said(t, c, r.ID), "|over") })
	for line := range strings.SplitSeq(said(t, c, r.ID), "|") {
		if strings.Contains(line, h.Dir) && line != "NOTIFY_SOCKET="+h.NotifySocket() {
			t.Error(line)
		}
	}
}
