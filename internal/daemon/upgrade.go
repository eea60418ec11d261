package daemon

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/fault"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/keeper"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/wire"
)

// checkArg has a velosd look at a state file and say who it is, so that a
// running daemon can find out whether it may become that program.
const checkArg = "--check"

const (
	checkLimit = 10 * time.Second // for the new program to check itself
	orderLimit = 10 * time.Second // for orders in flight to finish before the exec
)

// selfCheck answers checkArg: one line with our version and those of the
// formats we read, or the reason why this state cannot be gone on with.
func selfCheck(path string) int {
	if path != "" {
		if _, err := home.Load(path); err != nil && velos.CodeOf(err) != velos.NotFound {
			return fail(err)
		}
	}
	_, _ = os.Stdout.WriteString("velosd " + velos.Version + " state " + itoa(home.StateVersion) + " protocol " + itoa(velos.Protocol) + "\n")
	return 0
}

// upgrade replaces this program by another velosd, in the same process: the
// apps stay our children, and the keeper holds the rest. Whatever would keep
// the new program from going on is found out before anything changes.
func (c *call) upgrade(ctx context.Context) (velos.Record, error) {
	var q wire.Upgrade
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := wish{Deed: policy.Deed{Verb: "upgrade", Takes: true}, inst: -1, args: map[string]string{"path": q.Path}}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	if c.d.line == nil {
		return nil, &velos.Error{Code: velos.Unsupported, Message: "upgrade: this daemon has no keeper", Hint: "velos kill, then start the new one"}
	}
	version, err := c.d.check(q.Path)
	if err != nil {
		return nil, err
	}
	who := c.by()
	if !c.d.upgrading.CompareAndSwap(false, true) {
		return nil, &velos.Error{Code: velos.Busy, Message: "upgrade: another one is in progress"}
	}
	fault.Here("upgrade.checked")
	c.d.conns.finishOrders(c.session, orderLimit)
	err = c.kept()
	if err == nil {
		// The keeper first: it hands our new program on when it has to start one.
		err = c.d.line.Upgrade(q.Path)
	}
	if err != nil {
		c.d.upgrading.Store(false)
		return nil, err
	}
	fault.Here("upgrade.kept")
	c.d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, PID: pid(), Actor: who,
		Cause: "upgrade from velosd " + velos.Version + " to " + version + ", " + q.Path})
	c.d.successor = q.Path
	return &wire.Done{Success: true, PID: pid()}, nil
}

// check runs a program's own check of our state and compares versions.
func (d *Daemon) check(path string) (version string, err error) {
	refuse := func(why, hint string) error {
		return &velos.Error{Code: velos.Invalid, Message: "upgrade to " + path + ": " + why, Hint: hint}
	}
	if !filepath.IsAbs(path) {
		return "", refuse("not an absolute path", "")
	}
	text, exit, err := d.ask(path, checkArg, d.home.StateFile())
	if err != nil {
		return "", refuse(err.Error(), velos.HintOf(err))
	}
	f := strings.Fields(text)
	switch {
	case exit.Code != 0 || exit.Signal != "":
		return "", refuse("its self-check says no: "+ended(exit), "its words are in the daemon's log")
	case len(f) != 6 || f[0] != "velosd" || f[2] != "state" || f[4] != "protocol":
		return "", refuse("it is no velosd", "")
	}
	if state, err := strconv.Atoi(f[3]); err != nil || state < home.StateVersion {
		return "", refuse("velosd "+f[1]+" reads state files of version "+f[3]+", ours has "+itoa(home.StateVersion), "it is too old to go on with what this one knows")
	}
	return f[1], nil
}

// ask runs a program for a moment and returns what it wrote to stdout.
func (d *Daemon) ask(path string, args ...string) (text string, exit child.Exit, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", exit, err
	}
	defer r.Close()
	p, err := d.children.Start(child.Command{Path: path, Args: append([]string{path}, args...), Dir: "/",
		Env: []string{"GOMAXPROCS=1", "VELOS_HOME=" + d.home.Dir}, Stdout: int(w.Fd()), Stderr: 2})
	_ = w.Close()
	if err != nil {
		return "", exit, err
	}
	_ = r.SetReadDeadline(time.Now().Add(checkLimit))
	b, err := io.ReadAll(io.LimitReader(r, 4096))
	if err != nil {
		_ = p.Kill()
		return "", exit, &velos.Error{Code: velos.Timeout, Message: "its self-check does not end"}
	}
	select {
	case exit = <-p.Exited():
	case <-time.After(checkLimit):
		_ = p.Kill()
		return "", exit, &velos.Error{Code: velos.Timeout, Message: "its self-check does not end"}
	}
	return string(b), exit, nil
}

// finishOrders gives what the connections have asked for time to finish. What
// is not done by then stands, and goes on under the new program; only its
// caller has to ask again.
func (c *conns) finishOrders(except *session, limit time.Duration) {
	c.mu.Lock()
	var open []*session
	for s := range c.open {
		open = append(open, s)
	}
	c.mu.Unlock()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		busy := 0
		for _, s := range open {
			n := s.orders()
			if s == except {
				n-- // the upgrade itself
			}
			busy += n
		}
		if busy <= 0 {
			return
		}
	}
}

// part ends what the connections still ask for, with a word why, and waits
// until that is out; the exec closes them.
func (c *conns) part(limit time.Duration) {
	c.mu.Lock()
	c.closed = true
	var open []*session
	for s := range c.open {
		s.cancel()
		open = append(open, s)
	}
	c.mu.Unlock()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		busy := 0
		for _, s := range open {
			busy += int(s.answering.Load())
		}
		if busy == 0 {
			return
		}
	}
}

// become replaces this program. It returns only when that fails; the keeper
// then starts the new one, which finds everything as after a crash.
func (d *Daemon) become(path string) error {
	d.saver.freeze()
	d.conns.part(time.Second)
	fault.Here("upgrade.parted")
	return execDaemon(path, keeper.LineFD, keeper.LockFD)
}

// leave is the end of this daemon alone: the apps run on, and the keeper holds
// their output until the next command starts a daemon.
func (c *call) leave(who velos.Actor) (velos.Record, error) {
	if c.d.line == nil {
		return nil, &velos.Error{Code: velos.Unsupported, Message: "kill --leave: this daemon has no keeper to leave the apps to"}
	}
	if err := c.kept(); err != nil {
		return nil, err
	}
	c.d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "kill --leave", Actor: who})
	c.d.leaving = true
	return &wire.Done{Success: true, PID: pid()}, nil
}

// depart ends the process without touching the apps.
func (d *Daemon) depart() {
	d.saver.freeze()
	_ = d.listener.Load().Close()
	d.conns.part(time.Second)
	d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "velosd ended, the apps run on", PID: pid(), Actor: velos.Policy})
	for _, c := range []func() error{d.store.Close, d.journal.Close} {
		if err := c(); err != nil {
			say("velosd: " + err.Error())
		}
	}
	_ = os.Remove(d.home.PIDFile())
	if err := d.lock.Leave(d.line.PID()); err != nil {
		say("velosd: " + err.Error())
	}
	os.Exit(keeper.Leave)
}
