package record

import (
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// space says where the next byte is that is not white.
func (p *parser) space(at int) int {
	for at < len(p.b) {
		switch p.b[at] {
		case ' ', '\t', '\n', '\r':
			at++
		default:
			return at
		}
	}
	return at
}

// pairs yields where the keys of the object at *at begin, each after it and
// its value have been found whole, and leaves the end in *at. What is wrong
// with the object is kept as an error about key.
func (p *parser) pairs(key string, at *int, depth int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if *at >= len(p.b) || p.b[*at] != '{' {
			p.unexpected(key, *at, "an object")
			return
		}
		next := p.space(*at + 1)
		if next < len(p.b) && p.b[next] == '}' {
			*at = next + 1
			return
		}
		for {
			start := next
			end, bad := p.pair(start, depth)
			if bad != "" {
				p.failAt(key, end, bad)
				return
			}
			if !yield(start) {
				return
			}
			next = p.space(end)
			if next < len(p.b) && p.b[next] == '}' {
				*at = next + 1
				return
			}
			if next >= len(p.b) || p.b[next] != ',' {
				p.unexpected(key, next, "a comma or a closing brace")
				return
			}
			next = p.space(next + 1)
		}
	}
}

// pair skips a key, a colon and a value. When bad is not empty it says what is
// wrong, and end where.
func (p *parser) pair(at, depth int) (end int, bad string) {
	if at >= len(p.b) || p.b[at] != '"' {
		return at, "expected a key, found " + p.name(at)
	}
	at, bad = p.skipString(at)
	if bad != "" {
		return at, bad
	}
	at = p.space(at)
	if at >= len(p.b) || p.b[at] != ':' {
		return at, "expected a colon, found " + p.name(at)
	}
	return p.skip(p.space(at+1), depth)
}

// value says where the value begins whose key is at at. The pair is whole.
func (p *parser) value(at int) int {
	end, _ := p.skipString(at)
	return p.space(p.space(end) + 1)
}

// elements yields the numbers and places of what is in the list at at, which
// is whole when it is one.
func (p *parser) elements(key string, at int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		if p.b[at] != '[' {
			p.unexpected(key, at, "a list")
			return
		}
		next := p.space(at + 1)
		for i := 0; p.b[next] != ']'; i++ {
			if !p.spend() || !yield(i, next) {
				return
			}
			end, _ := p.skip(next, 0)
			if next = p.space(end); p.b[next] == ',' {
				next = p.space(next + 1)
			}
		}
	}
}

// skip says where the value at at ends, whatever it is. When bad is not empty
// it says what is wrong, and end where.
func (p *parser) skip(at, depth int) (end int, bad string) {
	if at >= len(p.b) {
		return at, "the text ends too early"
	}
	if depth > maxDepth {
		return at, "nested too deeply"
	}
	switch c := p.b[at]; {
	case c == '"':
		return p.skipString(at)
	case c == '{':
		return p.skipObject(at, depth)
	case c == '[':
		return p.skipList(at, depth)
	case c == 't':
		return p.skipWord(at, "true")
	case c == 'f':
		return p.skipWord(at, "false")
	case c == 'n':
		return p.skipWord(at, "null")
	case c == '-', c >= '0' && c <= '9':
		return p.skipNumber(at)
	}
	return at, "expected a value, found " + p.name(at)
}

func (p *parser) skipWord(at int, word string) (end int, bad string) {
	if end = at + len(word); end <= len(p.b) && string(p.b[at:end]) == word {
		return end, ""
	}
	return at, "expected " + word
}

func (p *parser) skipObject(at, depth int) (end int, bad string) {
	at = p.space(at + 1)
	if at < len(p.b) && p.b[at] == '}' {
		return at + 1, ""
	}
	for {
		at, bad = p.pair(at, depth+1)
		if bad != "" {
			return at, bad
		}
		at = p.space(at)
		if at < len(p.b) && p.b[at] == '}' {
			return at + 1, ""
		}
		if at >= len(p.b) || p.b[at] != ',' {
			return at, "expected a comma or a closing brace, found " + p.name(at)
		}
		at = p.space(at + 1)
	}
}

