package foreign

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/config"
)

// isProcesses knows process-compose's files. A compose.yaml may be one, too:
// its content tells.
func isProcesses(base string) bool {
	ext := filepath.Ext(base)
	return (ext == ".yaml" || ext == ".yml") && strings.HasPrefix(base, "process-compose")
}

func readProcesses(_ context.Context, f *File, data []byte, o *Options) error {
	root, bad := parseYAML(data)
	if bad != nil {
		return f.fail(bad.line, bad.what, "mend the line")
	}
	return f.processes(root, o)
}

// processes translates what a file of process-compose says, with what it
// extends and what is laid over it.
func (f *File) processes(root *value, o *Options) error {
	f.Manager = "process-compose"
	root, err := f.laid(root)
	if err != nil {
		return err
	}
	list := root.get("processes")
	if list == nil || list.kind != object {
		hint := "processes: and below it the name of each"
		if n := config.Nearest("processes", root.keys); n != "" && list == nil {
			hint = n + ": did you mean processes?"
		}
		return f.fail(0, "has no processes", hint)
	}
	vars, err := f.composeVars(o)
	if err != nil {
		return err
	}
	if off, _ := root.get("disable_env_expansion").orNull().truth(); !off {
		expandKnown(root, vars)
	}
	f.processRoot(root)
	set := &processSet{File: f, root: root, opts: o, vars: vars, apps: map[string][]string{}}
	for i, name := range list.keys {
		if err := set.split(name, list.items[i]); err != nil {
			return err
		}
	}
	for _, p := range set.list {
		if err := p.translate(); err != nil {
			return err
		}
		if p.get("script") != nil {
			f.Apps = append(f.Apps, *p.App)
		}
	}
	var names []string
	for i := range f.Apps {
		names = append(names, f.Apps[i].Name)
	}
	f.onlyKnown(names)
	return nil
}

// processRoot tells what becomes of the keys beside processes.
func (f *File) processRoot(root *value) {
	for i, k := range root.keys {
		switch {
		case strings.HasPrefix(k, "x-"), slices.Contains([]string{"version", "name", "processes", "environment", "vars", "shell", "extends", "disable_env_expansion"}, k):
		case k == "is_strict" || k == "ordered_shutdown" || processesIdle[k] != "":
			f.idle("", k, processesIdle[k])
		case processesLost[k] != "":
			if root.items[i].kind != null {
				f.lost("", k, processesLost[k])
			}
		default:
			f.unknown("", k, noSuchKey, k, append([]string{"processes", "environment", "vars", "shell", "extends", "version"}, keysOf(processesIdle)...))
		}
	}
}

