// Package otel sends what the daemon knows to an OpenTelemetry collector: figures, the runs of programs as spans, and log lines. The daemon's own
// files are the queue: what could not be delivered is read again from where the last delivery ended. It decides nothing and measures nothing.
package otel

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/metrics"
	"github.com/velospm/velos/internal/view"
)

// What is taken where nothing else is said.
const (
	everyTick    = time.Second      // how often lines and events are looked for
	everyFigures = time.Minute      // how often figures are sent, as OpenTelemetry has it
	lastWords    = 3 * time.Second  // what is left to send when the end is asked for
	askWithin    = 10 * time.Second // what the daemon may take to answer
	pauseFirst   = time.Second      // before a delivery is tried again
	pauseMost    = time.Minute
)

// Options say what is sent, from where and to whom.
type Options struct {
	Dial     func() (*client.Client, error)
	Home     home.Home
	Config   config.OTel
	Endpoint string            // of the command line; it wins over everything
	Interval time.Duration     // of figures, of the command line; 0: not said
	Once     bool              // send what there is, and end
	Vars     map[string]string // the environment
	Notice   func(text string)

	tick, pause time.Duration // 0: the defaults
}

// An Exporter sends until it is told to end.
type Exporter struct {
	o       Options
	cursors *cursors
	base    facts
	every   time.Duration
	lanes   []*lane
	figures *metrics.Exporter
	counts  counts
	hard    context.Context // ends a moment after the end was asked for

	mu    sync.Mutex // around the newest look at the daemon
	seen  []velos.App
	at    time.Time
	masks map[uint32]mask
}

// Run sends until ctx ends, and what is left for a moment more. Only one at a
// time serves a home: the error has the code Conflict for the second.
func Run(ctx context.Context, o Options) error {
	lock, err := o.Home.Own("otel.json")
	if err != nil {
		return err
	}
	defer lock.Close()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Notice("otel: " + view.Text(err.Error())) }))
	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, stop) })()
	x, err := prepare(ctx, o)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	x.hard = hard
	var all sync.WaitGroup
	for _, l := range x.lanes {
		all.Go(func() { l.run(ctx) })
	}
	all.Wait()
	if err := x.cursors.save(); err != nil || !o.Once {
		return err
	}
	for _, l := range x.lanes {
		if l.down {
			return &velos.Error{Code: velos.Unreachable, Message: "otel: the collector did not take the " + l.name, Hint: "is it at " + l.url + "?"}
		}
	}
	return nil
}

// prepare makes the lanes of the signals that are wanted.
func prepare(ctx context.Context, o Options) (*Exporter, error) {
	o.tick, o.pause = cmpOr(o.tick, everyTick), cmpOr(o.pause, pauseFirst)
	x := &Exporter{o: o, figures: metrics.New(o.Dial), masks: map[uint32]mask{}}
	var err error
	if x.every, err = o.interval(); err != nil {
		return nil, err
	}
	if x.cursors, err = readCursors(o.Home, o.Notice); err != nil {
		return nil, err
	}
	if x.base, err = factsOf(ctx, &o); err != nil {
		return nil, err
	}
	for _, make := range []func(context.Context, *Exporter) (*lane, error){newTraces, newFigures, newLines} {
		l, err := make(ctx, x)
		if err != nil {
			return nil, err
		}
		if l != nil {
			x.lanes = append(x.lanes, l)
		}
	}
	if len(x.lanes) == 0 {
		return nil, &velos.Error{Code: velos.Invalid, Message: "otel: traces, metrics and logs are all switched off", Hint: "see [otel] in config.toml and the variables OTEL_*_EXPORTER"}
	}
	for _, l := range x.lanes {
		o.Notice("sending " + l.name + " to " + view.Text(l.url))
	}
	return x, nil
}

func cmpOr(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// wanted reports whether an app is among those that are sent.
func (x *Exporter) wanted(name string) bool {
	return len(x.o.Config.Apps) == 0 || slices.Contains(x.o.Config.Apps, name)
}

// apps is every app, as it was less than half a tick ago: lanes
// that look at the same moment look once.
func (x *Exporter) apps(ctx context.Context, c *client.Client) ([]velos.App, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if now := time.Now(); x.at.IsZero() || now.Sub(x.at) > x.o.tick/2 {
		list, err := c.List(ctx)
		if err != nil {
			return nil, err
		}
		if err := x.remask(ctx, c, list.Apps); err != nil {
			return nil, err
		}
		x.seen, x.at = list.Apps, now
	}
	return x.seen, nil
}

// lookAgain has the next look be a new one.
func (x *Exporter) lookAgain() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at = time.Time{}
}
