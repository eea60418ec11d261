//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// A crash is the daemon killed again and again while children write.
type crash struct {
	kills, children, rate int

	tally
	early int             // kills of a daemon that was still taking over
	gaps  []time.Duration // from a kill to the list being right again
}

// life bounds how long a daemon that serves is left alone.
const life = time.Second

func (k *crash) run(p programs) error {
	h, err := p.raise()
	if err != nil {
		return err
	}
	defer h.end()
	before, err := k.writers(h)
	if err != nil {
		return err
	}
	for range k.kills {
		if err := k.kill(h, before); err != nil {
			return err
		}
	}
	return k.check(h, before)
}

// writers starts the children that write, and returns them as they are.
func (k *crash) writers(h *house) (map[string]velos.App, error) {
	for i := range k.children {
		s := h.spec("w"+strconv.Itoa(i), "write", strconv.Itoa(k.rate))
		s.MaxLogSize, s.MaxLogFiles = 1<<20, 10_000
		if err := h.start(s); err != nil {
			return nil, err
		}
	}
	return h.list()
}

// kill takes one daemon away: every third while it is still taking over from
// the one before.
func (k *crash) kill(h *house, before map[string]velos.App) error {
	time.Sleep(rand.N(life))
	pid, at, err := h.kill()
	if err != nil {
		return err
	}
	if rand.IntN(3) == 0 {
		if err := await("the next daemon", func() bool { d := h.daemons(); return len(d) > 0 && d[0] != pid }); err != nil {
			return err
		}
		time.Sleep(rand.N(30 * time.Millisecond))
		k.early++
		if pid, at, err = h.kill(); err != nil {
			return err
		}
	}
	if err := h.serving(pid); err != nil {
		return err
	}
	now, err := h.list()
	if err != nil {
		return err
	}
	k.gaps = append(k.gaps, time.Since(at))
	k.same(now, before)
	return nil
}

// same looks for whatever a crash of the daemon may not change.
func (k *crash) same(now, before map[string]velos.App) {
	if len(now) != len(before) {
		k.fault("%d apps in the list; want %d", len(now), len(before))
	}
	for name, old := range before {
		app := now[name]
		if len(app.Instances) == 0 {
			k.fault("%s is not in the list", name)
			continue
		}
		i, o := app.Instances[0], old.Instances[0]
		if i.PID != o.PID || max(i.Started-o.Started, o.Started-i.Started) > 100 || i.Restarts != 0 || !i.Wanted || i.Status != velos.Online {
			k.fault("%s: pid %d, started %d, %s, %d restarts; want pid %d, started %d, online, 0 restarts", name,
				i.PID, i.Started, i.Status, i.Restarts, o.PID, o.Started)
		}
	}
}

// check stops the children and counts their lines.
func (k *crash) check(h *house, before map[string]velos.App) error {
	for name, a := range before {
		err := h.ask(func(ctx context.Context, c *client.Client) error {
			_, err := c.Stop(ctx, wire.Stop{Target: wire.All(a.ID), Timeout: 20_000, Wait: true})
			return err
		})
		if err != nil {
			return fmt.Errorf("stop %s: %w", name, err)
		}
	}
	after, err := h.list()
	if err != nil {
		return err
	}
	for name := range before {
		if i := after[name].Instances[0]; i.LastExit == nil || i.LastExit.Code != 0 || i.LastExit.Signal != "" || i.LastExit.Unknown {
			k.fault("%s: stopped with %v; want code 0", name, i.LastExit)
		}
		if n := after[name].Log.Dropped; n > 0 {
			k.fault("%s: %d lines dropped", name, n)
		}
	}
	h.end() // compressors may be at work until here
	for name, a := range before {
		for _, stream := range []string{"out", "err"} {
			t, err := audit(h.home.LogDir(), name, stream, a.Instances[0].PID)
			if err != nil {
				return err
			}
			k.add(t)
		}
	}
	return nil
}
