package search

import (
	"bytes"
	"strings"
	"unsafe"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// A needle is the piece that is looked for in the bytes of a file: found by its
// rarest byte, and where that has two cases, by the two rarest at once.
type needle struct {
	text    []byte
	fold    bool
	at      int  // of the rarest byte
	check   int  // of the next rarest: most places are dismissed by it
	library bool // no byte of it is rare: the library's search does better
	pair    bool
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
	n.check = other
	n.library = !folded && seen > t.all/16
	n.pair = folded && upper(text[n.at]) != text[n.at]
	return n, seen
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// next is the first place of the needle at or behind from; -1 when there is none.
func (n *needle) next(b []byte, from int) int {
	if n.library {
		if i := bytes.Index(b[from:], n.text); i >= 0 {
			return from + i
		}
		return -1
	}
	want := n.text[n.check]
	for last := len(b) - len(n.text); from <= last; from++ {
		if n.pair {
			from = n.both(b, from)
		} else {
			from = indexFrom(b, from+n.at, n.text[n.at]) - n.at
		}
		if from > last {
			break
		}
		if c := b[from+n.check]; c != want && (!n.fold || fold[c] != want) {
			continue
		}
		if n.matches(b[from : from+len(n.text)]) {
			return from
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

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// probe is a byte of the needle eight times, and the bit in which its cases
// differ.
func (n *needle) probe(at int) (mask, want uint64) {
	if c := n.text[at]; upper(c) != c {
		mask = 0x20 * ones
	}
	return mask, uint64(n.text[at]) * ones
}

// both is the first place at or behind from at which both bytes are where they
// belong, in any case; behind the last possible one when there is none.
func (n *needle) both(b []byte, from int) int {
	pm, pw := n.probe(n.at)
	qm, qw := n.probe(n.check)
	last := len(b) - len(n.text)
	for from <= last {
		f, s := b[from+n.at:], b[from+n.check:]
		skip := apart(f, s, pm, pw, qm, qw)
		for from += skip; from <= last; from++ {
			if fold[b[from+n.at]] == n.text[n.at] && fold[b[from+n.check]] == n.text[n.check] {
				return from
			}
			if skip++; skip%stride == 0 {
				from++
				break
			}
		}
	}
	return from
}

// stride is how many places apart looks at in one go.
const stride = 32

// apart is how many places of f and s, a multiple of stride, hold no pair of
// the bytes that are wanted. A byte of a word is zero where both agree. Words
// are taken as they lie, and nothing else is done here: that makes it fast.
func apart(f, s []byte, pm, pw, qm, qw uint64) int {
	whole := min(len(f), len(s)) &^ (stride - 1)
	f, s = f[:whole], s[:whole]
	for i := 0; i < whole; i += stride {
		p, q := (*[4]uint64)(unsafe.Pointer(&f[i])), (*[4]uint64)(unsafe.Pointer(&s[i]))
		w := ((p[0] | pm) ^ pw) | ((q[0] | qm) ^ qw)
		x := ((p[1] | pm) ^ pw) | ((q[1] | qm) ^ qw)
		y := ((p[2] | pm) ^ pw) | ((q[2] | qm) ^ qw)
		z := ((p[3] | pm) ^ pw) | ((q[3] | qm) ^ qw)
		if ((w-ones)&^w|(x-ones)&^x|(y-ones)&^y|(z-ones)&^z)&highs != 0 {
			return i
		}
	}
	return whole
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
	floor := 0 // no line that is still of interest begins before
	for at := 0; at < len(text); {
		hit := s.n.next(text, at)
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
