package logs

import (
	"bytes"
	"unicode/utf8"
)

// maxLine is the number of bytes at which a line is cut into parts.
const maxLine = 64 << 10

// nextLine takes the first line off b, without its newline. used is how many
// bytes of b it took, 0 when b holds no whole line yet. A line over maxLine is
// cut in front of a character, and more is true for every part but its last.
// With end set nothing follows b, so what is left is a line too.
func nextLine(b []byte, end bool) (line []byte, used int, more bool) {
	window := b
	if len(window) > maxLine+1 {
		window = window[:maxLine+1]
	}
	if i := bytes.IndexByte(window, '\n'); i >= 0 {
		return b[:i], i + 1, false
	}
	if len(b) > maxLine {
		n := cut(b)
		return b[:n], n, true
	}
	if end && len(b) > 0 {
		return b, len(b), false
	}
	return nil, 0, false
}

// cut says where to cut b, which is longer than maxLine: there, or up to
// three bytes earlier if that would tear a character.
func cut(b []byte) int {
	for n := maxLine; n > maxLine-utf8.UTFMax; n-- {
		if utf8.RuneStart(b[n]) {
			if n == maxLine || utf8.FullRune(b[n:min(n+utf8.UTFMax, len(b))]) {
				return n
			}
			break
		}
	}
	return maxLine
}
