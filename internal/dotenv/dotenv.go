// Package dotenv reads KEY=VALUE files. It knows what the popular ones hold
// and nothing of who uses them: it opens no file and expands no variable.
package dotenv

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// Parse reads the text of a dotenv file.
//
//   - A line is NAME=value, with blanks allowed around the = and the word
//     export before it. Empty lines and lines that begin with # are skipped.
//   - A plain value ends with its line, or at a # that follows a blank; blanks
//     around it are not part of it.
//   - 'single' and `backtick` quotes hold everything as it is. "Double" quotes
//     know \n, \r, \t, \", \\ and \$; any other backslash is one. All three may
//     go over several lines, whose ends are always one \n.
//   - A # after a quoted value begins a comment; anything else there is an error.
//   - $NAME and ${NAME} are ordinary text: nothing is interpolated.
//   - When a name comes twice, the last value wins.
//
// An error has code Invalid and names the line, counted from 1. It never
// quotes the text: a broken line may well be a piece of a secret.
func Parse(b []byte) (map[string]string, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	p := parser{line: 1, text: strings.ReplaceAll(string(b), "\r\n", "\n")}
	vars := make(map[string]string)
	for p.text != "" {
		if err := p.entry(vars); err != nil {
			return nil, err
		}
	}
	return vars, nil
}

// A parser holds what is left of the file and the number of the line that
// text begins with.
type parser struct {
	text string
	line int
}

// entry takes one line, or several when a quote goes over them.
func (p *parser) entry(vars map[string]string) error {
	p.blanks()
	if p.text == "" || p.text[0] == '\n' || p.text[0] == '#' {
		p.rest()
		return nil
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	first := p.line
	v, err := p.value()
	if err != nil {
		return err
	}
	if strings.IndexByte(v, 0) >= 0 {
		return fault(first, "the value of "+name+" has a NUL byte, which no environment can hold")
	}
	vars[name] = v
	return nil
}

// name takes everything up to the = and the blanks behind it.
func (p *parser) name() (string, error) {
	name := p.word()
	p.blanks()
	if name == "export" && !strings.HasPrefix(p.text, "=") {
		name = p.word()
		p.blanks()
	}
	if name == "" {
		return "", fault(p.line, "the name before = must be letters, digits, _, . or -, and not begin with a digit")
	}
	if !strings.HasPrefix(p.text, "=") {
		return "", fault(p.line, "this is not NAME=value")
	}
	p.text = p.text[1:]
	return name, nil
}

// word takes a name, or nothing when the text does not begin with one.
func (p *parser) word() string {
	n := 0
	for n < len(p.text) && nameByte(p.text[n], n == 0) {
		n++
	}
	w := p.text[:n]
	p.text = p.text[n:]
	return w
}

func nameByte(c byte, first bool) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		return true
	case '0' <= c && c <= '9', c == '.', c == '-':
		return !first
	}
	return false
}

// value takes the value and the rest of its line.
func (p *parser) value() (string, error) {
	before := p.text
	p.blanks()
	if p.text == "" {
		return "", nil
	}
	if q := p.text[0]; q == '\'' || q == '"' || q == '`' {
		return p.quoted(q)
	}
	blank := len(before) > len(p.text)
	line := p.rest()
	for i := range len(line) {
		if line[i] == '#' && (i == 0 && blank || i > 0 && isBlank(line[i-1])) {
			line = line[:i]
			break
		}
	}
	return strings.TrimRight(line, " \t\r"), nil
}

// quoted takes a quoted value and the rest of the line that its quote closes on.
func (p *parser) quoted(q byte) (string, error) {
	first := p.line
	n := closing(p.text, q)
	if n < 0 {
		return "", fault(first, "the quote that opens here is never closed")
	}
	v := p.text[1:n]
	p.text = p.text[n+1:]
	p.line += strings.Count(v, "\n")
	if q == '"' {
		v = unescape(v)
	}
	last := p.line
	p.blanks()
	if tail := p.rest(); tail != "" && tail[0] != '#' {
		return "", fault(last, "there is text after the closing quote")
	}
	return v, nil
}

// closing finds the quote that ends the one s begins with, or -1.
func closing(s string, q byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == q:
			return i
		case s[i] == '\\' && q == '"':
			i++
		}
	}
	return -1
}

func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case '"', '\\', '$':
			b = append(b, s[i])
		default:
			b = append(b, '\\', s[i])
		}
	}
	return string(b)
}

// rest takes the rest of the line and its end.
func (p *parser) rest() string {
	line, text, found := strings.Cut(p.text, "\n")
	p.text = text
	if found {
		p.line++
	}
	return line
}

func (p *parser) blanks() { p.text = strings.TrimLeft(p.text, " \t\r") }

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func fault(line int, what string) error {
	return &velos.Error{Code: velos.Invalid, Message: "line " + strconv.Itoa(line) + ": " + what}
}
