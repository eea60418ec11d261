package foreign

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/dotenv"
)

func isCompose(base string) bool {
	ext := filepath.Ext(base)
	return (ext == ".yaml" || ext == ".yml") && (strings.HasPrefix(base, "compose.") || strings.HasPrefix(base, "docker-compose."))
}

// readCompose takes what a compose file says of processes. What it says of
// containers is named.
func readCompose(_ context.Context, f *File, data []byte, o *Options) error {
	root, bad := parseYAML(data)
	if bad != nil {
		return f.fail(bad.line, bad.what, "mend the line")
	}
	if root.get("services") == nil && root.get("processes") != nil {
		return f.processes(root, o)
	}
	vars, err := f.composeVars(o)
	if err != nil {
		return err
	}
	if bad := interpolate(root, vars); bad != nil {
		return f.fail(bad.line, bad.what, "set it in the environment or in .env")
	}
	services := root.get("services")
	if services == nil || services.kind != object {
		return f.fail(0, "has no services", "services: and below it the name of each")
	}
	for _, k := range root.keys {
		if k != "services" && k != "version" && !strings.HasPrefix(k, "x-") {
			f.lost("", k, aboutContainers)
		}
	}
	var names []string
	for i, name := range services.keys {
		s := &service{File: f, App: &App{Name: f.called(name), Line: services.items[i].line}, opts: o, node: services.items[i], vars: vars, kind: "service"}
		if s.node.kind != object {
			return f.fail(s.App.Line, "service "+shown(name)+" must be a map, not "+s.node.what(), "command: and other keys below it")
		}
		runs, err := s.translate()
		if err != nil {
			return err
		}
		if runs {
			f.Apps = append(f.Apps, *s.App)
			names = append(names, s.App.Name)
		}
	}
	f.onlyKnown(names)
	return nil
}

const aboutContainers = "this is about containers: a program here sees the machine as it is"

// onlyKnown takes out dependencies on services that did not become apps.
func (f *File) onlyKnown(names []string) {
	for i := range f.Apps {
		a := &f.Apps[i]
		deps, _ := a.get("depends_on").([]Table)
		kept := slices.DeleteFunc(slices.Clone(deps), func(t Table) bool {
			name, _ := t.get("name")
			if slices.Contains(names, name.(string)) {
				return false
			}
			why := ": see to it that it runs"
			if n := config.Nearest(name.(string), names); n != "" {
				why += ", or did you mean " + n + "?"
			}
			f.lost(a.Name, "depends_on", name.(string)+" did not become an app"+why)
			return true
		})
		if len(kept) == len(deps) {
			continue
		}
		a.drop("depends_on")
		if len(kept) > 0 {
			a.set("depends_on", kept, 0)
		}
	}
}

// composeVars are the variables of ${…}: the caller's, over those of .env.
func (f *File) composeVars(o *Options) (map[string]string, error) {
	vars := map[string]string{}
	if b, err := os.ReadFile(filepath.Join(f.dir(), ".env")); err == nil {
		if vars, err = dotenv.Parse(b); err != nil {
			return nil, f.fail(0, ".env: "+err.Error(), "lines are written NAME=value")
		}
	}
	for k, v := range o.Env.Vars {
		vars[k] = v
	}
	return vars, nil
}

// interpolate replaces ${NAME} and its kin in every value.
func interpolate(v *value, vars map[string]string) *lineError {
	if v.kind == text {
		s, what := interpolated(v.text, vars, 0)
		if what != "" {
			return &lineError{v.line, what}
		}
		v.text = s
	}
	for _, c := range v.items {
		if bad := interpolate(c, vars); bad != nil {
			return bad
		}
	}
	return nil
}

func isName(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && c >= '0' && c <= '9'
}

