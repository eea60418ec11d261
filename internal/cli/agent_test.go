package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAgentsAreConfiguredOnceAndTakenOutAgain(t *testing.T) {
	d := newFake(t)
	for _, c := range []struct{ client, path, before, has string }{
		{"claude-code", ".mcp.json", "{\n    \"mcpServers\": {\n        \"zeta\": {\"command\": \"z\"},\n        \"alpha\": {\"command\": \"a <b>\"}\n    },\n    \"other\": 1\n}\n", `"args": [`},
		{"cursor", ".cursor/mcp.json", "", `"mcp-server"`},
		{"vscode", ".vscode/mcp.json", "{\"inputs\": []}", `"type": "stdio"`},
		{"gemini", ".gemini/settings.json", "{\"theme\": \"x\", \"mcpServers\": {}}", `"theme": "x"`},
		{"opencode", "opencode.json", "{\"$schema\": \"https://opencode.ai/config.json\"}", `"type": "local"`},
		{"codex", ".codex/config.toml", "# mine\nmodel = \"x\"\n\n[mcp_servers.other]\ncommand = \"o\"\n", "[mcp_servers.velos]\ncommand = "},
		{"claude-desktop", ".config/Claude/claude_desktop_config.json", "{}", `"mcpServers"`},
	} {
		path := filepath.Join(d.home, c.path)
		if c.before != "" {
			os.MkdirAll(filepath.Dir(path), 0o755)
			os.WriteFile(path, []byte(c.before), 0o600)
		}
		if out, _, code := d.run(t, "agent", "init", "--client", c.client, "--dry-run"); code != 0 || !strings.Contains(out, "would write") || !strings.Contains(out, c.has) {
			t.Errorf("%s: dry run: %d, %s", c.client, code, out)
		}
		if b, _ := os.ReadFile(path); string(b) != c.before {
			t.Errorf("%s: a dry run has changed the file", c.client)
		}
		if out, errs, code := d.run(t, "agent", "init", "--client", c.client); code != 0 || !strings.Contains(out, "written") {
			t.Fatalf("%s: %d, %s%s", c.client, code, out, errs)
		}
		first, _ := os.ReadFile(path)
		if !strings.Contains(string(first), c.has) {
			t.Errorf("%s: %s", c.client, first)
		}
		if st, _ := os.Stat(path); c.before != "" && st.Mode().Perm() != 0o600 {
			t.Errorf("%s: the mode of the file has changed", c.client)
		}
		if out, _, _ := d.run(t, "agent", "init", "--client", c.client); !strings.Contains(out, "unchanged") {
			t.Errorf("%s: a second time: %s", c.client, out)
		}
		if again, _ := os.ReadFile(path); string(again) != string(first) {
			t.Errorf("%s: a second time changed the file", c.client)
		}
		if out, _, code := d.run(t, "agent", "init", "--client", c.client, "--remove"); code != 0 || !strings.Contains(out, "removed") {
			t.Errorf("%s: remove: %d, %s", c.client, code, out)
		}
		after, _ := os.ReadFile(path)
		if strings.Contains(string(after), "mcp-server") {
			t.Errorf("%s: not removed: %s", c.client, after)
		}
	}
	b, _ := os.ReadFile(filepath.Join(d.home, ".mcp.json"))
	if s := string(b); strings.Index(s, "zeta") > strings.Index(s, "alpha") || !strings.Contains(s, `"a <b>"`) || !strings.Contains(s, `"other": 1`) {
		t.Errorf("what was there has changed: %s", b)
	}
	b, _ = os.ReadFile(filepath.Join(d.home, ".codex/config.toml"))
	if !strings.HasPrefix(string(b), "# mine\nmodel = \"x\"\n\n[mcp_servers.other]\ncommand = \"o\"\n") {
		t.Errorf("what was there has changed: %s", b)
	}
}

func TestAgentFilesThatAreNotUnderstoodStayAsTheyAre(t *testing.T) {
	d := newFake(t)
	for name, text := range map[string]string{"open": "{\n  /* mine\n  \"mcpServers\": {}\n}\n", "list": "[]", "half": "{\"a\":", "servers": "{\"mcpServers\": []}", "two": "{}{}"} {
		path := d.file(t, ".mcp.json", text)
		if _, errs, code := d.run(t, "agent", "init", "--client", "claude-code"); code != 2 || !strings.Contains(errs, ".mcp.json") {
			t.Errorf("%s: %d, %s", name, code, errs)
		}
		if b, _ := os.ReadFile(path); string(b) != text {
			t.Errorf("%s: the file has changed", name)
		}
	}
}

