package cli

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// entryName is what we are called in the files of agents.
const entryName = "velos"

// A member is one key of a JSON object that is written in its order.
type member struct {
	key   string
	value json.RawMessage
}

func object(list []member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encoded(m.key))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// encoded is a value as JSON that keeps < and > as they are.
func encoded(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimSpace(b.Bytes())
}

// indentOf is how a file is indented.
func indentOf(b []byte) string {
	for _, line := range strings.Split(string(b), "\n") {
		if trimmed := strings.TrimLeft(line, " \t"); trimmed != "" && len(trimmed) < len(line) {
			return line[:len(line)-len(trimmed)]
		}
	}
	return "  "
}

// tomlEntry edits the file of Codex as text, so that comments stay.
func tomlEntry(old []byte, command string, remove bool) ([]byte, error) {
	var any map[string]any
	if err := toml.Unmarshal(old, &any); err != nil {
		return nil, err
	}
	const head = "[mcp_servers." + entryName + "]"
	block := head + "\ncommand = " + string(encoded(command)) + "\nargs = [\"mcp-server\"]\n"
	var kept []string
	inside, at := false, -1
	for _, line := range strings.SplitAfter(string(old), "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "[") && (!inside || !strings.HasPrefix(trimmed, "[mcp_servers."+entryName+".")) {
			if inside = trimmed == head; inside {
				at = len(kept)
			}
		}
		if !inside {
			kept = append(kept, line)
			continue
		}
		if key, _, ok := strings.Cut(trimmed, "="); ok && !remove {
			if key = strings.TrimSpace(key); key != "command" && key != "args" {
				block += line // somebody's own settings
			}
		}
		if trimmed == "" && line != "" {
			block += line
		}
	}
	text := ""
	switch {
	case remove:
		if n := len(kept) - 1; n >= 0 && n == at-1 && strings.TrimSpace(kept[n]) == "" {
			kept = kept[:n] // it parted the file from us
		}
		text = strings.Join(kept, "")
	case at >= 0:
		text = strings.Join(kept[:at], "") + block + strings.Join(kept[at:], "")
	default:
		text = string(old)
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if text != "" {
			text += "\n"
		}
		text += block
	}
	if err := toml.Unmarshal([]byte(text), &any); err != nil {
		return nil, err
	}
	return []byte(text), nil
}
