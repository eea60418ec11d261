package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// entryName is what we are called in the files of agents.
const entryName = "velos"

// A member is one key of a JSON object that keeps its order.
type member struct {
	key   string
	value json.RawMessage
}

// members reads an object in its order.
func members(b []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no JSON object (comments are not understood)")
	}
	var list []member
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, errors.New("it is no JSON: " + err.Error())
		}
		m := member{key: k.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, errors.New("it is no JSON (comments are not understood): " + err.Error())
		}
		list = append(list, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is no JSON: " + err.Error())
	}
	if d.More() {
		return nil, errors.New("something stands behind the object")
	}
	return list, nil
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

// put sets a key where it stands, or at the end; without a value it goes.
func put(list []member, key string, value json.RawMessage) []member {
	var out []member
	found := false
	for _, m := range list {
		if m.key == key {
			found = true
			if value == nil {
				continue
			}
			m.value = value
		}
		out = append(out, m)
	}
	if !found && value != nil {
		out = append(out, member{key, value})
	}
	return out
}

// jsonEntry edits files that have servers by their names below one key. typed
// names the transport; local is how opencode writes a command.
func jsonEntry(key string, typed, local bool) func(old []byte, command string, remove bool) ([]byte, error) {
	return func(old []byte, command string, remove bool) ([]byte, error) {
		if len(bytes.TrimSpace(old)) == 0 {
			old = []byte("{}")
		}
		top, err := members(old)
		if err != nil {
			return nil, err
		}
		servers := []member{}
		for _, m := range top {
			if m.key == key {
				if servers, err = members(m.value); err != nil {
					return nil, errors.New(key + ": " + err.Error())
				}
			}
		}
		entry := object([]member{{"command", encoded(command)}, {"args", encoded([]string{"mcp-server"})}})
		switch {
		case local:
			entry = object([]member{{"type", encoded("local")}, {"command", encoded([]string{command, "mcp-server"})}, {"enabled", encoded(true)}})
		case typed:
			entry = object([]member{{"type", encoded("stdio")}, {"command", encoded(command)}, {"args", encoded([]string{"mcp-server"})}})
		}
		if remove {
			entry = nil
		}
		before := object(servers)
		servers = put(servers, entryName, entry)
		if same, err := sameJSON(before, object(servers)); err == nil && same {
			return old, nil // not even the blanks change
		}
		top = put(top, key, object(servers))
		var out bytes.Buffer
		if err := json.Indent(&out, object(top), "", indentOf(old)); err != nil {
			return nil, err
		}
		out.WriteByte('\n')
		return out.Bytes(), nil
	}
}

func sameJSON(a, b []byte) (bool, error) {
	var x, y bytes.Buffer
	err := errors.Join(json.Compact(&x, a), json.Compact(&y, b))
	return bytes.Equal(x.Bytes(), y.Bytes()), err
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
