package foreign

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/config"
)

// variables are the values of an env object, as PM2 hands them on.
func (t *pm2App) variables(key string, v *value) (Table, error) {
	if v.kind != object {
		return nil, t.wrong(key, "must be an object, not "+v.what(), `such as `+key+`: { PORT: 3000 }`)
	}
	var table Table
	for i, k := range v.keys {
		item := v.items[i]
		s, ok := item.scalar()
		switch {
		case item.kind == odd:
			t.file.lost(t.Name, key+"."+k, "is "+item.text)
			continue
		case item.kind == null:
			continue
		case !ok:
			var b strings.Builder
			item.json(&b)
			s = b.String()
		}
		table = append(table, Setting{k, s, item.line})
	}
	return table, nil
}

// with lays variables over others.
func (t Table) with(over Table) Table {
	out := append(Table(nil), t...)
next:
	for _, s := range over {
		for i := range out {
			if out[i].Key == s.Key {
				out[i] = s
				continue next
			}
		}
		out = append(out, s)
	}
	return out
}

func (t Table) get(key string) (any, bool) {
	for _, s := range t {
		if s.Key == key {
			return s.Value, true
		}
	}
	return nil, false
}

// environment sets env: what the deployment says, beaten by env, beaten by the
// profile.
func (t *pm2App) environment() error {
	env := Table{}
	add := func(key string, v *value) error {
		if v == nil {
			return nil
		}
		more, err := t.variables(key, v)
		env = env.with(more)
		return err
	}
	line := 0
	if v := t.keys["env"]; v != nil {
		line = v.line
	}
	name := t.opts.Profile
	if name != "" {
		deployed := t.deploy.get(name).get("env")
		if deployed != nil {
			t.file.profiles = append(t.file.profiles, name)
		}
		if err := add("deploy."+name+".env", deployed); err != nil {
			return err
		}
	}
	if err := add("env", t.keys["env"]); err != nil {
		return err
	}
	if v := t.keys["port"]; v != nil {
		s, ok := v.scalar()
		if !ok {
			return t.wrong("port", "must be a number, not "+v.what(), "such as port: 3000")
		}
		env = env.with(Table{{"PORT", s, v.line}})
	}
	if name != "" {
		switch v := t.keys["env_"+name]; {
		case v != nil:
			if err := add("env_"+name, v); err != nil {
				return err
			}
		default:
			t.file.lost(t.Name, "env_"+name, "the app has no such profile")
		}
	}
	if len(env) > 0 {
		t.set("env", env, line)
	}
	return nil
}

// profile is a key env_NAME: kept for a file that is written, and left aside
// otherwise.
func (t *pm2App) profile(key string, v *value) error {
	name := strings.TrimPrefix(key, "env_")
	t.file.profiles = append(t.file.profiles, name)
	switch {
	case name == t.opts.Profile:
	case !t.opts.Apart || t.opts.Profile != "":
		t.file.idle(t.Name, key, "is a profile, and not the one that was asked for")
	default:
		table, err := t.variables(key, v)
		if err != nil {
			return err
		}
		if len(table) > 0 {
			t.set(key, table, v.line)
		}
	}
	return nil
}

// readEnvFile takes files that are there: PM2 itself reads none, so that many
// a file names one that is not.
func readEnvFile(t *pm2App, key string, v *value) error {
	files, ok := v.scalars()
	if !ok {
		t.file.lost(t.Name, key, "must be a file or a list of files, not "+v.what())
		return nil
	}
	var there []string
	for _, name := range files {
		path := t.abs(t.cwd, name)
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
			t.file.lost(t.Name, key, "there is no file "+shown(name))
			continue
		}
		if t.cwd != t.file.dir() && !filepath.IsAbs(name) {
			name = path // here they are relative to the file
		}
		there = append(there, name)
	}
	if len(there) > 0 {
		t.set("env_file", there, v.line)
	}
	return nil
}