func TestWhatElseIsInAnAgentsFileStaysAsItIsWritten(t *testing.T) {
	d := newFake(t)
	for _, c := range []struct{ client, path, before string }{
		{"claude-code", ".mcp.json", "{\n  \"mcpServers\": {\n    \"a\": {\"command\": \"x\",   \"args\": []}\n  }\n}\n"},
		{"vscode", ".vscode/mcp.json", "{\n  // mine\n  \"servers\": {\n    \"o\": {\"command\": \"y\"}, // tail\n  },\n}\n"},
		{"cursor", ".cursor/mcp.json", "{\n\t\"mcpServers\": {\n\t\t\"a\": {} // no comma\n\t},\n\t\"z\": [1,2]\n}"},
		{"gemini", ".gemini/settings.json", "{\n\t\"theme\": \"dark\" // yes\n}\n"},
		{"opencode", "opencode.jsonc", "// of the team\n{\n  \"theme\": \"t\", /* why */\n  \"mcp\": {\n    // none yet\n  }\n}\n"},
		{"codex", ".codex/config.toml", "# mine\n[mcp_servers.foo]\ncommand = \"foo\" # keep\n"},
		{"claude-desktop", ".config/Claude/claude_desktop_config.json", "{}\n"},
	} {
		path := filepath.Join(d.home, c.path)
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, []byte(c.before), 0o600)
		if out, errs, code := d.run(t, "agent", "init", "--client", c.client); code != 0 || !strings.Contains(out, "written "+path) {
			t.Errorf("%s: %d, %s%s", c.client, code, out, errs)
			continue
		}
		with, _ := os.ReadFile(path)
		for _, line := range strings.Split(c.before, "\n") {
			if _, comment, ok := strings.Cut(line, "//"); ok && !strings.Contains(string(with), "//"+comment) {
				t.Errorf("%s: %q is not there any more: %s", c.client, comment, with)
			}
		}
		if out, _, _ := d.run(t, "agent", "init", "--client", c.client); !strings.Contains(out, "unchanged "+path) {
			t.Errorf("%s: a second time: %s", c.client, out)
		}
		d.run(t, "agent", "init", "--client", c.client, "--remove")
		if after, _ := os.ReadFile(path); string(after) != c.before {
			t.Errorf("%s: it was\n%s\nwith us\n%s\nand is\n%s", c.client, c.before, with, after)
		}
	}
}

func TestAFileThatHeldNothingElseIsTakenAwayWithUs(t *testing.T) {
	d := newFake(t)
	for _, c := range []struct{ client, path string }{{"claude-code", ".mcp.json"}, {"vscode", ".vscode/mcp.json"}, {"cursor", ".cursor/mcp.json"}, {"gemini", ".gemini/settings.json"},
		{"opencode", "opencode.json"}, {"codex", ".codex/config.toml"}, {"claude-desktop", ".config/Claude/claude_desktop_config.json"}} {
		path := filepath.Join(d.home, c.path)
		d.run(t, "agent", "init", "--client", c.client)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", c.client, err)
			continue
		}
		if out, _, code := d.run(t, "agent", "init", "--client", c.client, "--remove", "--dry-run"); code != 0 || !strings.Contains(out, "would remove") {
			t.Errorf("%s: %d, %s", c.client, code, out)
		}
		if out, _, code := d.run(t, "agent", "init", "--client", c.client, "--remove"); code != 0 || !strings.Contains(out, "removed "+path) {
			t.Errorf("%s: %d, %s", c.client, code, out)
		}
		if b, err := os.ReadFile(path); !os.IsNotExist(err) {
			t.Errorf("%s: it is there still: %q, %v", c.client, b, err)
		}
	}
}

func TestAgentsAreFoundByTheirSigns(t *testing.T) {
	d := newFake(t)
	if _, errs, code := d.run(t, "agent", "init"); code != 4 || !strings.Contains(errs, "--client") {
		t.Errorf("%d, %s", code, errs)
	}
	os.Mkdir(filepath.Join(d.home, ".cursor"), 0o755)
	out, _, code := d.run(t, "agent", "init", "--json")
	if code != 0 || !strings.Contains(out, `"client":"cursor"`) || strings.Count(out, "client") != 2 || !strings.Contains(out, "SKILL.md") {
		t.Errorf("%d, %s", code, out)
	}
	if _, _, code := d.run(t, "agent", "init", "--client", "emacs"); code != 2 {
		t.Errorf("an unknown client: %d", code)
	}
}
