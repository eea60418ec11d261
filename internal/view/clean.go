package view

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Clean makes bytes that a program wrote fit to be shown. What could move the
// cursor, hide or reorder text, or speak to the terminal is taken out or shown
// as a visible escape; colours (SGR) stay when tty is set and are closed at
// the end. Tabs stay, a carriage return at the end goes. The result is valid
// UTF-8 without control characters.
func Clean(msg []byte, tty bool) string {
	for len(msg) > 0 && msg[len(msg)-1] == '\r' {
		msg = msg[:len(msg)-1]
	}
	if plain(msg) {
		return string(msg)
	}
	c := cleaner{in: msg, tty: tty}
	c.out.Grow(len(msg))
	for c.pos < len(c.in) {
		c.step()
	}
	if c.coloured {
		c.out.WriteString("\x1b[0m")
	}
	return c.out.String()
}

// Text is Clean for what is already a string, without colours.
func Text(s string) string { return Clean([]byte(s), false) }

// Lines is Text for text of several lines, which stay lines.
func Lines(s string) string {
	list := strings.Split(s, "\n")
	for i := range list {
		list[i] = Text(list[i])
	}
	return strings.Join(list, "\n")
}

func plain(b []byte) bool {
	for _, c := range b {
		if (c < ' ' && c != '\t') || c >= 0x7f {
			return false
		}
	}
	return true
}

type cleaner struct {
	in       []byte
	pos      int
	tty      bool
	coloured bool // a colour is open
	endless  bool // no string ends beyond here: looked for once, not each time
	out      strings.Builder
}

func (c *cleaner) step() {
	r, n := utf8.DecodeRune(c.in[c.pos:])
	switch {
	case r == utf8.RuneError && n == 1:
		c.visible(`\x`, uint64(c.in[c.pos]), 2)
	case r == 0x1b:
		c.escape()
		return
	case r >= 0x80 && r < 0xa0: // C1: what ESC @ to ESC _ are in one character
		c.pos += n
		c.sequence(byte(r - 0x40))
		return
	case r == '\t':
		c.out.WriteByte('\t')
	case r == '\r':
		c.out.WriteString(`\r`)
	case r == '\n':
		c.out.WriteString(`\n`)
	case r < ' ' || r == 0x7f:
		c.visible(`\x`, uint64(r), 2)
	case r == 0x2028 || r == 0x2029: // these break lines in some places
		c.visible(`\u`, uint64(r), 4)
	case hidden(r):
	default:
		c.out.Write(c.in[c.pos : c.pos+n])
	}
	c.pos += n
}

// hidden reports characters that take no room or turn the order of others
// around: nobody who reads them sees them.
func hidden(r rune) bool {
	switch {
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5,
		r >= 0x180b && r <= 0x180f, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e,
		r >= 0x2060 && r <= 0x206f, r == 0x3164, r == 0xfeff, r == 0xffa0, r >= 0xfff0 && r <= 0xfffb,
		r >= 0x1d173 && r <= 0x1d17a, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

func (c *cleaner) visible(prefix string, v uint64, digits int) {
	h := strconv.FormatUint(v, 16)
	c.out.WriteString(prefix)
	for n := len(h); n < digits; n++ {
		c.out.WriteByte('0')
	}
	c.out.WriteString(h)
}

// escape stands at an ESC.
func (c *cleaner) escape() {
	if c.pos+1 >= len(c.in) {
		c.out.WriteString(`\x1b`)
		c.pos++
		return
	}
	next := c.in[c.pos+1]
	switch {
	case next >= 0x40 && next <= 0x5f:
		c.pos += 2
		c.sequence(next)
	case next >= 0x20 && next <= 0x7e: // character sets, cursor save, reset
		i := c.pos + 1
		for i < len(c.in) && c.in[i] >= 0x20 && c.in[i] <= 0x2f {
			i++
		}
		if i < len(c.in) && c.in[i] >= 0x30 && c.in[i] <= 0x7e {
			i++
		}
		c.pos = i
	default:
		c.out.WriteString(`\x1b`)
		c.pos++
	}
}

// sequence stands behind an introducer; kind is the character after ESC.
func (c *cleaner) sequence(kind byte) {
	switch kind {
	case '[':
		c.control()
	case ']', 'P', 'X', '^', '_': // OSC, DCS, SOS, PM, APC
		c.skipString()
	}
}

// control drops a CSI sequence, unless it is a colour for a terminal. One
// without an end loses its introducer only: text is never swallowed.
func (c *cleaner) control() {
	start := c.pos
	i := start
	for i < len(c.in) && c.in[i] >= 0x20 && c.in[i] <= 0x3f {
		i++
	}
	if i >= len(c.in) || c.in[i] < 0x40 || c.in[i] > 0x7e {
		return
	}
	c.pos = i + 1
	params := string(c.in[start:i])
	if c.in[i] != 'm' || !c.tty || !harmless(params) {
		return
	}
	c.out.WriteString("\x1b[" + params + "m")
	c.coloured = params != "" && params != "0"
}

// harmless reports whether SGR parameters only colour. Conceal (8) hides what
// follows, and so is not passed on.
func harmless(params string) bool {
	if len(params) > 40 {
		return false
	}
	list := strings.FieldsFunc(params, func(r rune) bool { return r == ';' })
	for i := 0; i < len(list); i++ {
		head, _, sub := strings.Cut(list[i], ":")
		for _, d := range list[i] {
			if (d < '0' || d > '9') && d != ':' {
				return false
			}
		}
		n, err := strconv.Atoi(head)
		if err != nil || n == 8 || n > 107 {
			return false
		}
		if (n == 38 || n == 48 || n == 58) && !sub && i+1 < len(list) {
			switch list[i+1] {
			case "5":
				i += 2
			case "2":
				i += 4
			}
		}
	}
	return !strings.Contains(params, ";;")
}

// skipString drops a string sequence with its end, BEL or ST. One without an
// end loses its introducer only.
func (c *cleaner) skipString() {
	if c.endless {
		return
	}
	for i := c.pos; i < len(c.in); i++ {
		switch {
		case c.in[i] == 0x07:
			c.pos = i + 1
			return
		case c.in[i] == 0x1b && i+1 < len(c.in) && c.in[i+1] == '\\':
			c.pos = i + 2
			return
		case c.in[i] == 0xc2 && i+1 < len(c.in) && c.in[i+1] == 0x9c:
			c.pos = i + 2
			return
		}
	}
	c.endless = true
}
