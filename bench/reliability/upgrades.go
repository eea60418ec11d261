//go:build linux

package main

import (
	"context"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// A renewal is the daemon replaced in place again and again, while children
// write and others end at the same time.
type renewal struct {
	crash
	upgrades int
	wrong    int // ends with another code than they had
	ends     int
}

func (n *renewal) run(p programs) error {
	h, err := p.raise()
	if err != nil {
		return err
	}
	defer h.end()
	before, err := n.writers(h)
	if err != nil {
		return err
	}
	for i := range n.upgrades {
		if err := n.one(h, p, i, before); err != nil {
			return err
		}
	}
	if err := n.codes(h); err != nil {
		return err
	}
	return n.check(h, before)
}

// one starts a child that ends at about the moment of the upgrade, and
// upgrades.
func (n *renewal) one(h *house, p programs, i int, before map[string]velos.App) error {
	s := h.spec("x"+strconv.Itoa(i), "write", "1")
	s.Shell, s.Interpreter, s.Script, s.Args = true, "", "/bin/sh", nil
	s.Command = "sleep 0.0" + strconv.Itoa(i%10) + "; exit " + strconv.Itoa(20+i)
	s.Autorestart, s.MinUptime = velos.Never, 0
	asked := time.Now()
	err := h.ask(func(ctx context.Context, c *client.Client) error {
		if _, err := c.Start(ctx, wire.Start{Spec: s, Inst: -1}); err != nil {
			return err
		}
		asked = time.Now()
		_, err := c.Upgrade(ctx, wire.Upgrade{Path: p.velosd})
		return err
	})
	if err != nil {
		return err
	}
	err = await("the new program", func() bool {
		ok := false
		_ = h.ask(func(ctx context.Context, c *client.Client) error {
			pong, err := c.Ping(ctx)
			ok = err == nil && pong.Uptime.Std() <= time.Since(asked)
			return err
		})
		return ok
	})
	if err != nil {
		return err
	}
	n.gaps = append(n.gaps, time.Since(asked))
	now, err := h.list()
	if err != nil {
		return err
	}
	for name := range now {
		if _, ok := before[name]; !ok {
			delete(now, name) // those that end
		}
	}
	n.same(now, before)
	return nil
}

// codes compares how the short ones ended with what they were told.
func (n *renewal) codes(h *house) error {
	apps := map[string]velos.App{}
	err := await("all ends", func() bool {
		apps, _ = h.list()
		for i := range n.upgrades {
			if a, ok := apps["x"+strconv.Itoa(i)]; !ok || a.Instances[0].LastExit == nil {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	for i := range n.upgrades {
		n.ends++
		if x := apps["x"+strconv.Itoa(i)].Instances[0].LastExit; x.Code != 20+i || x.Signal != "" || x.Unknown {
			n.wrong++
			n.fault("x%d: %v; want code %d", i, x, 20+i)
		}
	}
	return nil
}
