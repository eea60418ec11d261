package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheSkillIsTaughtOnceAndForgotten(t *testing.T) {
	d := newFake(t)
	path := filepath.Join(d.home, ".agents", "skills", "velos", "SKILL.md")
	for _, step := range []struct {
		flag, did string
		there     bool
	}{{"--dry-run", "would write", false}, {"--silent", "written", true}, {"--silent", "unchanged", true}, {"--remove", "removed", false}, {"--remove", "unchanged", false}} {
		out, errs, code := d.run(t, "agent", "init", "--client", "cursor", "--client", "vscode", step.flag)
		// Both clients read the same file, so it is spoken of once.
		if code != 0 || strings.Count(out, "SKILL.md") != 1 || !strings.Contains(out, "cursor: "+step.did+" "+path) {
			t.Errorf("%s: %d, want %q in\n%s%s", step.flag, code, step.did, out, errs)
		}
		if b, err := os.ReadFile(path); (err == nil) != step.there || step.there && string(b) != skill {
			t.Errorf("%s: there %v, %v", step.flag, step.there, err)
		}
	}
	os.MkdirAll(filepath.Join(d.home, ".claude", "skills", "velos"), 0o755)
	own := d.file(t, ".claude/skills/velos/SKILL.md", "my own words")
	d.run(t, "agent", "init", "--client", "claude-code")
	d.run(t, "agent", "init", "--client", "claude-code", "--remove")
	if b, _ := os.ReadFile(own); string(b) != "my own words" {
		t.Errorf("somebody's own file became %q", b)
	}
}

// TestTheSkillsCommandsAreThere holds each command of the skill to the table.
func TestTheSkillsCommandsAreThere(t *testing.T) {
	n := 0
	for _, m := range regexp.MustCompile("`velos ([a-z]+)([^`]*)`").FindAllStringSubmatch(skill, -1) {
		cmd, _, err := tree(&session{}, nil).Find([]string{m[1]})
		if err != nil {
			t.Errorf("%s: %v", m[0], err)
			continue
		}
		before, _, _ := strings.Cut(m[2], " -- ")
		for _, fl := range regexp.MustCompile(` --([a-z-]+)`).FindAllStringSubmatch(before, -1) {
			if cmd.Flags().Lookup(fl[1]) == nil && cmd.InheritedFlags().Lookup(fl[1]) == nil {
				t.Errorf("%s: no flag %s", m[0], fl[1])
			}
		}
		n++
	}
	if n < 12 {
		t.Errorf("only %d commands found", n)
	}
}
