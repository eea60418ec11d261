package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// resolve looks everything up: files, interpreter, environment. What it
// returns still has to pass Validate.
func (d *draft) resolve(env Environ) (velos.Spec, *problem) {
	if d.unset != nil {
		return velos.Spec{}, d.unset
	}
	for _, step := range [...]func(*draft, Environ) *problem{
		(*draft).resolveEnv, (*draft).resolveRights, (*draft).resolveProgram, (*draft).resolveCwd,
		(*draft).resolveInstances, (*draft).resolvePaths, (*draft).resolveMode,
		(*draft).resolveListen, (*draft).resolvePort, (*draft).resolveProbes, (*draft).resolveTriggers, (*draft).resolveHooks, (*draft).resolveIdle,
	} {
		if p := step(d, env); p != nil {
			return velos.Spec{}, p
		}
	}
	if d.spec.Name == "" {
		d.spec.Name = d.defaultName()
	}
	return d.spec, nil
}

// resolveIdle notes keys of the app that have no effect beside the others. In
// [defaults] they may be for other apps.
func (d *draft) resolveIdle(Environ) *problem {
	idle := func(why string, keys ...string) {
		for _, k := range keys {
			if d.at[k] != nil && !d.inherited[k] {
				d.notes = append(d.notes, k+" has no effect: "+why)
			}
		}
	}
	s := &d.spec
	if !s.Watch {
		idle("watch is off", "watch_paths", "watch_ignore", "watch_delay")
	}
	switch {
	case s.LogFile != "":
		idle("log_file takes both streams", "out_file", "error_file")
	case s.MergeLogs:
		idle("merge_logs has stderr go where stdout goes", "error_file")
	}
	return nil
}

func (d *draft) resolveEnv(env Environ) *problem {
	inherited := env.inherited()
	if d.allEnv {
		inherited = env.whole()
	}
	if d.portLater {
		delete(inherited, velos.PortVar)
	}
	return d.environment(inherited, env)
}

func (d *draft) resolveProgram(env Environ) *problem {
	path, _ := d.variable("PATH")
	r := &resolver{d: d, env: env, path: path}
	p := r.program()
	if p == nil && env.found.isPython(runs(&d.spec)) {
		// Python keeps what it prints to a pipe until some KiB are together:
		// logs would come late, and be lost when it crashes.
		if _, set := d.variable("PYTHONUNBUFFERED"); !set {
			d.set("PYTHONUNBUFFERED", "1", velos.FromVelos)
		}
	}
	return p.in("script")
}

// python reports whether a program is Python, or a script that asks for it in
// its first line, as those that pip installs do.
func python(program string) bool {
	if strings.HasPrefix(filepath.Base(program), "python") {
		return true
	}
	head, err := readHead(program)
	if err != nil {
		return false
	}
	b := parseBang(head)
	return b != nil && strings.HasPrefix(filepath.Base(b.program), "python")
}

func (d *draft) resolveCwd(env Environ) *problem {
	switch {
	case d.cwd != "":
		d.spec.Cwd = absIn(d.base, d.cwd, env)
	case d.cwdIsBase || d.spec.Command != "" || !d.isPath:
		d.spec.Cwd = d.base
	default:
		d.spec.Cwd = filepath.Dir(d.spec.Script)
	}
	st, err := os.Stat(d.spec.Cwd)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wrong("no such directory: "+shown(d.spec.Cwd), "make it, or name another").in("cwd")
	case errors.Is(err, fs.ErrPermission):
		return (&problem{code: velos.Denied, what: "permission denied: " + shown(d.spec.Cwd), hint: "check who may enter it"}).in("cwd")
	case err != nil:
		return wrong(shown(d.spec.Cwd)+": "+err.Error(), "name another directory").in("cwd")
	case !st.IsDir():
		return wrong("is not a directory: "+shown(d.spec.Cwd), "name a directory").in("cwd")
	}
	if !enterable(d.spec.Cwd) {
		return (&problem{code: velos.Denied, what: "permission denied: " + shown(d.spec.Cwd), hint: "check who may enter it"}).in("cwd")
	}
	return nil
}

func (d *draft) resolveInstances(env Environ) *problem {
	switch d.instances {
	case "max":
		d.spec.Instances, d.several = env.Cores(), true
	case "-1":
		d.spec.Instances, d.several = max(1, env.Cores()-1), true
	}
	name := d.spec.IncrementVar
	if name == "" || name == velos.PortVar && (d.port != "" || d.portLater) {
		return nil
	}
	v, ok := d.variable(name)
	if !ok {
		return wrong(name+" is not set", "set it to the first instance's number, such as "+name+" = 3000 in env").in("increment_var")
	}
	if _, err := strconv.ParseInt(v, 10, 64); err != nil {
		return wrong(name+" must be a whole number, not "+shown(v), "set it to the first instance's number").in("increment_var")
	}
	return nil
}

func (d *draft) resolvePaths(env Environ) *problem {
	for _, f := range [...]struct {
		field string
		path  *string
	}{{"log_file", &d.spec.LogFile}, {"out_file", &d.spec.OutFile}, {"error_file", &d.spec.ErrFile}} {
		if *f.path == "" {
			continue
		}
		*f.path = absIn(d.base, *f.path, env)
		if st, err := os.Stat(*f.path); err == nil && st.IsDir() {
			return wrong("is a directory: "+shown(*f.path), "name a file").in(f.field)
		}
	}
	return nil
}

// defaultName is made from the script's base name, or from the words of the
// command line.
func (d *draft) defaultName() string {
	if d.spec.Command != "" {
		line, err := Split(d.spec.Command)
		if err != nil || len(line) == 0 {
			line = strings.Fields(d.spec.Command)
		}
		if len(line) > 0 {
			line[0] = filepath.Base(line[0])
		}
		return cleanName(strings.Join(line, "-"), 32)
	}
	base := filepath.Base(d.spec.Script)
	if ext := filepath.Ext(base); ext != base {
		base = strings.TrimSuffix(base, ext)
	}
	return cleanName(base, 64)
}

// cleanName makes a valid name out of any text.
func cleanName(s string, most int) string {
	var b strings.Builder
	last := byte('-') // what begins is cut off like what follows a dash
	for i := 0; i < len(s) && b.Len() < most; i++ {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && c != '.' && c != '_' {
			c = '-'
		}
		if !alnum && (last == '-' || last == '.' && c == '.') {
			continue
		}
		b.WriteByte(c)
		last = c
	}
	name := strings.TrimRight(strings.TrimLeft(b.String(), "-._"), "-.")
	if velos.ValidName(name) == nil {
		return name
	}
	if name = strings.TrimRight("app-"+name, "-"); len(name) > most {
		name = name[:most]
	}
	return name
}
