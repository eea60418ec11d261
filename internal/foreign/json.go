package foreign

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds values within values.
const maxDepth = 200

// parseJSON reads JSON as PM2 does, which takes it for JavaScript: comments,
// trailing commas, names without quotes and 'single' quotes are understood.
// An error names the line.
func parseJSON(data string) (*value, *lineError) {
	p := &jsonParser{text: data, line: 1}
	v := p.value(0)
	if p.err == nil {
		if p.blanks(); p.text != "" && p.text != ";" {
			p.fail("something stands behind the end: " + p.next())
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return v, nil
}

// A lineError is a mistake in a line of a file.
type lineError struct {
	line int
	what string
}

type jsonParser struct {
	text string // what is left
	line int
	err  *lineError
}

// fail keeps the first mistake and ends the parsing: nothing is left.
func (p *jsonParser) fail(what string) *value {
	if p.err == nil {
		p.err = &lineError{p.line, what}
	}
	p.text = ""
	return &value{}
}

// next is the next character for a message.
func (p *jsonParser) next() string {
	if p.text == "" {
		return "the end of the file"
	}
	_, n := utf8.DecodeRuneInString(p.text)
	return strconv.QuoteToGraphic(p.text[:n])
}

// blanks skips blanks and comments.
func (p *jsonParser) blanks() {
	for p.text != "" {
		switch {
		case p.text[0] == '\n':
			p.line++
			p.text = p.text[1:]
		case p.text[0] == ' ' || p.text[0] == '\t' || p.text[0] == '\r':
			p.text = p.text[1:]
		case strings.HasPrefix(p.text, "//"):
			i := strings.IndexByte(p.text, '\n')
			if i < 0 {
				i = len(p.text)
			}
			p.text = p.text[i:]
		case strings.HasPrefix(p.text, "/*"):
			comment, rest, ok := strings.Cut(p.text[2:], "*/")
			if !ok {
				p.fail("a comment is not closed")
				return
			}
			p.line += strings.Count(comment, "\n")
			p.text = rest
		default:
			return
		}
	}
}

func (p *jsonParser) value(depth int) *value {
	if p.blanks(); depth > maxDepth {
		return p.fail("too many levels")
	}
	line := p.line
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth, line)
	case c == '[':
		return p.list(depth, line)
	case c == '"' || c == '\'':
		return &value{kind: text, text: p.quoted(c), line: line}
	case c == '-' || c == '+' || c == '.' || c >= '0' && c <= '9':
		return p.number(line)
	}
	switch word := p.word(); word {
	case "true", "false":
		return &value{kind: boolean, text: word, line: line}
	case "null", "undefined":
		return &value{line: line}
	case "":
		return p.fail("a value is missing before " + p.next())
	default:
		return p.fail("unknown word " + shown(word))
	}
}

func (p *jsonParser) peek() byte {
	if p.text == "" {
		return 0
	}
	return p.text[0]
}

func (p *jsonParser) number(line int) *value {
	i := strings.IndexFunc(p.text, func(r rune) bool { return !strings.ContainsRune("+-.0123456789eExXabcdfABCDF_", r) })
	if i < 0 {
		i = len(p.text)
	}
	s := p.text[:i]
	v := &value{kind: number, text: s, line: line}
	if n, err := strconv.ParseInt(s, 0, 64); err == nil {
		v.text = strconv.FormatInt(n, 10)
	} else if f, err := strconv.ParseFloat(s, 64); err != nil || strings.ContainsAny(s, "xX_") {
		return p.fail("no number: " + shown(s))
	} else {
		v.text = strconv.FormatFloat(f, 'g', -1, 64)
	}
	p.text = p.text[i:]
	return v
}

func (p *jsonParser) object(depth, line int) *value {
	v := &value{kind: object, line: line}
	for p.text = p.text[1:]; ; {
		p.blanks()
		if p.peek() == '}' {
			p.text = p.text[1:]
			return v
		}
		at := p.line
		var key string
		if c := p.peek(); c == '"' || c == '\'' {
			key = p.quoted(c)
		} else if key = p.word(); key == "" {
			return p.fail("a name is missing before " + p.next())
		}
		if p.blanks(); p.peek() != ':' {
			return p.fail("a colon is missing behind " + shown(key))
		}
		p.text = p.text[1:]
		item := p.value(depth + 1)
		item.line = at
		v.put(key, item)
		if !p.more('}') {
			return v
		}
	}
}

func (p *jsonParser) list(depth, line int) *value {
	v := &value{kind: list, line: line}
	for p.text = p.text[1:]; ; {
		p.blanks()
		if p.peek() == ']' {
			p.text = p.text[1:]
			return v
		}
		v.items = append(v.items, p.value(depth+1))
		if !p.more(']') {
			return v
		}
	}
}

// more takes a comma, or fails where neither it nor the end stands.
func (p *jsonParser) more(end byte) bool {
	if p.err != nil {
		return false
	}
	p.blanks()
	switch p.peek() {
	case ',':
		p.text = p.text[1:]
		return true
	case end:
		return true
	}
	p.fail("a comma or " + string(end) + " is missing before " + p.next())
	return false
}

// word takes a name without quotes.
func (p *jsonParser) word() string {
	i := strings.IndexFunc(p.text, func(r rune) bool {
		return r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if i < 0 {
		i = len(p.text)
	}
	w := p.text[:i]
	p.text = p.text[i:]
	return w
}

// quoted takes a string. What stands in it is read by encoding/json.
func (p *jsonParser) quoted(q byte) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == q:
			b.WriteByte('"')
			var s string
			if err := json.Unmarshal([]byte(b.String()), &s); err != nil {
				p.fail("this string has an escape that does not exist, or a control character")
				return ""
			}
			p.text = p.text[i+1:]
			return s
		case c == '\n':
			p.fail("a quote is not closed")
			return ""
		case c == '"':
			b.WriteString(`\"`)
		case c == '\\' && i+1 < len(p.text):
			i++
			if p.text[i] == '\'' {
				b.WriteByte('\'')
			} else {
				b.WriteByte('\\')
				b.WriteByte(p.text[i])
			}
		case c == '\t':
			b.WriteString(`\t`)
		default:
			b.WriteByte(c)
		}
	}
	p.fail("a quote is not closed")
	return ""
}

// jsonString is s as JSON.
func jsonString(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
