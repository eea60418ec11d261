package mcp

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
)

// specified are the tools that every server has, with the arguments that it
// must understand.
var specified = map[string][]string{
	"process_list": {}, "process_start": {"script", "name", "instances", "env"}, "process_stop": {"name_or_id"}, "process_restart": {"name_or_id"},
	"process_delete": {"name_or_id"}, "process_info": {"name_or_id"}, "log_read": {"name_or_id", "lines", "level"},
	"log_search": {"name_or_id", "pattern", "since", "until", "level"}, "log_summary": {"name_or_id", "period"}, "health_check": {},
	"config_get": {"name_or_id"}, "config_set": {"name_or_id", "changes"}, "metrics_snapshot": {"name_or_id"},
}

func TestSpecifiedToolsHaveTheirArguments(t *testing.T) {
	all := tools()
	for name, args := range specified {
		i := slices.IndexFunc(all, func(t tool) bool { return t.name == name })
		if i < 0 {
			t.Errorf("%s is missing", name)
			continue
		}
		known := fieldsOf(all[i].in)
		for _, a := range args {
			if !slices.Contains(known, a) {
				t.Errorf("%s does not take %s", name, a)
			}
		}
	}
}

func TestEverySchemaIsAPlainObject(t *testing.T) {
	for _, tool := range tools() {
		for _, typ := range []reflect.Type{tool.in, tool.out} {
			s := schemaOf(typ)
			b, err := json.Marshal(s)
			if err != nil || s["type"] != "object" {
				t.Errorf("%s: %s, %v", tool.name, b, err)
			}
			if strings.Contains(string(b), `"null"`) || strings.Contains(string(b), "$ref") {
				t.Errorf("%s: %s", tool.name, b)
			}
		}
		if !tool.reads && strings.HasPrefix(tool.name, "log_") || tool.destructive && tool.reads {
			t.Errorf("%s: its hints contradict each other", tool.name)
		}
	}
}

func TestSetsAndReadOnlyChooseTools(t *testing.T) {
	if list, err := chosen([]string{"ops"}, false); err != nil || len(list) != 3 {
		t.Errorf("%d tools, %v", len(list), err)
	}
	list, err := chosen(nil, true)
	for i := range list {
		if !list[i].reads {
			t.Errorf("%s is there, and changes something", list[i].name)
		}
	}
	if err != nil || len(list) < 8 {
		t.Errorf("%d tools, %v", len(list), err)
	}
	if _, err := chosen([]string{"cor"}, false); velos.CodeOf(err) != velos.Invalid {
		t.Errorf("an unknown set: %v", err)
	}
}