func (p *parser) skipList(at, depth int) (end int, bad string) {
	at = p.space(at + 1)
	if at < len(p.b) && p.b[at] == ']' {
		return at + 1, ""
	}
	for {
		at, bad = p.skip(at, depth+1)
		if bad != "" {
			return at, bad
		}
		at = p.space(at)
		if at < len(p.b) && p.b[at] == ']' {
			return at + 1, ""
		}
		if at >= len(p.b) || p.b[at] != ',' {
			return at, "expected a comma or a closing bracket, found " + p.name(at)
		}
		at = p.space(at + 1)
	}
}

func (p *parser) skipNumber(at int) (end int, bad string) {
	if p.b[at] == '-' {
		at++
	}
	whole := at
	at = p.digits(at)
	if at == whole || p.b[whole] == '0' && at > whole+1 {
		return whole, "not a number"
	}
	if at < len(p.b) && p.b[at] == '.' {
		fraction := at + 1
		if at = p.digits(fraction); at == fraction {
			return at, "not a number"
		}
	}
	if at < len(p.b) && (p.b[at] == 'e' || p.b[at] == 'E') {
		at++
		if at < len(p.b) && (p.b[at] == '+' || p.b[at] == '-') {
			at++
		}
		exponent := at
		if at = p.digits(at); at == exponent {
			return at, "not a number"
		}
	}
	return at, ""
}

func (p *parser) digits(at int) int {
	for at < len(p.b) && p.b[at] >= '0' && p.b[at] <= '9' {
		at++
	}
	return at
}

func (p *parser) skipString(at int) (end int, bad string) {
	for at++; at < len(p.b); at++ {
		switch c := p.b[at]; {
		case c == '"':
			return at + 1, ""
		case c < 0x20:
			return at, "a control character in a string"
		case c == '\\':
			at++
			if at < len(p.b) && p.b[at] == 'u' {
				if _, ok := p.hex4(at + 1); !ok {
					return at, "an unknown escape in a string"
				}
				at += 4
				continue
			}
			if at < len(p.b) && plain(p.b[at]) == 0 {
				return at, "an unknown escape in a string"
			}
		}
	}
	return len(p.b), "a string does not end"
}

// plain is what the escape \c stands for; 0 when there is no such escape.
func plain(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}

func (p *parser) hex4(at int) (r rune, ok bool) {
	if at+4 > len(p.b) {
		return 0, false
	}
	for _, c := range p.b[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// raw is the string at at, which is whole: a part of the input when it can be.
func (p *parser) raw(at int) (s []byte, end int) {
	end, _ = p.skipString(at)
	s = p.b[at+1 : end-1]
	for i := 0; i < len(s); {
		if s[i] == '\\' {
			return p.unescape(at+1, end-1), end
		}
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && size == 1 {
			return p.unescape(at+1, end-1), end
		}
		i += size
	}
	return s, end
}

// unescape reads what is between the quotes of a string. What is not UTF-8,
// and half a pair of surrogates, becomes U+FFFD.
func (p *parser) unescape(at, end int) []byte {
	out := make([]byte, 0, end-at)
	for at < end {
		c := p.b[at]
		switch {
		case c == '\\' && p.b[at+1] == 'u':
			r, _ := p.hex4(at + 2)
			at += 6
			if utf16.IsSurrogate(r) {
				low, _ := p.hex4(at + 2)
				r = utf16.DecodeRune(r, low)
				if r != utf8.RuneError && p.b[at] == '\\' && p.b[at+1] == 'u' {
					at += 6
				} else {
					r = utf8.RuneError
				}
			}
			out = utf8.AppendRune(out, r)
		case c == '\\':
			out = append(out, plain(p.b[at+1]))
			at += 2
		case c < utf8.RuneSelf:
			out = append(out, c)
			at++
		default:
			r, size := utf8.DecodeRune(p.b[at:end])
			out = utf8.AppendRune(out, r)
			at += size
		}
	}
	return out
}

// name is what an error calls what is at at.
func (p *parser) name(at int) string {
	if at >= len(p.b) {
		return "the end"
	}
	switch c := p.b[at]; {
	case c == '"':
		return "a string"
	case c == '{':
		return "an object"
	case c == '[':
		return "a list"
	case c == 't', c == 'f':
		return "true or false"
	case c == 'n':
		return "null"
	case c == '-', c >= '0' && c <= '9':
		return "a number"
	case c > 0x20 && c < 0x7f:
		return "'" + string(rune(c)) + "'"
	}
	return "a byte that does not belong there"
}
