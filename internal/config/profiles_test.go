package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
)

const profiled = `
[defaults]
env = { A = "defaults", B = "defaults" }
env_live = { E = "all" }
[apps.api]
script = "app.js"
env_file = ".env"
env = { B = "app", C = "app" }
env_live = { C = "live", BOTH = "live" }
env_profiles.test = { C = "test" }
[apps.other]
script = "api.py"
`

func loadWithProfiles(t *testing.T, toml string, profiles ...string) (*File, error) {
	t.Helper()
	dir, env := project(t)
	write(t, filepath.Join(dir, "velos.toml"), toml, 0o644)
	env.Profiles = profiles
	return Load("velos.toml", env)
}

func TestProfilesAreLaidOverTheEnvironment(t *testing.T) {
	for profiles, want := range map[string]map[string]string{
		"":          {"A": "defaults", "B": "app", "C": "app", "E": "", "BOTH": ""},
		"live":      {"A": "defaults", "B": "app", "C": "live", "E": "all", "BOTH": "live"},
		"live,test": {"A": "defaults", "B": "app", "C": "test", "E": "all", "BOTH": "live"},
	} {
		list := strings.FieldsFunc(profiles, func(r rune) bool { return r == ',' })
		f, err := loadWithProfiles(t, profiled, list...)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for k := range want {
			got[k] = f.Specs[0].Env[k]
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("with %q: %s", profiles, d)
		}
		if other := f.Specs[1]; strings.Join(f.Specs[0].EnvProfiles, ",") != profiles || len(list) > 0 && other.Env["E"] != "all" {
			t.Errorf("with %q: %+v", profiles, f.Specs)
		}
	}
}

func TestEachVariableRemembersWhereItIsFrom(t *testing.T) {
	f, err := loadWithProfiles(t, profiled, "live")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": "file", "B": "file", "C": "profile:live", "E": "profile:live", "BOTH": "profile:live"}
	if d := cmp.Diff(want, f.Specs[0].EnvFrom); d != "" {
		t.Error(d)
	}
	if f.Specs[1].EnvFrom["PYTHONUNBUFFERED"] != velos.FromVelos {
		t.Errorf("%v", f.Specs[1].EnvFrom)
	}
}

func TestAProfileThatNobodyKnowsIsAMistake(t *testing.T) {
	_, err := loadWithProfiles(t, profiled, "lvie")
	if err == nil || !strings.Contains(err.Error(), "--env lvie: no app has a profile of this name") || velos.HintOf(err) != `did you mean "live"?` {
		t.Errorf("%v (%s)", err, velos.HintOf(err))
	}
}

func TestVariablesOfTheCallerAreReplaced(t *testing.T) {
	f, dir := load(t, `
[defaults]
namespace = "${NOBODY:-web}"
[apps.api]
script = "${HOME}/app.js"
args = ["$HOME", "${LC_ALL}${LANG}", "$${LANG}", "${EMPTY:-}"]
kill_timeout = "${NOBODY:-3s}"
out_file = "${LANG}.log"
env = { X = "${LC_ALL}", "${LANG}" = "1" }
env_live = { Y = "${LANG}" }
ready = { exec = ["sh", "${HOME}"] }
[apps.line]
script = "echo ${HOME}"
args = ["${HOME}"]
shell = true
`)
	s := f.Specs[0]
	if s.Namespace != "web" || s.Script != dir+"/app.js" || s.KillTimeout != 3000 || s.OutFile != dir+"/en.log" || s.Env["X"] != "C" || s.Env["${LANG}"] != "1" || s.Ready.Exec[1] != "${HOME}" {
		t.Errorf("%+v", s)
	}
	if d := cmp.Diff([]string{"$HOME", "Cen", "${LANG}", ""}, s.Args); d != "" {
		t.Error(d)
	}
	if got := f.Specs[1].Command; got != "echo ${HOME} '${HOME}'" {
		t.Errorf("a shell's line became %q", got)
	}
}

