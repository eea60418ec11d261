package fan

import (
	"context"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
)

// A Start says where a reader begins, and what it wants.
type Start struct {
	Resume bool   // go on behind After
	After  uint64 // 0: at the beginning
	Last   int    // otherwise: with so many of the newest

	Inst  int // -1: all
	Src   velos.Stream
	Level velos.Level
	Keep  func(*Item) bool // nil: everything that the others let through
}

func (s *Start) keep() func(*Item) bool {
	if s.Inst < 0 && s.Src == 0 && s.Level == 0 {
		return s.Keep
	}
	return func(it *Item) bool {
		return (s.Inst < 0 || it.Inst == s.Inst) && (s.Src == 0 || it.Src == s.Src) && it.Level >= s.Level && (s.Keep == nil || s.Keep(it))
	}
}

// follow makes q a reader of f, whose user the caller has become. The past is
// read beside; what comes meanwhile waits behind it.
func (f *feed) follow(q *Queue, s Start) {
	ctx, stop := context.WithCancel(f.hub.ctx)
	q.stop = stop
	q.done = func() { f.leave(q) }
	now := !s.Resume // what comes from here on is meant, whenever the past is read
	var from uint64
	var known bool
	if now {
		from, known = f.attach(q, 0)
	}
	f.hub.group.Go(func() {
		select {
		case <-f.ready:
		case <-ctx.Done():
			return
		}
		if now && !known {
			from = f.first
		}
		f.lead(ctx, q, s, from)
		if ctx.Err() != nil {
			f.detach(q) // it may have left before it was here
		}
	})
}

// lead brings q from its start to where the stream is. One that does not
// resume is there already, and gets by itself what is behind from.
func (f *feed) lead(ctx context.Context, q *Queue, s Start, from uint64) {
	p := past{feed: f, q: q, start: s, pos: s.After}
	switch {
	case s.Resume:
		// What is long ago is read first, so that what comes need not wait long.
		if !p.until(ctx, 0) {
			return
		}
		from, _ = f.attach(q, p.pos)
		if from > p.pos && !p.until(ctx, from) {
			return
		}
	case s.Last > 0 && from > 0:
		if !p.until(ctx, from) {
			return
		}
	}
	q.complete()
}

// A past is what a reader has asked for of the time before it came.
type past struct {
	feed  *feed
	q     *Queue
	start Start
	pos   uint64 // it has had all up to here
	begun bool   // pos is one of this daemon's
}

// until reads up to an item, 0 being the newest there is, over daemons that go
// meanwhile. It reports whether to go on.
func (p *past) until(ctx context.Context, last uint64) bool {
	h := p.feed.hub
	select {
	case h.pasts <- struct{}{}:
		defer func() { <-h.pasts }()
	case <-ctx.Done():
		return false
	}
	var wait pause
	for {
		c, err := h.dial()
		if err == nil {
			err = p.read(ctx, c, last)
			_ = c.Close()
		}
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			return true
		case velos.CodeOf(err) == velos.NotFound:
			p.q.end(err)
			return false
		case !wait.wait(ctx):
			return false
		}
	}
}

func (p *past) read(ctx context.Context, c *client.Client, last uint64) error {
	if p.start.Resume && !p.begun {
		newest, err := p.feed.from.newest(ctx, c)
		if err != nil {
			return err
		}
		if p.begun = true; p.pos > newest {
			p.pos = 0 // of another journal, or of an earlier log
		}
	}
	s := span{after: p.pos, inst: -1}
	some := !p.start.Resume && !p.begun
	if some {
		s = span{last: p.start.Last, inst: p.start.Inst, src: p.start.Src, level: p.start.Level}
		if p.start.Keep != nil {
			s.last = mostPast
		}
	}
	var items []Item
	keep := p.start.keep()
	var found []Item // the newest that match, when those are few among many
	for it, err := range p.feed.from.read(ctx, c, s) {
		switch {
		case err != nil:
			return err
		case it.missed > 0:
			continue
		case last > 0 && it.Seq > last:
			continue // it comes by itself
		case some:
			if keep == nil || keep(&it) {
				found = append(found, it)
			}
			continue
		}
		if items = append(items, it); len(items) >= together {
			p.pour(ctx, items, keep)
			items = nil
		}
	}
	if some {
		items = found[max(0, len(found)-p.start.Last):]
		p.begun, p.pos = true, last // there is no gap before the newest few
		if len(items) > 0 {
			p.q.pour(ctx, pieceOf(items, nil))
		}
		return ctx.Err()
	}
	p.pour(ctx, items, keep)
	if last > p.pos && p.pos > 0 { // nothing is left of those
		p.q.pour(ctx, Piece{Missed: last - p.pos, Last: last})
		p.pos = last
	}
	return ctx.Err()
}

// mostPast is how many of the newest are looked through for those that match.
const mostPast = 10_000

// pour hands on a part of the past, and says what is missing before it.
func (p *past) pour(ctx context.Context, items []Item, keep func(*Item) bool) {
	if len(items) == 0 {
		return
	}
	piece := pieceOf(items, keep)
	if p.pos > 0 && items[0].Seq > p.pos+1 {
		piece.Missed = items[0].Seq - p.pos - 1
	}
	p.pos = piece.Last
	if piece.Count > 0 || piece.Missed > 0 {
		p.q.pour(ctx, piece)
	}
}
