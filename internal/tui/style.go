package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/velospm/velos/internal/view"
)

// SGR parameters. Colours are the terminal's own sixteen, which are readable on
// its background, and only repeat what a word says. The others are no colours
// and are there without them, too.
const (
	red     = "31"
	green   = "32"
	yellow  = "33"
	cyan    = "36"
	dim     = "2"
	bold    = "1"
	reverse = "7"
	heading = "1;36"
	plain   = ""
)

// A glyphs is what is drawn with.
type glyphs struct {
	rule, full, empty, mark, open, closed, more, up, down, dot, ring, branch, corner, times, rest string
	steps                                                                                         []rune
}

var unicodeGlyphs = glyphs{rule: "─", full: "█", empty: "░", mark: "▌", open: "▾", closed: "▸", more: "…", up: "▲", down: "▼", dot: "●", ring: "○",
	branch: "├", corner: "└", times: "×", rest: "·", steps: []rune("▁▂▃▄▅▆▇█")}

var asciiGlyphs = glyphs{rule: "-", full: "#", empty: ".", mark: ">", open: "-", closed: "+", more: "~", up: "^", down: "v", dot: "*", ring: "o",
	branch: "|", corner: "`", times: "x", rest: "|", steps: []rune("_.-=+*#@")}

// A style paints.
type style struct {
	*glyphs
	color bool
}

func newStyle(color, ascii bool) style {
	if ascii {
		return style{&asciiGlyphs, color}
	}
	return style{&unicodeGlyphs, color}
}

// paint sets s in a colour or attribute.
func (y style) paint(sgr, s string) string {
	if sgr == plain || s == "" {
		return s
	}
	if !y.color {
		switch sgr {
		case bold, reverse, dim:
		case heading:
			sgr = bold
		default:
			return s
		}
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// width is how many columns s takes.
func width(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return ansi.StringWidth(s)
		}
	}
	return len(s)
}

// fit makes s exactly n columns wide: cut and marked, or filled up.
func (y style) fit(s string, n int) string {
	if n <= 0 {
		return ""
	}
	w := width(s)
	if w > n {
		s = ansi.Truncate(s, n, y.more)
		w = width(s)
	}
	return s + strings.Repeat(" ", max(0, n-w))
}

// right is fit with the text at the right.
func (y style) right(s string, n int) string {
	if w := width(s); w < n {
		return strings.Repeat(" ", n-w) + s
	}
	return y.fit(s, n)
}

// sides puts two texts at the ends of n columns; the right one goes first when
// there is no room.
func (y style) sides(left, right string, n int) string {
	l, r := width(left), width(right)
	if l+r+1 > n {
		if r+12 > n || r == 0 {
			return y.fit(left, n)
		}
		left = y.fit(left, n-r-1)
		l = n - r - 1
	}
	return left + strings.Repeat(" ", n-l-r) + right
}

// shown is words from elsewhere, fit to be shown: as view has them, and a tab is
// as wide as it looks.
func shown(s string) string { return strings.ReplaceAll(view.Text(s), "\t", "    ") }
