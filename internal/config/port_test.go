package config

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
)

// ported is project with somebody who chooses ports: 20000, or the next one
// that the file lets him.
func ported(t *testing.T) (string, Environ) {
	dir, env := project(t)
	env.Port = func(_ *velos.Spec, taken func(int) bool) (int, error) {
		n := 20_000
		for taken(n) {
			n++
		}
		return n, nil
	}
	return dir, env
}

// portsIn are the apps of a file as NAME=PORT, with + for each instance more,
// and - for a PORT that is no key's.
func portsIn(t *testing.T, text string, env Environ) (string, error) {
	t.Helper()
	write(t, filepath.Join(env.Dir, "velos.toml"), text, 0o644)
	f, err := Load("velos.toml", env)
	if err != nil {
		return "", err
	}
	var list []string
	for i := range f.Specs {
		s := &f.Specs[i]
		one := s.Name + "=" + s.Env["PORT"]
		if s.Port() == 0 {
			one += "-"
		}
		list = append(list, one+strings.Repeat("+", max(s.PortRow(), 1)-1))
	}
	return strings.Join(list, " "), nil
}

func TestPortsOfAFile(t *testing.T) {
	_, env := ported(t)
	for _, c := range []struct{ text, want string }{
		{"[apps.a]\nscript = \"app.js\"\nport = \"auto\"", "a=20000"},
		{"[apps.a]\nscript = \"app.js\"\nport = \"auto\"\n[apps.b]\nscript = \"run.sh\"\nport = 20000\n[apps.c]\nscript = \"run.sh\"\nport = \"auto\"", "a=20001 b=20000 c=20002"},
		{"[apps.a]\nscript = \"app.js\"\nport = \"auto\"\n[apps.b]\nscript = \"run.sh\"\nenv.PORT = 20000", "a=20001 b=20000-"},
		// Workers of a cluster share, others do not.
		{"[apps.a]\nscript = \"app.js\"\nport = 3000\ninstances = 3", "a=3000"},
		{"[apps.a]\nscript = \"app.js\"\nport = 3000\ninstances = 3\nmode = \"fork\"", "a=3000++"},
		{"[apps.a]\nscript = \"run.sh\"\nport = \"auto\"\ninstances = \"max\"\n[apps.b]\nscript = \"run.sh\"\nport = \"auto\"", "a=20000+++ b=20004"},
		{"[apps.a]\nscript = \"app.js\"\nport = 3000\ninstances = 2\nincrement_var = \"PORT\"", "a=3000+"},
		{"[apps.a]\nscript = \"run.sh\"\nport = 3000\ninstances = 2\nlisten = 3000", "a=3000"},
		// What is nearer beats what is further off.
		{"[defaults]\nport = \"auto\"\n[apps.a]\nscript = \"app.js\"\nenv.PORT = 80\n[apps.b]\nscript = \"app.js\"", "a=80- b=20000"},
		{"[defaults]\nenv.PORT = 80\n[apps.a]\nscript = \"app.js\"\nport = 3000\n[apps.b]\nscript = \"app.js\"", "a=3000 b=80-"},
		{"[defaults]\nport = 80\n[apps.a]\nscript = \"app.js\"\nport = 3000\n[apps.b]\nscript = \"app.js\"", "a=3000 b=80"},
	} {
		if got, err := portsIn(t, c.text, env); err != nil || got != c.want {
			t.Errorf("%s\n%s %v, want %s", c.text, got, err, c.want)
		}
	}
	env.Profiles = []string{"live"}
	if got, err := portsIn(t, "[apps.a]\nscript = \"app.js\"\nport = 3000\nenv_live = { PORT = 80 }\nready = { http = \"/\" }", env); err != nil || got != "a=80-" {
		t.Errorf("a profile beats the port: %s %v", got, err)
	}
}

func TestAPortIsThereForProbesAndBeatsEnvFiles(t *testing.T) {
	dir, env := ported(t)
	write(t, filepath.Join(dir, "port.env"), "PORT=1\n", 0o644)
	if got, err := portsIn(t, "[apps.a]\nscript = \"app.js\"\nport = \"auto\"\nready = { http = \"/up\" }\nenv_file = \"port.env\"", env); err != nil || got != "a=20000" {
		t.Error(got, err)
	}
}

func TestAPortIsASettingThatIsSetAndUnset(t *testing.T) {
	_, env := ported(t)
	env.Vars["PORT"] = "1" // the shell's
	specs, err := FromArgs([]string{"app.js"}, Options{}, env)
	if err != nil {
		t.Fatal(err)
	}
	s := specs[0]
	for _, step := range []struct {
		set, unset string
		want       string // settings that are about it
		changes    int
	}{
		{"port=3000", "", "port = 3000", 2}, // the shell's goes away
		{"port=3000", "", "port = 3000", 0},
		{"port=auto", "", `port = "auto"`, 1},
		{"env.PORT=5", "", `env.PORT = "5"`, 2},
		{"port=auto", "", `port = "auto"`, 2},
		{"", "port", "", 1},
		{"", "port", "", 0},
	} {
		var now velos.Spec
		if step.set != "" {
			now, err = Set(&s, []string{step.set}, env)
		} else {
			now, err = Unset(&s, []string{step.unset}, env)
		}
		if err != nil {
			t.Fatal(step.set, err)
		}
		var about []string
		for _, one := range Settings(&now) {
			if strings.Contains(strings.ToLower(one.Key), "port") {
				about = append(about, one.Key+" = "+one.Value)
			}
		}
		if d := cmp.Diff(step.want, strings.Join(about, " ")); d != "" {
			t.Errorf("%+v\n%s", step, d)
		}
		if list := Changes(&s, &now); len(list) != step.changes {
			t.Errorf("%+v: %v", step, list)
		}
		s = now
	}
	if _, err := Set(&s, []string{"port=3000", "env.PORT=1"}, env); err == nil {
		t.Error("port and env.PORT were both taken")
	}
	if _, err := Set(&s, []string{"port=http"}, env); err == nil || !strings.Contains(err.Error(), "port: must be a number or") {
		t.Error(err)
	}
}

func TestAnotherChosenPortIsAChangeThatNeedsANewRun(t *testing.T) {
	old, now := velos.NewSpec(), velos.NewSpec()
	for i, s := range []*velos.Spec{&old, &now} {
		s.Env, s.EnvFrom = map[string]string{"PORT": strconv.Itoa(20_000 + i)}, map[string]string{"PORT": velos.FromAuto}
	}
	if d := cmp.Diff([]Change{{Key: "port", From: "20000", To: "20001"}}, Changes(&old, &now)); d != "" {
		t.Error(d)
	}
}
