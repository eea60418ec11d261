package foreign

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/velospm/velos/internal/config"
)

// isScript knows PM2's configuration files by their names.
func isScript(base string) bool {
	switch ext := filepath.Ext(base); ext {
	case ".json":
		return base != "package.json" && base != "package-lock.json" && base != "tsconfig.json"
	case ".yaml", ".yml":
		return true
	case ".js", ".cjs", ".mjs":
		stem := strings.TrimSuffix(base, ext)
		return strings.HasSuffix(stem, ".config") || strings.HasPrefix(stem, "ecosystem")
	}
	return false
}

// readScript reads an ecosystem file, in whatever language it is.
func readScript(ctx context.Context, f *File, data []byte, o *Options) error {
	var root *value
	var bad *lineError
	switch strings.ToLower(filepath.Ext(f.Path)) {
	case ".json":
		root, bad = parseJSON(string(data))
	case ".yaml", ".yml":
		root, bad = parseYAML(data)
	default:
		if o.Trust != nil {
			if err := o.Trust(config.Claim{Path: f.Abs, Sum: f.sum, Program: true, Commands: func() []config.Command { return nil }}); err != nil {
				return err
			}
		}
		var err error
		if root, err = f.evaluate(ctx, o); err != nil {
			return err
		}
	}
	if bad != nil {
		hint := "mend the line"
		if strings.EqualFold(filepath.Ext(f.Path), ".json") {
			hint += "; what computes something belongs into a file such as ecosystem.config.js"
		}
		return f.fail(bad.line, bad.what, hint)
	}
	if root.get("processes") != nil && root.get("apps") == nil {
		return f.processes(root, o)
	}
	return f.ecosystem(root, o)
}

// readPiped reads an ecosystem file without a name: what begins like JSON is
// that, anything else is YAML.
func readPiped(_ context.Context, f *File, data []byte, o *Options) error {
	text := strings.TrimSpace(string(data))
	if text == "" {
		return f.fail(0, "is empty", "pipe an ecosystem file in: cat apps.json | velos start -")
	}
	read := parseYAML
	if strings.ContainsRune("[{/", rune(text[0])) {
		read = func(data []byte) (*value, *lineError) { return parseJSON(string(data)) }
	}
	root, bad := read(data)
	if bad != nil {
		return f.fail(bad.line, bad.what, "mend the line; JSON or YAML can be piped in")
	}
	return f.ecosystem(root, o)
}

// ecosystem translates what an ecosystem file says: apps and deploy, a list of
// apps, or one app.
func (f *File) ecosystem(root *value, o *Options) error {
	apps := root
	var deploy *value
	if root.kind == object {
		for i, k := range root.keys {
			switch k {
			case "apps", "pm2":
				apps = root.items[i]
			case "deploy":
				deploy = root.items[i]
			}
		}
		if sites := root.get("static"); sites != nil {
			var err error
			if apps, err = f.sites(root, apps, sites); err != nil {
				return err
			}
		}
		if apps == root && root.get("script") == nil && root.get("exec") == nil && root.get("cmd") == nil && root.get("command") == nil {
			return f.fail(0, "has neither apps nor a script: this is no ecosystem file", "it exports { apps: [ … ] }")
		}
		if apps != root {
			for _, k := range root.keys {
				if k != "apps" && k != "pm2" && k != "deploy" && k != "static" {
					f.lost("", k, "PM2 knows no such key beside apps")
				}
			}
		}
	}
	if deploy != nil {
		f.lost("", "deploy", "Velos starts what is there and fetches nothing; let CI or ssh bring it")
	}
	each := []*value{apps}
	if apps.kind == list {
		each = apps.items
	}
	for _, v := range each {
		if v.kind != object {
			return f.fail(v.line, "an app must be an object, not "+v.what(), "write { name: …, script: … }")
		}
		if err := f.app(v, deploy, o); err != nil {
			return err
		}
	}
	return f.together()
}

// A pm2App is an app while it is translated.
type pm2App struct {
	*App
	file   *File
	opts   *Options
	keys   map[string]*value // by PM2's first name for each
	cwd    string            // absolute
	deploy *value
}

