// Package fan spreads what the daemon tells over many readers: however many follow a log, the events, the state or the figures,
// the daemon has one stream of each. It finds a daemon that was away again and goes on where it was, and counts what a reader
// was too slow for. It hands out JSON in the words of --json; how that travels to whom is not its business.
package fan

import (
	"context"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
)

const (
	askWithin = 10 * time.Second
	// listGood is how long a list of apps is good enough to find one by its
	// name: many may subscribe at once.
	listGood = time.Second
	// mostPasts is how many read what was before they came at the same time, each
	// over a connection of its own: the daemon has 512 for all.
	mostPasts = 64
	// again is the shortest and the longest pause before a daemon that is away
	// is looked for again.
	againMin, againMax = 50 * time.Millisecond, time.Second
)

// A Hub holds the streams. Those that nobody reads end.
type Hub struct {
	dial   func() (*client.Client, error)
	spread client.Spread // of the feeds, which are read all the time
	pasts  chan struct{} // holds a token for each that is being read
	now    func() time.Time

	ctx   context.Context
	stop  context.CancelFunc
	group sync.WaitGroup

	mu      sync.Mutex
	guests  map[*Guest]struct{}
	here    bool
	logs    map[uint32]*feed
	events  *feed
	state   *state
	figures *figures

	asking  chan struct{} // one asks for the list at a time, and alone has these
	list    []velos.App
	refused error     // in its place
	read    time.Time // when it was asked for
}

// New makes a Hub without streams. Dial connects to the daemon and starts none.
func New(dial func() (*client.Client, error), now func() time.Time) *Hub {
	h := &Hub{dial: dial, spread: client.Spread{Dial: dial}, pasts: make(chan struct{}, mostPasts), now: now, guests: map[*Guest]struct{}{}, logs: map[uint32]*feed{}, asking: make(chan struct{}, 1)}
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h
}

// Close ends all streams and returns when nothing of them is left.
func (h *Hub) Close() {
	h.stop()
	h.group.Wait()
}

// A Guest is told when the daemon goes and when it is back. While there is
// one, events are followed.
type Guest struct {
	hub   *Hub
	tell  func(here bool)
	leave func()
}

// Join adds a guest. The answer is whether the daemon is there now; tell must
// not wait for anything.
func (h *Hub) Join(tell func(here bool)) (*Guest, bool) {
	g := &Guest{hub: h, tell: tell}
	h.mu.Lock()
	first := len(h.guests) == 0
	h.mu.Unlock()
	answers := first && h.answers() // the stream will tell, a moment later
	h.mu.Lock()
	if first && len(h.guests) == 0 {
		h.here = answers
	}
	h.guests[g] = struct{}{}
	here := h.here
	f := h.eventFeed()
	h.mu.Unlock()
	g.leave = sync.OnceFunc(func() {
		h.mu.Lock()
		delete(h.guests, g)
		h.mu.Unlock()
		f.release()
	})
	return g, here
}

// answers reports whether there is a daemon. It may have to wait for that, so
// no lock is held.
func (h *Hub) answers() bool {
	c, err := h.dial()
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// Leave ends being told.
func (g *Guest) Leave() { g.leave() }

// pulse says whether the daemon is there.
func (h *Hub) pulse(here bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.here == here {
		return
	}
	h.here = here
	for g := range h.guests {
		g.tell(here)
	}
	if h.state != nil && here {
		h.state.renew()
	}
}

// happened looks at an event for what follows from it.
func (h *Hub) happened(e *velos.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.logs[e.ID]; f != nil && (e.Kind == velos.KindConfig || e.To == velos.Starting) {
		f.stale.Store(true) // it may have other secrets
	}
	if h.state != nil && e.ID != 0 {
		h.state.nudge(e.ID)
	}
}

// ask is a call of the daemon on a connection of its own.
func (h *Hub) ask(ctx context.Context, do func(ctx context.Context, c *client.Client) error) error {
	c, err := h.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(ctx, askWithin)
	defer stop()
	return do(ctx, c)
}

// Apps is the list of apps, as it was a moment ago at most. When found says no,
// it is asked for anew. Who had to wait for somebody else's question takes its
// answer: a daemon that is slow is asked once for all.
func (h *Hub) Apps(ctx context.Context, found func([]velos.App) bool) ([]velos.App, error) {
	came := time.Now()
	select {
	case h.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.asking }()
	switch {
	case h.read.After(came):
		return h.list, h.refused
	case h.refused == nil && time.Since(h.read) < listGood && found(h.list):
		return h.list, nil
	}
	h.read = time.Now()
	h.refused = h.ask(ctx, func(ctx context.Context, c *client.Client) error {
		a, err := c.List(ctx)
		h.list = a.Apps
		return err
	})
	if ctx.Err() != nil {
		h.read = time.Time{} // it was not the daemon that failed
	}
	return h.list, h.refused
}

// A pause grows from one failure to the next.
type pause time.Duration

// wait waits, and reports whether to go on.
func (p *pause) wait(ctx context.Context) bool {
	*p = min(max(2**p, pause(againMin)), pause(againMax))
	t := time.NewTimer(time.Duration(*p))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
