package mcp

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/record"
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
	shown := view.MaskOf(a).App(a)
	if in.json() {
		return answer{data: configOut{Config: specMap(&shown.Spec)}}, nil
	}
	text, err := specTOML(&shown.Spec)
	return answer{text: text, data: configOut{TOML: text}}, err
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

// specTOML is a Spec as a file would have it.
func specTOML(s *velos.Spec) (string, error) {
	m := specMap(s)
	for k, v := range m {
		if f, ok := v.(float64); ok {
			m[k] = int64(f)
		}
	}
	for _, k := range []string{"ready", "health"} {
		if probe, ok := m[k].(map[string]any); ok {
			for p, v := range probe {
				if f, ok := v.(float64); ok {
					probe[p] = int64(f)
				}
			}
		}
	}
	head := ""
	if src, ok := m["source"].(string); ok {
		head = "# from " + src + "\n"
	}
	delete(m, "source")
	delete(m, "notify")
	if list, ok := m["stop_exit_codes"].([]any); ok {
		for i := range list {
			if f, ok := list[i].(float64); ok {
				list[i] = int64(f)
			}
		}
	}
	delete(m, "name")
	b, err := toml.Marshal(map[string]any{"apps": map[string]any{view.Text(s.Name): m}})
	return head + string(b), err
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
	spec, err := changed(&a.Spec, in.Changes)
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
	if in.Apply == "later" {
		if _, err := c.conn.Update(c, wire.Update{ID: a.ID, Spec: *spec}); err != nil {
			return answer{}, err
		}
		out.When = "with the next start"
		return answer{text: "changed, with effect from the next start\n" + text, data: out}, nil
	}
	done, err := c.again(a, -1, in.Apply == "reload", spec)
	if err != nil {
		return answer{}, err
	}
	return answer{text: done.text + "\n" + text, data: out}, nil
}

// settable are the keys that can be changed.
func settable() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	t := reflect.TypeFor[velos.Spec]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "-" && name != "name" && name != "source" && name != "env_profiles" {
			m[name] = t.Field(i).Type
		}
	}
	return m
}

// changed is a Spec with changes laid over it, complete and valid.
func changed(old *velos.Spec, changes map[string]any) (*velos.Spec, error) {
	known := settable()
	usual := velos.NewSpec()
	m, defaults := plainMap(old), plainMap(&usual)
	for _, k := range slices.Sorted(maps.Keys(changes)) {
		t, ok := known[k]
		if !ok {
			return nil, invalid(strconv.Quote(view.Text(k))+" is no key that can be changed", "there are "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if hidden(changes[k]) {
			return nil, invalid(unmasked(k), "config_get never shows secrets, and config_set changes only the keys that it is given")
		}
		v, err := valueOf(k, t, changes[k])
		if err != nil {
			return nil, err
		}
		switch over, isMap := v.(map[string]any); {
		case v == nil:
			delete(m, k)
			if d, ok := defaults[k]; ok {
				m[k] = d
			}
		case isMap && k == "env":
			env, _ := m["env"].(map[string]any)
			if env == nil {
				env = map[string]any{}
			}
			for name, value := range over {
				if env[name] = value; value == nil {
					delete(env, name)
				}
			}
			m[k] = env
		default:
			m[k] = v
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	spec := new(velos.Spec)
	if err := record.DecodeJSON(b, spec); err != nil {
		return nil, invalid("changes: "+view.Text(err.Error()), "config_get shows what each key looks like")
	}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	return spec, nil
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

// valueOf reads lengths of time and sizes as velos.toml has them.
func valueOf(key string, t reflect.Type, v any) (any, error) {
	text, isText := v.(string)
	switch {
	case t == reflect.TypeFor[velos.Millis]() && isText:
		m, err := config.Duration(text)
		if err != nil {
			return nil, invalid(key+": "+view.Text(text)+" is no length of time", "such as 5s or 250ms")
		}
		return int64(m), nil
	case t.Kind() == reflect.Int64 && isText:
		n, err := config.Size(text)
		if err != nil {
			return nil, invalid(key+": "+view.Text(text)+" is no size", "such as 10M")
		}
		return n, nil
	case t == reflect.TypeFor[velos.Restart]():
		if yes, ok := v.(bool); ok {
			return map[bool]string{true: string(velos.Always), false: string(velos.Never)}[yes], nil
		}
	case t.Kind() == reflect.Map:
		if m, ok := v.(map[string]any); ok {
			for name, value := range m { // a port is written without quotes often enough
				if f, ok := value.(float64); ok {
					m[name] = strconv.FormatFloat(f, 'f', -1, 64)
				}
				if b, ok := value.(bool); ok {
					m[name] = strconv.FormatBool(b)
				}
			}
		}
	}
	return v, nil
}

// difference lists what another Spec changes, secrets masked.
func difference(a *velos.App, spec *velos.Spec) (keys, lines []string) {
	b := velos.App{Spec: *spec}
	mask := view.MaskOf(a, &b)
	now, then := mask.App(a), mask.App(&b)
	was, is := plainMap(&a.Spec), plainMap(spec)
	shownWas, shownIs := plainMap(&now.Spec), plainMap(&then.Spec)
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if reflect.DeepEqual(was[k], is[k]) {
			continue
		}
		keys = append(keys, k)
		if k != "env" {
			lines = append(lines, k+": "+shown(shownWas[k])+" -> "+shown(shownIs[k]))
			continue
		}
		ew, _ := was[k].(map[string]any)
		ei, _ := is[k].(map[string]any)
		sw, _ := shownWas[k].(map[string]any)
		si, _ := shownIs[k].(map[string]any)
		names := maps.Clone(ew)
		if names == nil {
			names = map[string]any{}
		}
		maps.Copy(names, ei)
		for _, n := range slices.Sorted(maps.Keys(names)) {
			if ew[n] != ei[n] {
				lines = append(lines, "env."+view.Text(n)+": "+shown(sw[n])+" -> "+shown(si[n]))
			}
		}
	}
	return keys, lines
}

func shown(v any) string {
	if v == nil {
		return "(none)"
	}
	return view.Text(strings.TrimSpace(string(view.Value(v))))
}
