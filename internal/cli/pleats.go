package cli

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

// pleats fold the events of one app and hand them on: in the order of their
// first line, or live, the first at once and the repeats when they are over.
type pleats struct {
	emit    func(*digest.Fold) error
	live    bool
	streams map[uint64]*digest.Stream
	last    map[uint64]velos.Time // of each stream
	d       *digest.Deduper
	begins  *regexp.Regexp // of an event; nil: the engine tells
	held    []digest.Fold
}

// mostHeld bounds the folds that wait for their turn.
const mostHeld = 20_000

func newPleats(src *source, emit func(*digest.Fold) error) *pleats {
	return &pleats{emit: emit, begins: src.o.Begins, streams: map[uint64]*digest.Stream{}, last: map[uint64]velos.Time{}, d: digest.NewDeduper(src.window)}
}

func (p *pleats) add(l *digest.Line) error {
	s := p.streams[l.From]
	if s == nil {
		s = digest.NewStream(p.begins)
		p.streams[l.From] = s
	}
	p.last[l.From] = l.Time
	if e, ok := s.Add(l.Text, l.Time, l.Level); ok {
		return p.event(&e)
	}
	return nil
}

func (p *pleats) event(e *digest.Event) error {
	fresh, ended := p.d.Add(e)
	if fresh && p.live {
		if err := p.emit(&digest.Fold{Count: 1, First: e.Time, Last: e.Time, Level: e.Level, Template: string(e.Message), Sample: string(e.Text)}); err != nil {
			return err
		}
	}
	return p.over(ended)
}

// over hands on folds that have ended.
func (p *pleats) over(ended []digest.Fold) error {
	if p.live {
		for i := range ended {
			if ended[i].Count > 1 {
				if err := p.emit(&ended[i]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if p.held = append(p.held, ended...); len(p.held) > mostHeld {
		return p.release(mostHeld / 2)
	}
	return nil
}

// release hands on the oldest of those that wait.
func (p *pleats) release(n int) error {
	slices.SortStableFunc(p.held, func(a, b digest.Fold) int { return cmp.Compare(a.First, b.First) })
	for i := range p.held[:n] {
		if err := p.emit(&p.held[i]); err != nil {
			return err
		}
	}
	p.held = slices.Delete(p.held, 0, n)
	return nil
}

// expire ends what is over at a time: events after a moment of silence, folds
// after their window.
func (p *pleats) expire(now velos.Time) error {
	for from, at := range p.last {
		if now-at < 250 {
			continue
		}
		delete(p.last, from)
		if e, ok := p.streams[from].Close(); ok {
			if err := p.event(&e); err != nil {
				return err
			}
		}
	}
	return p.over(p.d.Expire(now))
}

func (p *pleats) close() error {
	for _, s := range p.streams {
		if e, ok := s.Close(); ok {
			if err := p.event(&e); err != nil {
				return err
			}
		}
	}
	if err := p.over(p.d.Close()); err != nil {
		return err
	}
	return p.release(len(p.held))
}
