package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"

	"github.com/velospm/velos/internal/view"
)

// exactly reads one JSON object into a struct and says which keys it had.
// encoding/json alone would take a key in other letters, one that is there
// twice, null for anything, and 0 for what was not said: wishes that nobody
// fulfils, or of which the wrong half is. The first mistake is told, and the rest
// is read nevertheless; given is nil when that cannot be, because it is no object.
func exactly(b []byte, into any) (given map[string]bool, first error) {
	fields := fieldsOf(into)
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, invalid("an object is needed", "such as {}")
	}
	given = map[string]bool{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, garbled(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, garbled(err)
		}
		f, known := fields[key]
		var wrong error
		if !known || given[key] {
			wrong = invalid(view.Text(key)+": unknown, or there twice", "")
		} else {
			wrong = value(raw, f, key)
		}
		given[key] = true
		first = cmp.Or(first, wrong)
	}
	if _, err := d.Token(); err != nil {
		return nil, garbled(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, invalid("there is more than one value", "")
	}
	return given, first
}

// value reads what belongs to a key.
func value(raw json.RawMessage, f reflect.Value, key string) error {
	if string(raw) == "null" {
		return invalid(key+": null is no value", "leave the key out")
	}
	err := json.Unmarshal(raw, f.Addr().Interface())
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return invalid(key+": must be "+kindOf(f.Type()), "")
	case err != nil:
		return invalid(key+": "+view.Text(err.Error()), "")
	case f.CanInt() && f.IsZero():
		return invalid(key+": must not be 0", "leave the key out")
	}
	return nil
}

func garbled(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return invalid("no JSON: "+view.Text(err.Error()), "")
}

// fieldsOf are the fields of a struct by their keys.
func fieldsOf(into any) map[string]reflect.Value {
	v := reflect.ValueOf(into).Elem()
	all := map[string]reflect.Value{}
	for i := range v.NumField() {
		if key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); key != "-" {
			all[key] = v.Field(i)
		}
	}
	return all
}

func kindOf(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "a list of texts"
	}
	return "a whole number"
}
