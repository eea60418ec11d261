package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

const agentLong = `velos agent init writes Velos into the configuration of agents, so that they start velos mcp-server: of those
named with --client, or of all that are found in this project and home. What else is in a file stays as it is, and a second
time changes nothing. Beside that it writes a skill, SKILL.md, which says what to use velos for, also without MCP. --dry-run shows
the files, --remove takes Velos out again.

velos agent policy shows what agents may do: the rules of [agents] in config.toml of VELOS_HOME, which docs/AGENTS.md
describes. What is wrong with the file is said with its place; until it is mended, agents are denied all orders.

Clients: ` + "claude-code, claude-desktop, cursor, vscode, codex, gemini, opencode."

// An agent is a client whose configuration can name us.
type agent struct {
	name string
	path func(w *World) string // of its file
	// signs are files and directories that show that somebody uses it, in the
	// project, or in the home after ~/.
	signs   []string
	private bool // its file is one person's: the command is an absolute path
	edit    func(old []byte, command string, remove bool) ([]byte, error)
}

func inProject(parts ...string) func(*World) string {
	return func(w *World) string { return filepath.Join(append([]string{w.Dir}, parts...)...) }
}

func inHome(parts ...string) func(*World) string {
	return func(w *World) string { return filepath.Join(append([]string{homeOf(w)}, parts...)...) }
}

func homeOf(w *World) string {
	if h := w.Vars["HOME"]; h != "" {
		return h
	}
	return w.Vars["USERPROFILE"]
}

var agents = []agent{
	{"claude-code", inProject(".mcp.json"), []string{".mcp.json", ".claude", "CLAUDE.md", "~/.claude"}, false, jsonEntry("mcpServers", false, false)},
	{"claude-desktop", claudeDesktop, []string{"~/.config/Claude", "~/Library/Application Support/Claude", "~/AppData/Roaming/Claude"}, true, jsonEntry("mcpServers", false, false)},
	{"cursor", inProject(".cursor", "mcp.json"), []string{".cursor", "~/.cursor"}, false, jsonEntry("mcpServers", false, false)},
	{"vscode", inProject(".vscode", "mcp.json"), []string{".vscode"}, false, jsonEntry("servers", true, false)},
	{"codex", inHome(".codex", "config.toml"), []string{"~/.codex"}, true, tomlEntry},
	{"gemini", inProject(".gemini", "settings.json"), []string{".gemini", "GEMINI.md", "~/.gemini"}, false, jsonEntry("mcpServers", false, false)},
	{"opencode", opencode, []string{"opencode.json", "opencode.jsonc", ".opencode", "~/.config/opencode"}, false, jsonEntry("mcp", false, true)},
}

// opencode reads its file with comments, too, under a name of its own.
func opencode(w *World) string {
	path := inProject("opencode.json")(w)
	if _, err := os.Stat(path); err != nil {
		if _, err := os.Stat(path + "c"); err == nil {
			return path + "c"
		}
	}
	return path
}

func claudeDesktop(w *World) string {
	switch runtime.GOOS {
	case "darwin":
		return inHome("Library", "Application Support", "Claude", "claude_desktop_config.json")(w)
	case "windows":
		return filepath.Join(w.Vars["APPDATA"], "Claude", "claude_desktop_config.json")
	}
	return inHome(".config", "Claude", "claude_desktop_config.json")(w)
}

// used reports whether somebody uses the client here.
func (a *agent) used(w *World) bool {
	return slices.ContainsFunc(a.signs, func(sign string) bool {
		path := filepath.Join(w.Dir, sign)
		if rest, ok := strings.CutPrefix(sign, "~/"); ok {
			path = filepath.Join(homeOf(w), rest)
		}
		_, err := os.Stat(path)
		return err == nil
	})
}

type agentDone struct {
	Client string `json:"client"`
	Path   string `json:"path"`
	Did    string `json:"did"` // written, unchanged, removed, would_write, would_remove
	Text   string `json:"text,omitempty"`
}

