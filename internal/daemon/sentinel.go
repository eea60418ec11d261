package daemon

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/logs"
	"github.com/velospm/velos/internal/wire"
)

// A sentinel is the helper that looks closer at apps whose last minute was
// unusual: velos, which knows the detector, at low priority, one at a time. It
// is told of apps when a minute closes, which bounds how often it runs.
type sentinel struct {
	apps []uint32 // still to be looked at; guarded by the helper's mutex
	busy bool     // likewise
	pid  atomic.Int64
}

const (
	mostExamined = 256              // apps that may wait; more are looked at when they are unusual again
	sentinelTime = 30 * time.Second // then it is ended
)

// examine takes apps on the list and returns at once.
func (h *helper) examine(apps []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watch == nil {
		h.watch = &sentinel{}
	}
	w := h.watch
	for _, id := range apps {
		if !slices.Contains(w.apps, id) && len(w.apps) < mostExamined {
			w.apps = append(w.apps, id)
		}
	}
	if !w.busy {
		w.busy = true
		go h.look(w)
	}
}

// look runs until nothing waits.
func (h *helper) look(w *sentinel) {
	for {
		h.mu.Lock()
		apps := w.apps
		w.apps = nil
		w.busy = len(apps) > 0
		h.mu.Unlock()
		if len(apps) == 0 {
			return
		}
		args := []string{"sentinel"}
		for _, id := range apps {
			args = append(args, itoa(int(id)))
		}
		p, err := h.start(-1, args...)
		if err != nil {
			say("velosd: sentinel: " + err.Error())
			continue
		}
		lowPriority(p.PID())
		w.pid.Store(int64(p.PID()))
		x := endOf(p)
		w.pid.Store(0)
		if x.Code != 0 || x.Signal != "" {
			say("velosd: sentinel: " + ended(x))
		}
	}
}

// endOf waits for the end of a helper, which it brings about after a while.
func endOf(p *child.Process) child.Exit {
	t := time.NewTimer(sentinelTime)
	defer t.Stop()
	select {
	case x := <-p.Exited():
		return x
	case <-t.C:
		_ = p.Kill() // an error means that it has ended already
		return <-p.Exited()
	}
}

// isSentinel reports whether a process is the helper that runs now.
func (h *helper) isSentinel(pid int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.watch != nil && pid > 0 && h.watch.pid.Load() == int64(pid)
}

// mostCause bounds what a helper may say.
const mostCause = 500

// addEvent records what a helper has found. Nothing but alarms can be said by
// others than the daemon: the journal is what the daemon knows.
func (c *call) addEvent(context.Context) (velos.Record, error) {
	var q wire.Finding
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	a := q.Alarm
	if a != nil && !(sane(a.Current) && sane(a.Mean) && sane(a.StdDev) && sane(a.Sigma)) {
		return nil, &velos.Error{Code: velos.Invalid, Message: "add an event: a figure of the alarm is no number"}
	}
	if q.Kind != velos.KindAlarm || a == nil || a.Metric == "" || len(a.Metric) > 64 || q.Cause == "" || len(q.Cause) > mostCause ||
		a.Severity != "warning" && a.Severity != "critical" {
		return nil, &velos.Error{Code: velos.Invalid, Message: "add an event: only an alarm with a metric, a severity and a cause can be added"}
	}
	app, err := c.d.sup.Info(q.ID)
	if err != nil {
		return nil, err
	}
	who := c.by()
	if c.d.helper.isSentinel(who.PID) {
		who = velos.Policy
	}
	c.d.event(velos.Event{Kind: velos.KindAlarm, App: app.Spec.Name, ID: q.ID, Inst: -1, Cause: q.Cause, Alarm: a, Actor: who, Gen: app.Generation})
	return &wire.Done{Success: true}, nil
}

// sane keeps what JSON cannot say out of the journal.
func sane(v float64) bool { return v >= 0 && v < 1e15 }

// minutes streams how much an app wrote.
func (c *call) minutes(ctx context.Context) (velos.Record, error) {
	var q wire.MinutesQuery
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	log, err := c.log(q.ID)
	if err != nil {
		return nil, err
	}
	return nil, c.sendMinutes(ctx, log, &q)
}

func (c *call) sendMinutes(ctx context.Context, log *logs.Log, q *wire.MinutesQuery) error {
	var out wire.Minutes
	var sent error
	err := log.Minutes(q.Since, q.Until, func(m velos.Minute) bool {
		out.Minutes = append(out.Minutes, m)
		if len(out.Minutes) == pieceEntries {
			sent = c.piece(&out)
			out.Minutes = out.Minutes[:0]
		}
		return sent == nil && ctx.Err() == nil
	})
	switch {
	case sent != nil:
		return sent
	case ctx.Err() != nil:
		return c.cut()
	case err != nil:
		return err
	case len(out.Minutes) > 0:
		return c.piece(&out)
	}
	return nil
}
