package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// arguments reads what a client sent into a struct of arguments, and says what
// it may send when it is not that. What is null, empty or 0 counts as left out:
// some clients fill in everything.
func arguments(t *tool, raw json.RawMessage, in any) error {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	known := fieldsOf(t.in)
	hint := "it takes " + strings.Join(known, ", ")
	if len(known) == 0 {
		hint = "it takes no arguments"
	}
	bad := func(what string) error {
		return &velos.Error{Code: velos.Invalid, Message: t.name + ": " + what, Hint: hint}
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return bad("the arguments must be an object, not " + kindOf(raw))
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			return bad("there is no argument " + quoted(name))
		}
	}
	missing := ""
	err := eachField(reflect.ValueOf(in).Elem(), func(name string, f reflect.StructField, v reflect.Value) error {
		value := bytes.TrimSpace(given[name])
		if name == "name_or_id" && whole(value) { // ids are numbers in our own answers
			value = slices.Concat([]byte(`"`), value, []byte(`"`))
		}
		if len(value) > 0 && string(value) != "null" {
			if err := read(value, f, v); err != nil {
				return bad(name + " " + err.Error())
			}
		}
		if f.Tag.Get("need") != "" && missing == "" && (v.IsZero() || v.Kind() == reflect.String && strings.TrimSpace(v.String()) == "") {
			missing = name
		}
		return nil
	})
	if err == nil && missing != "" {
		err = bad(missing + " is missing")
	}
	return err
}

// eachField gives every argument of a struct, those of an embedded one too.
func eachField(v reflect.Value, do func(name string, f reflect.StructField, v reflect.Value) error) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		var err error
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.Anonymous && name == "" {
			err = eachField(v.Field(i), do)
		} else if name != "" && name != "-" {
			err = do(name, f, v.Field(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads one argument. Its errors are what stands behind its name.
func read(raw json.RawMessage, f reflect.StructField, into reflect.Value) error {
	wrong := errors.New("must be " + wanted(into.Type()) + ", not " + kindOf(raw))
	switch into.Kind() {
	case reflect.Int, reflect.Float64:
		n, err := strconv.ParseFloat(string(raw), 64)
		switch {
		case !numeric(raw) || err != nil && !errors.Is(err, strconv.ErrRange):
			return wrong
		case n < 0:
			return errors.New("must not be negative")
		case into.Kind() == reflect.Float64:
			into.SetFloat(n)
			return nil
		case n != math.Trunc(n) || n > math.MaxInt32: // 5.0 is a whole number, and some clients write it so
			return errors.New("must be a whole number up to " + strconv.Itoa(math.MaxInt32))
		}
		into.SetInt(int64(n))
		return nil
	}
	if err := json.Unmarshal(raw, into.Addr().Interface()); err != nil {
		if said := (*argumentError)(nil); errors.As(err, &said) {
			return said
		}
		return wrong
	}
	if words := f.Tag.Get("enum"); words != "" && into.String() != "" {
		return oneOf(strings.Split(words, ","), into)
	}
	return nil
}

// oneOf holds an argument to its words, whatever the case it is written in.
func oneOf(words []string, v reflect.Value) error {
	said := strings.ToLower(v.String())
	if level, ok := velos.ParseLevel(said); ok && slices.Contains(words, level.String()) { // warning, err
		said = level.String()
	}
	if !slices.Contains(words, said) {
		return errors.New("must be one of " + strings.Join(words, ", ") + ", not " + quoted(v.String()))
	}
	v.SetString(said)
	return nil
}

// whole reports a whole number that is not negative.
func whole(raw json.RawMessage) bool {
	_, err := strconv.ParseUint(string(raw), 10, 32)
	return err == nil
}

func numeric(raw json.RawMessage) bool { return kindOf(raw) == "a number" }

// kindOf says in words what a JSON value is.
func kindOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// wanted says the same of what an argument has to be.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list of strings"
	}
	return "an object"
}

// quoted is somebody's text inside of a sentence.
func quoted(s string) string { return strconv.Quote(view.Text(cut(s, 80))) }

// An argumentError says itself what is wrong with an argument.
type argumentError struct{ text string }

func (e *argumentError) Error() string { return e.text }

// mostWords bounds a list.
const mostWords = 1000

// words are a list of strings; a number among them is as good.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(b []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return &argumentError{"must be a list of strings, not " + kindOf(b)}
	}
	if len(list) > mostWords {
		return &argumentError{"must have at most " + strconv.Itoa(mostWords) + " words"}
	}
	for _, raw := range list {
		s, ok := scalar(raw)
		if !ok {
			return &argumentError{"must be a list of strings, and " + kindOf(raw) + " is in it"}
		}
		*w = append(*w, s)
	}
	return nil
}

// anyOf are words, of which one alone needs no list.
type anyOf words

// UnmarshalJSON implements json.Unmarshaler.
func (w *anyOf) UnmarshalJSON(b []byte) error {
	if kindOf(b) == "a string" {
		b = slices.Concat([]byte("["), b, []byte("]"))
	}
	return (*words)(w).UnmarshalJSON(b)
}

// vars are variables of an environment; a number is as good as its text.
type vars map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (v *vars) UnmarshalJSON(b []byte) error {
	var list map[string]json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return &argumentError{"must be an object of strings, not " + kindOf(b)}
	}
	*v = vars{}
	for k, raw := range list {
		s, ok := scalar(raw)
		switch {
		case k == "" || strings.ContainsAny(k, "=\x00"):
			return &argumentError{quoted(k) + " is no name of a variable"}
		case !ok:
			return &argumentError{"must be an object of strings, and " + quoted(k) + " is " + kindOf(raw)}
		case strings.Contains(s, view.Masked):
			return &argumentError{unmasked(k)}
		}
		(*v)[k] = s
	}
	return nil
}

// unmasked says of a value that it is what stands for a secret, which nobody
// can mean.
func unmasked(key string) string {
	return quoted(key) + " has " + view.Masked + " in it, which stands for a secret that is not shown: leave it out to keep what it is"
}

// scalar is a string, a number or a boolean as text.
func scalar(raw json.RawMessage) (string, bool) {
	switch kindOf(raw) {
	case "a string":
		var s string
		return s, json.Unmarshal(raw, &s) == nil
	case "a number", "a boolean":
		return string(raw), true
	}
	return "", false
}