func setupAgent(s *session, f *pflag.FlagSet) handler {
	clients := f.StringSlice("client", nil, "only these clients")
	dry := f.Bool("dry-run", false, "show what would be written, change nothing")
	remove := f.Bool("remove", false, "take Velos out of the files, and remove those that hold nothing else")
	return func(_ context.Context, args []string) error {
		if len(args) == 1 && args[0] == "policy" {
			return s.showPolicy()
		}
		if args[0] != "init" || len(args) > 1 {
			return invalid("agent "+quote(args[0])+": no such word", "velos agent init, velos agent policy")
		}
		if s.Lost != nil {
			return s.Lost
		}
		list, err := chosenAgents(&s.World, *clients)
		if err != nil {
			return err
		}
		var done []agentDone
		var errs []error
		for _, a := range list {
			d, err := s.configure(a, *dry, *remove)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			done = append(done, d)
		}
		taught := map[string]bool{}
		for _, a := range list {
			path := a.skillPath(&s.World)
			if path == "" || taught[path] {
				continue
			}
			taught[path] = true
			d, err := s.teach(a.name, path, *dry, *remove)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			done = append(done, d)
		}
		s.showAgents(done)
		return errors.Join(errs...)
	}
}

func chosenAgents(w *World, names []string) ([]*agent, error) {
	var known []string
	var list []*agent
	for i := range agents {
		a := &agents[i]
		known = append(known, a.name)
		if len(names) == 0 && a.used(w) || slices.Contains(names, a.name) {
			list = append(list, a)
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, invalid("--client "+quote(n)+": no such client", "there are "+strings.Join(known, ", "))
		}
	}
	if len(list) == 0 {
		return nil, &velos.Error{Code: velos.NotFound, Message: "agent init: no agent is found in this project or home", Hint: "name one with --client: " + strings.Join(known, ", ")}
	}
	return list, nil
}

// configure edits one file.
func (s *session) configure(a *agent, dry, remove bool) (agentDone, error) {
	path := a.path(&s.World)
	d := agentDone{Client: a.name, Path: path, Did: "unchanged"}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, &velos.Error{Code: velos.Denied, Message: "agent init: " + err.Error(), Cause: err}
	}
	if old == nil && remove {
		return d, nil
	}
	text, err := a.edit(old, s.ownName(a.private), remove)
	if err != nil {
		return d, &velos.Error{Code: velos.Invalid, Message: "agent init: " + path + ": " + err.Error(), Hint: "correct the file, or add the entry by hand: velos agent init --client " + a.name + " --dry-run in an empty directory shows it", Cause: err}
	}
	if string(text) == string(old) {
		return d, nil
	}
	d.Did = map[bool]string{false: "written", true: "removed"}[remove]
	if dry {
		d.Did, d.Text = map[bool]string{false: "would_write", true: "would_remove"}[remove], string(text)
		return d, nil
	}
	if remove && a.made(old, s.ownName(a.private)) {
		err = os.Remove(path)
	} else {
		err = replaceFile(path, text)
	}
	if err != nil {
		return d, &velos.Error{Code: velos.Denied, Message: "agent init: " + err.Error(), Cause: err}
	}
	return d, nil
}

// made reports whether a file is as we make it where there is none, and holds
// nothing else. An empty object of somebody else's looks different with us in
// it.
func (a *agent) made(text []byte, command string) bool {
	fresh, err := a.edit(nil, command, false)
	return err == nil && bytes.Equal(text, fresh)
}

// ownName is how an agent starts us: by our name where a file is shared and
// PATH finds us, else by the path of this program.
func (s *session) ownName(private bool) string {
	self, err := os.Executable()
	if err != nil {
		return "velos"
	}
	if !private {
		for _, dir := range filepath.SplitList(s.Vars["PATH"]) {
			at := filepath.Join(dir, "velos")
			if runtime.GOOS == "windows" {
				at += ".exe"
			}
			if a, err := os.Stat(at); err == nil {
				if b, err := os.Stat(self); err == nil && os.SameFile(a, b) {
					return "velos"
				}
			}
		}
	}
	return self
}

// replaceFile writes a file whole or not at all; a link stays one.
func replaceFile(path string, text []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	mode := fs.FileMode(0o644)
	if st, err := os.Stat(path); err == nil {
		mode = st.Mode().Perm()
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".velos-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (s *session) showAgents(done []agentDone) {
	if !s.human() {
		s.Out.Write(view.Value(append([]agentDone{}, done...)))
		return
	}
	for _, d := range done {
		s.print(view.Text(d.Client), ": ", strings.ReplaceAll(d.Did, "_", " "), " ", view.Text(d.Path), "\n")
		if d.Text != "" {
			s.print(view.Lines(d.Text), "\n")
		}
	}
}
