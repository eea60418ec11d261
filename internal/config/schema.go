package config

import (
	"encoding/json"
	"slices"
	"strings"
)

// Schema is the JSON Schema of velos.toml, for editors: made from the table
// that parses.
func Schema() []byte {
	app := schema{"type": "object", "description": "an app", "properties": properties(""), "required": []string{"script"},
		"patternProperties": profilePattern(), "additionalProperties": false}
	listed := schema{"type": "object", "description": "an app", "properties": properties(""), "required": []string{"name", "script"},
		"patternProperties": profilePattern(), "additionalProperties": false}
	defaults := schema{"type": "object", "description": "what holds for every app of this file that does not say otherwise",
		"properties": properties("name script"), "patternProperties": profilePattern(), "additionalProperties": false}
	include := oneOrMore(ofType("string"))
	include["description"] = includeHelp
	root := schema{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": "velos.toml", "type": "object", "additionalProperties": false,
		"properties": schema{
			"apps":     anyOf(schema{"type": "object", "additionalProperties": app}, listOf(listed)),
			"defaults": defaults,
			"include":  include,
			"notify":   listOf(noticeSchema()),
		},
	}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("config: the schema is no JSON: " + err.Error()) // the table holds maps, lists and strings only
	}
	return append(b, '\n')
}

func noticeSchema() schema {
	props, needed := schema{}, []string{}
	for i := range noticeKeys {
		k := &noticeKeys[i]
		s := schema{"description": k.help}
		for name, v := range k.schema {
			s[name] = v
		}
		if v, ok := presetValue(k.preset); ok {
			s["default"] = v
		}
		props[k.name] = s
		if k.needed && k.types == "" {
			needed = append(needed, k.name)
		}
	}
	return schema{"type": "object", "description": "where news of apps go", "properties": props, "required": needed, "additionalProperties": false}
}

const includeHelp = "files whose apps belong to this one, such as \"services/*.toml\"; each stands for itself, with paths from its own directory and defaults of its own"

func profilePattern() schema {
	return schema{"^" + profileKey + "(?!file$|profiles$).+$": variablesSchema()}
}

// properties are all keys but some.
func properties(without string) schema {
	out := schema{}
	for _, sec := range sections() {
		for i := range sec.keys {
			k := &sec.keys[i]
			if slices.Contains(strings.Fields(without), k.name) {
				continue
			}
			s := schema{"description": k.help}
			for name, v := range k.schema {
				s[name] = v
			}
			if v, ok := presetValue(k.preset); ok {
				s["default"] = v
			}
			out[k.name] = s
		}
	}
	return out
}

// presetValue is a default as JSON has it.
func presetValue(preset string) (any, bool) {
	var v any
	err := json.Unmarshal([]byte(preset), &v)
	return v, err == nil
}
