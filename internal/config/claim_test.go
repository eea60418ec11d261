package config

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// claimed is what a file says that it would run.
func claimed(t *testing.T, dir string, vars map[string]string) Claim {
	t.Helper()
	var c Claim
	seen := errors.New("seen")
	_, err := Load(filepath.Join(dir, "velos.toml"), Environ{Dir: dir, Vars: vars, Trust: func(found Claim) error { c = found; return seen }})
	if !errors.Is(err, seen) {
		t.Fatal(err)
	}
	return c
}

func TestAFileIsAskedAboutBeforeAnythingIsLookedUp(t *testing.T) {
	dir := t.TempDir()
	// Neither the interpreter nor the script is there: who looked would fail.
	write(t, filepath.Join(dir, "velos.toml"), "include = \"more.toml\"\n[apps.api]\nscript = \"./evil.sh\"\nargs = [\"--key\", \"${API_KEY}\"]\ninterpreter = \"./not-there\"\nuser = \"www\"\n"+
		"env = { PORT = 1, NODE_OPTIONS = \"--require x\" }\n[apps.api.ready]\nexec = \"curl x\"\n[[notify]]\ntype = \"slack\"\nurl = \"https://hooks.example.com/services/abc\"\n", 0o600)
	write(t, filepath.Join(dir, "more.toml"), "[apps.db]\nscript = \"db --fast\"\n", 0o600)
	c := claimed(t, dir, map[string]string{"API_KEY": "sk-live-12345678"})
	var text []string
	for _, cmd := range c.Commands() {
		text = append(text, cmd.Text()...)
	}
	got := strings.Join(text, "\n")
	for _, w := range []string{"api: ./evil.sh --key ${API_KEY}", `interpreter = "./not-there"`, `user = "www"`, "env NODE_OPTIONS, PORT", `ready = { exec = "curl x" }`, "db: db --fast",
		"(notifications): news go out by slack", "slack to https://hooks.example.com"} {
		if !strings.Contains(got, w) {
			t.Errorf("%q is missing in\n%s", w, got)
		}
	}
	if strings.Contains(got, "sk-live") || strings.Contains(got, "services/abc") {
		t.Errorf("a secret is shown:\n%s", got)
	}
	if !slices.Equal(c.Files, []string{filepath.Join(dir, "more.toml")}) {
		t.Error(c.Files)
	}
}

func TestAChangeThatCanRunSomethingElseIsOne(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "velos.toml")
	const first = "[apps.api]\nscript = \"a.js\"\nenv.PORT = 1\n"
	same := func(text string) (sum, commands bool) {
		write(t, file, first, 0o600)
		a := claimed(t, dir, nil)
		write(t, file, text, 0o600)
		b := claimed(t, dir, nil)
		return a.Sum == b.Sum, slices.EqualFunc(a.Commands(), b.Commands(), func(x, y Command) bool { return x.Sum == y.Sum && x.App == y.App })
	}
	for text, want := range map[string]bool{
		first: true, first + "# a comment\n": true,
		"[apps.api]\nscript = \"a.js\"\ninstances = 3\nkill_timeout = 3\nenv.PORT = 1\n": true,
		"[apps.api]\nscript = \"a.js\"\nenv.PORT = 2\n":                                  false,
		"[apps.api]\nscript = \"b.js\"\nenv.PORT = 1\n":                                  false,
		"[apps.api]\nscript = \"a.js\"\ncwd = \"x\"\nenv.PORT = 1\n":                     false,
		first + "[apps.b]\nscript = \"b\"\n":                                             false,
		first + "[[notify]]\ntype = \"webhook\"\nurl = \"https://x\"\n":                  false,
	} {
		sum, commands := same(text)
		if sum != (text == first) || commands != want {
			t.Errorf("%q: sum %v, commands %v", text, sum, commands)
		}
	}
}