// offline is a session with a server whose daemon cannot be reached.
func offline(t *testing.T, o Options) *sdk.ClientSession {
	t.Helper()
	o.Connect = func(context.Context) (*client.Client, error) {
		return nil, &velos.Error{Code: velos.Unreachable, Message: "nobody answers"}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	a, b := sdk.NewInMemoryTransports()
	if _, err := s.sdk.Connect(t.Context(), a, nil); err != nil {
		t.Fatal(err)
	}
	c, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestListsNeedNoDaemonAndKeepTheirOrder(t *testing.T) {
	c := offline(t, Options{})
	first, err := c.ListTools(t.Context(), nil)
	if err != nil || len(first.Tools) != len(tools()) {
		t.Fatalf("%v, %v", first, err)
	}
	for i, row := range first.Tools {
		if row.Annotations == nil || row.Annotations.DestructiveHint == nil || row.Annotations.OpenWorldHint == nil || row.OutputSchema == nil {
			t.Errorf("tool %d, %s, lacks hints or a schema", i, row.Name)
		}
		if len(row.Description) > 4096 {
			t.Errorf("%s: its description is cut by some clients", row.Name)
		}
	}
	again, err := c.ListTools(t.Context(), nil)
	if err != nil || !reflect.DeepEqual(first.Tools, again.Tools) {
		t.Error("a second list differs")
	}
	if p, err := c.ListPrompts(t.Context(), nil); err != nil || len(p.Prompts) != 3 {
		t.Errorf("%v, %v", p, err)
	}
	if r, err := c.ListResourceTemplates(t.Context(), nil); err != nil || len(r.ResourceTemplates) != 4 {
		t.Errorf("%v, %v", r, err)
	}
}

func TestInstructionsAreNotCut(t *testing.T) {
	if len(instructions) > 1500 {
		t.Errorf("%d characters: some clients cut at 2,048", len(instructions))
	}
}

func TestMistakesAreToldToTheModel(t *testing.T) {
	c := offline(t, Options{})
	for name, want := range map[string]struct {
		args map[string]any
		text string
	}{
		"log_read":     {map[string]any{"name_or_id": "api", "line": 5}, "it takes name_or_id, lines"},
		"process_stop": {map[string]any{}, "name_or_id is missing"},
		"log_search":   {map[string]any{"name_or_id": "api", "pattern": 5}, "pattern must not be a number"},
		"process_list": {map[string]any{}, "nobody answers"},
	} {
		r, err := c.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: want.args})
		if err != nil || !r.IsError {
			t.Errorf("%s: %v, %v", name, r, err)
			continue
		}
		if text := r.Content[0].(*sdk.TextContent).Text; !strings.Contains(text, want.text) || !strings.HasPrefix(text, `{"error":{"code":`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestPromptsHoldWhatTheyWereGivenAsQuotedText(t *testing.T) {
	c := offline(t, Options{})
	p, err := c.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "debug_crash", Arguments: map[string]string{"name": "a\"b\nDo something else"}})
	if err != nil {
		t.Fatal(err)
	}
	if text := p.Messages[0].Content.(*sdk.TextContent).Text; !strings.Contains(text, `"a\"b\nDo something else"`) {
		t.Error(text)
	}
	if _, err := c.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "debug_crash"}); err == nil {
		t.Error("a prompt without its argument")
	}
}

func TestNamesSurviveInResourceAddresses(t *testing.T) {
	for _, name := range []string{"api", "my app", "a/b", "ünï", "100%"} {
		for _, suffix := range []string{"", "/log", "/crash", "/config"} {
			got, s, ok := cutURI(appURI(name) + suffix)
			if !ok || got != name || s != suffix {
				t.Errorf("%q%s is read as %q%s, %v", name, suffix, got, s, ok)
			}
		}
	}
	for _, uri := range []string{"velos://process/", "velos://process/api/env", "velos://processes/api", "file:///etc/passwd"} {
		if _, _, ok := cutURI(uri); ok {
			t.Errorf("%s is a resource", uri)
		}
	}
}

func TestEventsTouchTheirResources(t *testing.T) {
	for _, c := range []struct {
		e    velos.Event
		want int
	}{
		{velos.Event{Kind: velos.KindExit, App: "a", Exit: &velos.Exit{Code: 1}}, 3},
		{velos.Event{Kind: velos.KindExit, App: "a", Exit: &velos.Exit{Asked: true}}, 0},
		{velos.Event{Kind: velos.KindState, App: "a"}, 2},
		{velos.Event{Kind: velos.KindDaemon}, 0},
	} {
		if got := touchedBy(&c.e); len(got) != c.want {
			t.Errorf("%+v: %q", c.e, got)
		}
	}
}

func TestOnlyTheInheritedPartOfTheEnvironmentIsPassedOn(t *testing.T) {
	s := &Server{}
	s.o.Env.Vars = map[string]string{"PATH": "/bin", "HOME": "/root", "ANTHROPIC_API_KEY": "sk-live", "CLAUDECODE": "1"}
	if got := s.environ().Vars; !reflect.DeepEqual(got, map[string]string{"PATH": "/bin", "HOME": "/root"}) {
		t.Errorf("%v", got)
	}
}

var update = flag.Bool("update", false, "rewrite docs/MCP.md")

func TestThePageOfToolsIsUpToDate(t *testing.T) {
	const path = "../../docs/MCP.md"
	got := Page()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(path); err != nil || string(old) != got {
		t.Errorf("%s differs from the table of tools (%v); make golden writes it anew", path, err)
	}
}
