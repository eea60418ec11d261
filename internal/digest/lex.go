package digest

import "math/bits"

// A kind says what a word of a message is: a constant, or a variable of some
// type.
type kind uint8

const (
	constant kind = iota
	anything
	number
	address
	uuid
	file
	moment
	hexadecimal
	link
	host
	mail
	placeholder // a typed placeholder that was text already
)

// placeholders is how variables are shown.
var placeholders = [...]string{
	anything: "<*>", number: "<NUM>", address: "<IP>", uuid: "<UUID>", file: "<PATH>", moment: "<TIME>",
	hexadecimal: "<HEX>", link: "<URL>", host: "<HOST>", mail: "<EMAIL>", placeholder: "<*>",
}

// A token is one word of a line.
type token struct {
	from, to uint16
	kind     kind
	masked   bool // a constant in which digits are left out: node-<*>
	fixed    bool // masked, but the same in all lines so far: tty2
}

const (
	longestLine = 2048 // of a message; what is beyond does not count
	mostTokens  = 160
)

// Classes of bytes. Bytes of UTF-8 sequences are letters; control characters
// stand between words.
const (
	gap = 1 << iota
	digit
	upper
	lower
	mark // may be inside a word
)

var class = func() (c [256]uint8) {
	for i := range c {
		switch b := byte(i); {
		case b >= '0' && b <= '9':
			c[i] = digit
		case b >= 'A' && b <= 'Z':
			c[i] = upper
		case b >= 'a' && b <= 'z', b >= 0x80:
			c[i] = lower
		case b <= ' ', b == 0x7f:
			c[i] = gap
		default:
			c[i] = mark
		}
	}
	for _, b := range []byte("()[]{}\"'|=,;<>#`!?&^") {
		c[b] = gap
	}
	return c
}()

const (
	letters = upper | lower
	alnum   = letters | digit
)

// A lexer cuts lines into tokens and hashes them. It is used again and again
// and allocates nothing.
type lexer struct {
	line   []byte
	tokens []token
	id     uint64
	buf    [mostTokens]token
}

// scan reads a line; l.tokens and l.id are valid until the next call.
func (l *lexer) scan(line []byte) {
	line = bounded(line)
	l.line = line
	l.tokens = l.buf[:0]
	l.id = seed
	var last uint64 // what entered the hash last
	for i := 0; i < len(line); {
		if class[line[i]]&gap != 0 {
			i++
			continue
		}
		var sorts uint8
		j := i
		for j < len(line) && class[line[j]]&gap == 0 {
			sorts |= class[line[j]]
			j++
		}
		if len(l.tokens) == mostTokens {
			break
		}
		t := token{from: uint16(i), to: uint16(j)}
		var h uint64
		if sorts&^letters == 0 {
			if n := namedDate(line, i, j); n > 0 {
				t.to, t.kind, h = uint16(n), moment, variable
				j = n
			} else {
				h = hash(line[i:j])
			}
		} else {
			t, j = l.word(i, j, sorts)
			if t.to == t.from {
				i = j
				continue
			}
			switch {
			case t.kind != constant:
				h = variable
			case t.masked:
				h = masked(line[t.from:t.to])
			default:
				h = hash(line[t.from:t.to])
			}
		}
		l.tokens = append(l.tokens, t)
		// Lists of any length are one: of variables, and of words that
		// differ in their digits.
		if h != last || h != variable && !t.masked {
			l.id = mix(l.id, h)
		}
		last = h
		i = j
	}
}

// bounded cuts a long line between two words.
func bounded(line []byte) []byte {
	if len(line) <= longestLine {
		return line
	}
	for n := longestLine; n > longestLine/2; n-- {
		if class[line[n]]&gap != 0 {
			return line[:n]
		}
	}
	return line[:longestLine]
}

const (
	seed     = 0x9e3779b97f4a7c15
	variable = 0x6a09e667f3bcc909
	mixer    = 0xd1342543de82ef95
)

func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w, mixer)
	return hi ^ lo ^ bits.RotateLeft64(w, 29)
}

// hash is of a word, the same in every process.
func hash(b []byte) uint64 {
	h := uint64(len(b)) * seed
	for len(b) >= 8 {
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		h = mix(h, w)
		b = b[8:]
	}
	var w uint64
	for i, c := range b {
		w |= uint64(c) << (8 * i)
	}
	return mix(h, w)
}

// masked is the hash of a word without its numbers.
func masked(b []byte) uint64 {
	h := uint64(seed)
	for i := 0; i < len(b); {
		if n := digitRun(b, i); n > i {
			h = mix(h, '#')
			i = n
			continue
		}
		h = mix(h, uint64(b[i])+256)
		i++
	}
	return h
}

// digitRun is the end of the number at i of a word, or i. An id is digits
// joined by marks, single letters and signs: attempt_1445_0020_m_000008_0 is
// attempt_<*>, and blk_-12 is blk_<*>.
func digitRun(b []byte, i int) int {
	if n := idSegment(b, i); n > i {
		return n
	}
	j := i
	if b[j] == '-' && j > 0 && (b[j-1] == '_' || b[j-1] == '-') {
		j++
	}
	n := j
	for n < len(b) && class[b[n]]&digit != 0 {
		n++
	}
	if n == j {
		return i
	}
	for n < len(b) {
		next := n
		if joins(b[next]) {
			next++
			if next+1 < len(b) && class[b[next]]&letters != 0 && joins(b[next+1]) {
				next += 2
			}
		}
		if next < len(b) && next > n && b[next] == '-' {
			next++
		}
		if next == n || next >= len(b) || class[b[next]]&digit == 0 {
			break
		}
		for n = next; n < len(b) && class[b[n]]&digit != 0; n++ {
		}
	}
	return n
}

// idSegment is the end of a part of a word in which letters and digits
// alternate: the 7d9f8b6c5 of api-7d9f8b6c5, the 3d2fe12 of Object@3d2fe12.
func idSegment(b []byte, i int) int {
	if i > 0 && class[b[i-1]]&alnum != 0 {
		return i
	}
	n, groups, before := i, 0, byte(0)
	for ; n < len(b) && class[b[n]]&(lower|digit) != 0; n++ {
		if k := class[b[n]]; k&digit != 0 && before&digit == 0 {
			groups++
		}
		before = class[b[n]]
	}
	if n-i < 5 || groups < 2 || n < len(b) && class[b[n]]&upper != 0 {
		return i
	}
	return n
}

func joins(c byte) bool { return c == '_' || c == '-' || c == '.' }
