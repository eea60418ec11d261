package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/record"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

type configOut struct {
	TOML   string         `json:"toml,omitempty"`
	Config map[string]any `json:"config,omitempty"`
}

func configGet(c *call, in *infoIn) (answer, error) {
	a, _, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	if in.json() {
		shown := view.MaskOf(a).App(a)
		return answer{data: configOut{Config: specMap(&shown.Spec)}}, nil
	}
	text := specTOML(a)
	return answer{text: text, data: configOut{TOML: text}}, nil
}

// plainMap is a Spec as a map; what is zero is not in it.
func plainMap(s *velos.Spec) map[string]any {
	m := map[string]any{}
	_ = json.Unmarshal(record.AppendJSON(nil, s), &m)
	return m
}

// specMap is a Spec without what is as it always is.
func specMap(s *velos.Spec) map[string]any {
	usual := velos.NewSpec()
	m, d := plainMap(s), plainMap(&usual)
	delete(m, "file_env")
	for k, v := range m {
		if reflect.DeepEqual(v, d[k]) {
			delete(m, k)
		}
	}
	if word := portWord(s); word != nil {
		m["port"] = word
	}
	for k, v := range d { // a default that was switched off
		if _, ok := plainMap(s)[k]; !ok {
			m[k] = reflect.Zero(reflect.TypeOf(v)).Interface()
		}
	}
	return cleaned(m).(map[string]any)
}

