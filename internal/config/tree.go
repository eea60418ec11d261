package config

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/velospm/velos"
)

// A document is a file's bytes and the name to show for it.
type document struct {
	path string
	data []byte

	translated bool     // data is a translation of the file
	lines      []int    // of the file, for each line of data
	files      []string // that those lines are of, if not of path
	sum        string
}

// A node is a value of a TOML file that remembers its order and its place.
type node struct {
	kind   kind
	key    string // in the table that holds it
	offset int    // of the key, or of the value in a list
	width  int
	from   int     // offset of a string's text, where it is written as it is; 0: unknown
	text   string  // of a scalar; a string's value, a number as written
	items  []*node // of a table or a list, in order
	open   bool    // a list made by [[key]], which takes more tables
}

type kind uint8

const (
	isTable kind = iota
	isList
	isString
	isBool
	isInteger
	isFloat
	isDate
)

func (k kind) String() string {
	return [...]string{"a table", "a list", "a string", "true or false", "a whole number", "a decimal number", "a date"}[k]
}

// child finds a key of a table.
func (n *node) child(key string) *node {
	for _, c := range n.items {
		if c.key == key && n.kind == isTable {
			return c
		}
	}
	return nil
}

func (n *node) integer() (int64, bool) {
	if n.kind != isInteger {
		return 0, false
	}
	v, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 64)
	return v, err == nil
}

// float is the value of a finite float.
func (n *node) float() (float64, bool) {
	v, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
	return v, n.kind == isFloat && err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// tree parses the file twice: once by the decoder, which knows every rule of
// TOML about keys that are defined twice, and once by the parser, which knows
// places.
func (doc *document) tree() (*node, error) {
	var rules map[string]any
	if err := toml.Unmarshal(doc.data, &rules); err != nil {
		return nil, doc.syntax(err)
	}
	root := &node{kind: isTable}
	p := unstable.Parser{}
	p.Reset(doc.data)
	table := root
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = enter(root, e)
		case unstable.KeyValue:
			put(&p, table, e)
		}
	}
	if err := p.Error(); err != nil {
		return nil, doc.syntax(err)
	}
	return root, nil
}

func (doc *document) syntax(err error) error {
	e := &velos.Error{Code: velos.Invalid, Cause: err, Hint: "see https://toml.io for how TOML is written"}
	if strings.Contains(err.Error(), "already exists as a value") || strings.Contains(err.Error(), "key env is already") {
		e.Hint = "a table in braces is complete: write its keys below a header, a profile of the environment as env_production = { … }"
	}
	var d *toml.DecodeError
	if !errors.As(err, &d) {
		e.Message = shown(doc.path) + ": " + strings.TrimPrefix(err.Error(), "toml: ")
		return e
	}
	row, column := d.Position()
	offset := 0
	for line := 1; line < row; line++ {
		i := strings.IndexByte(string(doc.data[offset:]), '\n')
		if i < 0 {
			break
		}
		offset += i + 1
	}
	e.Message = doc.message(offset+max(column-1, 0), 1, strings.TrimPrefix(d.Error(), "toml: "))
	return e
}

// enter finds or makes the table of a header.
func enter(root *node, e *unstable.Node) *node {
	t := root
	it := e.Key()
	for it.Next() {
		k := it.Node()
		last := it.IsLast()
		c := t.child(string(k.Data))
		if c == nil {
			c = &node{kind: isTable, key: string(k.Data), offset: int(k.Raw.Offset), width: int(k.Raw.Length)}
			if last && e.Kind == unstable.ArrayTable {
				c.kind, c.open = isList, true
			}
			t.items = append(t.items, c)
		}
		if c.kind == isList && last && e.Kind == unstable.ArrayTable {
			c.items = append(c.items, &node{kind: isTable, offset: int(k.Raw.Offset), width: int(k.Raw.Length)})
		}
		if c.kind == isList && len(c.items) > 0 {
			c = c.items[len(c.items)-1]
		}
		t = c
	}
	return t
}

// put adds a key and its value to a table.
func put(p *unstable.Parser, t *node, e *unstable.Node) {
	it := e.Key()
	for it.Next() {
		k := it.Node()
		c := t.child(string(k.Data))
		if it.IsLast() {
			c = value(p, e.Value())
			c.key, c.offset, c.width = string(k.Data), int(k.Raw.Offset), int(k.Raw.Length)
			t.items = append(t.items, c)
			return
		}
		if c == nil {
			c = &node{kind: isTable, key: string(k.Data), offset: int(k.Raw.Offset), width: int(k.Raw.Length)}
			t.items = append(t.items, c)
		}
		t = c
	}
}

func value(p *unstable.Parser, v *unstable.Node) *node {
	n := &node{text: string(v.Data), offset: int(v.Raw.Offset), width: int(v.Raw.Length)}
	switch v.Kind {
	case unstable.Array:
		n.kind, n.text = isList, ""
		for it := v.Children(); it.Next(); {
			n.items = append(n.items, value(p, it.Node()))
		}
	case unstable.InlineTable:
		n.kind, n.text = isTable, ""
		for it := v.Children(); it.Next(); {
			put(p, n, it.Node())
		}
	case unstable.String:
		n.kind = isString
		if n.width == len(n.text)+2 {
			n.from = n.offset + 1
		}
	case unstable.Bool:
		n.kind = isBool
	case unstable.Integer:
		n.kind = isInteger
	case unstable.Float:
		n.kind = isFloat
	default:
		n.kind = isDate
	}
	return n
}
