package cli

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/CLI.md")

func TestThePageOfCommandsIsUpToDate(t *testing.T) {
	const path = "../../docs/CLI.md"
	got := Page()
	if *update {
		os.WriteFile(path, []byte(got), 0o644)
	}
	if old, err := os.ReadFile(path); err != nil || string(old) != got {
		t.Errorf("%s differs from the table of commands (%v); go test ./internal/cli -update writes it anew", path, err)
	}
}

func TestNoWordNamesTwoCommands(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range commandNames() {
		if seen[n] || abroad[n] != "" {
			t.Errorf("%s is there twice", n)
		}
		seen[n] = true
	}
}

func TestEveryCommandHelps(t *testing.T) {
	d := newFake(t)
	for i := range commands {
		c := &commands[i]
		if out, e, code := d.run(t, c.name, "--help"); code != 0 || !strings.Contains(out, "velos "+c.name) || e != "" {
			t.Errorf("velos %s --help: %d, %s%s", c.name, code, out, e)
		}
		if c.short == "" || strings.HasSuffix(c.short, ".") {
			t.Errorf("%s: %q", c.name, c.short)
		}
	}
}
