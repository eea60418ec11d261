package search

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// A Pattern is what lines are searched for.
type Pattern struct {
	re     *regexp.Regexp // nil: the literal is all there is to it
	need   piece          // the piece that says most; empty: every line is looked at
	pieces []piece        // all that every match holds
	grams  []uint32       // of them
}

// A piece is text that every match holds.
type piece struct {
	text string
	fold bool // in any case; text is in lower case
}

// Compile reads what is searched for: a regular expression (RE2), or plain
// text; with fold, in any case.
func Compile(text string, plain, fold bool) (*Pattern, error) {
	expr := text
	if plain {
		expr = regexp.QuoteMeta(text)
	}
	if fold {
		expr = "(?i:" + expr + ")"
		if _, err := syntax.Parse(text, syntax.Perl); err != nil && !plain {
			return nil, wrong(text, err)
		}
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, wrong(text, err)
	}
	p := &Pattern{re: re}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return p, nil
	}
	tree = tree.Simplify()
	p.pieces = required(tree, nil)
	for _, k := range p.pieces {
		p.grams = gramsOf(p.grams, k.text)
		if p.need.text == "" || k.worth() > p.need.worth() {
			p.need = k
		}
	}
	if tree.Op == syntax.OpLiteral && !p.need.fold && p.need.text == string(tree.Rune) {
		p.re = nil
	}
	return p, nil
}

// Match reports whether a message matches.
func (p *Pattern) Match(msg []byte) bool {
	return p.re == nil && contains(msg, p.need.text) || p.re != nil && p.re.Match(msg)
}

// Plain reports whether the literal is all there is to it.
func (p *Pattern) Plain() bool { return p.re == nil }

// Literal is text that is in every match, byte for byte, for who cannot look
// for more; empty when there is none.
func (p *Pattern) Literal() string {
	if p.need.fold {
		return ""
	}
	return p.need.text
}

func contains(msg []byte, text string) bool { return strings.Contains(unsafeString(msg), text) }

// worth is how seldom a piece is found, roughly: its length, its letters
// weighed by how common they are.
func (k piece) worth() (w int) {
	for i := range len(k.text) {
		switch c := k.text[i]; {
		case strings.IndexByte(" etaoinsr", c) >= 0:
			w += 3
		case c-'a' < 26 || c-'0' < 10:
			w += 4
		default:
			w += 6
		}
	}
	return w
}

// required appends the pieces that are in every match of t. Only what is
// certain counts: a piece that a match could do without would hide it.
func required(t *syntax.Regexp, list []piece) []piece {
	switch t.Op {
	case syntax.OpLiteral:
		return literals(t, list)
	case syntax.OpCapture, syntax.OpPlus:
		return required(t.Sub[0], list)
	case syntax.OpRepeat:
		if t.Min > 0 {
			return required(t.Sub[0], list)
		}
	case syntax.OpConcat:
		for _, sub := range t.Sub {
			list = required(sub, list)
		}
	}
	return list
}

// literals cuts a literal at what cannot be looked for byte by byte: U+FFFD,
// which also stands for bytes that are not UTF-8, and, where case does not
// count, letters that have another case outside of ASCII.
func literals(t *syntax.Regexp, list []piece) []piece {
	k := piece{fold: t.Flags&syntax.FoldCase != 0}
	var b []byte
	end := func() {
		if k.text = string(b); k.text != "" {
			list = append(list, k)
		}
		b = b[:0]
	}
	for _, r := range t.Rune {
		switch {
		case r == utf8.RuneError || r > unicode.MaxRune || r == '\n':
			end()
		case k.fold && r < utf8.RuneSelf:
			b = append(b, fold[r])
		case k.fold && (r == '\u017f' || r == '\u212a'):
			b = append(b, plainFold(utf8.AppendRune(nil, r))...)
		case k.fold && unicode.SimpleFold(r) != r:
			end()
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	end()
	return list
}

// wrong says what is wrong with an expression, and where.
func wrong(text string, err error) error {
	e, ok := err.(*syntax.Error)
	if !ok {
		return &velos.Error{Code: velos.Invalid, Message: strconv.Quote(text) + " is no expression: " + err.Error(), Cause: err}
	}
	at := position(text, e)
	return &velos.Error{Code: velos.Invalid, Cause: err,
		Message: strconv.Quote(text) + " is no expression: " + e.Code.String() + " at character " + strconv.Itoa(utf8.RuneCountInString(text[:at])+1),
		Hint:    "the expression is RE2: no look-around, no back references; \\ makes a character plain"}
}

// position is where in the text the error is: at the part that the parser
// names, the first that is wrong for the same reason.
func position(text string, e *syntax.Error) int {
	switch e.Code {
	case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
		return paren(text)
	case syntax.ErrTrailingBackslash:
		return len(text) - 1
	}
	for from := 0; ; {
		i := strings.Index(text[from:], e.Expr)
		if i < 0 || e.Expr == "" {
			return 0
		}
		at := from + i
		_, err := syntax.Parse(text[:at+len(e.Expr)], syntax.Perl)
		if same, ok := err.(*syntax.Error); ok && same.Code == e.Code {
			return at
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		from = at + max(size, 1)
	}
}

// paren finds the parenthesis that has no other: the last one left open, or
// the first that closes nothing.
func paren(text string) int {
	var open []int
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if strings.HasPrefix(text[i:], `\Q`) {
				if n := strings.Index(text[i:], `\E`); n > 0 {
					i += n
				} else {
					i = len(text)
				}
			}
			i++
		case '[':
			i = class(text, i)
		case '(':
			open = append(open, i)
		case ')':
			if len(open) == 0 {
				return i
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return 0
	}
	return open[len(open)-1]
}

// class is where the character class that begins at i ends.
func class(text string, i int) int {
	first := i + 1
	if first < len(text) && text[first] == '^' {
		first++
	}
	for j := first; j < len(text); j++ {
		switch {
		case text[j] == '\\':
			j++
		case strings.HasPrefix(text[j:], "[:"):
			if n := strings.Index(text[j:], ":]"); n > 0 {
				j += n + 1
			}
		case text[j] == ']' && j > first:
			return j
		}
	}
	return len(text)
}
