package fan

import (
	"bytes"
	"context"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Own is the daemon's figures as every door shows them.
type Own struct {
	Time      velos.Time   `json:"ts"`
	PID       int          `json:"pid"`
	Uptime    velos.Millis `json:"uptime_ms"`
	RSS       int64        `json:"rss_bytes"`
	Anon      int64        `json:"anon_bytes"`
	CPU       velos.Millis `json:"cpu_ms"`
	Apps      int          `json:"apps"`
	Instances int          `json:"instances"`
	Clients   int          `json:"clients"`
	Requests  uint64       `json:"requests"`
	Events    uint64       `json:"events"`
}

// OwnOf is m in that shape.
func OwnOf(m *wire.Metrics) Own {
	d := &m.Daemon
	return Own{m.Time, d.PID, d.Uptime, d.RSS, d.Anon, d.CPU, d.Apps, d.Instances, d.Clients, d.Requests, d.Events}
}

// Usage is the figures of an app as every door shows them.
type Usage struct {
	ID        uint32          `json:"id"`
	Name      string          `json:"name"`
	Time      velos.Time      `json:"ts"`
	Usage     velos.Usage     `json:"usage"` // of all instances
	Instances []InstanceUsage `json:"instances"`
}

// InstanceUsage is that of one instance.
type InstanceUsage struct {
	Inst     int          `json:"instance"`
	Status   velos.Status `json:"status"`
	PID      int          `json:"pid"`
	Restarts int          `json:"restart_count"`
	Usage    velos.Usage  `json:"usage"`
}

// UsageOf is m in that shape.
func UsageOf(m *wire.Metrics) Usage {
	whole := velos.App{Instances: m.Instances}
	a := Usage{ID: m.ID, Name: m.Name, Time: m.Time, Usage: whole.Usage(), Instances: []InstanceUsage{}}
	for i := range m.Instances {
		in := &m.Instances[i]
		a.Instances = append(a.Instances, InstanceUsage{in.Inst, in.Status, in.PID, in.Restarts, in.Usage})
	}
	return a
}

// A Round is the figures of one moment. All who read share it.
type Round struct {
	Time   velos.Time
	Daemon []byte // JSON, as the apps are
	Apps   []Item
	due    int // apps that are still to come
}

// figures is the stream of figures, for all who read them.
type figures struct {
	crowd[*Figures]

	// The crowd's mu guards these.
	every   time.Duration // the shortest that somebody wants
	restart context.CancelFunc
}

// Figures is one reader of figures: the newest round is what it gets, however
// many it was too slow for.
type Figures struct {
	of    *figures
	every time.Duration
	wake  func()

	next *Round // figures.mu guards both
	had  time.Time
}

// Figures reads figures, about so often.
func (h *Hub) Figures(every time.Duration, wake func()) *Figures {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.figures
	if f != nil {
		f.users++
	} else {
		f = &figures{every: every, restart: func() {}}
		f.start(h, f.run, func() { h.figures = nil })
		h.figures = f
	}
	r := &Figures{of: f, every: every, wake: wake}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers[r] = struct{}{}
	if every < f.every {
		f.every = every
		f.restart()
	}
	return r
}

// Leave ends reading.
func (r *Figures) Leave() {
	f := r.of
	f.leave(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	enough := time.Duration(0) // for those that are left
	for q := range f.readers {
		if enough == 0 || q.every < enough {
			enough = q.every
		}
	}
	if enough > f.every {
		f.every = enough
		f.restart()
	}
}

// Take is the newest round, if there is one that was not taken.
func (r *Figures) Take() (*Round, bool) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	n := r.next
	r.next = nil
	return n, n != nil
}

func (f *figures) run(ctx context.Context) {
	var p pause
	for {
		f.mu.Lock()
		once, stop := context.WithCancel(ctx)
		f.restart = stop
		every := f.every
		f.mu.Unlock()
		f.read(once, every, &p)
		again := once.Err() != nil // somebody wants them more often
		stop()
		if ctx.Err() != nil || !again && !p.wait(ctx) {
			return
		}
	}
}

// read reads the stream of one daemon.
func (f *figures) read(ctx context.Context, every time.Duration, p *pause) {
	c, err := f.hub.dial()
	if err != nil {
		return
	}
	defer c.Close()
	var r *Round
	for m, err := range c.MetricsStream(ctx, wire.MetricsQuery{Interval: velos.MillisOf(every)}) {
		switch {
		case err != nil:
			return
		case m.ID == 0:
			f.tell(r) // an app was deleted while they came
			r = &Round{Time: m.Time, Daemon: bytes.TrimSpace(view.Value(OwnOf(&m))), due: m.Daemon.Apps}
			*p = 0
		case r != nil:
			r.Apps = append(r.Apps, Item{App: m.ID, Text: bytes.TrimSpace(view.Value(UsageOf(&m)))})
			r.due--
		}
		if r != nil && r.due <= 0 {
			f.tell(r)
			r = nil
		}
	}
}

// tell gives a round to those whose time it is.
func (f *figures) tell(r *Round) {
	if r == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for q := range f.readers {
		if now.Sub(q.had) < q.every-q.every/8 {
			continue
		}
		q.had, q.next = now, r
		q.wake()
	}
}
