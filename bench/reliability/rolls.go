//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// Rolls are reloads and changes of the number of instances of an app that
// serves a port, among which the daemon is killed. The port must answer all the
// time, and each instance must run once when it is over.
type rolls struct {
	name, address string
	id            uint32
	Faults        []string
}

// roller starts an app for rolls; points that these do not pass need none, and
// get rolls that do nothing.
func (f *fault) roller(h *house) (*rolls, error) {
	switch room, _, _ := strings.Cut(f.point, "."); room {
	case "reload", "ready", "hold", "scale", "adopt", "upgrade":
	default:
		return &rolls{}, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &rolls{name: "served", address: l.Addr().String()}
	_ = l.Close()
	s := h.spec(r.name, "serve")
	s.Listen, s.ListenReuse, s.WaitReady, s.Instances = []string{"tcp://" + r.address}, true, true, 2
	return r, await("start "+r.name, func() bool { // the daemon may die of it
		_ = h.start(s)
		apps, err := h.list()
		a, there := apps[r.name]
		r.id = a.ID
		return err == nil && there && a.Status == velos.Online
	})
}

// round gives each order once, and looks at what has come of them.
func (r *rolls) round(h *house) error {
	if r.name == "" {
		return nil
	}
	over := make(chan struct{})
	asked := make(chan []string, 1)
	go r.calls(over, asked)
	scale := func(n int) func(context.Context, *client.Client) error {
		return func(ctx context.Context, c *client.Client) error {
			_, err := c.Scale(ctx, wire.Scale{ID: r.id, Count: n})
			return err
		}
	}
	reload := func(ctx context.Context, c *client.Client) error {
		_, err := c.Reload(ctx, wire.Reload{Target: wire.All(r.id)})
		return err
	}
	for _, order := range []func(context.Context, *client.Client) error{scale(3), reload, scale(2), scale(3), scale(2)} {
		if err := h.ask(order); err != nil && !errors.Is(err, velos.ErrUnreachable) {
			r.Faults = append(r.Faults, fmt.Sprintf("%s: %v", r.name, err))
		}
	}
	faults, err := inventory(h)
	r.Faults = append(r.Faults, faults...)
	close(over)
	r.Faults = append(r.Faults, <-asked...)
	return err
}

// calls calls the app until over, and says which calls were not answered.
func (r *rolls) calls(over chan struct{}, asked chan<- []string) {
	var bad []string
	for len(bad) < 5 {
		select {
		case <-over:
			asked <- bad
			return
		case <-time.After(5 * time.Millisecond):
		}
		c, err := net.DialTimeout("tcp", r.address, patience)
		if err == nil {
			_ = c.SetDeadline(time.Now().Add(patience))
			var b []byte
			if b, err = io.ReadAll(c); err == nil && string(b) != "hello" {
				err = fmt.Errorf("it said %q", b)
			}
			_ = c.Close()
		}
		if err != nil {
			bad = append(bad, fmt.Sprintf("call %s: %v", r.address, err))
		}
	}
	<-over
	asked <- bad
}
