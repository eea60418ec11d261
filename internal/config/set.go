package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/velospm/velos"
)

// Set is a Spec with other settings: KEY=VALUE, or env.NAME=VALUE for a
// variable. Values are read as a file's are, quotes not being needed, and
// relative paths are the caller's. The old Spec stays as it is.
func Set(old *velos.Spec, pairs []string, env Environ) (velos.Spec, error) {
	subject := "config set " + shown(old.Name)
	e := newEdit(old, env)
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		p := wrong("must be KEY=VALUE, not "+shown(pair), "such as kill_timeout=10s or env.PORT=3000")
		if ok {
			p = e.set(key, value).in(key)
		}
		if p != nil {
			return velos.Spec{}, p.setting(subject)
		}
	}
	return e.finish(subject, env)
}

// finish looks up what was changed, and checks the whole.
func (e *edit) finish(subject string, env Environ) (velos.Spec, error) {
	p := e.resolve(env)
	if p == nil {
		p = invalidField(e.draft.spec.Validate())
	}
	if p != nil {
		return velos.Spec{}, p.setting(subject)
	}
	env.note([]*draft{e.draft}, []velos.Spec{e.draft.spec})
	return e.draft.spec, nil
}

// setting tells the problem of a setting.
func (p *problem) setting(subject string) error {
	if p.field != "" {
		subject += ": " + p.field
	}
	return &velos.Error{Code: p.code, Message: subject + ": " + p.sentence(), Hint: p.hint}
}

// An edit is a Spec that is being changed.
type edit struct {
	*draft
	old     *velos.Spec
	changed map[string]bool // keys
}

func newEdit(old *velos.Spec, env Environ) *edit {
	d := newDraft()
	d.spec, d.base, d.cwdIsBase = *old, env.Dir, true
	d.spec.Env, d.spec.EnvFrom = maps.Clone(old.Env), maps.Clone(old.EnvFrom)
	if d.spec.Env == nil {
		d.spec.Env = map[string]string{}
	}
	return &edit{draft: d, old: old, changed: map[string]bool{}}
}

func (e *edit) set(key, value string) *problem {
	if name, ok := strings.CutPrefix(key, "env."); ok {
		if name == "" {
			return wrong("a variable must have a name", "such as env.PORT=3000")
		}
		e.draft.set(name, value, velos.FromFlags)
		e.changed[key] = true
		return nil
	}
	k := keys()[key]
	switch {
	case k == nil:
		return wrong("unknown key", KnownKey(key))
	case key == "name":
		return wrong("a name is changed otherwise", "velos restart "+e.old.Name+" --name "+value)
	case key == "env", key == "env_profiles":
		return wrong("variables are set one by one", "such as env.PORT=3000")
	case key == "args" && e.old.Command != "":
		return wrong("the arguments are in the command line", "set script to the whole line")
	}
	e.changed[canonical(key)] = true
	return k.read(e.draft, valueNode(k, value))
}

// valueNode reads a value as TOML, or else as text.
func valueNode(k *key, value string) *node {
	n := &node{kind: isString, key: k.name, text: value}
	doc := &document{data: []byte("x = " + value)}
	root, err := doc.tree()
	if err != nil || len(root.items) != 1 {
		return n
	}
	if v := root.items[0]; v.kind == isString || k.schema["type"] != "string" {
		v.key, v.width = k.name, 0
		return v
	}
	return n
}

// resolve looks up what was set, and nothing else: what an app has was looked
// up when it came.
func (e *edit) resolve(env Environ) *problem {
	d := e.draft
	steps := []struct {
		keys string
		do   func(Environ) *problem
	}{
		{"env_file", e.files}, {"user group umask nice limits", d.resolveRights}, {"args", e.arguments}, {"script interpreter shell", e.program}, {"cwd", d.resolveCwd},
		{"instances increment_var", d.resolveInstances}, {"log_file out_file error_file", d.resolvePaths},
		{"mode script interpreter shell", e.mode}, {"listen", e.addresses}, {"port", e.givePort},
		{"ready health", d.resolveProbes}, {"watch watch_paths", d.resolveTriggers},
		{"pre_start post_start pre_stop on_crash on_giving_up", e.hooks},
	}
	for _, s := range steps {
		if slices.ContainsFunc(strings.Fields(s.keys), func(k string) bool { return e.changed[k] }) {
			if p := s.do(env); p != nil {
				return p
			}
		}
	}
	return nil
}

func (e *edit) files(env Environ) *problem {
	d := e.draft
	d.spec.EnvFiles, d.spec.FileEnv = nil, nil
	for _, name := range d.envFiles {
		vars, p := d.envFile(name, env)
		if p != nil {
			return p.in("env_file")
		}
		if d.spec.FileEnv == nil {
			d.spec.FileEnv = map[string]string{}
		}
		maps.Copy(d.spec.FileEnv, vars)
	}
	return nil
}

func (e *edit) arguments(Environ) *problem {
	e.draft.spec.Args = e.draft.args
	return nil
}

// program finds out again what the script is. Arguments of the interpreter
// stay as long as the interpreter does.
func (e *edit) program(env Environ) *problem {
	d := e.draft
	if !e.changed["script"] {
		if d.script = e.old.Command; d.script == "" {
			d.script = e.old.Script
		}
	}
	if !e.changed["args"] && e.old.Command == "" {
		d.args = e.old.Args
	}
	own := d.spec.InterpreterArgs
	d.spec.Script, d.spec.Command, d.spec.Interpreter, d.spec.InterpreterArgs, d.spec.Args = "", "", "", nil, nil
	if p := d.resolveProgram(env); p != nil {
		return p
	}
	if e.changed["interpreter_args"] || d.spec.Interpreter == e.old.Interpreter {
		d.spec.InterpreterArgs = own
	}
	return nil
}

// mode keeps the mode that the app has, unless that was set.
func (e *edit) mode(env Environ) *problem {
	d := e.draft
	if !e.changed["mode"] {
		d.mode = e.old.Mode
	}
	d.spec.Mode = velos.Fork
	return d.resolveMode(env)
}

// hooks looks up those that were set.
func (e *edit) hooks(env Environ) *problem {
	for _, name := range velos.HookNames {
		if e.changed[string(name)] {
			if p := e.draft.resolveHook(name, env); p != nil {
				return p
			}
		}
	}
	return nil
}

func (e *edit) addresses(env Environ) *problem {
	e.draft.spec.Listen = nil
	return e.draft.resolveListen(env)
}