func TestAVariableOfAnAppThatIsNotWantedMayBeMissing(t *testing.T) {
	f, err := loadOnly(t, "[apps.a]\nscript = \"app.js\"\n[apps.b]\nscript = \"${NOWHERE}\"\n", "a")
	if err != nil || len(f.Specs) != 1 {
		t.Error(f, err)
	}
}

func TestFilesIncludeOthers(t *testing.T) {
	dir, env := project(t)
	for name, body := range map[string]string{
		"velos.toml":   "include = [\"parts/*.toml\", \"parts/a.toml\"]\n[defaults]\nnamespace = \"top\"\n[apps.top]\nscript = \"app.js\"\ndepends_on = \"a\"\n",
		"parts/a.toml": "include = \"c.toml\"\n[defaults]\nkill_timeout = 7\n[apps.a]\nscript = \"a.js\"\n",
		"parts/b.toml": "[[apps]]\nname = \"b\"\nscript = \"a.js\"\n",
		"parts/c.toml": "[apps.c]\nscript = \"a.js\"\n",
		"parts/a.js":   "",
	} {
		write(t, filepath.Join(dir, name), body, 0o644)
	}
	f, err := Load("velos.toml", env)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(f); got != "top a c b" {
		t.Errorf("apps are %s", got)
	}
	a := f.Specs[1]
	if a.Script != dir+"/parts/a.js" || a.KillTimeout != 7 || a.Namespace != "default" || a.Source != dir+"/velos.toml" {
		t.Errorf("%+v", a)
	}
}

// What the page says of defaults is what a Spec without the key has.
func TestTheDefaultsOfThePageAreTrue(t *testing.T) {
	for _, sec := range sections() {
		for _, k := range sec.keys {
			if k.help == "" || k.takes == "" || k.schema == nil {
				t.Errorf("%s: nothing tells what it is", k.name)
			}
			if k.preset == "" {
				continue
			}
			doc := &document{path: "x", data: []byte(k.name + " = " + k.preset)}
			root, err := doc.tree()
			if err != nil {
				t.Fatal(err)
			}
			d := newDraft()
			if p := k.read(d, root.items[0]); p != nil {
				t.Errorf("%s = %s: %v", k.name, k.preset, doc.error(p))
			}
			want := velos.NewSpec()
			if k.name == "listen_timeout" {
				want.ListenTimeout = velos.DefaultListenTimeout
			}
			if diff := cmp.Diff(want, d.spec); diff != "" {
				t.Errorf("%s = %s: %s", k.name, k.preset, diff)
			}
		}
	}
}

func TestThePageOfKeysIsUpToDate(t *testing.T) { golden(t, "../../docs/CONFIG.md", Page()) }

func TestTheSchemaHasEveryKey(t *testing.T) {
	var root struct {
		Properties struct {
			Apps struct {
				AnyOf []struct {
					AdditionalProperties struct {
						Properties map[string]any
					}
				}
			}
		}
	}
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	got := root.Properties.Apps.AnyOf[0].AdditionalProperties.Properties
	for k := range keys() {
		if got[k] == nil {
			t.Errorf("the schema lacks %s", k)
		}
	}
	if len(got) != len(keys()) {
		t.Errorf("%d keys; want %d", len(got), len(keys()))
	}
	if stretch := got["kill_timeout"].(map[string]any); stretch["default"] != "5s" {
		t.Errorf("%v", stretch)
	}
}

func TestThePageShowsAFileThatIsRead(t *testing.T) {
	page, err := os.ReadFile("../../docs/CONFIG.md")
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, line := range strings.Split(string(page), "\n") {
		if line, ok := strings.CutPrefix(line, "    "); ok && !strings.HasPrefix(line, "velos ") {
			text = append(text, line)
		}
	}
	doc := &document{path: "docs/CONFIG.md", data: []byte(strings.Join(text, "\n"))}
	root, err := doc.tree()
	if err != nil {
		t.Fatal(err)
	}
	l := newLoader(Environ{})
	if _, _, p := l.root(root, doc, "/srv"); p != nil {
		t.Error(doc.error(p))
	}
	if len(l.drafts) != 2 {
		t.Errorf("%d apps", len(l.drafts))
	}
}