// counting sets increment_var, which is PM2's, or stands for an instance_var
// of another name.
func (t *pm2App) counting() error {
	if v := t.keys["increment_var"]; v != nil {
		if v.kind != text {
			return t.wrong("increment_var", "must be the name of a variable, not "+v.what(), `such as increment_var: "PORT"`)
		}
		return t.counts("increment_var", v)
	}
	v := t.keys["instance_var"]
	if v == nil || v.text == "NODE_APP_INSTANCE" {
		return nil
	}
	if v.kind != text {
		return t.wrong("instance_var", "must be the name of a variable, not "+v.what(), `such as instance_var: "INSTANCE"`)
	}
	return t.counts("instance_var", v)
}

func (t *pm2App) counts(key string, v *value) error {
	env, _ := t.get("env").(Table)
	if at := t.keys["instance_var"]; key == "increment_var" && at != nil && at.text != "NODE_APP_INSTANCE" {
		t.file.lost(t.Name, "instance_var", "NODE_APP_INSTANCE and VELOS_INSTANCE have the number; only one variable can count besides")
	}
	first, there := env.get(v.text)
	s, _ := first.(string)
	if _, err := strconv.Atoi(s); there && err != nil {
		t.file.lost(t.Name, key, v.text+" is "+shown(s)+", which is no number to begin with")
		return nil
	}
	if !there || key == "instance_var" {
		env = env.with(Table{{v.text, "0", v.line}})
		t.drop("env")
		t.set("env", env, v.line)
	}
	t.set("increment_var", v.text, v.line)
	return nil
}

// logs sets the files. Who names one reads it with other tools, so that it
// holds plain lines as PM2 writes them, unless JSON was asked for.
func (t *pm2App) logs() error {
	named, err := t.logFiles()
	if err != nil {
		return err
	}
	kind := t.keys["log_type"]
	if named && (kind == nil || kind.text != "json") {
		t.set("log_raw", true, 0)
	}
	switch v := t.keys["log_date_format"]; {
	case v != nil && v.kind == text && v.text != "":
		t.set("log_date_format", v.text, v.line)
	case v != nil && v.kind != text && v.kind != boolean:
		return t.wrong("log_date_format", "must be a layout, not "+v.what(), `such as log_date_format: "YYYY-MM-DD HH:mm:ss"`)
	default:
		if on, _ := t.flag("time"); on {
			t.set("log_date_format", config.DefaultTime, t.keys["time"].line)
		}
	}
	if t.get("log_date_format") != nil && t.get("log_raw") != nil {
		t.file.lost(t.Name, "log_date_format", "velos logs shows when a line was written; a named file holds the bare lines. log_type json keeps the time there")
	}
	return nil
}

// logFiles sets the files that are named, and reports whether there are any. A
// stream that is switched off goes to the device that keeps nothing, or to the
// file for both, where there is one.
func (t *pm2App) logFiles() (named bool, err error) {
	path, lines := map[string]string{}, map[string]int{}
	for _, key := range []string{"out_file", "error_file", "log_file"} {
		v := t.keys[key]
		switch {
		case v == nil || v.kind == boolean: // true is the file that there is anyway
		case v.kind != text:
			return false, t.wrong(key, "must be a file, not "+v.what(), `such as `+key+`: "logs/api.log"`)
		case v.text == "NULL" || v.text == "/dev/null":
			path[key] = os.DevNull
		case t.cwd != t.file.dir() && !filepath.IsAbs(v.text) && !strings.HasPrefix(v.text, "~/"):
			path[key] = t.abs(t.cwd, v.text)
		default:
			path[key] = v.text
		}
		if v != nil {
			lines[key] = v.line
		}
	}
	if off, _ := t.flag("disable_logs"); off {
		path = map[string]string{"out_file": os.DevNull, "error_file": os.DevNull}
	}
	file := func(key string) bool { return path[key] != "" && path[key] != os.DevNull }
	own := file("out_file") || file("error_file")
	switch both := path["log_file"]; {
	case !file("log_file"):
		delete(path, "log_file")
	case !own:
		path = map[string]string{"log_file": both}
	default:
		t.file.lost(t.Name, "log_file", "each line is written once: velos logs shows both files together")
		delete(path, "log_file")
		for _, key := range []string{"out_file", "error_file"} {
			if path[key] == os.DevNull {
				path[key] = both
			}
		}
	}
	for _, key := range []string{"out_file", "error_file", "log_file"} {
		if path[key] != "" {
			t.set(key, path[key], lines[key])
			named = named || file(key)
		}
	}
	return named, nil
}
