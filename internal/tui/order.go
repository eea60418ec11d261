package tui

import (
	"context"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// An order waits for a yes.
type order struct {
	ask     string // what will happen
	command string // the same on the command line
	give    func(ctx context.Context, conn *client.Client) (did string, err error)
}

// question puts an order before whoever is there.
func (m *model) question(o order) tea.Cmd {
	if m.o.ReadOnly {
		m.complain("read-only: nothing is changed from here")
		m.status.command = o.command
		return nil
	}
	if !m.link.up {
		m.complain("no daemon answers: nothing can be changed now")
		return nil
	}
	m.mode, m.confirm = modeConfirm, o
	return nil
}

// order makes the question for a verb about the chosen row.
func (m *model) order(verb, arg string) tea.Cmd {
	r := m.table.chosen()
	if r == nil || r.old {
		m.complain(verb + ": no app is chosen")
		return nil
	}
	t := wire.Target{ID: r.app.ID, Inst: r.target().inst}
	o := order{command: "velos " + verb + " " + m.word(r)}
	n := len(r.app.Instances)
	if r.in != nil {
		n = 1
	}
	count := processes(n)
	switch verb {
	case "start":
		o.ask = "start " + r.name() + "?"
		o.give = give("started", r.name(), func(ctx context.Context, c *client.Client) error {
			_, err := c.Start(ctx, wire.Start{ID: t.ID, Inst: t.Inst, Wait: true})
			return err
		})
	case "stop":
		o.ask = "stop " + r.name() + "? " + count + " will end"
		o.give = give("stopped", r.name(), done(func(ctx context.Context, c *client.Client) (wire.Done, error) {
			return c.Stop(ctx, wire.Stop{Target: t, Wait: true})
		}))
	case "restart":
		o.ask = "restart " + r.name() + "? " + count + " will end and begin again"
		o.give = give("restarted", r.name(), done(func(ctx context.Context, c *client.Client) (wire.Done, error) {
			return c.Restart(ctx, wire.Restart{Target: t, Wait: true})
		}))
	case "reload":
		o.ask = "reload " + r.name() + "? " + count + " will be replaced, one after the other"
		o.give = reload(t, r.name())
	case "delete":
		if r.in != nil {
			m.complain("one instance cannot be deleted; scale the app, or stop it")
			return nil
		}
		o.ask = "delete " + r.name() + "? it is stopped and forgotten; its log files stay, and velos undelete brings it back"
		o.give = give("deleted", r.name(), done(func(ctx context.Context, c *client.Client) (wire.Done, error) { return c.Delete(ctx, t) }))
	case "reset":
		o.ask = "reset " + r.name() + "? its restarts are counted from 0"
		o.give = give("counted from 0:", r.name(), done(func(ctx context.Context, c *client.Client) (wire.Done, error) { return c.Reset(ctx, t) }))
	case "scale":
		return m.scale(r, arg)
	case "signal":
		return m.signal(r, arg)
	}
	return m.question(o)
}

// word is the row's name as it is typed into a shell.
func (m *model) word(r *row) string {
	name := r.app.Spec.Name
	if r.in != nil {
		name += ":" + strconv.Itoa(r.in.Inst)
	}
	return shown(m.o.Quote(name))
}

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return strconv.Itoa(n) + " processes"
}

// give words what an order came to.
func give(did, name string, f func(context.Context, *client.Client) error) func(context.Context, *client.Client) (string, error) {
	return func(ctx context.Context, c *client.Client) (string, error) { return did + " " + name, f(ctx, c) }
}

func done(f func(context.Context, *client.Client) (wire.Done, error)) func(context.Context, *client.Client) error {
	return func(ctx context.Context, c *client.Client) error { _, err := f(ctx, c); return err }
}

func reload(t wire.Target, name string) func(context.Context, *client.Client) (string, error) {
	return func(ctx context.Context, c *client.Client) (string, error) {
		r, err := c.Reload(ctx, wire.Reload{Target: t, Parallel: 1})
		if r.Restarted {
			return "restarted " + name + " one by one: " + shown(r.Why), err
		}
		return "reloaded " + name, err
	}
}

// scale asks for a number of instances: N, +N or -N.
func (m *model) scale(r *row, arg string) tea.Cmd {
	if r.in != nil {
		m.complain("one instance cannot be scaled; choose its app")
		return nil
	}
	n, err := strconv.Atoi(arg)
	now := len(r.app.Instances)
	by := strings.HasPrefix(arg, "+") || strings.HasPrefix(arg, "-")
	then := n
	if by {
		then += now
	}
	if err != nil || then < 1 || then > velos.MaxInstances {
		m.complain("scale: a number from 1 on, +N or -N")
		return nil
	}
	o := order{command: "velos scale " + m.word(r) + " " + arg, ask: "scale " + r.name() + "? from " + strconv.Itoa(now) + " to " + processes(then)}
	s := wire.Scale{ID: r.app.ID, Count: n, By: by}
	o.give = give("scaled", r.name()+" to "+strconv.Itoa(then), done(func(ctx context.Context, c *client.Client) (wire.Done, error) { return c.Scale(ctx, s) }))
	return m.question(o)
}

func (m *model) signal(r *row, arg string) tea.Cmd {
	n, err := m.o.Signal(arg)
	if err != nil {
		m.complain(shown(err.Error()))
		return nil
	}
	word := strings.ToUpper(arg)
	t := r.target()
	o := order{command: "velos signal " + word + " " + m.word(r), ask: "send " + word + " to " + r.name() + "?"}
	s := wire.Signal{Target: wire.Target{ID: t.id, Inst: t.inst}, Signal: n}
	o.give = give("sent "+word+" to", r.name(), done(func(ctx context.Context, c *client.Client) (wire.Done, error) { return c.Signal(ctx, s) }))
	return m.question(o)
}
