//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// mcp calls tools of velos mcp-server about an app, over stdio, and returns
// what each has answered: its text, and its data as they are on the wire.
func (s *side) mcp(ctx context.Context, app string, tools map[string]map[string]any) (map[string]string, error) {
	c := exec.CommandContext(ctx, "velos", "mcp-server")
	path, err := s.line("command -v velos | tr -d '\\n'")
	if err != nil {
		return nil, err
	}
	c.Path, c.Err, c.Dir, c.Env = path, nil, s.dir, s.env
	session, err := sdk.NewClient(&sdk.Implementation{Name: "claude-code", Version: "1"}, nil).Connect(ctx, &sdk.CommandTransport{Command: c}, nil)
	if err != nil {
		return nil, fmt.Errorf("velos mcp-server: %w", err)
	}
	defer session.Close()
	answers := map[string]string{}
	for tool, args := range tools {
		all := map[string]any{"name_or_id": app}
		for k, v := range args {
			all[k] = v
		}
		r, err := session.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: all})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", tool, err)
		}
		text := ""
		for _, part := range r.Content {
			if t, ok := part.(*sdk.TextContent); ok {
				text += t.Text + "\n"
			}
		}
		data, err := json.Marshal(r.StructuredContent)
		if err != nil {
			return nil, err
		}
		if r.IsError {
			return nil, fmt.Errorf("%s: %s", tool, text)
		}
		answers[tool] = text + string(data)
	}
	return answers, nil
}
