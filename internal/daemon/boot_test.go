//go:build linux

package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/proc"
)

// stranger is a process that is none of Velos's, and its start.
func stranger(t *testing.T) (*os.Process, uint64) {
	t.Helper()
	cmd := exec.Command("/bin/sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	st, err := proc.One(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Process, st.Start
}

// saved is what a former daemon has left: boot is the run of the system in
// which it lived.
func saved(t *testing.T, boot string, pid int, start uint64) home.Home {
	t.Helper()
	h := home.Home{Dir: filepath.Join(t.TempDir(), "h")}
	if err := h.Prepare(); err != nil {
		t.Fatal(err)
	}
	exit := &velos.Exit{Code: 1, Time: velos.TimeOf(time.Now())}
	s := &home.State{Version: home.StateVersion, BootID: boot, NextID: 20}
	add := func(name string, autostart bool, runs ...home.Run) {
		spec := shell(name, "exec sleep 600")
		spec.Autostart, spec.Instances = autostart, len(runs)
		wanted := velos.Stopped
		for i := range runs {
			runs[i].Inst = i
			if runs[i].Wanted {
				wanted = velos.Online
			}
		}
		s.Apps = append(s.Apps, home.Saved{ID: uint32(len(s.Apps) + 1), Spec: *spec, Status: wanted, Generation: 3, Runs: runs})
	}
	up := home.Run{Wanted: true, PID: pid, Start: start, Status: velos.Online, Restarts: 4}
	down := home.Run{Status: velos.Stopped}
	add("up", true, up)
	add("down", true, down)
	add("errored", true, home.Run{Wanted: true, Status: velos.Errored, Strikes: 16, LastExit: exit})
	add("waiting", true, home.Run{Wanted: true, Status: velos.WaitingRestart, RetryAt: velos.TimeOf(time.Now().Add(time.Hour)), LastExit: exit})
	add("manual-up", false, up)
	add("manual-down", false, down)
	add("half", true, up, down)
	if err := home.Write(h.StateFile(), s); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAfterARebootTheListComesBackAsItWas(t *testing.T) {
	p, start := stranger(t)
	d := liveIn(t, saved(t, "11111111-2222-3333-4444-555555555555", p.Pid, start))
	c := dial(t, d)
	for _, name := range []string{"up", "errored", "waiting", "manual-up"} {
		await(t, func() bool { return status(t, c, name) == velos.Online })
	}
	await(t, func() bool { return list(t, c)[6].Instances[0].Status == velos.Online })
	for _, a := range list(t, c) {
		for _, i := range a.Instances {
			if i.PID == p.Pid {
				t.Errorf("%s has taken a stranger for its own", a.Spec.Name)
			}
		}
	}
	apps := list(t, c)
	for i, name := range []string{"down", "manual-down"} {
		if in := apps[[]int{1, 5}[i]].Instances[0]; in.Status != velos.Stopped || in.Wanted || in.PID != 0 {
			t.Errorf("%s was stopped and is %+v", name, in)
		}
	}
	if in := apps[6].Instances[1]; in.Status != velos.Stopped || in.Wanted {
		t.Errorf("the instance that was stopped is %+v", in)
	}
	if a := apps[0]; a.ID != 1 || a.Generation != 3 || a.Instances[0].Restarts != 4 {
		t.Errorf("not as it was: id %d, generation %d, %d restarts", a.ID, a.Generation, a.Instances[0].Restarts)
	}
	if st, err := proc.One(p.Pid); err != nil || st.State == 'Z' {
		t.Error("a stranger with the number of an app's process was ended")
	}
	s, _, err := home.Read(d.home.StateFile())
	if err != nil || s.NextID != 20 {
		t.Errorf("next id: %+v, %v", s, err)
	}
}

// The same list in the same run of the system: what has given up is not
// started by a new daemon, and a pause goes on.
func TestWithoutARebootWhatHasGivenUpStaysSo(t *testing.T) {
	p, start := stranger(t)
	d := liveIn(t, saved(t, proc.BootID(), p.Pid, start))
	c := dial(t, d)
	await(t, func() bool { return status(t, c, "up") == velos.Online })
	for name, want := range map[string]velos.Status{"errored": velos.Errored, "waiting": velos.WaitingRestart, "down": velos.Stopped} {
		if got := status(t, c, name); got != want {
			t.Errorf("%s is %s; want %s", name, got, want)
		}
	}
	if st, err := proc.One(p.Pid); err != nil || st.State == 'Z' {
		t.Error("a stranger was ended")
	}
}
