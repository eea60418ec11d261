//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// Ends is children told to end at the moment when the daemon is killed, or
// while there is none: their exit codes must be true all the same.
type ends struct {
	rounds, children int

	codes, wrong, unknown int
	Faults                []string
}

func (e *ends) run(p programs) error {
	h, err := p.raise()
	if err != nil {
		return err
	}
	defer h.end()
	for i := range e.children {
		s := h.spec("e"+strconv.Itoa(i), "wait")
		s.Autorestart, s.MinUptime = velos.Never, 0
		if err := h.start(s); err != nil {
			return err
		}
	}
	for round := range e.rounds {
		if err := e.round(h, round); err != nil {
			return err
		}
	}
	return nil
}

func (e *ends) round(h *house, round int) error {
	apps, err := h.list()
	if err != nil {
		return err
	}
	if round > 0 {
		// An order for what runs changes nothing.
		if err := startAll(h, apps); err != nil {
			return err
		}
	}
	if apps, err = e.ready(h); err != nil {
		return err
	}
	// The daemon dies somewhere among its children.
	at := rand.IntN(e.children + 1)
	pid, n := 0, 0
	for name, a := range apps {
		if n == at {
			if pid, _, err = h.kill(); err != nil {
				return err
			}
		}
		n++
		if err := syscall.Kill(a.Instances[0].PID, howToEnd(name, round)); err != nil {
			return fmt.Errorf("end %s: %w", name, err)
		}
		if rand.IntN(4) == 0 {
			time.Sleep(rand.N(2 * time.Millisecond))
		}
	}
	if pid == 0 {
		if pid, _, err = h.kill(); err != nil {
			return err
		}
	}
	if err := h.serving(pid); err != nil {
		return err
	}
	return e.check(h, apps, round)
}

// howToEnd is SIGKILL for half of the children, and for the others a signal
// at which they exit with code 7.
func howToEnd(name string, round int) syscall.Signal {
	if (int(name[len(name)-1])+round)%2 == 0 {
		return syscall.SIGKILL
	}
	return syscall.SIGUSR1
}

func startAll(h *house, apps map[string]velos.App) error {
	for _, a := range apps {
		err := h.ask(func(ctx context.Context, c *client.Client) error {
			_, err := c.Start(ctx, wire.Start{ID: a.ID, Wait: true, Inst: -1})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ready waits until every child has said that it listens to signals.
func (e *ends) ready(h *house) (apps map[string]velos.App, err error) {
	err = await("the children to be ready", func() bool {
		if apps, err = h.list(); err != nil {
			return true
		}
		for _, a := range apps {
			ok := false
			h.ask(func(ctx context.Context, c *client.Client) error {
				for l, err := range c.Logs(ctx, a.ID, velos.Query{Inst: -1, Last: 1}) {
					ok = err == nil && l.PID == a.Instances[0].PID
				}
				return nil
			})
			if !ok {
				return false
			}
		}
		return true
	})
	return apps, err
}

func (e *ends) check(h *house, before map[string]velos.App, round int) error {
	var apps map[string]velos.App
	late := ""
	err := await("the ends to be known", func() bool {
		var err error
		if apps, err = h.list(); err != nil {
			return false
		}
		for name := range before {
			if i := apps[name].Instances; len(i) == 0 || i[0].Status != velos.Stopped && (i[0].PID == 0 || i[0].PID == before[name].Instances[0].PID) {
				late = fmt.Sprintf("%s, pid %d: %+v", name, before[name].Instances[0].PID, i)
				return false
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, late)
	}
	for name, b := range before {
		e.codes++
		i := apps[name].Instances[0]
		x := i.LastExit
		if i.Status != velos.Stopped {
			e.wrong++
			e.Faults = append(e.Faults, fmt.Sprintf("%s, pid %d, ended by %v, was started again, which its policy forbids; on record is %+v\n%s",
				name, b.Instances[0].PID, howToEnd(name, round), x, h.history(b.ID)))
			continue
		}
		killed := howToEnd(name, round) == syscall.SIGKILL
		switch {
		case x != nil && x.Unknown:
			e.unknown++
		case x == nil || x.PID != b.Instances[0].PID || killed != (x.Signal == "SIGKILL") || !killed && x.Code != 7:
			e.wrong++
			e.Faults = append(e.Faults, fmt.Sprintf("%s, pid %d, ended by %v: on record is %+v", name, b.Instances[0].PID,
				howToEnd(name, round), x))
		}
	}
	return nil
}
