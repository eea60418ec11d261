package foreign

import (
	"math"
	"strconv"
	"strings"
)

// A value is a piece of JSON, of YAML, or of what a script has exported, with
// its place. All values of a format end up here, so that the same code
// translates them.
type value struct {
	kind  kind
	text  string   // of a scalar; for odd what it is
	items []*value // of a list, or of an object beside its keys
	keys  []string
	line  int // 0 is unknown
}

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
	odd // what only a program can hold: a function, an expression
)

func (k kind) String() string {
	return [...]string{"null", "true or false", "a number", "a string", "a list", "an object", "a value of a program"}[k]
}

// what is the kind for a message.
func (v *value) what() string {
	if v.kind == odd {
		return v.text
	}
	return v.kind.String()
}

// get finds a key of an object; the last one wins, as in JavaScript. nil when
// it is not there.
func (v *value) get(key string) *value {
	if v == nil || v.kind != object {
		return nil
	}
	for i := len(v.keys) - 1; i >= 0; i-- {
		if v.keys[i] == key {
			return v.items[i]
		}
	}
	return nil
}

// put sets a key of an object.
func (v *value) put(key string, item *value) {
	for i := range v.keys {
		if v.keys[i] == key {
			v.items[i] = item
			return
		}
	}
	v.keys, v.items = append(v.keys, key), append(v.items, item)
}

// integer is a whole number, also when it was written as a string.
func (v *value) integer() (int64, bool) {
	if v.kind != number && v.kind != text {
		return 0, false
	}
	s := strings.TrimSpace(v.text)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// truth is a boolean, also when it was written as a string.
func (v *value) truth() (bool, bool) {
	switch {
	case v.kind == boolean, v.kind == text && (v.text == "true" || v.text == "false"):
		return v.text == "true", true
	}
	return false, false
}

// scalar is a value as an argument or a variable holds it.
func (v *value) scalar() (string, bool) {
	switch v.kind {
	case text, number, boolean:
		return v.text, true
	}
	return "", false
}

// scalars are the texts of a list, or of one scalar.
func (v *value) scalars() ([]string, bool) {
	if v.kind != list {
		s, ok := v.scalar()
		return []string{s}, ok
	}
	out := make([]string, 0, len(v.items))
	for _, c := range v.items {
		s, ok := c.scalar()
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// json is the value as JSON, as JavaScript would write it.
func (v *value) json(b *strings.Builder) {
	switch v.kind {
	case null, odd:
		b.WriteString("null")
	case boolean, number:
		b.WriteString(v.text)
	case text:
		b.WriteString(jsonString(v.text))
	case list:
		b.WriteByte('[')
		for i, c := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			c.json(b)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i, c := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(jsonString(v.keys[i]) + ":")
			c.json(b)
		}
		b.WriteByte('}')
	}
}
