package mcp

import (
	"encoding/json"
	"testing"

	"github.com/tiktoken-go/tokenizer"
)

// tokens counts as the models do that count most (o200k).
func tokens(t *testing.T, text string) int {
	t.Helper()
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	n, err := codec.Count(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mostListed is what all tools may cost every conversation.
const mostListed = 2000

func listed(t *testing.T) int {
	t.Helper()
	type shown struct {
		Name   string         `json:"name"`
		About  string         `json:"description"`
		Schema map[string]any `json:"inputSchema"`
	}
	var list []shown
	for _, tool := range tools() {
		list = append(list, shown{tool.name, tool.about, schemaOf(tool.in)})
	}
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return tokens(t, string(b))
}

func TestTheListOfToolsIsShort(t *testing.T) {
	if n := listed(t); n > mostListed {
		t.Errorf("%d tokens; at most %d", n, mostListed)
	}
}
