//go:build linux

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
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// A setting is a daemon whose clock is set while it lives, and between two
// daemons. The machine's own clock is everybody's, so velosd is built with
// another time.Now, which adds what a file says to the time of day; timers and
// the monotonic clock are as they were.
type setting struct {
	file string
	off  time.Duration // what the file says
	tally
}

const steps = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// stepped is a page of a file. The runtime asks for the time where no system
// call may be made.
var stepped *int64

func init() {
	path, _ := syscall.Getenv("VELOS_CLOCK")
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	if b, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED); err == nil {
		stepped = (*int64)(unsafe.Pointer(&b[0]))
	}
	syscall.Close(fd)
}

// steps are the seconds by which somebody has set the clock.
func steps() int64 {
	if stepped == nil {
		return 0
	}
	return atomic.LoadInt64(stepped)
}
`

// buildSettable builds a velosd whose clock can be set.
func buildSettable(root, velosd string) error {
	dir, err := os.MkdirTemp(filepath.Dir(velosd), "overlay")
	if err != nil {
		return err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	std := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time")
	text, err := os.ReadFile(filepath.Join(std, "time.go"))
	if err != nil {
		return err
	}
	const call = "sec, nsec, mono := runtimeNow()\n"
	at := strings.Index(string(text), "func Now() Time {")
	if at < 0 || !strings.Contains(string(text[at:]), call) {
		return errors.New("time.Now of this Go is not the one that we know")
	}
	changed := string(text[:at]) + strings.Replace(string(text[at:]), call, call+"sec += steps()\n", 1)
	overlay := map[string]string{filepath.Join(std, "time.go"): filepath.Join(dir, "time.go"), filepath.Join(std, "steps.go"): filepath.Join(dir, "steps.go")}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	for name, b := range map[string][]byte{"time.go": []byte(changed), "steps.go": []byte(steps), "overlay.json": list} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	if err != nil {
		return err
	}
	c := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", velosd, "./cmd/velosd")
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// set makes the daemon's clock this far wrong.
func (k *setting) set(off time.Duration) error {
	k.off = off
	f, err := os.OpenFile(k.file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(off/time.Second)), 0)
	return errors.Join(err, f.Close())
}

// now is the time as the daemon has it.
func (k *setting) now() velos.Time { return velos.TimeOf(time.Now().Add(k.off)) }

func (k *setting) run(p programs) error {
	k.file = filepath.Join(p.dir, "clock")
	if err := k.set(0); err != nil {
		return err
	}
	h, err := p.raise("VELOS_CLOCK=" + k.file)
	if err != nil {
		return err
	}
	defer h.end()
	c := crash{children: 1, rate: 200}
	before, err := c.writers(h)
	if err != nil {
		return err
	}
	born := time.Now()
	again := h.spec("again", "")
	again.Script, again.Args, again.RestartDelay = "/bin/sh", []string{"-c", "exit 1"}, 500
	_ = h.start(again) // it never becomes online
	for _, off := range []time.Duration{time.Hour, -time.Hour, 0} {
		for _, killed := range []bool{false, true} {
			if err := k.step(h, off, killed); err != nil {
				return err
			}
			if err := k.look(h, before["w0"], born); err != nil {
				return fmt.Errorf("clock at %v, killed %v: %w", off, killed, err)
			}
			off += time.Hour // and once more, while no daemon looks
		}
	}
	err = c.check(h, map[string]velos.App{"w0": before["w0"]})
	k.add(c.tally)
	return err
}

// step sets the clock, under a follower or between two daemons.
func (k *setting) step(h *house, off time.Duration, killed bool) error {
	if killed {
		pid, _, err := h.kill()
		if err == nil {
			err = k.set(off)
		}
		if err == nil {
			err = h.serving(pid)
		}
		return err
	}
	return h.ask(func(ctx context.Context, c *client.Client) error {
		list, err := c.List(ctx)
		if err != nil {
			return err
		}
		last, set := uint64(0), false
		for e, err := range c.Logs(ctx, list.Apps[0].ID, velos.Query{Inst: -1, Follow: true, Since: k.now() - 100}) {
			if err != nil {
				return err
			}
			if e.Seq <= last { // lines stamped by a clock that was ahead are among them
				k.fault("a follower got line %d after %d", e.Seq, last)
			}
			last = e.Seq
			if !set {
				set = true
				if err := k.set(off); err != nil {
					return err
				}
			}
			if d := k.now() - e.Time; d > -5000 && d < 5000 && e.Time != 0 {
				return nil
			}
		}
		return errors.New("the follower has ended")
	})
}

// look checks what must not notice.
func (k *setting) look(h *house, was velos.App, born time.Time) error {
	return h.ask(func(ctx context.Context, c *client.Client) error {
		began := time.Now() // before its restarts are counted: a busy machine may pause after
		list, err := c.List(ctx)
		if err != nil {
			return err
		}
		w, again := list.Apps[0], list.Apps[1]
		i := w.Instances[0]
		up, real := velos.Millis(k.now()-i.Started).Std(), time.Since(born)
		if i.PID != was.Instances[0].PID || i.Status != velos.Online || i.Restarts != 0 || (up-real).Abs() > 30*time.Second || i.Since < i.Started || i.Since > k.now() {
			k.fault("clock at %v: pid %d, %s, %d restarts, up %v, %v since; want pid %d, up %v", k.off, i.PID, i.Status, i.Restarts, up,
				velos.Millis(k.now()-i.Since).Std(), was.Instances[0].PID, real)
		}
		// Timers: what waits for its next start gets it, neither late nor at once.
		restarts := again.Restarts()
		err = await("two restarts after a pause", func() bool {
			a, e := c.Info(ctx, wire.All(again.ID))
			return e == nil && a.Restarts() >= restarts+2
		})
		if took := time.Since(began); err != nil || took < 500*time.Millisecond {
			k.fault("clock at %v: two restarts took %v, %v", k.off, took, err)
		}
		// Logs of the last seconds, and the order of the journal.
		n := 0
		for e, err := range c.Logs(ctx, w.ID, velos.Query{Inst: -1, Since: k.now() - 10_000, Last: 5}) {
			if err != nil {
				return err
			}
			if n++; e.Time > k.now()+1000 {
				k.fault("clock at %v: the newest lines are of %v", k.off, e.Time.Std())
			}
		}
		if n != 5 {
			k.fault("clock at %v: %d lines in the last ten seconds", k.off, n)
		}
		last := uint64(0)
		for e, err := range c.Events(ctx, wire.EventsQuery{}) {
			if err != nil {
				return err
			}
			if e.Seq <= last {
				k.fault("event %d after %d", e.Seq, last)
			}
			last = e.Seq
		}
		return nil
	})
}
