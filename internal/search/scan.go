package search

import (
	"bytes"
	"strings"
	"unsafe"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// A needle is the piece that is looked for in the bytes of a file, found by its
// rarest byte, in both cases where it has two.
type needle struct {
	text    []byte
	fold    bool
	at      int // of the rarest byte
	check   int // of the next rarest: most places are dismissed by it
	lo, up  byte
	library bool // no byte of it is rare: the library's search does better
}

// sampleSize is how much is looked at to learn which bytes are rare.
const sampleSize = 32 << 10

// A tally is how often each byte is in a sample.
type tally struct {
	count [256]int
	all   int
}

func tallyOf(text []byte) (t tally) {
	if skip := (len(text) - sampleSize) / 2; skip > 0 {
		text = text[skip : skip+sampleSize]
	}
	for _, c := range text {
		t.count[c]++
	}
	t.all = len(text)
	return t
}

// newNeedle chooses the bytes, and says how often the rarest is there.
func (t *tally) newNeedle(text []byte, folded bool) (n needle, seen int) {
	n = needle{text: text, fold: folded}
	count := func(c byte) int {
		if up := upper(c); folded && up != c {
			return t.count[c] + t.count[up]
		}
		return t.count[c]
	}
	for i, c := range text {
		if count(c) < count(text[n.at]) {
			n.at = i
		}
	}
	other := n.at
	for i, c := range text {
		if c != text[n.at] && (other == n.at || count(c) < count(text[other])) {
			other = i
		}
	}
	seen = count(text[n.at])
	n.check, n.lo, n.up = other, text[n.at], text[n.at]
	if folded {
		n.up = upper(n.lo)
	}
	n.library = !folded && seen > t.all/16
	return n, seen
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
	lo, up int // the next rarest byte of either case; len(b): none
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
	last := len(h.b) - (len(n.text) - n.at) // of the rarest byte
	beside, want := n.check-n.at, n.text[n.check]
	for p := from + n.at; p <= last; p++ {
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
		if p > last {
			break
		}
		if c := h.b[p+beside]; c != want && (!n.fold || fold[c] != want) {
			continue
		}
		if at := p - n.at; n.matches(h.b[at : at+len(n.text)]) {
			return at
		}
	}
	return -1
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
	folds bool // n is found in any case, and holds a k or an s
	ready bool
}

// prepare chooses what is looked for: the piece with the rarest byte.
func (s *scanner) prepare(text []byte) {
	t := tallyOf(text)
	least := 0
	for _, k := range s.q.Pattern.pieces {
		want := []byte(k.text)
		if !s.raw {
			want = appendEscaped(nil, k.text)
		}
		n, seen := t.newNeedle(want, k.fold)
		seen = seen*8 - len(want) // of two that are as rare, the longer one
		if len(s.n.text) == 0 || seen < least {
			least, s.n, s.folds = seen, n, k.fold && strings.ContainsAny(k.text, "ks")
		}
	}
	s.ready = true
}

// block hands over each entry of a block that matches, with where its line
// begins, until nobody wants more.
func (s *scanner) block(text []byte, give func(e *velos.Entry, at int) bool) {
	p := s.q.Pattern
	if p != nil && !s.ready {
		s.prepare(text)
	}
	if p == nil || len(p.pieces) == 0 || s.folds && (bytes.Contains(text, longS) || bytes.Contains(text, kelvin)) {
		s.lines(text, give)
		return
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
