package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos/internal/policy"
)

func globalFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRulesForAgentsAreRead(t *testing.T) {
	path := globalFile(t, `
[otel]
kind = "x" # somebody else's
[agents]
mode = "confirm"
projects = ["~/work", "/srv/../srv/app"]
commands.allow = ["npm", "python3*"]
protect = ["db", "prod-*"]
max_processes = 10
others = "deny"
lease_grace = "90s"
`)
	g, err := LoadGlobal(path, Environ{Vars: map[string]string{"HOME": "/nowhere/ann"}})
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Policy{Path: path, Mode: policy.Confirm, Projects: []string{"/nowhere/ann/work", "/srv/app"},
		Allow: []string{"npm", "python3*"}, Limited: true, Protect: []string{"db", "prod-*"}, Most: 10, Others: policy.Deny, Grace: 90_000}
	if d := cmp.Diff(want, g.Agents); d != "" || !g.Exists {
		t.Errorf("want -, got +\n%s", d)
	}
}

func TestWithoutAFileOrATableThereAreNoRules(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "config.toml")
	for _, path := range []string{missing, globalFile(t, ""), globalFile(t, "[otel]\nx = 1\n")} {
		g, err := LoadGlobal(path, Environ{})
		if err != nil || g.Exists != (path != missing) {
			t.Fatalf("%+v, %v", g, err)
		}
		if d := cmp.Diff(policy.Policy{Path: path}, g.Agents); d != "" {
			t.Error(d)
		}
	}
}

func TestARuleThatIsWrongIsSaidWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"agent = 1":                                     "config.toml:1:1: agent: unknown key",
		"agents = 1":                                    "1:1: agents: must be a table",
		"[agents]\nmod = \"full\"":                      "2:1: agents.mod: is no key of [agents]",
		"[agents]\nmode = \"ask\"":                      `2:1: agents.mode: must be "read-only", "confirm" or "full"`,
		"[agents]\nmode = 1":                            `2:1: agents.mode: must be "read-only", "confirm" or "full"`,
		"[agents]\nprotect = \"db\"":                    "2:1: agents.protect: must be a list of strings",
		"[agents]\nprotect = [1]":                       "2:1: agents.protect: must be a list of strings",
		"[agents]\nprotect = [\"[\"]":                   `2:1: agents.protect: "[" is no pattern`,
		"[agents]\nprojects = [\".\"]":                  `2:1: agents.projects: "." is relative`,
		"[agents]\nmax_processes = 0":                   "2:1: agents.max_processes: must be a whole number from 1 on",
		"[agents]\nmax_processes = \"9\"":               "2:1: agents.max_processes: must be a whole number from 1 on",
		"[agents]\nothers = \"no\"":                     `2:1: agents.others: must be "ask", "allow" or "deny"`,
		"[agents]\nlease_grace = 5":                     `2:1: agents.lease_grace: must be a length of time`,
		"[agents]\nlease_grace = \"2d\"":                `2:1: agents.lease_grace: must be`,
		"[agents]\ncommands = [\"npm\"]":                "2:1: agents.commands: must be a table",
		"[agents]\ncommands.deny = [\"npm\"]":           "agents.commands.deny: is no key of commands",
		"[agents]\ncommands.allow = [\"/usr/bin/npm\"]": `agents.commands.allow: "/usr/bin/npm" is a path`,
		"[agents]\nmode = ":                             "2:7: ",
	} {
		_, err := LoadGlobal(globalFile(t, text), Environ{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}
