package api

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func TestABodyIsReadExactly(t *testing.T) {
	for _, good := range []struct{ text, keys string }{
		{`{}`, ""}, {" {\n} ", ""}, {`{"timeout_ms":5}`, "timeout_ms"}, {`{"by":0,"timeout_ms":600000}`, "by timeout_ms"}, {`{"signal":""}`, "signal"},
	} {
		var w wish
		given, err := exactly([]byte(good.text), &w)
		if keys := strings.Join(slices.Sorted(maps.Keys(given)), " "); err != nil || keys != good.keys {
			t.Errorf("%s: %q %v", good.text, keys, err)
		}
	}
	for text, says := range map[string]string{
		`{"timeout_ms":0}`:                   "timeout_ms: must not be 0",
		`{"timeout_ms":null}`:                "timeout_ms: null is no value",
		`{"TIMEOUT_MS":5}`:                   "TIMEOUT_MS: unknown, or there twice",
		`{"timeout_ms":5,"timeout_ms":6}`:    "timeout_ms: unknown, or there twice",
		`{"timeout_ms":"5"}`:                 "timeout_ms: must be a whole number",
		`{"timeout_ms":1.5}`:                 "timeout_ms: must be a whole number",
		`{"by":[1]}`:                         "by: must be a whole number",
		`{"signal":9}`:                       "signal: must be text",
		`{"nope":{"a":[]},"timeout_ms":"x"}`: "nope: unknown, or there twice",
		`{}{}`:                               "there is more than one value",
		`{} x`:                               "there is more than one value",
		`null`:                               "an object is needed",
		`[]`:                                 "an object is needed",
		`"x"`:                                "an object is needed",
		``:                                   "an object is needed",
		`{"signal":`:                         "no JSON: unexpected EOF",
		`{`:                                  "no JSON: unexpected EOF",
		`{"signal"}`:                         "no JSON: ",
		`{"signal",1}`:                       "no JSON: ",
	} {
		var w wish
		if _, err := exactly([]byte(text), &w); velos.CodeOf(err) != velos.Invalid || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%s: %v, not %s", text, err, says)
		}
	}
}

func TestAMistakeInAMessageIsToldOfItsIdAndTheConnectionGoesOn(t *testing.T) {
	for text, says := range map[string]string{
		`{"op":"subscribe","lines":1e9,"id":"a"}`:               "lines: must be a whole number",
		`{"nope":1,"op":"subscribe","id":"a"}`:                  "nope: unknown",
		`{"id":"a","cursor":{}}`:                                "cursor: must be a list of texts",
		`{"id":"a","op":"subscribe","apps":"x","topic":"logs"}`: "apps: must be a list of texts",
	} {
		var o op
		if over, err := understand([]byte(text), &o); over || err == nil || !strings.Contains(err.Error(), says) || o.ID != "a" {
			t.Errorf("%s: %v, %v, of %q", text, over, err, o.ID)
		}
	}
	var o op
	if over, err := understand([]byte(`{"id":"a","cursor":"x"}`), &o); over || err != nil || len(o.Cursor) != 1 {
		t.Errorf("%v %v %q", over, err, o.Cursor)
	}
	for _, text := range []string{``, `null`, `[]`, `{"op":"ping"}{}`, `{"op":`, `ping`} {
		if over, err := understand([]byte(text), &op{}); !over || err == nil {
			t.Errorf("%s is no message: %v", text, err)
		}
	}
}
