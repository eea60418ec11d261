package mcp

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Page is docs/MCP.md, made from the table of tools.
func Page() string {
	var b strings.Builder
	b.WriteString(pageHead)
	all := tools()
	sets := []string{}
	for i := range all {
		if !slices.Contains(sets, all[i].set) {
			sets = append(sets, all[i].set)
		}
	}
	for _, set := range sets {
		b.WriteString("\n## Tools: " + set + "\n")
		for i := range all {
			if all[i].set == set {
				pageTool(&b, &all[i])
			}
		}
	}
	b.WriteString("\n## Resources\n\n| address | | subscribe |\n|---|---|---|\n| `" + listURI + "` | All processes. | yes |\n")
	for _, t := range templates {
		fmt.Fprintf(&b, "| `velos://process/{name}%s` | %s | %s |\n", t.suffix, t.about, map[bool]string{true: "yes", false: "no"}[t.watched])
	}
	b.WriteString("\nNews of one resource comes at most once a second. Names are escaped as in any URL.\n\n## Prompts\n\n| prompt | | argument |\n|---|---|---|\n")
	for _, p := range prompts {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.name, p.about, p.argAbout)
	}
	return b.String()
}

func pageTool(b *strings.Builder, t *tool) {
	var hints []string
	for _, h := range []struct {
		is   bool
		text string
	}{{t.reads, "changes nothing"}, {t.destructive, "takes something away"}, {!t.reads && t.again, "twice is the same as once"}, {t.open, "answers with words of programs, or runs them"}} {
		if h.is {
			hints = append(hints, h.text)
		}
	}
	fmt.Fprintf(b, "\n### %s\n\n%s\n", t.name, t.about)
	if len(hints) > 0 {
		fmt.Fprintf(b, "\n%s%s.\n", strings.ToUpper(hints[0][:1]), (strings.Join(hints, "; "))[1:])
	}
	rows := argumentRows(t.in)
	if len(rows) > 0 {
		b.WriteString("\n| argument | type | |\n|---|---|---|\n" + strings.Join(rows, ""))
	}
	fmt.Fprintf(b, "\nObject: %s.\n", "`"+strings.Join(fieldsOf(t.out), "` `")+"`")
}

