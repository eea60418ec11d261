package mcp

import (
	"errors"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
)

func TestHintsSpeakOfTools(t *testing.T) {
	for hint, want := range map[string]string{
		"velos why api": "crash_report name_or_id=api", "velos start tick": "process_restart name_or_id=tick", "velos list": "process_list",
		"velos list shows the apps": "process_list shows the apps", "velos logs api has what it wrote": "log_read name_or_id=api has what it wrote",
		"velos restart api runs what is configured": "process_restart name_or_id=api runs what is configured", "velos ports shows who has them": "ports shows who has them",
		"velos delete those that nobody needs": "process_delete those that nobody needs",
		// What is a person's, or has no tool, stays.
		"velos restart old --name new": "velos restart old --name new", "velos approve --list shows what waits": "velos approve --list shows what waits",
		"ask the user to run: velos approve 7f3a": "ask the user to run: velos approve 7f3a", "velos kill, then start the new one": "velos kill, then start the new one",
		"velos": "velos", "": "", "use letters": "use letters",
		"--shell gives the line to /bin/sh; or quote it": `script or command "sh" with args ["-c", "the line"]; or quote it`,
	} {
		if got := inTools(hint); got != want {
			t.Errorf("%q: %q; want %q", hint, got, want)
		}
	}
}

func TestAnErrorIsShortHoweverLongItsCauseIs(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	r := failed(&velos.Error{Code: velos.Invalid, Message: "--cwd: no such directory: " + long, Hint: "there are " + long})
	if text := r.Content[0].(*sdk.TextContent).Text; len(text) > 1500 || !strings.Contains(text, `"message":"cwd: no such`) || !r.IsError {
		t.Errorf("%d bytes: %.200s", len(text), text)
	}
	r = failed(errors.Join(&explanation{&velos.Error{Code: velos.Crashed, Message: "m"}, "why"}))
	if len(r.Content) != 2 || r.Content[1].(*sdk.TextContent).Text != "why" || !strings.Contains(r.Content[0].(*sdk.TextContent).Text, `"code":"crashed"`) {
		t.Errorf("%+v", r)
	}
}

// TestASubscriptionThatNobodyHasIsGivenBack must not end the server.
func TestASubscriptionThatNobodyHasIsGivenBack(t *testing.T) {
	c := offline(t, Options{})
	if err := c.Unsubscribe(t.Context(), &sdk.UnsubscribeParams{URI: listURI}); err != nil {
		t.Error(err)
	}
	if _, err := c.ListTools(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
