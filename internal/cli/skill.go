package cli

import (
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/velospm/velos"
)

// skill is what an agent should know of us before it starts a program. It
// works without MCP, too.
//
//go:embed SKILL.md
var skill string

// skillPath is where a client looks for skills; empty: it knows none.
func (a *agent) skillPath(w *World) string {
	switch a.name {
	case "claude-code":
		return filepath.Join(w.Dir, ".claude", "skills", "velos", "SKILL.md")
	case "cursor", "vscode", "codex", "gemini", "opencode":
		return filepath.Join(w.Dir, ".agents", "skills", "velos", "SKILL.md")
	}
	return ""
}

// teach writes the skill, or takes it away. A file under our name that is not
// ours stays.
func (s *session) teach(client, path string, dry, remove bool) (agentDone, error) {
	d := agentDone{Client: client, Path: path, Did: "unchanged"}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, &velos.Error{Code: velos.Denied, Message: "agent init: " + err.Error(), Cause: err}
	}
	ours := strings.HasPrefix(string(old), "---\nname: velos\n")
	if old != nil && !ours || string(old) == skill && !remove || old == nil && remove {
		return d, nil
	}
	switch {
	case dry && remove:
		d.Did = "would_remove"
		return d, nil
	case dry:
		d.Did, d.Text = "would_write", skill
		return d, nil
	case remove:
		d.Did = "removed"
		if err = os.Remove(path); err == nil {
			os.Remove(filepath.Dir(path)) // only when nothing else is there
		}
	default:
		d.Did = "written"
		err = replaceFile(path, []byte(skill))
	}
	if err != nil {
		return d, &velos.Error{Code: velos.Denied, Message: "agent init: " + err.Error(), Cause: err}
	}
	return d, nil
}
