package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
)

// An origin is an app of a file that was named.
type origin struct {
	path string
	spec *velos.Spec
}

// file adds the apps of a configuration file, and those that they depend on. One that is known by its name
// is started as the file has it now; one that runs is left alone.
func (p *plan) file(path string, only []string, env config.Environ) error {
	specs, err := p.load(true, path, only, env)
	if err != nil {
		return err
	}
	if p.from == nil {
		p.from = map[string]origin{}
	}
	for i := range specs {
		sp := &specs[i]
		t, ok := p.twin(sp.Name)
		first, twice := p.from[strings.ToLower(sp.Name)]
		if twice && changed(first.spec, sp) {
			return &velos.Error{Code: velos.Conflict, Message: "start " + quote(path) + ": " + sp.Name + " is another app in " + quote(first.path),
				Hint: "name one of the files, or rename the app in one; files are not laid over each other"}
		}
		p.from[strings.ToLower(sp.Name)] = origin{path, sp}
		switch {
		case twice:
		case !ok:
			p.steps = append(p.steps, step{spec: sp, inst: -1})
		case stranger(&t.app.Spec, sp):
			return &velos.Error{Code: velos.Conflict, Message: "start " + sp.Name + ": the name is taken by " + program(t.app) + " of another project, in " + t.app.Spec.Cwd,
				Hint: "give it another name in " + path + ", or velos delete " + t.app.Spec.Name + " first\nvelos apply " + quote(path) + " makes " + t.app.Spec.Name + " this one"}
		case runs(t):
			n := len(p.steps)
			p.known(t)
			if len(p.steps) > n && changed(&t.app.Spec, sp) {
				was := "it was before the file changed"
				if from := t.app.Spec.Source; from != "" && from != sp.Source {
					was = from + " has it"
				}
				p.steps[n].note = ", as " + was + ": velos restart " + quote(path) + " --only " + sp.Name
				for _, profile := range env.Profiles {
					p.steps[n].note += " --env " + quote(profile)
				}
			}
		case !sp.Autostart:
			p.steps = append(p.steps, step{app: t.app, inst: -1, done: "left " + string(t.app.Status) + " (autostart is off)"})
		default:
			p.steps = append(p.steps, step{app: t.app, inst: -1, spec: sp})
		}
	}
	return nil
}

// stranger reports whether an app whose name a file's app has, too, has
// nothing to do with it: another program, of another file and project. Where
// the same project has moved, velos apply is the word.
func stranger(old, now *velos.Spec) bool {
	return old.Source != now.Source && !same(old, now) && !verb.OneProject(old.Cwd, now.Cwd)
}

// load reads a configuration file and picks apps from it. What they depend on
// must be in it, or known.
func (p *plan) load(needs bool, path string, only []string, env config.Environ) ([]velos.Spec, error) {
	only = slices.Clone(only)
	for i := range only {
		only[i] = strings.TrimSpace(only[i])
	}
	file, err := p.open(path, env, needs, only)
	if err != nil {
		return nil, err
	}
	for _, want := range only {
		if slices.Contains(file.Names, want) {
			continue
		}
		e := &velos.Error{Code: velos.NotFound, Message: "--only " + quote(want) + ": no such app in " + path, Hint: "it has " + strings.Join(file.Names, ", ")}
		if near := nearest(want, file.Names); near != "" {
			e.Hint = "did you mean " + near + "?"
		}
		return nil, e
	}
	known := func(name string) bool { _, ok := named(p.apps, name); return ok }
	if err := file.Missing(known); err != nil {
		return nil, err
	}
	return file.Specs, nil
}

// changed reports whether a file asks for something else than what is known.
// The inherited environment differs from shell to shell and does not count.
func changed(old, now *velos.Spec) bool {
	a, b := *old, *now
	for _, k := range config.Inherited {
		if a.Env[k] != b.Env[k] {
			a.Env, b.Env = maps.Clone(a.Env), maps.Clone(b.Env)
			delete(a.Env, k)
			delete(b.Env, k)
		}
	}
	a.FileEnv, b.FileEnv = nil, nil
	return !verb.Same(&a, &b)
}