// cleaned is a value in which nothing can hide.
func cleaned(v any) any {
	switch v := v.(type) {
	case string:
		return view.Text(v)
	case []any:
		for i := range v {
			v[i] = cleaned(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = cleaned(v[k])
		}
	}
	return v
}

// specTOML is a Spec as a file would have it: without the variables that it
// only inherits.
func specTOML(a *velos.App) string {
	m := view.MaskOf(a)
	var b strings.Builder
	if src := a.Spec.Source; src != "" {
		b.WriteString("# from " + view.Text(m.String(src)) + "\n")
	}
	if portWord(&a.Spec) == config.AutoPort {
		b.WriteString("# its port is " + strconv.Itoa(a.Spec.Port()) + "\n")
	}
	b.WriteString("[apps." + tomlKey(view.Text(a.Spec.Name)) + "]\n")
	for _, s := range config.Settings(&a.Spec) {
		name, variable := strings.CutPrefix(s.Key, "env.")
		switch {
		case s.Key == "name", s.Key == "source", s.Key == "notify", strings.HasPrefix(s.Key, "env_file:"):
			continue
		case variable && s.From == "" && config.IsInherited(name):
			continue
		case a.Spec.Command != "" && (s.Key == "script" || s.Key == "args"):
			continue // what the line was taken apart into
		case s.Key == "command":
			s.Key = "script" // a file has one word for both
		}
		value := m.Hide(s.Key, s.Value)
		if value == view.Masked {
			value = strconv.Quote(value)
		}
		b.WriteString(view.Text(s.Key) + " = " + view.Text(value) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// tomlKey is a key that may have dots in it.
func tomlKey(s string) string {
	if strings.Contains(s, ".") {
		return strconv.Quote(s)
	}
	return s
}

type setIn struct {
	Target
	Changes map[string]any `json:"changes" need:"y" about:"keys of velos.toml; env is merged, null removes"`
	Apply   string         `json:"apply,omitempty" enum:"restart,reload,later" about:"default restart"`
	DryRun  bool           `json:"dry_run,omitempty"`
}

type setOut struct {
	Success bool     `json:"success"`
	Applied []string `json:"applied"`
	Diff    []string `json:"diff"`
	When    string   `json:"when"`
}

func configSet(c *call, in *setIn) (answer, error) {
	a, err := c.whole(in.Name, "a configuration is that of a whole process, not of one of its instances")
	if err != nil {
		return answer{}, err
	}
	spec, err := changed(&a.Spec, in.Changes, c.environ())
	if err != nil {
		return answer{}, err
	}
	out := setOut{Applied: []string{}, Diff: []string{}}
	keys, diff := difference(a, spec)
	out.Diff = append(out.Diff, diff...)
	text := strings.Join(diff, "\n")
	switch {
	case len(keys) == 0:
		out.Success, out.When = true, "nothing to change"
		return answer{text: "nothing to change: it is so already", data: out}, nil
	case in.DryRun:
		out.Success, out.When = true, "dry_run: nothing was changed"
		return answer{text: "would change\n" + text, data: out}, nil
	}
	out.Success, out.Applied, out.When = true, keys, "now"
	if in.Apply == "later" || in.Apply == "" && a.Status == velos.Stopped { // who has stopped it does not want it up
		if _, err := c.give(c, verb.Updating(a, wire.Update{ID: a.ID, Spec: *spec})); err != nil {
			return answer{}, err
		}
		out.When = "with the next start"
		return answer{text: "changed, with effect from the next start\n" + text, data: out}, nil
	}
	done, err := c.again(a, -1, in.Apply == "reload", spec)
	if err != nil {
		return answer{}, c.changedAll(err, a)
	}
	return answer{text: done.text + "\n" + text, data: out}, nil
}

// changedAll adds to the error of a restart that its configuration is the new
// one all the same, where it is. A reload has taken it back.
func (c *call) changedAll(err error, a *velos.App) error {
	var e *velos.Error
	if now := c.fresh(a); now.Generation == a.Generation || !errors.As(err, &e) {
		return err
	}
	fresh := *e
	fresh.Message += "; the change stands"
	fresh.Hint = strings.TrimPrefix(fresh.Hint+"\nconfig_set with what was before takes it back; apply=reload does so by itself", "\n")
	if more := (*explanation)(nil); errors.As(err, &more) {
		return &explanation{&fresh, more.text}
	}
	return &fresh
}

// changed is a Spec with changes laid over it, complete and valid: values are
// read as in a file, and null is the default.
func changed(old *velos.Spec, changes map[string]any, env config.Environ) (*velos.Spec, error) {
	var pairs, gone []string
	for _, k := range slices.Sorted(maps.Keys(changes)) {
		v := changes[k]
		if hidden(v) {
			return nil, invalid("config_set: "+unmasked(k), "config_set changes only the keys that it is given")
		}
		over, isMap := v.(map[string]any)
		switch {
		case v == nil:
			gone = append(gone, k)
		case k == "env" && !isMap:
			return nil, invalid("config_set: env must be an object of strings", "{\"PORT\": \"3000\"}; null takes a variable away")
		case k == "env":
			for _, name := range slices.Sorted(maps.Keys(over)) {
				switch text, ok := plain(over[name]); {
				case over[name] == nil:
					gone = append(gone, "env."+name)
				case !ok || name == "" || strings.Contains(name, "="):
					return nil, invalid("config_set: env: "+quoted(name)+" is no variable with a text", "{\"PORT\": \"3000\"}; null takes a variable away")
				default:
					pairs = append(pairs, "env."+name+"="+text)
				}
			}
		default:
			text, err := tomlOf(v)
			if err != nil {
				return nil, invalid("config_set: "+quoted(k)+" "+err.Error(), "config_get shows what each key looks like")
			}
			pairs = append(pairs, k+"="+text)
		}
	}
	env.Note = func(string) {}
	spec, err := *old, error(nil)
	if len(gone) > 0 {
		spec, err = config.Unset(&spec, gone, env)
	}
	if err == nil && len(pairs) > 0 {
		spec, err = config.Set(&spec, pairs, env)
	}
	return &spec, inWords(err)
}

// inWords says in the hint of an error how this tool is told.
func inWords(err error) error {
	var e *velos.Error
	if !errors.As(err, &e) {
		return err
	}
	fresh := *e
	switch {
	case strings.HasPrefix(e.Hint, "velos "), strings.HasPrefix(e.Hint, "such as env."), e.Hint == "":
		fresh.Hint = "config_get shows the keys and what they look like"
	}
	fresh.Message = view.Text(e.Message)
	return &fresh
}

// plain is a value as the text of a variable.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// tomlOf is a JSON value as TOML.
func tomlOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return tomlText(v), nil
	case []any:
		list := make([]string, len(v))
		for i := range v {
			var err error
			if list[i], err = tomlOf(v[i]); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(list, ", ") + "]", nil
	case map[string]any:
		var list []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			text, err := tomlOf(v[k])
			if err != nil {
				return "", err
			}
			list = append(list, tomlText(k)+" = "+text)
		}
		return "{" + strings.Join(list, ", ") + "}", nil
	}
	if text, ok := plain(v); ok {
		return text, nil
	}
	return "", errors.New("must not have null inside: leave it out")
}

// tomlText is a text in quotes: what JSON escapes TOML reads, and the rest is
// written as it is.
func tomlText(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string is always text
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\x7f", `\u007f`)
}

// hidden reports whether a value has in it what stands for a secret.
func hidden(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, view.Masked)
	case []any:
		return slices.ContainsFunc(v, hidden)
	case map[string]any:
		for k := range v {
			if hidden(v[k]) {
				return true
			}
		}
	}
	return false
}

// difference lists what another Spec changes, secrets masked.
func difference(a *velos.App, spec *velos.Spec) (keys, lines []string) {
	m := view.MaskOf(a, &velos.App{Spec: *spec})
	shown := func(key, value string) string {
		if value == "" {
			return "(none)"
		}
		return view.Text(m.Hide(key, value))
	}
	for _, ch := range config.Changes(&a.Spec, spec) {
		keys = append(keys, view.Text(ch.Key))
		line := view.Text(ch.Key) + ": " + shown(ch.Key, ch.From) + " -> " + shown(ch.Key, ch.To)
		if ch.Key == "port" && portWord(spec) == config.AutoPort {
			line += " (" + strconv.Itoa(spec.Port()) + ")"
		}
		lines = append(lines, line)
	}
	return keys, lines
}
