package config

import (
	"strings"

	"github.com/velospm/velos"
)

// Unset is a Spec with settings as they are when nobody writes them, or
// without variables: KEY, or env.NAME. The old Spec stays as it is.
func Unset(old *velos.Spec, list []string, env Environ) (velos.Spec, error) {
	subject := "config unset " + shown(old.Name)
	e := newEdit(old, env)
	for _, key := range list {
		if p := e.unset(key).in(key); p != nil {
			return velos.Spec{}, p.setting(subject)
		}
	}
	return e.finish(subject, env)
}

func (e *edit) unset(key string) *problem {
	if name, ok := strings.CutPrefix(key, "env."); ok {
		delete(e.spec.Env, name)
		delete(e.spec.EnvFrom, name)
		return nil
	}
	name := canonical(key)
	switch {
	case keys()[key] == nil:
		return wrong("unknown key", KnownKey(key))
	case key == "name", key == "script", key == "cwd":
		return wrong("has no default", "velos config set "+e.old.Name+" "+key+"=… changes it")
	case key == "env", key == "env_profiles":
		return wrong("variables are unset one by one", "such as env.PORT")
	case key == "args" && e.old.Command != "":
		return wrong("the arguments are in the command line", "set script to the whole line")
	}
	e.changed[name] = true
	d := e.draft
	switch name {
	case "ready":
		d.spec.Ready = nil
	case "health":
		d.spec.Health = nil
	case "depends_on":
		d.spec.DependsOn = nil
	case "port":
		if d.spec.Port() != 0 {
			delete(d.spec.Env, velos.PortVar)
			delete(d.spec.EnvFrom, velos.PortVar)
		}
	case "user", "group": // what they came to is looked up again
		d.spec.Identity = nil
	}
	if isHook(name) {
		d.spec.Hooks = d.spec.With(velos.HookName(name), nil)
	}
	fresh, r := velos.NewSpec(), &reset{key: name}
	fresh.Fields(r)
	r.write = true
	d.spec.Fields(r)
	return nil
}

// A reset visits a new Spec to learn the default of one key, and then another
// one to write it there. Objects and lists of them are not its business.
type reset struct {
	key    string
	write  bool
	flag   bool
	number int64
	text   string
}

func (r *reset) Bool(key string, p *bool) {
	switch {
	case key != r.key:
	case r.write:
		*p = r.flag
	default:
		r.flag = *p
	}
}

func (r *reset) Int(key string, p *int64) { *p = r.Number(key, *p) }

func (r *reset) String(key string, p *string) { *p = r.Text(key, *p) }

func (r *reset) Number(key string, v int64) int64 {
	switch {
	case key != r.key:
		return v
	case !r.write:
		r.number = v
	}
	return r.number
}

func (r *reset) Text(key, v string) string {
	switch {
	case key != r.key:
		return v
	case !r.write:
		r.text = v
	}
	return r.text
}

func (r *reset) Strings(key string, p *[]string) { clearList(r, key, p) }
func (r *reset) Ints(key string, p *[]int64)     { clearList(r, key, p) }

func clearList[T any](r *reset, key string, p *[]T) {
	if key == r.key {
		*p = nil // the default of all that there are
	}
}

func (r *reset) Map(key string, p *map[string]string) {
	if key == r.key {
		*p = nil
	}
}

func (*reset) Float(string, *float64)          {}
func (*reset) Bytes(string, *[]byte)           {}
func (*reset) Misfit(string)                   {}
func (*reset) Decodes() bool                   { return false }
func (*reset) Has(string) bool                 { return false }
func (*reset) Nest(string, bool, velos.Record) {}
func (*reset) Each(string, velos.Items)        {}
