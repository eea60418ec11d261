package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFileIsSketchedFromWhatIsThere(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		apps  []string
		says  []string
	}{
		{map[string]string{"Procfile": "# x\nweb: node server.js --port $PORT\nworker: python3 -m worker\nrelease: ./migrate\n\n", "package.json": "{}"},
			[]string{"web (Procfile)", "worker (Procfile)"}, []string{"script = \"node server.js --port $PORT\"\nshell = true", "script = \"python3 -m worker\"\n"}},
		{map[string]string{"package.json": `{"name":"@acme/shop","scripts":{"start":"node src/server.js","start:worker":"node worker.js","dev":"x","start:dev":"y","build":"tsc"}}`, "src/server.js": "", ".env": ""},
			[]string{"shop (package.json, scripts.start)", "worker (package.json, scripts.start:worker)"}, []string{`script = "src/server.js"`, `script = "npm run start:worker"`, `env_file = [".env", "?.env.local"]`}},
		{map[string]string{"package.json": `{"scripts":{"start":"next start"}}`, "pnpm-lock.yaml": ""}, nil, []string{`script = "pnpm run start"`}},
		{map[string]string{"package.json": `{"name":"m","main":"lib/x.js"}`, "lib/x.js": ""}, []string{"m (package.json, main)"}, []string{`script = "lib/x.js"`}},
		{map[string]string{"pyproject.toml": "[project]\nname = \"api\"\ndependencies = [\"fastapi>=0.1\", \"uvicorn\"]\n", "main.py": "", ".venv/bin/python": ""},
			[]string{"api (pyproject.toml)"}, []string{`script = ".venv/bin/uvicorn main:app --port 8000"`}},
		{map[string]string{"pyproject.toml": "[project]\nname = \"d\"\n", "manage.py": ""}, nil, []string{`script = "python3 manage.py runserver`, "# runserver is for development"}},
		{map[string]string{"pyproject.toml": "[project]\nname = \"d\"\n[project.scripts]\nserve-it = \"a:b\"\n"}, []string{"serve-it (pyproject.toml, scripts)"}, []string{`script = "serve-it"`}},
		{map[string]string{"go.mod": "module example.com/acme/tool\n", "main.go": "", "cmd/apid/main.go": "", "cmd/doc/x.txt": ""},
			[]string{"apid (go.mod)", "tool (go.mod)"}, []string{`script = "./bin/apid"`, "# built by: go build -o bin/tool ."}},
		{map[string]string{"app.py": "", "compose.yml": ""}, nil, []string{`script = "app.py"`}},
		{map[string]string{"package.json": "{", "notes.txt": ""}, nil, []string{"# Nothing here looks like a program"}},
	} {
		dir := t.TempDir()
		for name, body := range c.files {
			write(t, filepath.Join(dir, name), body, 0o644)
		}
		s := NewSketch(dir)
		if d := cmp.Diff(c.apps, s.Apps); c.apps != nil && d != "" {
			t.Error(d)
		}
		for _, want := range c.says {
			if !strings.Contains(s.Text, want) {
				t.Errorf("%q is not in\n%s", want, s.Text)
			}
		}
		readsAs(t, s.Text, len(s.Apps))
		// What is in comments is as good as what is not.
		readsAs(t, strings.NewReplacer("\n# instances", "\ninstances", "\n# env", "\nenv", "\n# kill", "\nkill", "\n# auto", "\nauto", "\n# max", "\nmax", "\n# names", "\nnames", "\n# ready", "\nready").Replace(s.Text), len(s.Apps))
	}
}

func readsAs(t *testing.T, text string, apps int) {
	t.Helper()
	if apps == 0 {
		return
	}
	doc := &document{path: "velos.toml", data: []byte(text)}
	root, err := doc.tree()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	l := newLoader(Environ{})
	if _, _, p := l.root(root, doc, "/srv"); p != nil || len(l.drafts) != apps {
		t.Errorf("%v\n%s", doc.error(p), text)
	}
}
