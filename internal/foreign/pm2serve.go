package foreign

import (
	"cmp"
	"slices"
	"strings"
)

// serves has velos do what PM2's own script "serve" does.
func (t *pm2App) serves() {
	env := t.keys["env"]
	if t.str("script") != "serve" || env == nil || !slices.ContainsFunc(env.keys, func(k string) bool { return strings.HasPrefix(k, "PM2_SERVE_") }) {
		return
	}
	line := t.keys["script"].line
	scalar := func(s string) *value { return &value{kind: text, text: s, line: line} }
	t.keys["script"] = scalar(cmp.Or(t.opts.Velos, "velos"))
	t.keys["interpreter"] = scalar("none")
	t.keys["args"] = nil // PM2's server takes none
	t.set("args", []string{ServeFiles}, line)
	if env.get("PM2_SERVE_HOST") == nil {
		t.file.idle(t.Name, "script", "files are served to this machine alone, unless env has a PM2_SERVE_HOST such as 0.0.0.0")
	}
	for _, name := range []string{"PM2_SERVE_FTP", "PM2_SERVE_DIRECTORY", "PM2_SERVE_MONITOR"} {
		if v := env.get(name); v != nil && v.kind != null && v.text != "false" {
			t.file.lost(t.Name, name, "directories are not listed, and nothing is put into pages")
		}
	}
}

// sites are the apps of a file, and one for each entry of its list static.
func (f *File) sites(root, apps, sites *value) (*value, error) {
	all := &value{kind: list, line: sites.line}
	if apps != root {
		all.items = []*value{apps}
		if apps.kind == list {
			all.items = slices.Clone(apps.items)
		}
	}
	each := []*value{sites}
	if sites.kind == list {
		each = sites.items
	}
	for _, v := range each {
		if v.kind != object {
			return nil, f.fail(v.line, "static: an entry must be an object, not "+v.what(), "write { path: …, port: … }")
		}
		env := &value{kind: object, line: v.line}
		for _, key := range []string{"path", "port", "host", "spa", "ftp", "directory", "monitor"} {
			if item := v.get(key); item != nil {
				env.put("PM2_SERVE_"+strings.ToUpper(key), item)
			}
		}
		if auth := v.get("basic_auth"); auth != nil {
			env.put("PM2_SERVE_BASIC_AUTH", &value{kind: text, text: "true", line: auth.line})
			for _, key := range []string{"username", "password"} {
				if item := auth.get(key); item != nil {
					env.put("PM2_SERVE_BASIC_AUTH_"+strings.ToUpper(key), item)
				}
			}
		}
		app := &value{kind: object, line: v.line}
		name := v.get("name")
		if name == nil {
			port := "8080"
			if p := v.get("port"); p != nil {
				port = p.text
			}
			name = &value{kind: text, text: "static-page-server-" + port, line: v.line}
		}
		app.put("name", name)
		app.put("script", &value{kind: text, text: "serve", line: v.line})
		if len(env.keys) == 0 {
			env.put("PM2_SERVE_PATH", &value{kind: text, text: ".", line: v.line})
		}
		app.put("env", env)
		all.items = append(all.items, app)
	}
	return all, nil
}
