package fan

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
)

const (
	// gather is how long an item may wait for others, to travel with them.
	gather = 20 * time.Millisecond
	// together is how many items travel at once at most.
	together = 512
	// catchUpEvery bounds how often a stream that has lost lines begins anew
	// to get them. More often would be slower than going on.
	catchUpEvery = time.Second
)

// errBehind ends a stream that was read too slowly.
var errBehind = &velos.Error{Code: velos.Busy, Message: "lines were left out"}

// A span is a part of what a feed has.
type span struct {
	after  uint64
	last   int // only the newest so many; 0: all
	follow bool
	inst   int // -1: all; of this and the next two only with last
	src    velos.Stream
	level  velos.Level
}

// An origin is where a feed gets its items.
type origin struct {
	newest func(ctx context.Context, c *client.Client) (uint64, error)
	read   func(ctx context.Context, c *client.Client, s span) iter.Seq2[Item, error]
	pulse  func(here bool) // nil: nobody wants to know
}

// A feed is one stream of the daemon and all who read it. It numbers nothing
// itself: items have the daemon's numbers, so that what was broken off can go
// on, with another daemon too.
type feed struct {
	crowd[*Queue]
	from   origin
	ready  chan struct{} // closed when last is known
	caught time.Time     // when it last began anew to get what was left out; its goroutine alone knows
	stale  atomic.Bool   // what is known of the app is old

	// The crowd's mu guards these.
	last   uint64 // all readers have been given this one and those before
	known  bool
	first  uint64 // last, when it was first known; not changed after ready
	items  []Item // that are waiting for others
	missed uint64 // before them
	timer  *time.Timer
	over   error
}

// feed begins one with one user. With mu held.
func (h *Hub) feed(from func(*feed) origin, forget func()) *feed {
	f := &feed{ready: make(chan struct{})}
	f.from = from(f)
	f.start(h, f.run, forget)
	return f
}

// run keeps the stream, from one daemon to the next.
func (f *feed) run(ctx context.Context) {
	var p pause
	for {
		got, err := f.round(ctx)
		f.flush()
		if ctx.Err() != nil {
			return
		}
		if err == errBehind {
			continue
		}
		if velos.CodeOf(err) == velos.NotFound {
			f.end(err)
			return
		}
		if f.from.pulse != nil {
			f.from.pulse(false)
		}
		if got {
			p = 0
		}
		if !p.wait(ctx) {
			return
		}
	}
}

// round reads the stream of one daemon. got reports whether there was one.
func (f *feed) round(ctx context.Context) (got bool, err error) {
	c, leave, err := f.hub.spread.Take()
	if err != nil {
		return false, err
	}
	defer leave()
	brief, stop := context.WithTimeout(ctx, askWithin)
	newest, err := f.from.newest(brief, c)
	stop()
	if err != nil {
		return false, err
	}
	after := f.know(newest)
	if f.from.pulse != nil {
		f.from.pulse(true)
	}
	for it, err := range f.from.read(ctx, c, span{after: after, follow: true, inst: -1}) {
		if err != nil {
			return true, err
		}
		// What the daemon had to leave out is in its files still, most likely.
		if it.missed > 0 && time.Since(f.caught) > catchUpEvery {
			f.caught = time.Now()
			return true, errBehind
		}
		f.add(it)
	}
	return true, nil
}

// know is where the stream begins, or goes on. Numbers that are lower than
// they were are those of another journal.
func (f *feed) know(newest uint64) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.known:
		f.last, f.first, f.known = newest, newest, true
		close(f.ready)
	case newest < f.last:
		f.last = 0
		for q := range f.readers {
			q.had = 0
		}
	}
	return f.last
}

// add adds an item. What is missing before it is plain from its number.
func (f *feed) add(it Item) {
	if it.missed > 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.last
	if n := len(f.items); n > 0 {
		before = f.items[n-1].Seq
	}
	if before > 0 && it.Seq > before+1 {
		f.deliver()
		f.missed = it.Seq - before - 1
	}
	f.items = append(f.items, it)
	switch {
	case len(f.items) >= together:
		f.deliver()
	case f.timer == nil:
		f.timer = time.AfterFunc(gather, f.flush)
	}
}

func (f *feed) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deliver()
}

// deliver gives what has gathered to all readers. With mu held: it waits for
// none of them.
func (f *feed) deliver() {
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	if len(f.items) == 0 && f.missed == 0 {
		return
	}
	p := pieceOf(f.items, nil)
	p.Missed = f.missed
	p.Last = max(p.Last, f.last)
	for q := range f.readers {
		q.push(p, f.items)
	}
	f.last, f.items, f.missed = p.Last, nil, 0
}

func (f *feed) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over = err; !f.known {
		f.known = true
		close(f.ready)
	}
	for q := range f.readers {
		q.end(err)
	}
}

// attach gives q what comes from now on and is behind had: who has read the
// past may be ahead of the stream. The answer is the last item that it does
// not get, if that is known.
func (f *feed) attach(q *Queue, had uint64) (last uint64, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q.had = had
	if f.over != nil {
		q.end(f.over)
	}
	f.readers[q] = struct{}{}
	return f.last, f.known
}
