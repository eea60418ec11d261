package search

import (
	"bytes"
	"iter"
	"slices"

	"github.com/velospm/velos"
)

// hits yields what an app's streams hold, merged by sequence number, with
// the context that was asked for. Raw files have no numbers: stdout comes before
// stderr.
func (l *Log) hits(r *round, q *Query) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		var seqs []iter.Seq2[found, error]
		raw := false
		for _, s := range l.streams {
			if s.wanted(q) {
				seqs = append(seqs, s.matches(r, q))
			}
			raw = raw || s.raw
		}
		seqs = append(seqs, l.tailed(q))
		before := func(a, b *found) bool { return a.Seq < b.Seq }
		switch {
		case raw:
			before = func(*found, *found) bool { return false }
		case q.Newest:
			before = func(a, b *found) bool { return a.Seq > b.Seq }
		}
		g := giver{l: l, q: q, yield: yield}
		merge(seqs, before, func(f found, err error) bool {
			if err != nil {
				return yield(Hit{}, err)
			}
			return g.match(&f)
		})
	}
}

// tailed yields the lines that are in no file.
func (l *Log) tailed(q *Query) iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		for i := range l.tail {
			if q.Newest {
				i = len(l.tail) - 1 - i
			}
			e := l.tail[i]
			e.App = l.ID
			if q.Matches(&e) && !yield(found{Entry: e}, nil) {
				return
			}
		}
	}
}

// A giver puts the context around matches.
type giver struct {
	l     *Log
	q     *Query
	yield func(Hit, error) bool
	given mark // the last line that was given
}

// A mark tells a line from its neighbours, also in files without numbers.
type mark struct {
	from *stream
	place
	seq uint64
}

func markOf(f *found) mark { return mark{f.from, f.place, f.Seq} }

// past reports whether f lies behind the last line that was given.
func (g *giver) past(f *found) bool {
	m := &g.given
	if f.Seq > 0 || m.seq > 0 {
		if g.q.Newest {
			return m.seq == 0 || f.Seq < m.seq
		}
		return f.Seq > m.seq
	}
	if m.from != f.from {
		return true
	}
	a, b := m.place, f.place
	if g.q.Newest {
		a, b = b, a
	}
	return a.part < b.part || a.part == b.part && (a.block < b.block || a.block == b.block && a.off < b.off)
}

// match gives a match with what stands around it. A line of the context that
// is a match as well is given when its turn comes.
func (g *giver) match(f *found) bool {
	first, second := g.q.Lead, g.q.Trail
	if g.q.Newest {
		first, second = second, first
	}
	ahead := g.l.beside(g.q, f, first, !g.q.Newest)
	slices.Reverse(ahead)
	for i := range ahead {
		if c := &ahead[i]; g.past(c) && !g.give(c, true) {
			return false
		}
	}
	if !g.past(f) {
		return true
	}
	if !g.give(f, false) {
		return false
	}
	for _, c := range g.l.beside(g.q, f, second, g.q.Newest) {
		if g.q.Matches(&c.Entry) {
			return true
		}
		if !g.give(&c, true) {
			return false
		}
	}
	return true
}

func (g *giver) give(f *found, context bool) bool {
	g.given = markOf(f)
	return g.yield(Hit{f.Entry, context}, nil)
}

// beside is up to n lines next to f, nearest first: before it or behind it, in
// all streams that are looked at.
func (l *Log) beside(q *Query, f *found, n int, before bool) (list []found) {
	if n <= 0 || f.from == nil {
		return nil
	}
	for _, s := range l.streams {
		if !s.wanted(q) || s.raw && s != f.from {
			continue
		}
		_ = guarded(func() error {
			at := f.place
			if s != f.from {
				at = s.find(f.Seq)
			}
			list = append(list, s.walk(q, at, f.Seq, n, before)...)
			return nil
		})
	}
	slices.SortStableFunc(list, func(a, b found) int {
		switch {
		case a.Seq == b.Seq:
			return 0
		case (a.Seq > b.Seq) == before:
			return -1
		}
		return 1
	})
	return list[:min(n, len(list))]
}