func interpolated(s string, vars map[string]string, depth int) (out, what string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch {
		case s[i] == '$':
			b.WriteByte('$')
		case s[i] == '{' && depth < 8:
			end := braceEnd(s[i:])
			if end < 0 {
				return "", "a } is missing"
			}
			v, what := expression(s[i+1:i+end], vars, depth)
			if what != "" {
				return "", what
			}
			b.WriteString(v)
			i += end
		case isName(s[i], true):
			from := i
			for i < len(s) && isName(s[i], false) {
				i++
			}
			b.WriteString(vars[s[from:i]])
			i--
		default:
			b.WriteString("$" + s[i:i+1])
		}
	}
	return b.String(), ""
}

// braceEnd is the index of the } that closes the { at the beginning.
func braceEnd(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// expression is what stands in ${…}: NAME, NAME:-default, NAME:?error and the
// like.
func expression(s string, vars map[string]string, depth int) (out, what string) {
	n := 0
	for n < len(s) && isName(s[n], n == 0) {
		n++
	}
	name, rest := s[:n], s[n:]
	v, set := vars[name]
	op := strings.TrimPrefix(rest, ":")
	if op != rest {
		set = v != ""
	}
	switch {
	case name == "":
		return "", "no such variable: ${" + s + "}"
	case rest == "":
		return v, ""
	case op == "":
		return "", "unknown expression: ${" + s + "}"
	case op[0] == '-' && set, op[0] == '?' && set:
		return v, ""
	case op[0] == '-', op[0] == '+' && set:
		return interpolated(op[1:], vars, depth+1)
	case op[0] == '+':
		return "", ""
	case op[0] == '?':
		return "", name + " is not set: " + op[1:]
	}
	return "", "unknown expression: ${" + s + "}"
}

// A service is one of a compose file while it is translated.
type service struct {
	*File
	*App
	opts *Options
	node *value
	vars map[string]string
	kind string // service, or process
}

func (s *service) wrong(key, what, hint string) error {
	line := s.App.Line
	if v := s.node.get(key); v != nil && v.line > 0 {
		line = v.line
	}
	return s.fail(line, s.kind+" "+s.App.Name+": "+key+" "+what, hint)
}

// words are the words of entrypoint or command.
func (s *service) words(key string) ([]string, error) {
	v := s.node.get(key)
	if v == nil || v.kind == null {
		return nil, nil
	}
	if v.kind == text {
		return splitWords(v.text, shellWords), nil
	}
	list, ok := v.scalars()
	if !ok {
		return nil, s.wrong(key, "must be a string or a list of strings, not "+v.what(), `such as ["node", "app.js"]`)
	}
	return list, nil
}

// translate reports whether there is a process to run.
func (s *service) translate() (bool, error) {
	first, err := s.words("entrypoint")
	if err != nil {
		return false, err
	}
	more, err := s.words("command")
	if err != nil {
		return false, err
	}
	line := s.App.Line
	for _, key := range []string{"command", "entrypoint"} {
		if v := s.node.get(key); v != nil && v.line > 0 {
			line = v.line
		}
	}
	words := append(first, more...)
	if len(words) == 0 {
		s.lost(s.App.Name, "command", "is missing: its image says what to run. Write the command, or run it in a container")
		return false, nil
	}
	s.program(words, line)
	s.set("cwd", ".", 0)
	s.set("kill_timeout", "10s", 0) // what compose waits unasked
	if s.node.get("restart") == nil {
		s.set("autorestart", "never", 0)
	}
	for i, key := range s.node.keys {
		if err := s.key(key, s.node.items[i]); err != nil {
			return false, err
		}
	}
	return true, nil
}

// directory takes working_dir where there is such a directory here.
func (s *service) directory(v *value) error {
	path := v.text
	if st, err := os.Stat(homePath(s.dir(), path, s.opts.Env)); err != nil || !st.IsDir() {
		s.lost(s.App.Name, "working_dir", shown(path)+" is a directory of the container; here it is the directory of the file")
		return nil
	}
	s.replace("cwd", path, v.line)
	return nil
}

func (s *service) size(key string, v *value) error {
	text, _ := v.scalar()
	if _, err := config.Size(text); err != nil {
		return s.wrong(key, "must be a size, not "+v.quote(), "such as "+key+": 512M")
	}
	s.replace("max_memory", text, v.line)
	return nil
}
