package logs

import (
	"encoding/base64"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// A parser reads lines of log files back. It keeps a buffer between lines;
// an entry's Msg is valid until the next line.
type parser struct {
	text    []byte // the unescaped msg
	exact   []byte // the decoded raw
	escaped bool   // the last string held an escape
	b       []byte
	i       int
}

// parse reads one line, without its newline, into e. ok is false for
// anything that is not a JSON object with the fields of a log line; other
// writers' keys, order and blanks are no obstacle.
func (p *parser) parse(line []byte, e *velos.Entry) (ok bool) {
	*e = velos.Entry{}
	p.b, p.i = line, 0
	var raw []byte
	seen := 0
	if !p.eat('{') {
		return false
	}
	for first := true; !p.eat('}'); first = false {
		if !first && !p.eat(',') {
			return false
		}
		key, good := p.str(nil)
		if !good || !p.eat(':') {
			return false
		}
		switch n := p.field(string(key), e, &raw); {
		case n < 0:
			return false
		default:
			seen += n
		}
	}
	p.blank()
	if p.i != len(p.b) || seen < 2 { // ts and msg are the least
		return false
	}
	if raw != nil {
		e.Msg = raw
	}
	return true
}

// field reads the value of one key: 1 for a value that a line cannot be
// without, 0 for any other, -1 for a value of the wrong kind.
func (p *parser) field(key string, e *velos.Entry, raw *[]byte) int {
	switch key {
	case "ts":
		n, ok := p.num()
		e.Time = velos.Time(n)
		return need(ok)
	case "msg":
		msg, ok := p.str(p.text[:0])
		if p.escaped {
			p.text = msg[:0]
		}
		e.Msg = msg
		return need(ok)
	case "raw":
		s, ok := p.str(nil)
		if !ok {
			return -1
		}
		b, err := base64.StdEncoding.AppendDecode(p.exact[:0], s)
		if err != nil {
			return -1
		}
		p.exact, *raw = b[:0], b
		return 0
	}
	if !p.rest(key, e) {
		return -1
	}
	return 0
}

func need(ok bool) int {
	if ok {
		return 1
	}
	return -1
}

func (p *parser) rest(key string, e *velos.Entry) bool {
	var n int64
	var s []byte
	ok := true
	switch key {
	case "seq":
		n, ok = p.num()
		e.Seq = uint64(n)
	case "pid":
		n, ok = p.num()
		e.PID = int(n)
	case "inst":
		n, ok = p.num()
		e.Inst = int(n)
	case "lvl":
		if s, ok = p.str(nil); ok {
			e.Level, _ = velos.ParseLevel(string(s))
		}
	case "src":
		if s, ok = p.str(nil); ok {
			e.Src = streamOf(s)
		}
	case "more":
		p.blank()
		e.More = p.i < len(p.b) && p.b[p.i] == 't'
		ok = p.skip(0)
	default:
		ok = p.skip(0)
	}
	return ok
}

func streamOf(s []byte) velos.Stream {
	switch string(s) {
	case "stdout":
		return velos.Stdout
	case "stderr":
		return velos.Stderr
	}
	return velos.AnyStream
}

func (p *parser) blank() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\r', '\n':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) eat(c byte) bool {
	p.blank()
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

// num reads a whole number; a fraction or an exponent is cut off.
func (p *parser) num() (n int64, ok bool) {
	p.blank()
	neg := p.i < len(p.b) && p.b[p.i] == '-'
	if neg {
		p.i++
	}
	start := p.i
	for p.i < len(p.b) && p.b[p.i]-'0' <= 9 {
		if n > (1<<63-10)/10 {
			return 0, false
		}
		n = n*10 + int64(p.b[p.i]-'0')
		p.i++
	}
	ok = p.i > start
	for p.i < len(p.b) && isNumber(p.b[p.i]) {
		p.i++
	}
	if neg {
		n = -n
	}
	return n, ok
}

func isNumber(c byte) bool {
	return c-'0' <= 9 || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'
}

// str reads a string. Without an escape in it the result is part of the
// line, else it is appended to buf.
func (p *parser) str(buf []byte) (s []byte, ok bool) {
	if !p.eat('"') {
		return nil, false
	}
	start := p.i
	p.escaped = false
	for p.i < len(p.b) && p.b[p.i] != '"' && p.b[p.i] != '\\' {
		p.i++
	}
	if p.i == len(p.b) {
		return nil, false
	}
	p.escaped = p.b[p.i] == '\\'
	if !p.escaped {
		p.i++
		return p.b[start : p.i-1 : p.i-1], true
	}
	buf = append(buf, p.b[start:p.i]...)
	for p.i < len(p.b) {
		switch c := p.b[p.i]; c {
		case '"':
			p.i++
			return buf, true
		case '\\':
			if buf, ok = p.escape(buf); !ok {
				return nil, false
			}
		default:
			buf = append(buf, c)
			p.i++
		}
	}
	return nil, false
}

func (p *parser) escape(buf []byte) ([]byte, bool) {
	if p.i+1 >= len(p.b) {
		return buf, false
	}
	c := p.b[p.i+1]
	p.i += 2
	switch c {
	case '"', '\\', '/':
		return append(buf, c), true
	case 'n':
		return append(buf, '\n'), true
	case 'r':
		return append(buf, '\r'), true
	case 't':
		return append(buf, '\t'), true
	case 'b':
		return append(buf, '\b'), true
	case 'f':
		return append(buf, '\f'), true
	case 'u':
		r, ok := p.hex4()
		if ok && utf16.IsSurrogate(r) {
			r = p.low(r)
		}
		return utf8.AppendRune(buf, r), ok
	}
	return buf, false
}

// low reads the second half of a surrogate pair, if it is there.
func (p *parser) low(r rune) rune {
	at := p.i
	if at+1 < len(p.b) && p.b[at] == '\\' && p.b[at+1] == 'u' {
		p.i += 2
		if second, ok := p.hex4(); ok {
			if full := utf16.DecodeRune(r, second); full != utf8.RuneError {
				return full
			}
		}
		p.i = at
	}
	return utf8.RuneError
}

func (p *parser) hex4() (r rune, ok bool) {
	if p.i+4 > len(p.b) {
		return 0, false
	}
	for _, c := range p.b[p.i : p.i+4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.i += 4
	return r, true
}

// maxDepth bounds how deep a foreign value may nest.
const maxDepth = 16

// skip passes over one value of any kind.
func (p *parser) skip(depth int) bool {
	p.blank()
	if p.i == len(p.b) || depth > maxDepth {
		return false
	}
	switch c := p.b[p.i]; {
	case c == '"':
		_, ok := p.str(nil)
		return ok
	case c == '{' || c == '[':
		return p.skipNest(c, depth)
	case c == '-' || c-'0' <= 9:
		for p.i < len(p.b) && isNumber(p.b[p.i]) {
			p.i++
		}
		return true
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(p.b)-p.i >= len(word) && string(p.b[p.i:p.i+len(word)]) == word {
			p.i += len(word)
			return true
		}
	}
	return false
}

func (p *parser) skipNest(open byte, depth int) bool {
	p.i++
	end := open + 2 // '[' and ']', '{' and '}' are two apart
	for first := true; !p.eat(end); first = false {
		if !first && !p.eat(',') {
			return false
		}
		if open == '{' {
			if _, ok := p.str(nil); !ok || !p.eat(':') {
				return false
			}
		}
		if !p.skip(depth + 1) {
			return false
		}
	}
	return true
}
