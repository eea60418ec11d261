package config

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A reader takes one key's value into a draft.
type reader func(d *draft, n *node) *problem

// A form is what a key takes: how it is read, what to call it, and how a
// schema describes it.
type form struct {
	read   reader
	takes  string
	schema schema
}

// A schema is a part of a JSON Schema.
type schema map[string]any

func ofType(types ...string) schema {
	if len(types) == 1 {
		return schema{"type": types[0]}
	}
	return schema{"type": types}
}

func listOf(item schema) schema { return schema{"type": "array", "items": item} }

func anyOf(list ...schema) schema { return schema{"anyOf": list} }

func oneWord(words ...string) schema { return schema{"enum": words} }

// one is a value or a list of them.
func oneOrMore(item schema) schema { return anyOf(item, listOf(item)) }

var aScalar = ofType("string", "number", "boolean")

// What lengths of time and sizes are called; listings write them so that they
// can be read again.
const (
	lengthOfTime = "a length of time"
	aSize        = "a size"
)

func text(field func(*draft) *string) form {
	return form{func(d *draft, n *node) *problem {
		if n.kind != isString {
			return new(problem).mustBe(isString, n)
		}
		*field(d) = n.text
		return nil
	}, "text", ofType("string")}
}

func path(field func(*draft) *string) form {
	f := text(field)
	f.takes = "a path"
	return f
}

func boolean(field func(*draft) *bool) form {
	return form{func(d *draft, n *node) *problem {
		if n.kind != isBool {
			return new(problem).mustBe(isBool, n)
		}
		*field(d) = n.text == "true"
		return nil
	}, "true or false", ofType("boolean")}
}

func whole(field func(*draft) *int) form {
	return form{func(d *draft, n *node) *problem {
		v, ok := n.integer()
		switch {
		case n.kind != isInteger:
			p := new(problem).mustBe(isInteger, n)
			p.hint = "write a number without quotes"
			return p
		case !ok || int64(int32(v)) != v:
			return wrong("is out of range", "choose a smaller number")
		}
		*field(d) = int(v)
		return nil
	}, "a whole number", ofType("integer")}
}

func length(field func(*draft) *velos.Millis) form {
	return form{func(d *draft, n *node) *problem {
		v, isInt := n.integer()
		if n.kind == isString {
			m, err := Duration(n.text)
			if err != nil {
				return wrong(err.Error(), `such as "5s"`)
			}
			v, isInt = int64(m), true
		}
		if !isInt {
			return wrong(errDuration.Error()+", not "+n.kind.String(), `such as "5s"`)
		}
		*field(d) = velos.Millis(v)
		return nil
	}, lengthOfTime, ofType("integer", "string")}
}

func size(field func(*draft) *int64) form {
	return form{func(d *draft, n *node) *problem {
		v, isInt := n.integer()
		if n.kind == isString {
			b, err := Size(n.text)
			if err != nil {
				return wrong(err.Error(), `such as "10M"`)
			}
			v, isInt = b, true
		}
		if !isInt {
			return wrong(errSize.Error()+", not "+n.kind.String(), `such as "10M"`)
		}
		*field(d) = v
		return nil
	}, aSize, ofType("integer", "string")}
}

func words(field func(*draft) *[]string) form {
	return form{func(d *draft, n *node) *problem {
		switch n.kind {
		case isString:
			list, p := splitWords(n.text, "a list is taken word by word; shell = true")
			if p != nil {
				return p
			}
			*field(d) = list
			return nil
		case isList:
			list, p := scalars(n)
			*field(d) = list
			return p
		}
		return wrong("must be a list or a string, not "+n.kind.String(), `such as ["--port", "3000"]`)
	}, "a list, or a line that is split into words", anyOf(ofType("string"), listOf(aScalar))}
}

// special is a form of one key's own.
func special(read reader, takes string, s schema) form { return form{read, takes, s} }

// scalars are the texts of a list of strings, numbers and booleans.
func scalars(n *node) ([]string, *problem) {
	list := make([]string, 0, len(n.items))
	for _, c := range n.items {
		s, ok := scalar(c)
		if !ok {
			p := wrong("must hold strings and numbers only, not "+c.kind.String(), `such as ["--port", "3000"]`)
			if c.width > 0 {
				c.key = n.key
				p.at = c
			}
			return nil, p
		}
		list = append(list, s)
	}
	return list, nil
}

// scalar is a value as a variable or an argument holds it.
func scalar(n *node) (string, bool) {
	switch n.kind {
	case isString, isBool:
		return n.text, true
	case isInteger:
		v, ok := n.integer()
		return strconv.FormatInt(v, 10), ok
	case isFloat:
		_, ok := n.float()
		return strings.ReplaceAll(n.text, "_", ""), ok
	}
	return "", false
}
