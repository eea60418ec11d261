package search

import (
	"bytes"
	"unsafe"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// A needle is the piece that is looked for in the bytes of a file, found by
// its rarest byte.
type needle struct {
	text    []byte
	fold    bool
	at      int  // of the rarest byte
	lo, up  byte // that byte in both cases; equal where it has none
	library bool // no byte of it is rare: the library's search does better
}

// newNeedle chooses the byte by a sample of what is searched.
func newNeedle(text []byte, folded bool, sample []byte) needle {
	var count [256]int
	for _, c := range sample[:min(len(sample), 16<<10)] {
		count[c]++
	}
	n := needle{text: text, fold: folded}
	best := -1
	for i, c := range text {
		seen := count[c]
		if folded {
			if other := upper(c); other != c {
				seen += count[other]
			}
		}
		if best < 0 || seen < best {
			best, n.at, n.lo, n.up = seen, i, c, c
			if folded {
				n.up = upper(c)
			}
		}
	}
	n.library = !folded && best > min(len(sample), 16<<10)/256
	return n
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// A hunt is the way of a needle through a text.
type hunt struct {
	n      *needle
	b      []byte
	lo, up int // the next of either case at or behind the place; len(b): none
}

func (n *needle) in(b []byte) hunt { return hunt{n: n, b: b, lo: -1, up: -1} }

// next is the first place at or behind from; -1 when there is none. from must
// not go back.
func (h *hunt) next(from int) int {
	n := h.n
	if n.library {
		if i := bytes.Index(h.b[from:], n.text); i >= 0 {
			return from + i
		}
		return -1
	}
	for p := from + n.at; ; p++ {
		if p > len(h.b)-(len(n.text)-n.at) {
			return -1
		}
		if h.lo < p {
			h.lo = indexFrom(h.b, p, n.lo)
		}
		if n.up == n.lo {
			p = h.lo
		} else {
			if h.up < p {
				h.up = indexFrom(h.b, p, n.up)
			}
			p = min(h.lo, h.up)
		}
		if p > len(h.b)-(len(n.text)-n.at) {
			return -1
		}
		if at := p - n.at; n.matches(h.b[at : at+len(n.text)]) {
			return at
		}
	}
}

func indexFrom(b []byte, from int, c byte) int {
	if i := bytes.IndexByte(b[from:], c); i >= 0 {
		return from + i
	}
	return len(b)
}

func (n *needle) matches(b []byte) bool {
	if !n.fold {
		return string(b) == string(n.text)
	}
	for i, c := range b {
		if fold[c] != n.text[i] {
			return false
		}
	}
	return true
}

// A scanner looks for entries in blocks. Each worker has its own.
type scanner struct {
	q     *Query
	raw   bool
	src   velos.Stream // of lines that do not say
	parse parser
	n     needle
	ready bool
}

// block hands over each entry of a block that matches, with where its line
// begins, until nobody wants more.
func (s *scanner) block(text []byte, give func(e *velos.Entry, at int) bool) {
	p := s.q.Pattern
	if p == nil || p.need.text == "" || p.folds && (bytes.Contains(text, longS) || bytes.Contains(text, kelvin)) {
		s.lines(text, give)
		return
	}
	if !s.ready {
		want := []byte(p.need.text)
		if !s.raw {
			want = appendEscaped(nil, p.need.text)
		}
		s.n, s.ready = newNeedle(want, p.need.fold, text), true
	}
	var e velos.Entry
	h := s.n.in(text)
	floor := 0 // no line that is still of interest begins before
	for at := 0; at < len(text); {
		hit := h.next(at)
		if hit < 0 {
			return
		}
		begin := bytes.LastIndexByte(text[floor:hit], '\n') + 1 + floor
		end := indexFrom(text, hit, '\n')
		line := text[begin:end]
		if msg := s.before(line); hit-begin < msg {
			at, floor = begin+msg, begin // it is in the envelope: the message may hold it, too
			continue
		}
		if s.take(line, &e) && s.q.Matches(&e) && !give(&e, begin) {
			return
		}
		at, floor = end+1, end+1
	}
}

// before is how much of a line stands before its message, as far as that is
// known without reading it all.
func (s *scanner) before(line []byte) int {
	if s.raw {
		return 0
	}
	var e velos.Entry
	n, _ := head(line, &e)
	return n
}

func (s *scanner) lines(text []byte, give func(e *velos.Entry, at int) bool) {
	var e velos.Entry
	for at := 0; at < len(text); {
		end := indexFrom(text, at, '\n')
		line := text[at:end]
		if s.worth(line) && s.take(line, &e) && s.q.Matches(&e) && !give(&e, at) {
			return
		}
		at = end + 1
	}
}

// worth reports whether a line's envelope lets it match: its message is not
// read for nothing.
func (s *scanner) worth(line []byte) bool {
	if s.raw {
		return true
	}
	var e velos.Entry
	if _, ok := head(line, &e); !ok {
		return true
	}
	return e.Level >= s.q.Level && (s.q.Since == 0 || e.Time >= s.q.Since) && (s.q.Until == 0 || e.Time < s.q.Until)
}

// take makes an entry of a line; false for one that is none.
func (s *scanner) take(line []byte, e *velos.Entry) bool {
	if s.raw {
		*e = velos.Entry{Src: s.src, Level: level.Classify(line, s.src), Msg: line}
		return true
	}
	return s.parse.parse(line, e)
}