func (f *File) app(v, deploy *value, o *Options) error {
	t := &pm2App{App: &App{Line: v.line}, file: f, opts: o, keys: map[string]*value{}, deploy: deploy}
	var names []string
	for i, k := range v.keys {
		name := pm2Name(k)
		if v.items[i].kind == null || t.keys[name] != nil && k != name {
			continue
		}
		if t.keys[name] == nil {
			names = append(names, name)
		}
		t.keys[name] = v.items[i]
	}
	if err := t.begin(); err != nil {
		return err
	}
	for _, name := range names {
		if err := t.key(name); err != nil {
			return err
		}
	}
	if err := t.end(); err != nil {
		return err
	}
	f.Apps = append(f.Apps, *t.App)
	return nil
}

// key translates one key.
func (t *pm2App) key(name string) error {
	v := t.keys[name]
	if v == nil {
		return nil // it was taken for another one
	}
	if read, ok := pm2Keys[name]; ok {
		if v.kind == odd {
			return t.wrong(name, "is "+v.text+", which only PM2's own process could use", "write a plain value")
		}
		return read(t, name, v)
	}
	if why, ok := pm2Idle[name]; ok {
		t.file.idle(t.Name, name, why)
		return nil
	}
	if why, ok := pm2Lost[name]; ok {
		t.file.lost(t.Name, name, why)
		return nil
	}
	if strings.HasPrefix(name, "env_") {
		return t.profile(name, v)
	}
	t.file.lost(t.Name, name, "PM2 has no such key and ignores it")
	return nil
}

// wrong is the error for a key's value.
func (t *pm2App) wrong(key, what, hint string) error {
	line := t.Line
	if v := t.keys[key]; v != nil && v.line > 0 {
		line = v.line
	}
	name := "app"
	if t.Name != "" {
		name += " " + shown(t.Name)
	}
	return t.file.fail(line, name+": "+key+" "+what, hint)
}

func (t *pm2App) str(key string) string {
	if v := t.keys[key]; v != nil && v.kind == text {
		return v.text
	}
	return ""
}

// begin finds out the name, the script and the directory, which other keys
// need.
func (t *pm2App) begin() error {
	for _, k := range []string{"script", "name", "cwd"} {
		if v := t.keys[k]; v != nil && v.kind != text && v.kind != number {
			return t.wrong(k, "must be a string, not "+v.what(), "put it into quotes")
		}
	}
	for _, k := range []string{"cmd", "command"} { // two more words for it
		if v := t.keys[k]; v != nil && t.keys["script"] == nil {
			t.keys["script"] = v
			delete(t.keys, k)
		}
	}
	script := t.str("script")
	t.Name = t.str("name")
	if v := t.keys["name"]; v != nil {
		t.Name = v.text
	}
	if strings.TrimSpace(script) == "" {
		return t.wrong("script", "is missing", `add script: "app.js"`)
	}
	if t.Name == "" {
		t.Name = strings.TrimSuffix(filepath.Base(script), filepath.Ext(script))
		if strings.Contains(script, " ") {
			t.Name = script // PM2 names a command line after itself
		}
	}
	if on, _ := t.flag("append_env_to_name"); on && t.opts.Profile != "" {
		t.Name += "-" + t.opts.Profile
	}
	t.rename()
	t.cwd = t.abs(t.file.dir(), t.str("cwd"))
	t.serves()
	return nil
}

// flag is the value of a key that is true or false.
func (t *pm2App) flag(key string) (on, there bool) {
	if v := t.keys[key]; v != nil {
		on, there = v.truth()
	}
	return on, there
}

// abs is a path of the file, absolute.
func (t *pm2App) abs(dir, path string) string { return homePath(dir, path, t.opts.Env) }

// head is the beginning of the script; nil when it is no file.
func (t *pm2App) head() []byte {
	f, err := os.Open(t.abs(t.cwd, t.str("script")))
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil
	}
	b := make([]byte, 512)
	n, _ := f.Read(b)
	return b[:n]
}

// together is what can be said only of all apps: PM2 lets several have the
// same name.
func (f *File) together() error {
	seen := map[string]int{}
	for i := range f.Apps {
		a := &f.Apps[i]
		key := strings.ToLower(a.Name)
		if seen[key]++; seen[key] > 1 {
			old := a.Name
			for n := seen[key]; ; n++ {
				if try := old + "-" + itoa(n); seen[strings.ToLower(try)] == 0 {
					a.Name = try
					break
				}
			}
			seen[strings.ToLower(a.Name)]++
			f.lost(a.Name, "name", "is "+old+" in the file, like another app; names are there once")
		}
	}
	return nil
}