func argumentRows(t reflect.Type) []string {
	s := schemaOf(t)
	need, _ := s["required"].([]string)
	properties := s["properties"].(map[string]any)
	var rows []string
	for _, name := range fieldsOf(t) {
		p := properties[name].(map[string]any)
		kind, _ := p["type"].(string)
		if items, ok := p["items"].(map[string]any); ok {
			kind = fmt.Sprint("list of ", items["type"])
		}
		about, _ := p["description"].(string)
		if enum, ok := p["enum"].([]string); ok {
			about = strings.TrimPrefix(about+"; one of `"+strings.Join(enum, "` `")+"`", "; ")
		}
		if slices.Contains(need, name) {
			about = strings.TrimSuffix("needed; "+about, "; ")
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", name, kind, about))
	}
	return rows
}

const pageHead = `# MCP

` + "`velos mcp-server`" + ` serves agents over the Model Context Protocol, revisions 2024-11-05 to 2026-07-28, on the official Go SDK.
This page is made from the table of tools by a test (` + "`make golden`" + `); do not edit it.

## Connecting

` + "`velos agent init`" + ` writes the configuration of Claude Code, Claude Desktop, Cursor, VS Code, Codex, Gemini CLI and opencode: of those that are
found in the project and the home, or of those named with ` + "`--client`" + `. ` + "`--dry-run`" + ` shows the files, ` + "`--remove`" + ` takes Velos out again. Beside it a skill,
SKILL.md, says what to use velos for, also without MCP. By hand:

` + "```json" + `
{"mcpServers": {"velos": {"command": "velos", "args": ["mcp-server"]}}}
` + "```" + `

Over stdio nothing is started until a tool is used: a client may open a server just to look at it. stdout holds the protocol and nothing else.

With ` + "`--port N`" + ` it serves Streamable HTTP at ` + "`http://127.0.0.1:N/mcp`" + `, on loopback only. Every request must bring ` + "`Authorization: Bearer TOKEN`" + `; the
token is in ` + "`mcp.token`" + ` in VELOS_HOME (mode 0600, made at the first start; delete the file for a new one). Requests with a foreign ` + "`Host`" + `, a foreign or null
` + "`Origin`" + `, of another site, or with a body that is not ` + "`application/json`" + ` are refused, on every route.

` + "`--toolsets core,manage`" + ` offers some tools only, ` + "`--read-only`" + ` only those that change nothing. An unknown set is an error.

## Answers

- An answer is text for a model, and the same as an object (` + "`structuredContent`" + `). ` + "`format: \"json\"`" + ` asks for full objects where text is the usual form.
- Lists are a header and rows. Of more than 15 processes those that are as they should be are named only.
- Log lines are text: time, a letter for the level unless it is info, the message. Repeats are one row with their number (` + "`each`" + ` shows every line).
- ` + "`cursor`" + ` is opaque. Handed back as ` + "`since`" + `, it misses nothing and tells nothing twice, over restarts of app and daemon and over rotation; lines that
  rotation has removed are counted as ` + "`missed`" + `. Tools that read, wait and list changes take it.
- What does not fit into ` + "`budget`" + ` tokens (50 to 22,000) or ` + "`lines`" + ` is left out and counted, and ` + "`next`" + `, in the text too, is the call that has the rest, with the same form: line for
  line, nothing missing and nothing twice, to the end of the chain. Objects have a budget of 22,000 where none is given. A line that is longer than the budget is cut; ` + "`next`" + ` has it whole.
- The lines that ` + "`process_run`" + ` leaves out stay in the log of its run, until eight other such runs or the end of the server.
- A value that is null, empty or 0 counts as left out. A value that means nothing is refused before anything is done: an unknown argument or word, another type, a negative number, a cursor of another
  process, ` + "`[masked]`" + ` where a secret was. A longer ` + "`timeout_s`" + ` than 50 is waited for in parts: the answer of process_wait names the next, and a run is ended when its own is over, whoever asks by then.
- A mistake is an answer with ` + "`isError`" + `, not a protocol error: ` + "`{\"error\":{\"code\",\"message\",\"retryable\",\"hints\"}}`" + `. When a start crashes, a second text has the crash report. Hints speak of tools;
  ` + "`velos …`" + ` in one is for a person.
- ` + "`mine`" + ` as ` + "`name_or_id`" + ` of process_stop and process_delete, and as ` + "`scope`" + ` of process_list, is all that the agent has started.
- process_wait and process_run go on when velosd is upgraded or killed meanwhile, and miss nothing. A line that is no JSON-RPC message is answered with an error, and the session goes on.
- No call takes longer than 50 seconds; most clients give up after 60. ` + "`process_wait`" + ` and ` + "`process_run`" + ` can be gone on with. Progress is sent every two seconds
  to those who ask. Cancelling a call ends the waiting, not the process; only process_run ends what it has started.
- process_delete asks the user first where the client can ask (elicitation). What agents may do is said in ` + "`config.toml`" + ` and enforced by the daemon, see
  [AGENTS.md](AGENTS.md): where an order needs approval, the user is asked in the same way, and a client that cannot ask gets ` + "`needs_approval`" + ` with what to do.

## What programs wrote

Lines, messages, stacks and names from outside pass one sanitiser: no escape sequences, no control or hidden characters. Secrets of an app's environment are masked by
name and by exact value, also as base64 or in URLs. Text of programs stands behind a line that says so, or in an object with ` + "`source`" + `; hints and next calls are
built from our own words and data, never from it. Programs get the inherited part of the caller's environment (PATH, HOME and the like) and what ` + "`env`" + ` says: an agent's own keys stay its own.
`
