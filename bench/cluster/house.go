//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

// programs are the paths of what is run.
type programs struct {
	dir   string // scratch: homes and scripts are made in it
	velos string // velosd stands beside it
	self  string // this program
}

// A house is velos with a home of its own. Everything goes through its
// command line: what is counted is what a user sees.
type house struct {
	programs
	dir string // its home, and the scripts beside it
}

func (p programs) raise() (*house, error) {
	dir, err := os.MkdirTemp(p.dir, "h")
	return &house{p, dir}, err
}

func (h *house) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, h.velos, args...)
	c.Dir = h.dir
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir, "VELOS_HOME=" + filepath.Join(h.dir, ".velos"), "LANG=C.UTF-8"}, env...)
	return c
}

// do runs velos, and returns what it wrote and its exit code.
func (h *house) do(env []string, args ...string) (out string, code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := h.command(ctx, env, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(b), exit.ExitCode(), nil
	}
	return string(b), 0, err
}

// ask has velos answer as JSON.
func (h *house) ask(v any, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := h.command(ctx, nil, append(args, "--json")...).Output()
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		err = fmt.Errorf("velos %s: %w", strings.Join(args, " "), err)
	}
	return err
}

// must is do where every exit code but 0 is an error.
func (h *house) must(env []string, args ...string) error {
	out, code, err := h.do(env, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("velos %s: exit code %d: %s", strings.Join(args, " "), code, strings.TrimSpace(out))
	}
	return err
}

// An instance is what is looked at in the list.
type instance struct {
	PID      int    `json:"pid"`
	Status   string `json:"status"`
	Restarts int    `json:"restart_count"`
}

// instances are those of an app.
func (h *house) instances(name string) ([]instance, error) {
	var list []struct {
		Name      string     `json:"name"`
		Instances []instance `json:"instances"`
	}
	if err := h.ask(&list, "list"); err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Name == name {
			return a.Instances, nil
		}
	}
	return nil, fmt.Errorf("%s is not in the list", name)
}

// whole reports an app that does not have n instances online.
func (h *house) whole(name string, n int) error {
	var list []instance
	err := rig.Await(patience, name+" has all its instances online", func() bool {
		list, _ = h.instances(name)
		return len(list) == n && !slices.ContainsFunc(list, func(i instance) bool { return i.Status != "online" })
	})
	if err != nil {
		return fmt.Errorf("%w: %+v", err, list)
	}
	return nil
}

// daemon is the pid of the one that answers.
func (h *house) daemon() (int, error) {
	var pong struct {
		PID int `json:"pid"`
	}
	err := h.ask(&pong, "ping")
	return pong.PID, err
}

// kill ends the daemon with SIGKILL and waits until the next one answers.
func (h *house) kill() error {
	pid, err := h.daemon()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	return rig.Await(patience, "a new daemon", func() bool {
		next, err := h.daemon()
		return err == nil && next != pid
	})
}

func (h *house) end() {
	_, _, _ = h.do(nil, "kill")
}

// A child is a program that this one has started itself.
type child struct {
	cmd  *exec.Cmd
	over chan struct{}
}

func begin(env []string, path string, args ...string) (*child, error) {
	c := &child{cmd: exec.Command(path, args...), over: make(chan struct{})}
	c.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	// In a session of its own, as a daemon has it: where the system groups
	// sessions, it would have less or more of a processor otherwise.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.over)
	}()
	return c, nil
}

func (c *child) end() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.over:
	case <-time.After(10 * time.Second):
		_ = c.cmd.Process.Kill()
	}
}
