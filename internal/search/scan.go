package search

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"unsafe"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// A needle is the piece that is looked for in the bytes of a file. It is found
// by its rarest byte, or, where that is common or has two cases, by its two
// rarest at once.
type needle struct {
	text   []byte
	fold   bool
	at     int  // of the rarest byte
	pair   bool // it is found by two
	first  probe
	second probe // does not stand before the first
}

// A probe is one byte of a needle: what it is once its case is masked out.
type probe struct {
	at         int
	mask, want uint64 // the byte eight times
}

func (n *needle) probe(at int) probe {
	c, mask := n.text[at], byte(0)
	if n.fold && upper(c) != c {
		mask = 0x20
	}
	return probe{at, uint64(mask) * ones, uint64(c) * ones}
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
	other := 0
	for i, c := range text {
		switch k := count(c); {
		case k < count(text[n.at]):
			n.at, other = i, n.at
		case i > 0 && (other == n.at || k < count(text[other])):
			other = i
		}
	}
	seen = count(text[n.at])
	n.pair = seen > t.all/64 || folded && upper(text[n.at]) != text[n.at]
	n.first, n.second = n.probe(min(n.at, other)), n.probe(max(n.at, other))
	return n, seen
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// in finds the first place of the needle at or behind from; -1 when there is
// none.
func (n *needle) in(b []byte, from int) int {
	for last := len(b) - len(n.text); from <= last; from++ {
		if n.pair {
			from = n.both(b, from)
		} else {
			from = indexFrom(b, from+n.at, n.text[n.at]) - n.at
		}
		if from > last {
			break
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

// both is the first place at or behind from at which both bytes of the needle
// are where they belong. It looks at 32 places at a time: a byte of a word is
// zero where both agree.
func (n *needle) both(b []byte, from int) int {
	p, q := n.first, n.second
	i, last := from, len(b)-len(n.text)
	for ; i+q.at+32 <= len(b); i += 32 {
		f, s := b[i+p.at:i+p.at+32:i+p.at+32], b[i+q.at:i+q.at+32:i+q.at+32]
		w := (binary.LittleEndian.Uint64(f)|p.mask)^p.want | (binary.LittleEndian.Uint64(s)|q.mask)^q.want
		x := (binary.LittleEndian.Uint64(f[8:])|p.mask)^p.want | (binary.LittleEndian.Uint64(s[8:])|q.mask)^q.want
		y := (binary.LittleEndian.Uint64(f[16:])|p.mask)^p.want | (binary.LittleEndian.Uint64(s[16:])|q.mask)^q.want
		z := (binary.LittleEndian.Uint64(f[24:])|p.mask)^p.want | (binary.LittleEndian.Uint64(s[24:])|q.mask)^q.want
		w, x, y, z = (w-ones)&^w, (x-ones)&^x, (y-ones)&^y, (z-ones)&^z
		if (w|x|y|z)&highs == 0 {
			continue
		}
		for k, m := range [...]uint64{w & highs, x & highs, y & highs, z & highs} {
			if m != 0 {
				return i + 8*k + bits.TrailingZeros64(m)/8
			}
		}
	}
	for ; i <= last; i++ {
		if b[i+p.at]|byte(p.mask) == byte(p.want) && b[i+q.at]|byte(q.mask) == byte(q.want) {
			break
		}
	}
	return i
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
		hit := s.n.in(text, at)
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
