package level

import (
	"bytes"
	"unicode/utf8"
)

// The operations of a Program: those of a compiled expression of RE2 which
// say whether a text matches, and not where.
const (
	OpFail  = iota
	OpMatch // the text matches
	OpJump  // go on at out
	OpSplit // go on at out and at arg
	OpEmpty // go on at out if arg holds here: bits of a begin or end of line or text, and of words
	OpRune  // one rune of the ranges, then go on at out
	OpAny   // any rune
	OpLine  // any rune but a newline
	opCount
)

// Conditions of OpEmpty.
const (
	beginLine = 1 << iota
	endLine
	beginText
	endText
	wordEdge
	noWordEdge
)

// Bounds of a program.
const (
	MostSteps  = 500
	mostRanges = 4000
)

type step struct {
	op       uint8
	out, arg uint32
	runes    []rune // pairs: from, to
}

// A program is run over a text in time that is linear in its length: all ways
// to match are followed side by side.
type program struct {
	start uint32
	steps []step
	// seeds are where to go on at the next rune, stack what is still to be
	// followed, seen the steps that were followed at this rune.
	seeds, runes, stack []uint32
	seen                []uint32
	now                 uint32
}

// parse reads what a client has compiled, which may be anything.
func parse(code []int64) (*program, bool) {
	if len(code) < 2 || code[1] < 1 || code[1] > MostSteps || code[0] < 0 || code[0] >= code[1] {
		return nil, false
	}
	n := int(code[1])
	p := ready(uint32(code[0]), make([]step, n))
	code = code[2:]
	ranges := 0
	for i := range p.steps {
		if len(code) < 4 {
			return nil, false
		}
		op, out, arg, k := code[0], code[1], code[2], code[3]
		code = code[4:]
		ranges += int(min(max(k, 0), mostRanges+1))
		if op < 0 || op >= opCount || out < 0 || out >= int64(n) || arg < 0 || op == OpSplit && arg >= int64(n) || arg > 1<<16 ||
			k < 0 || k%2 != 0 || ranges > mostRanges || int64(len(code)) < k {
			return nil, false
		}
		p.steps[i] = step{op: uint8(op), out: uint32(out), arg: uint32(arg)}
		for _, r := range code[:k] {
			if r < 0 || r > utf8.MaxRune {
				return nil, false
			}
			p.steps[i].runes = append(p.steps[i].runes, rune(r))
		}
		code = code[k:]
	}
	return p, len(code) == 0
}

// ready makes a program of steps, with the memory that it works in.
func ready(start uint32, steps []step) *program {
	n := len(steps)
	return &program{start: start, steps: steps, seen: make([]uint32, n),
		seeds: make([]uint32, 0, n+1), runes: make([]uint32, 0, n), stack: make([]uint32, 0, 2*n+2)}
}

// match reports whether some part of a line matches.
func (p *program) match(line []byte) bool {
	p.seeds = p.seeds[:0]
	before := rune(-1)
	for {
		r, size := rune(-1), 0
		if len(line) > 0 {
			if r, size = rune(line[0]), 1; r >= utf8.RuneSelf {
				r, size = utf8.DecodeRune(line)
			}
		}
		p.seeds = append(p.seeds, p.start)
		if p.follow(around(before, r)) {
			return true
		}
		if size == 0 {
			return false
		}
		p.seeds = p.seeds[:0]
		for _, pc := range p.runes {
			if s := &p.steps[pc]; s.takes(r) {
				p.seeds = append(p.seeds, s.out)
			}
		}
		before, line = r, line[size:]
	}
}

// follow goes from the seeds to all steps that take a rune; true when it comes
// to a match.
func (p *program) follow(here uint32) bool {
	if p.now++; p.now == 0 {
		clear(p.seen)
		p.now = 1
	}
	p.runes = p.runes[:0]
	for _, pc := range p.seeds {
		p.stack = append(p.stack[:0], pc)
		for len(p.stack) > 0 {
			pc := p.stack[len(p.stack)-1]
			p.stack = p.stack[:len(p.stack)-1]
			if p.seen[pc] == p.now {
				continue
			}
			p.seen[pc] = p.now
			switch s := &p.steps[pc]; s.op {
			case OpMatch:
				return true
			case OpJump:
				p.stack = append(p.stack, s.out)
			case OpSplit:
				p.stack = append(p.stack, s.arg, s.out)
			case OpEmpty:
				if s.arg&^here == 0 {
					p.stack = append(p.stack, s.out)
				}
			case OpRune, OpAny, OpLine:
				p.runes = append(p.runes, pc)
			}
		}
	}
	return false
}

func (s *step) takes(r rune) bool {
	switch s.op {
	case OpAny:
		return true
	case OpLine:
		return r != '\n'
	}
	for i := 0; i+1 < len(s.runes); i += 2 {
		if r >= s.runes[i] && r <= s.runes[i+1] {
			return true
		}
	}
	return false
}

// around is what holds between two runes; -1 is none.
func around(before, after rune) (here uint32) {
	if before < 0 {
		here |= beginText | beginLine
	} else if before == '\n' {
		here |= beginLine
	}
	if after < 0 {
		here |= endText | endLine
	} else if after == '\n' {
		here |= endLine
	}
	if wordRune(before) != wordRune(after) {
		return here | wordEdge
	}
	return here | noWordEdge
}

func wordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
}

// contains is the quick look before a program.
func contains(line, literal []byte) bool { return len(literal) == 0 || bytes.Contains(line, literal) }
