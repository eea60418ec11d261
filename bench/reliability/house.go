//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// patience bounds every wait for something that must happen. A keeper whose
// daemon dies again and again waits up to five seconds before the next.
const patience = time.Minute

// markVar is in the environment of everything that a house's apps start: what
// is found with it and not in the list is an orphan.
const markVar = "VELOS_TRIAL"

// A house is a keeper with its daemon in a home of its own.
type house struct {
	home   home.Home
	self   string // this program, to run as a child
	keeper *exec.Cmd
	ended  chan struct{}
}

// programs are the paths of what a trial runs.
type programs struct {
	dir    string // scratch: homes are made in it
	velosd string
	self   string // this program
}

// raise starts velosd in a fresh home. Env is added to its environment.
func (p programs) raise(env ...string) (*house, error) {
	dir, err := os.MkdirTemp(p.dir, "h")
	if err != nil {
		return nil, err
	}
	return p.raiseIn(dir, env...)
}

// raiseIn is raise in a home that may have had a daemon.
func (p programs) raiseIn(dir string, env ...string) (*house, error) {
	h := &house{home: home.Home{Dir: dir}, self: p.self, ended: make(chan struct{})}
	h.keeper = exec.Command(p.velosd)
	h.keeper.Dir = "/"
	h.keeper.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "VELOS_HOME=" + dir, "GOMAXPROCS=1",
		"GORACE=atexit_sleep_ms=0"}, env...)
	h.keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	log, err := os.OpenFile(filepath.Join(dir, "stderr"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	h.keeper.Stderr = log
	if err := h.keeper.Start(); err != nil {
		return nil, err
	}
	go func() {
		h.keeper.Wait()
		close(h.ended)
	}()
	c, err := h.dial()
	if err != nil {
		h.end()
		return nil, err
	}
	c.Close()
	return h, nil
}

// said is what keeper and daemons wrote to stderr.
func (h *house) said() string {
	b, _ := os.ReadFile(filepath.Join(h.home.Dir, "stderr"))
	return string(b)
}

// await polls ok until it is true.
func await(what string, ok func() bool) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return nil
		}
	}
	return fmt.Errorf("%s: not within %v", what, patience)
}

// dial connects to the present daemon or to the next one.
func (h *house) dial() (c *client.Client, err error) {
	gone := errors.New("the keeper has ended")
	e := await("connect to velosd", func() bool {
		select {
		case <-h.ended:
			err = gone
			return true
		default:
		}
		c, err = client.Dial(h.home.Socket())
		return err == nil
	})
	if err == gone {
		return nil, fmt.Errorf("%w; it said: %s", err, h.said())
	}
	return c, e
}

// ask connects, asks once and hangs up.
func (h *house) ask(f func(ctx context.Context, c *client.Client) error) error {
	c, err := h.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return f(ctx, c)
}

// list is what velos list would show, by name. A daemon that is killed
// meanwhile does not count.
func (h *house) list() (map[string]velos.App, error) {
	var apps map[string]velos.App
	var last error
	err := await("list the apps", func() bool {
		last = h.ask(func(ctx context.Context, c *client.Client) error {
			list, err := c.List(ctx)
			apps = map[string]velos.App{}
			for _, a := range list.Apps {
				apps[a.Spec.Name] = a
			}
			return err
		})
		return last == nil
	})
	return apps, errors.Join(err, last)
}

// spec is an app that runs this program as a child of that kind.
func (h *house) spec(name, kind string, args ...string) *velos.Spec {
	s := velos.NewSpec()
	s.Name, s.Script, s.Args, s.Cwd = name, h.self, append([]string{childArg, kind}, args...), "/"
	s.MaxRestarts = -1
	s.MinUptime = 20
	s.MaxLogTotal = 0
	s.Env = map[string]string{"PATH": os.Getenv("PATH"), "HOME": "/", "GOMAXPROCS": "1", markVar: h.home.Dir,
		"GORACE": "atexit_sleep_ms=0"}
	return &s
}