// open is the text of a block, kept until another is asked for.
func (s *stream) open(part, block int) []byte {
	p := s.parts[part]
	p.load()
	if block < 0 || block >= len(p.blocks) {
		return nil
	}
	if k := &p.blocks[block]; s.part != p || s.what != k {
		text, err := s.near.open(p, k)
		if err != nil {
			text = nil
		}
		s.part, s.what, s.text = p, k, text
	}
	return s.text
}

// step is the block beside one.
func (s *stream) step(at place, before bool) (place, bool) {
	by := 1
	if before {
		by = -1
	}
	at.block += by
	for at.block < 0 || at.block >= len(s.parts[at.part].blocks) {
		at.part += by
		if at.part < 0 || at.part >= len(s.parts) {
			return at, false
		}
		s.parts[at.part].load()
		if at.block = 0; before {
			at.block = len(s.parts[at.part].blocks) - 1
		}
	}
	return at, true
}

// mostWalked is how many lines of other instances are passed over for the
// context of one match.
const mostWalked = 10_000

// walk reads up to n lines from a place on, without the one that has the number
// seq. Before it, they come in the opposite order.
func (s *stream) walk(q *Query, at place, seq uint64, n int, before bool) (list []found) {
	scan := scanner{q: q, raw: s.raw, src: s.src}
	here := at
	read := s.lineAfter
	if before {
		read = s.lineBefore
	}
	for walked := 0; walked < mostWalked && len(list) < n; walked++ {
		line, where, ok := read(&at)
		if !ok {
			break
		}
		var e velos.Entry
		if !scan.take(line, &e) || !q.covers(&e) {
			continue
		}
		if s.raw && where == here || !s.raw && (before && e.Seq >= seq || !before && e.Seq <= seq) {
			continue
		}
		f := found{Entry: e, place: where, from: s}
		f.App, f.Msg = s.id, bytes.Clone(e.Msg)
		list = append(list, f)
	}
	return list
}

// lineAfter is the line at a place, which goes on to the next.
func (s *stream) lineAfter(at *place) (line []byte, where place, ok bool) {
	text := s.open(at.part, at.block)
	for at.off >= len(text) {
		if *at, ok = s.step(*at, false); !ok {
			return nil, *at, false
		}
		text, at.off = s.open(at.part, at.block), 0
	}
	where = *at
	end := indexFrom(text, at.off, '\n')
	line, at.off = text[at.off:end], end+1
	return line, where, true
}

// lineBefore is the line before a place, which goes back to its beginning.
func (s *stream) lineBefore(at *place) (line []byte, where place, ok bool) {
	text := s.open(at.part, at.block)
	for at.off = min(at.off, len(text)); at.off <= 0; at.off = len(text) {
		if *at, ok = s.step(*at, true); !ok {
			return nil, *at, false
		}
		text = s.open(at.part, at.block)
	}
	end := at.off
	if text[end-1] == '\n' {
		end--
	}
	at.off = bytes.LastIndexByte(text[:end], '\n') + 1
	return text[at.off:end], *at, true
}

// find is the place of the first line whose number is not below seq.
func (s *stream) find(seq uint64) (at place) {
	var e velos.Entry
	scan := scanner{q: &Query{}, raw: s.raw, src: s.src}
	for i := len(s.parts) - 1; i >= 0; i-- {
		p := s.parts[i]
		p.load()
		for j := len(p.blocks) - 1; j >= 0; j-- {
			if k := &p.blocks[j]; k.first == 0 || k.first > seq {
				at = place{i, j, 0}
				continue
			}
			text := s.open(i, j)
			lo, hi := 0, len(text)
			for lo < hi { // lines that begin before lo are below seq, those at hi and behind are not
				mid := bytes.LastIndexByte(text[:(lo+hi)/2], '\n') + 1
				if mid < lo {
					mid = lo
				}
				end := indexFrom(text, mid, '\n')
				if scan.take(text[mid:end], &e) && e.Seq >= seq {
					hi = mid
				} else {
					lo = min(end+1, len(text))
				}
			}
			return place{i, j, lo}
		}
	}
	return at
}
