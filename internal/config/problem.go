package config

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// A problem is an error that does not know yet how it will be told: with a
// place in a file, or with the name of a flag.
type problem struct {
	code  velos.Code
	field string // as configuration files spell it; may have a tail, env."A=B"
	what  string
	hint  string
	at    *node     // where, when it came from a file
	doc   *document // that file; nil is the one that was named
	path  string    // the keys that lead to at, dotted
	below string    // what of path lies below the app's key: .interval
	// object is the word that what is about; left out where the subject of
	// the message is that word already.
	object string
}

func wrong(what, hint string) *problem {
	return &problem{code: velos.Invalid, what: what, hint: hint}
}

// in names the field, unless it is known already.
func (p *problem) in(field string) *problem {
	if p != nil && p.field == "" {
		p.field = field
	}
	return p
}

// about names the word that a problem is about.
func (p *problem) about(word string) *problem {
	if p != nil && p.object == "" {
		p.object = word
	}
	return p
}

// locate finds the place in the file for a problem that knows its field only.
func (p *problem) locate(d *draft) {
	if p.at != nil {
		return
	}
	p.doc = d.doc
	p.path = "apps." + bare(d.spec.Name)
	p.at = d.node
	field, _, _ := strings.Cut(p.field, ".")
	if n := d.at[field]; n != nil {
		p.at = n
	}
	switch {
	case p.field == "":
		return
	case p.field == "name":
		p.path, p.what = "apps", "name "+p.what
	case d.inherited[field]:
		p.path = "defaults." + p.field
	default:
		p.path += "." + p.field
	}
}

// typed puts the flag in the place of the field that it set.
func (p *problem) typed(flags map[string]string) *problem {
	if name, ok := flags[p.field]; ok {
		p.field = name
	}
	return p
}

// error tells the problem of a command line; subject is the word or the
// command that it is about.
func (p *problem) error(subject string) error {
	message := subject + ": " + p.what
	switch {
	case p.field == "name":
		message = "name " + p.what
	case p.field != "" && p.field != "script":
		message = "--" + strings.ReplaceAll(p.field, "_", "-") + ": " + p.what
	case p.object != "" && !strings.HasSuffix(subject, " "+shown(p.object)):
		message = subject + ": " + p.sentence()
	}
	return &velos.Error{Code: p.code, Message: message, Hint: p.hint}
}

// sentence is what is wrong with the object.
func (p *problem) sentence() string {
	switch {
	case p.object == "":
		return p.what
	case strings.HasPrefix(p.what, "is "):
		return shown(p.object) + " " + p.what
	case strings.HasPrefix(p.what, "no such"), strings.HasPrefix(p.what, "permission"):
		return p.what + ": " + shown(p.object)
	}
	return shown(p.object) + ": " + p.what
}

// error tells the problem with its place: path:line:column, then the line
// with a caret. A problem in a file that this one includes knows that file.
func (doc *document) error(p *problem) error {
	if p.doc != nil {
		doc = p.doc
	}
	offset, width := 0, 1
	if p.at != nil {
		offset, width = p.at.offset, p.at.width
	}
	what := p.what
	if p.path != "" {
		what = p.path + ": " + p.sentence()
	}
	return &velos.Error{Code: p.code, Message: doc.message(offset, width, what), Hint: p.hint}
}

func (doc *document) message(offset, width int, what string) string {
	offset = min(offset, len(doc.data))
	if doc.translated {
		return doc.elsewhere(offset, what)
	}
	begin := strings.LastIndexByte(string(doc.data[:offset]), '\n') + 1
	end := len(doc.data)
	if i := strings.IndexByte(string(doc.data[offset:]), '\n'); i >= 0 {
		end = offset + i
	}
	line := 1 + strings.Count(string(doc.data[:begin]), "\n")
	before := string(doc.data[begin:offset])
	column := utf8.RuneCountInString(before) + 1
	text := strings.TrimSuffix(string(doc.data[begin:end]), "\r")
	width = max(1, min(width, end-offset))

	var b strings.Builder
	number := strconv.Itoa(line)
	b.WriteString(shown(doc.path) + ":" + number + ":" + strconv.Itoa(column) + ": " + what)
	if utf8.RuneCountInString(text) > 160 || strings.TrimSpace(text) == "" {
		return b.String()
	}
	b.WriteString("\n   " + number + " | " + harmless(text))
	b.WriteString("\n   " + strings.Repeat(" ", len(number)) + " | " + strings.Repeat(" ", column-1))
	b.WriteString(strings.Repeat("^", width))
	return b.String()
}

// harmless keeps the width of a line of somebody else's file and takes out
// what could steer a terminal.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !strconv.IsGraphic(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// shown is a path or a word for a message: as it is when it is plain, else
// quoted.
func shown(s string) string {
	for _, r := range s {
		if !strconv.IsGraphic(r) || r == ' ' || r == '"' || r == utf8.RuneError {
			return strconv.QuoteToGraphic(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

// bare is a key as TOML would have it written.
func bare(key string) string {
	for _, r := range key {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return strconv.QuoteToGraphic(key)
		}
	}
	if key == "" {
		return `""`
	}
	return key
}
