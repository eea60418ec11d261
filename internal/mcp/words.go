package mcp

import (
	"slices"
	"strings"
)

// toolOf are the tools that do what commands of velos do. What has no tool
// (approve, grant, kill) is a person's, and stays a command.
var toolOf = map[string]string{"why": "crash_report", "start": "process_restart", "restart": "process_restart", "stop": "process_stop", "delete": "process_delete",
	"logs": "log_read", "list": "process_list", "ports": "ports", "info": "process_info"}

// inTools is a hint of the daemon's, which speaks of commands, in words of
// tools: not every agent has a shell. One with options that no tool has is
// left as it is.
func inTools(hint string) string {
	if rest, ok := strings.CutPrefix(hint, "--shell gives the line to /bin/sh"); ok {
		return `script or command "sh" with args ["-c", "the line"]` + rest
	}
	words := strings.Split(hint, " ")
	if len(words) < 2 || words[0] != "velos" || strings.Contains(hint, " --") {
		return hint
	}
	tool := toolOf[words[1]]
	if tool == "" {
		return hint
	}
	words = words[2:]
	if len(words) > 0 && slices.Contains([]string{"why", "start", "restart", "stop", "logs", "info"}, strings.Split(hint, " ")[1]) {
		words[0] = "name_or_id=" + words[0]
	}
	return strings.TrimSpace(tool + " " + strings.Join(words, " "))
}