func keysOf[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// orNull is the value, or null where there is none.
func (v *value) orNull() *value {
	if v == nil {
		return &value{}
	}
	return v
}

// plain is a scalar as text, or "".
func (v *value) plain() string {
	if v == nil {
		return ""
	}
	s, _ := v.scalar()
	return s
}

// mentions reports whether a text stands anywhere in a value.
func (v *value) mentions(word string) bool {
	if v == nil {
		return false
	}
	return strings.Contains(v.text, word) || slices.ContainsFunc(v.items, func(c *value) bool { return c.mentions(word) })
}

// expandKnown replaces variables that the caller or .env has; others are for
// the shell that runs the line.
func expandKnown(v *value, vars map[string]string) {
	if v.kind == text {
		v.text = os.Expand(v.text, func(name string) string {
			if known, ok := vars[name]; ok {
				return known
			}
			if name == "$" {
				return "$"
			}
			return "${" + name + "}"
		})
	}
	for _, c := range v.items {
		expandKnown(c, vars)
	}
}

// A processSet are the processes of a file, and which apps they become.
type processSet struct {
	*File
	root *value
	opts *Options
	vars map[string]string
	apps map[string][]string // process: its apps
	list []*process
}

// A process is one of the file while it is translated. What it has in common
// with a service of compose is read as that is.
type process struct {
	service
	of      *processSet
	replica int // number of this one, where each is an app; else 0
	alone   bool
}

// maxReplicas bounds the apps that one process becomes.
const maxReplicas = 100

// split makes the apps of a process: one, or one for each replica where a
// template tells them apart.
func (s *processSet) split(name string, node *value) error {
	one := func(app string, node *value, replica int, alone bool) {
		s.apps[name] = append(s.apps[name], app)
		s.list = append(s.list, &process{service{File: s.File, App: &App{Name: app, Line: node.line}, opts: s.opts, node: node, vars: s.vars, kind: "process"}, s, replica, alone})
	}
	if node.kind != object {
		return s.fail(node.line, "process "+shown(name)+" must be a map, not "+node.what(), "command: and other keys below it")
	}
	n, numbered := node.get("replicas").orNull().integer()
	if !numbered || n < 2 || n > maxReplicas || !node.mentions(".PC_REPLICA_NUM") {
		one(s.called(name), node, 0, true)
		return nil
	}
	width := len(strconv.FormatInt(n, 10))
	for i := range int(n) {
		digits := strconv.Itoa(i)
		one(clean(name+"-"+strings.Repeat("0", width-len(digits))+digits), node.clone(), i, false)
	}
	s.idle(clean(name), "replicas", "each is an app, since a template tells them apart")
	return nil
}

func (p *process) get(key string) any { return p.App.get(key) }

func (p *process) translate() error {
	p.templates()
	if err := p.command(); err != nil {
		return err
	}
	p.set("cwd", ".", 0)
	p.set("autorestart", "never", 0) // unless availability says otherwise
	p.set("kill_timeout", "10s", 0)
	off, _ := p.node.get("is_dotenv_disabled").orNull().truth()
	if _, err := os.Stat(filepath.Join(p.dir(), ".env")); err == nil && !off && p.node.get("env_file") == nil {
		p.set("env_file", []string{".env"}, 0) // it is read unasked there
	}
	if err := p.variables(); err != nil {
		return err
	}
	for i, key := range p.node.keys {
		if v := p.node.items[i]; v.kind != null {
			if err := p.key(key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// variables are those that process-compose sets itself, of the file, and of
// the process.
func (p *process) variables() error {
	var env Table
	if p.node.mentions("PC_PROC_NAME") {
		env = append(env, Setting{"PC_PROC_NAME", p.App.Name, 0})
	}
	n, _ := p.node.get("replicas").orNull().integer()
	if n > 1 || p.node.mentions("PC_REPLICA_NUM") {
		env = append(env, Setting{"PC_REPLICA_NUM", itoa(p.replica), 0})
	}
	line := 0
	for _, v := range []*value{p.of.root.get("environment"), p.node.get("environment")} {
		if v == nil || v.kind == null {
			continue
		}
		for _, c := range v.items {
			if v.kind == list && !strings.Contains(c.text, "=") {
				return p.fail(c.line, "process "+p.App.Name+": environment must be NAME=value, not "+c.quote(), "such as environment: [PORT=3000]")
			}
		}
		if err := p.environment(v); err != nil {
			return err
		}
		own, _ := p.get("env").(Table)
		p.drop("env")
		env, line = env.with(own), v.line
	}
	if len(env) > 0 {
		p.App.set("env", env, line)
	}
	return nil
}

// command sets the script. process-compose gives every line to a shell; here
// those that need one get it.
func (p *process) command() error {
	v, entry := p.node.get("command"), p.node.get("entrypoint")
	switch {
	case v != nil && v.kind != null && v.kind != text && v.kind != number && v.kind != boolean:
		return p.wrong("command", "must be a string, not "+v.what(), "words of a list are an entrypoint")
	case strings.TrimSpace(v.plain()) == "" && entry != nil && entry.kind != null:
		words, err := p.words("entrypoint")
		if err != nil {
			return err
		}
		if len(words) > 0 {
			p.program(words, entry.line)
			return nil
		}
	case entry != nil && entry.kind != null:
		p.idle(p.App.Name, "entrypoint", "command goes before it")
	}
	line := strings.TrimSpace(v.plain())
	if line == "" {
		for i, k := range p.node.keys {
			if meant := nearProcessKey(k); meant == "command" || meant == "entrypoint" {
				return p.fail(p.node.items[i].line, "process "+p.App.Name+": command is missing", k+": did you mean "+meant+"?")
			}
		}
		p.lost(p.App.Name, "command", "is missing: there is nothing to run")
		return nil
	}
	if !needsShell(line) {
		p.App.set("script", line, v.line)
		return nil
	}
	if words := p.of.shell(line); words[0] != "sh" {
		p.App.set("script", words[0], v.line)
		p.App.set("args", words[1:], v.line)
		return nil
	}
	p.App.set("script", line, v.line)
	p.App.set("shell", true, v.line)
	return nil
}

// shell is how a line is given to the shell of the file: bash, unless it says
// otherwise, or sh where that is not there.
func (s *processSet) shell(line string) []string {
	own := s.root.get("shell")
	name, arg := own.get("shell_command").plain(), own.get("shell_argument").plain()
	if name == "" {
		name = "bash"
	}
	if arg == "" {
		arg = "-c"
	}
	_, err := os.Stat(name)
	if base := filepath.Base(name); base == "sh" || program(name, s.opts.Env.Vars["PATH"]) == "" && (err != nil || !filepath.IsAbs(name)) {
		if base != "sh" {
			s.once("shell", "there is no "+shown(name)+": command lines are given to sh")
		}
		return []string{"sh", "-c", line}
	}
	return []string{name, arg, line}
}

// once notes what is true for the whole file.
func (f *File) once(key, why string) {
	n := Note{Key: key, Why: why, Lost: true}
	if !slices.Contains(f.Notes, n) {
		f.Notes = append(f.Notes, n)
	}
}