// start adds an app and waits until it is online.
func (h *house) start(s *velos.Spec) error {
	return h.ask(func(ctx context.Context, c *client.Client) error {
		_, err := c.Start(ctx, wire.Start{Spec: s, Wait: true, Inst: -1})
		return err
	})
}

// daemons are the live children of the keeper that are velosd, young ones
// that are not serving yet included.
func (h *house) daemons() (pids []int) {
	self := filepath.Base(h.keeper.Path)
	for _, pid := range childrenOf(h.keeper.Process.Pid) {
		name, state, _ := stat(pid)
		if exe, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe"); state != 'Z' && (name == self || exe == h.keeper.Path) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// daemon is the one that serves, 0 when there is none.
func (h *house) daemon() int {
	b, _ := os.ReadFile(h.home.PIDFile())
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	for _, p := range h.daemons() {
		if p == pid {
			return pid
		}
	}
	return 0
}

// kill ends the daemon with SIGKILL, the one that serves or one that is still
// taking over, and returns its pid and when.
func (h *house) kill() (pid int, at time.Time, err error) {
	err = await("find the daemon", func() bool {
		for _, pid = range h.daemons() {
			at = time.Now()
			return syscall.Kill(pid, syscall.SIGKILL) == nil
		}
		return false
	})
	return pid, at, err
}

// serving waits for a daemon other than old that answers.
func (h *house) serving(old int) error {
	return await("a new daemon", func() bool {
		pid := 0
		h.ask(func(ctx context.Context, c *client.Client) error {
			pong, err := c.Ping(ctx)
			pid = pong.PID
			return err
		})
		return pid != 0 && pid != old
	})
}

// end stops all apps and the daemon, and whatever has been left behind.
func (h *house) end() {
	shut := make(chan struct{})
	go func() {
		defer close(shut)
		select {
		case <-h.ended:
			return
		default:
		}
		h.ask(func(ctx context.Context, c *client.Client) error {
			_, err := c.Shutdown(ctx, wire.Shutdown{})
			return err
		})
	}()
	select {
	case <-shut:
	case <-time.After(patience):
	}
	select {
	case <-h.ended:
	case <-time.After(patience):
		h.keeper.Process.Kill()
		for _, pid := range h.daemons() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for pid := range h.marked() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// marked are the live processes that this house's apps have started, and
// which run of which instance they belong to.
func (h *house) marked() map[int]string {
	want := markVar + "=" + h.home.Dir
	list := map[int]string{}
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		b, _ := os.ReadFile("/proc/" + d.Name() + "/environ")
		env := strings.Split(string(b), "\x00")
		ours, mark := false, ""
		for _, e := range env {
			ours = ours || e == want
			if v, ok := strings.CutPrefix(e, "VELOS_ID="); ok {
				mark = v
			}
		}
		if _, state, _ := stat(pid); ours && state != 'Z' && state != 'X' && state != 0 {
			list[pid] = mark
		}
	}
	return list
}

// stat is a process's name, state and parent; state is 0 when it is gone.
func stat(pid int) (name string, state byte, parent int) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	text := string(b)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if err != nil || open < 0 || end < open {
		return "", 0, 0
	}
	f := strings.Fields(text[end+1:])
	if len(f) < 2 {
		return "", 0, 0
	}
	parent, _ = strconv.Atoi(f[1])
	return text[open+1 : end], f[0][0], parent
}

func childrenOf(pid int) (list []int) {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for _, w := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(w); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// history is what the journal says of an app, the newest last.
func (h *house) history(id uint32) string {
	var b strings.Builder
	h.ask(func(ctx context.Context, c *client.Client) error {
		for e, err := range c.Events(ctx, wire.EventsQuery{ID: id, Last: 12}) {
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "    %s %s %s pid %d %s→%s %s\n", e.Time.Std().Format("05.000"), e.App, e.Kind, e.PID, e.From, e.To, e.Cause)
		}
		return nil
	})
	return b.String()
}
