package supervise

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/logs"
	"github.com/velospm/velos/internal/proc"
)

// hookMark begins the marks of hooks. No run is recorded under one, so a later
// daemon knows that what carries it is to be ended.
const hookMark = "hook:"

// Hook implements Machine.
func (h *Host) Hook(ctx context.Context, k HookRun) error {
	c, log, err := h.hookCommand(k)
	if err != nil {
		return err
	}
	place := k.hookPlace()
	say(c.Stdout, "velos: "+string(k.Name)+"\n")
	p, err := h.children.Start(*c)
	closeFD(c.Stdout)
	closeFD(c.Stderr)
	if err == nil {
		log.Began(place, p.PID())
		err = h.attend(ctx, p, k.Hook.Limit())
	}
	log.Settle(place)
	return err
}

// hookCommand is a hook as a command. Its outputs are the caller's to close.
func (h *Host) hookCommand(k HookRun) (*child.Command, *logs.Log, error) {
	log := h.Log(k.ID)
	if log == nil {
		return nil, nil, &velos.Error{Code: velos.NotFound, Message: "the app is deleted"}
	}
	files, err := EnvFiles(k.Spec)
	if err != nil {
		return nil, nil, err
	}
	mark := hookMark + h.mark(Launch{Seat: k.Seat})
	env, err := environ(k.Spec, files, k.Inst, mark, k.Agent)
	if err != nil {
		return nil, nil, err
	}
	env = slices.DeleteFunc(env, func(e string) bool { // the program is to send signs of life, and not a hook
		name, _, _ := strings.Cut(e, "=")
		return name == "WATCHDOG_USEC" || hookVariable(name)
	})
	c := &child.Command{Path: k.Hook.Command[0], Args: k.Hook.Command, Dir: k.Spec.Cwd, Env: append(env, k.Vars...), Mark: mark}
	if k.Hook.Shell {
		c.Path, c.Args = "/bin/sh", []string{"/bin/sh", "-c", k.Hook.Command[0], "sh"}
	}
	if c.Rights, err = rights(k.Spec); err != nil {
		return nil, nil, err
	}
	if c.Stdout, c.Stderr, err = h.pipes(log, k.hookPlace()); err != nil {
		return nil, nil, err
	}
	if err = handOver(c.Rights, c.Stdout, c.Stderr); err != nil {
		closeFD(c.Stdout)
		closeFD(c.Stderr)
		log.Settle(k.hookPlace())
		return nil, nil, err
	}
	return c, log, nil
}

// hookVariable reports the variables that say to a hook why it is run.
func hookVariable(name string) bool {
	switch name {
	case "VELOS_HOOK", "VELOS_PID", "VELOS_RESTARTS", "VELOS_REASON", "VELOS_EXIT_CODE", "VELOS_SIGNAL":
		return true
	}
	return false
}

// hookPlace is where a hook has its pipes: on sides of their own, since the
// program has its own in use. What is told afterwards may come together with
// what is run before the next run.
func (k *HookRun) hookPlace() int {
	if k.Name == velos.OnCrash || k.Name == velos.OnGivingUp {
		return logs.Place(k.Inst, 3)
	}
	return logs.Place(k.Inst, 2)
}

// attend waits for the end of a hook and of its tree. What it has left behind
// is ended with it.
func (h *Host) attend(ctx context.Context, p *child.Process, limit velos.Millis) error {
	var x child.Exit
	select {
	case x = <-p.Exited():
	case <-ctx.Done():
		x.Unknown = true
	}
	_ = p.Kill()
	t := time.NewTimer(afterKill)
	defer t.Stop()
	select {
	case <-p.Gone():
	case <-t.C: // it hangs in the system, and nobody should with it
	}
	switch {
	case ctx.Err() == context.DeadlineExceeded && x.Unknown:
		return &velos.Error{Code: velos.Timeout, Message: "it took longer than " + limit.String() + " (timeout) and was killed"}
	case ctx.Err() != nil && x.Unknown:
		return &velos.Error{Code: velos.Cancelled, Message: "cut short"}
	case x.Signal != "":
		return &velos.Error{Code: velos.Failed, Message: "killed by " + x.Signal}
	case x.Code != 0:
		return &velos.Error{Code: velos.Failed, Message: "exit code " + strconv.Itoa(x.Code)}
	}
	return nil
}

// endHooks ends hooks that a former daemon has begun: nobody waits for them
// any more, and those that are still wanted are run anew.
func (h *Host) endHooks() {
	if h.line == nil {
		return
	}
	for _, parent := range [...]int{h.line.PID(), os.Getpid()} { // the second: this program was executed in the place of that one
		pids, err := proc.ChildrenOf(parent, nil)
		if err != nil {
			continue
		}
		for _, pid := range pids {
			h.endHook(pid)
		}
	}
}

func (h *Host) endHook(pid int) {
	mark, _ := proc.Environ(pid, "VELOS_ID")
	st, err := proc.One(pid)
	if err != nil || !strings.HasPrefix(mark, hookMark) || st.SID != pid {
		return
	}
	if p, err := h.children.Adopt(child.Adoption{PID: pid, Start: st.Start, Mark: mark, Began: time.Now()}); err == nil {
		_ = p.Kill()
	}
}
