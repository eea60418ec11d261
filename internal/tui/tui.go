// Package tui is the full-screen view of velos monit: a table of apps, their
// lines, what happened and why, and orders with a question before each. It owns
// the screen, the keys and the short past of figures that it draws; what was
// recorded before it gets from who runs it. It asks the daemon as every other
// client does, starts none, and how a single fact looks is view's.
package tui

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
)

const (
	// perSecond is how often the screen is drawn at most: what nobody can read
	// need not be drawn.
	perSecond = 10
	// newsPerSecond is how often it changes by itself.
	newsPerSecond = 5
)

// Options say what to watch, and what the terminal can do.
type Options struct {
	Dial  func() (*client.Client, error) // connects to a daemon that is there
	Meant func([]velos.App) []velos.App  // those that are watched; nil is all
	// What was recorded of one app, and lately of all instances.
	Past     func(ctx context.Context, p *view.Past) error
	Recent   func(ctx context.Context, q *view.Past) ([]view.Past, error)
	Signal   func(word string) (int, error) // the number of a signal
	Quote    func(word string) string       // a word as a shell would have it written
	In       io.Reader                      // keys come from here
	Out      io.Writer                      // the terminal
	Env      []string                       // KEY=VALUE, for what the terminal is
	Color    bool                           // colours may be used
	ASCII    bool                           // nothing but ASCII is drawn
	ReadOnly bool                           // no orders
	Interval time.Duration                  // between figures; 0 is as the daemon likes
	Cores    int                            // of this machine
	Now      func() time.Time
	Loc      *time.Location
}

// Run shows the view until somebody leaves it or ctx ends.
func Run(ctx context.Context, o Options) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f := newFeed(o)
	m := newModel(o, machineMemory())
	m.want, m.look, m.carry = f.want, f.look, f.carry
	profile := colorprofile.ASCII
	if o.Color {
		profile = colorprofile.ANSI
	}
	var gone atomic.Bool
	in := listen(o.In, func() { gone.Store(true); stop() })
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(o.Out), tea.WithEnvironment(o.Env),
		tea.WithFPS(perSecond), tea.WithColorProfile(profile), tea.WithoutSignalHandler())
	suspend := make(chan struct{}, 1)
	m.suspend = func() { wake(suspend) }
	after := signals(ctx, p, stop, suspend)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.run(ctx, p.Send)
	}()
	_, err := p.Run()
	stop()
	<-done
	after()
	if gone.Load() {
		return errGone
	}
	if errors.Is(err, tea.ErrProgramKilled) && errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return err
}
