package mcp

import (
	"reflect"
	"strings"
)

// schemaOf describes a struct as a JSON Schema that every client can read: one
// type for each field, never null, nothing that refers to something else. The
// tags are json, about (a description), enum (words with commas) and need.
func schemaOf(t reflect.Type) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Interface {
			return map[string]any{"type": "array", "items": map[string]any{}}
		}
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		s := map[string]any{"type": "object"}
		if t.Elem().Kind() != reflect.Interface {
			s["additionalProperties"] = schemaOf(t.Elem())
		}
		return s
	case reflect.Struct:
		return objectOf(t)
	case reflect.Interface:
		return map[string]any{}
	}
	return map[string]any{"type": "integer"}
}

func objectOf(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var need []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			inner := objectOf(f.Type)
			for k, v := range inner["properties"].(map[string]any) {
				properties[k] = v
			}
			if more, ok := inner["required"].([]string); ok {
				need = append(need, more...)
			}
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		p := schemaOf(f.Type)
		if about := f.Tag.Get("about"); about != "" {
			p["description"] = about
		}
		if enum := f.Tag.Get("enum"); enum != "" {
			p["enum"] = strings.Split(enum, ",")
		}
		if f.Tag.Get("need") != "" {
			need = append(need, name)
		}
		properties[name] = p
	}
	s := map[string]any{"type": "object", "properties": properties}
	if len(need) > 0 {
		s["required"] = need
	}
	return s
}

// fieldsOf are the names of a struct's fields, for a message.
func fieldsOf(t reflect.Type) []string {
	var list []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			list = append(list, fieldsOf(f.Type)...)
			continue
		}
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			list = append(list, name)
		}
	}
	return list
}
