package foreign

import (
	"strconv"
	"strings"
)

// A wordStyle is how a manager without a shell cuts a line into words: at
// blanks that are not in quotes, and with its own ideas of a backslash.
type wordStyle int

const (
	plainWords wordStyle = iota // a backslash is one
	shellWords                  // as a POSIX shell has it
	unitWords                   // as C has it
)

// splitWords cuts a line into words. Nothing else is special: what the
// manager passes on is passed on.
func splitWords(s string, style wordStyle) []string {
	var out []string
	var b strings.Builder
	var quote byte
	open := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && style != plainWords && i+1 < len(s) && !(style == shellWords && quote == '\''):
			text, n := escaped(s[i+1:], quote, style)
			b.WriteString(text)
			i += n
			open = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if open {
				out, open = append(out, b.String()), false
				b.Reset()
			}
		default:
			b.WriteByte(c)
			open = true
		}
	}
	if open {
		out = append(out, b.String())
	}
	return out
}

// escaped is what stands behind a backslash, and how many bytes of it.
func escaped(s string, quote byte, style wordStyle) (string, int) {
	c := s[0]
	if style == shellWords {
		if quote == '"' && strings.IndexByte("\"\\$`", c) < 0 {
			return `\`, 0
		}
		return s[:1], 1
	}
	if i := strings.IndexByte("abfnrtvs", c); i >= 0 {
		return "\a\b\f\n\r\t\v "[i : i+1], 1
	}
	if c == 'x' && len(s) >= 3 {
		if n, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
			return string([]byte{byte(n)}), 3
		}
	}
	if strings.IndexByte("\"'\\", c) >= 0 {
		return s[:1], 1
	}
	return `\`, 0
}
