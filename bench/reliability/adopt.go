//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// Adoption is how long a new daemon needs until every survivor is its own.
type adoption struct {
	children, rounds int

	started []time.Duration // from the new daemon's fork to its last adoption on record
	killed  []time.Duration // from the kill to a list that is right
}

func (a *adoption) run(p programs) error {
	h, err := p.raise()
	if err != nil {
		return err
	}
	defer h.end()
	s := h.spec("quiet", "wait")
	s.Script, s.Args, s.Instances = "/bin/sleep", []string{"infinity"}, a.children
	if err := h.start(s); err != nil {
		return err
	}
	before, err := h.list()
	if err != nil {
		return err
	}
	for range a.rounds {
		if err := a.round(h, before["quiet"]); err != nil {
			return err
		}
	}
	return nil
}

func (a *adoption) round(h *house, before velos.App) error {
	time.Sleep(300 * time.Millisecond) // the state is written, and the machine at rest
	seq := uint64(0)
	h.ask(func(ctx context.Context, c *client.Client) error {
		for e, err := range c.Events(ctx, wire.EventsQuery{Last: 1}) {
			if err == nil {
				seq = e.Seq
			}
		}
		return nil
	})
	pid, at, err := h.kill()
	if err != nil {
		return err
	}
	if err := h.serving(pid); err != nil {
		return err
	}
	apps, err := h.list()
	if err != nil {
		return err
	}
	took := time.Since(at)
	for i, in := range apps["quiet"].Instances {
		if b := before.Instances[i]; in.PID != b.PID || in.Status != velos.Online || in.Restarts != 0 {
			return fmt.Errorf("instance %d: pid %d, %s, %d restarts; want pid %d, online", i, in.PID, in.Status, in.Restarts, b.PID)
		}
	}
	a.killed = append(a.killed, took)
	born, err := birth(h.daemon())
	if err != nil {
		return err
	}
	last, n := time.Time{}, 0
	err = h.ask(func(ctx context.Context, c *client.Client) error {
		for e, err := range c.Events(ctx, wire.EventsQuery{After: seq}) {
			if err != nil {
				return err
			}
			if strings.HasPrefix(e.Cause, "adopted") {
				last = e.Time.Std()
				n++
			}
		}
		return nil
	})
	if n != a.children {
		return fmt.Errorf("%d adoptions on record; want %d (%v)", n, a.children, err)
	}
	a.started = append(a.started, last.Sub(born))
	return err
}

// birth is when a process was forked, to 10 ms.
func birth(pid int) (time.Time, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return time.Time{}, err
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 20 {
		return time.Time{}, fmt.Errorf("stat of %d: %s", pid, b)
	}
	ticks, err := strconv.ParseInt(f[19], 10, 64)
	boot, e := bootTime()
	if err == nil {
		err = e
	}
	return boot.Add(time.Duration(ticks) * 10 * time.Millisecond), err
}

// bootTime is when the clock of process starts began.
func bootTime() (time.Time, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Time{}, err
	}
	return time.Now().Add(-time.Duration(t.Nano())), nil
}
