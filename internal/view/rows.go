package view

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
)

// Rows is a writer that turns the answers of --ai, one JSON value a line, into
// rows: keys once, in a header, and values separated by blanks. A list of
// objects costs about six tenths of the tokens that way. A blank cell is "-";
// a value with blanks in it is the last of its row, or quoted as in JSON.
type Rows struct {
	w      io.Writer
	stream bool // objects that follow each other are rows of one list
	held   []byte
	header string
}

// NewRows writes rows to w. In a stream each object is a row as soon as it is
// there, and a header comes again when the keys change.
func NewRows(w io.Writer, stream bool) *Rows { return &Rows{w: w, stream: stream} }

func (r *Rows) Write(b []byte) (int, error) {
	r.held = append(r.held, b...)
	for {
		line, rest, ok := bytes.Cut(r.held, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		_, err := r.w.Write(r.line(line))
		r.held = append(r.held[:0], rest...)
		if err != nil {
			return 0, err
		}
	}
}

// line is one line of an answer as rows. What is no JSON stays as it is.
func (r *Rows) line(b []byte) []byte {
	v, ok := parseValue(b)
	if !ok {
		return append(b, '\n')
	}
	var out buffer
	switch v := v.(type) {
	case list:
		out.table(v)
	case object:
		if !r.stream {
			out.sheet(v.rows())
			break
		}
		t := tableOf(list{v})
		if h := t.header(); h != r.header {
			r.header = h
			out.str(h, "\n")
		}
		out.str(t.row(v), "\n")
	default:
		out.str(word(v), "\n")
	}
	return out.b
}

// A JSON value whose keys keep their order: list, object, or the text of a
// scalar.
type (
	list   []any
	object []member
	member struct {
		key   string
		value any
	}
	text   string // a string
	scalar string // a number, true, false, null
)

func (o object) get(key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

func parseValue(b []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := readValue(d)
	return v, err == nil && !d.More()
}

func readValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		return readNested(d, t)
	case string:
		return text(t), nil
	case json.Number:
		return scalar(t), nil
	case bool:
		if t {
			return scalar("true"), nil
		}
		return scalar("false"), nil
	}
	return scalar("null"), nil
}

func readNested(d *json.Decoder, open json.Delim) (any, error) {
	l, o := list{}, object{}
	for d.More() {
		key := ""
		if open == '{' {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			key = t.(string)
		}
		v, err := readValue(d)
		if err != nil {
			return nil, err
		}
		l, o = append(l, v), append(o, member{key, v})
	}
	_, err := d.Token()
	if open == '{' {
		return o, err
	}
	return l, err
}

// rows is an object that has its rows under one header already, with each of
// them an object.
func (o object) rows() object {
	cols, _ := o.get("cols").(list)
	rows, ok := o.get("rows").(list)
	if len(cols) == 0 || !ok {
		return o
	}
	l := list{}
	for _, r := range rows {
		values, _ := r.(list)
		var one object
		for i := range min(len(cols), len(values)) {
			one = append(one, member{word(cols[i]), values[i]})
		}
		l = append(l, one)
	}
	rest := object{}
	for _, m := range o {
		if m.key != "cols" && m.key != "rows" {
			rest = append(rest, m)
		}
	}
	return append(rest, member{"rows", l})
}

// A table is the columns of a list of objects.
type table struct{ columns []string }

// tableOf finds the columns: every key that any row has, in order of
// appearance. The one whose values have blanks in them goes last, where it
// needs no quotes.
func tableOf(l list) table {
	var t table
	wide := map[string]bool{}
	for _, v := range l {
		o, _ := v.(object)
		for _, m := range o {
			if !slices.Contains(t.columns, m.key) {
				t.columns = append(t.columns, m.key)
			}
			if s, ok := m.value.(text); ok && strings.ContainsAny(string(s), " \t") {
				wide[m.key] = true
			}
		}
	}
	for i := len(t.columns) - 1; i >= 0; i-- {
		if c := t.columns[i]; wide[c] {
			t.columns = append(slices.Delete(t.columns, i, i+1), c)
			break
		}
	}
	return t
}

func (t table) header() string { return strings.Join(t.columns, " ") }

func (t table) row(o object) string {
	cells := make([]string, len(t.columns))
	for i, c := range t.columns {
		v := o.get(c)
		if s, ok := v.(text); ok && i == len(t.columns)-1 && open(string(s)) {
			cells[i] = string(s)
			continue
		}
		cells[i] = word(v)
	}
	return strings.Join(cells, " ")
}

// open reports whether a last value can stand without quotes.
func open(s string) bool {
	return s != "" && !strings.ContainsAny(s, "\n\r") && s[0] != '"' && s == strings.TrimSpace(s)
}

// word is a value as one word.
func word(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case scalar:
		return string(v)
	case text:
		if s := string(v); open(s) && !strings.ContainsAny(s, " \t") && s != "-" {
			return s
		}
		return string(encode(string(v)))
	case list:
		words := make([]string, len(v))
		for i := range v {
			words[i] = word(v[i])
		}
		return "[" + strings.Join(words, ",") + "]"
	case object:
		words := make([]string, len(v))
		for i, m := range v {
			words[i] = m.key + ":" + word(m.value)
		}
		return "{" + strings.Join(words, ",") + "}"
	}
	return "-"
}

// table writes a list: a header and rows, or a line for each value.
func (b *buffer) table(l list) {
	if len(l) == 0 {
		b.str("none\n")
		return
	}
	t := tableOf(l)
	if len(t.columns) > 0 {
		b.str(t.header(), "\n")
	}
	for _, v := range l {
		switch v := v.(type) {
		case object:
			b.str(t.row(v), "\n")
		case text:
			if open(string(v)) {
				b.str(string(v), "\n")
			} else {
				b.str(word(v), "\n")
			}
		default:
			b.str(word(v), "\n")
		}
	}
}

// sheet writes an object: a line for each key, those of an object in it behind
// a dot, and what is a list of objects or sentences as a table behind the rest.
func (b *buffer) sheet(o object) {
	for _, m := range b.lines("", o) {
		b.str(m.key, ":\n")
		b.table(m.value.(list))
	}
}

func (b *buffer) lines(prefix string, o object) (tables object) {
	for _, m := range o {
		key := prefix + m.key
		switch v := m.value.(type) {
		case object:
			tables = append(tables, b.lines(key+".", v)...)
			continue
		case list:
			if v.long() {
				tables = append(tables, member{key, v})
				continue
			}
		case text:
			if s := string(v); s != "" && !strings.ContainsAny(s, "\n\r") && s == strings.TrimSpace(s) {
				b.str(key, " ", s, "\n")
				continue
			}
		}
		b.str(key, " ", word(m.value), "\n")
	}
	return tables
}

// long reports whether a list needs lines of its own.
func (l list) long() bool {
	for _, v := range l {
		if s, ok := v.(text); ok && strings.Contains(string(s), " ") {
			return true
		}
		if _, ok := v.(object); ok {
			return true
		}
	}
	return false
}
