package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
)

func TestSettingsAreSet(t *testing.T) {
	dir, env := project(t)
	specs, err := FromArgs([]string{"app.js"}, Options{Env: []string{"PORT=1"}, NoAutorestart: true, Args: []string{"--a"}}, env)
	if err != nil {
		t.Fatal(err)
	}
	for pairs, want := range map[string]func(*velos.Spec){
		"kill_timeout=10s|max_log_size=20M": func(s *velos.Spec) { s.KillTimeout, s.MaxLogSize = 10_000, 20<<20 },
		"instances=3":                       func(s *velos.Spec) { s.Instances = 3 },
		"instances=max":                     func(s *velos.Spec) { s.Instances = 4 },
		"autorestart=on-failure":            func(s *velos.Spec) { s.Autorestart = velos.OnFailure },
		"autorestart=true|namespace=web":    func(s *velos.Spec) { s.Autorestart, s.Namespace = velos.Always, "web" },
		"args=--port 3000":                  func(s *velos.Spec) { s.Args = []string{"--port", "3000"} },
		`args=["a b", 3]`:                   func(s *velos.Spec) { s.Args = []string{"a b", "3"} },
		"env.PORT=2|env.NEW=x y": func(s *velos.Spec) {
			s.Env["PORT"], s.Env["NEW"] = "2", "x y"
			s.EnvFrom["NEW"] = velos.FromFlags
		},
		"listen=8080":              func(s *velos.Spec) { s.Listen = []string{"tcp://:8080"} },
		"out_file=o.log":           func(s *velos.Spec) { s.OutFile = dir + "/o.log" },
		"cwd=src":                  func(s *velos.Spec) { s.Cwd = dir + "/src" },
		"log_date_format=3":        func(s *velos.Spec) { s.LogDateFormat = "3" },
		"stop_exit_codes=[0, 3]":   func(s *velos.Spec) { s.StopExitCodes = []int64{0, 3} },
		`health={ tcp = "$PORT" }`: func(s *velos.Spec) { s.Health = &velos.Probe{TCP: "127.0.0.1:$PORT"} },
		"script=src/server.mjs":    func(s *velos.Spec) { s.Script = dir + "/src/server.mjs" },
		"script=npm run dev": func(s *velos.Spec) {
			s.Script, s.Interpreter, s.Command, s.Args = dir+"/bin/npm", "", "npm run dev", []string{"run", "dev", "--a"}
		},
		"pre_stop=./bin/npm stop": func(s *velos.Spec) {
			s.Hooks = s.With(velos.PreStop, &velos.Hook{Command: []string{dir + "/bin/npm", "stop"}})
		},
		`on_crash={ command = "a && b", shell = true, timeout = 5 }`: func(s *velos.Spec) {
			s.Hooks = s.With(velos.OnCrash, &velos.Hook{Command: []string{"a && b"}, Shell: true, Timeout: 5})
		},
		"interpreter=./bin/npm": func(s *velos.Spec) { s.Interpreter = dir + "/bin/npm" },
		"mode=cluster":          func(s *velos.Spec) { s.Mode = velos.Cluster },
		"env_file=.env": func(s *velos.Spec) {
			s.EnvFiles, s.FileEnv = []string{dir + "/.env"}, map[string]string{"FROM_FILE": "1", "PATH_X": "y", "BOTH": "file", "LANG": "de"}
		},
	} {
		want2, _ := FromArgs([]string{"app.js"}, Options{Env: []string{"PORT=1"}, NoAutorestart: true, Args: []string{"--a"}}, env)
		want(&want2[0])
		got, err := Set(&specs[0], strings.Split(pairs, "|"), env)
		if err != nil {
			t.Errorf("%s: %v", pairs, err)
			continue
		}
		if d := cmp.Diff(want2[0], got); d != "" {
			t.Errorf("%s: %s", pairs, d)
		}
	}
	if specs[0].Env["PORT"] != "1" {
		t.Error("the old Spec was changed")
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	_, env := project(t)
	specs, err := FromArgs([]string{"app.js", "npm run dev"}, Options{}, env)
	if err != nil {
		t.Fatal(err)
	}
	for pair, want := range map[string]string{
		"kill_timeot=3":     `config set app: kill_timeot: unknown key (did you mean "kill_timeout"?)`,
		"kill_timeout=soon": `config set app: kill_timeout: must be a length of time`,
		"kill_timeout":      "config set app: must be KEY=VALUE, not kill_timeout",
		"name=x":            "config set app: name: a name is changed otherwise (velos restart app --name x)",
		"env=3":             "config set app: env: variables are set one by one",
		"env.=3":            "config set app: env.: a variable must have a name",
		"cwd=nowhere":       "config set app: cwd: no such directory",
		"script=gone.js":    "config set app: script: no such file: gone.js",
		"max_restarts=-7":   "config set app: max_restarts: must be 0 or more, not -7",
		"autostart=no":      "config set app: autostart: must be true or false, not a string",
	} {
		_, err := Set(&specs[0], []string{pair}, env)
		if err == nil || !strings.HasPrefix(err.Error()+" ("+velos.HintOf(err)+")", want) {
			t.Errorf("%s: %v (%s)", pair, err, velos.HintOf(err))
		}
	}
	if _, err := Set(&specs[1], []string{"args=x"}, env); err == nil || velos.HintOf(err) != "set script to the whole line" {
		t.Error(err)
	}
}

// What a listing says can be written into a file, and means the same there.
func TestSettingsCanBeReadAgain(t *testing.T) {
	dir, env := project(t)
	write(t, filepath.Join(dir, "velos.toml"), `
[apps.api]
script = "app.js"
kill_timeout = "1500ms"
min_uptime = "0s"
autostart = false
max_log_size = "1536k"
stop_exit_codes = [0, 3]
args = ["a \"b\"", "c\\d"]
ready = { http = ":3000", interval = "90s" }
depends_on = [{ name = "b", condition = "started" }]
env = { A = "x\ny" }
[apps.b]
script = "app.js"
`, 0o644)
	first, err := Load("velos.toml", env)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("[apps.api]\n")
	for _, s := range Settings(&first.Specs[0]) {
		if s.Key != "name" && s.Key != "source" {
			text.WriteString(s.Key + " = " + s.Value + "\n")
		}
	}
	write(t, filepath.Join(dir, "velos.toml"), text.String(), 0o644)
	second, err := Load("velos.toml", env)
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	second.Specs[0].EnvFrom = first.Specs[0].EnvFrom
	if d := cmp.Diff(first.Specs[0], second.Specs[0]); d != "" {
		t.Error(d)
	}
	if c := Changes(&first.Specs[0], &second.Specs[0]); len(c) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestInheritedVariablesAreNoChange(t *testing.T) {
	a, b := velos.NewSpec(), velos.NewSpec()
	a.Env, b.Env = map[string]string{"PATH": "/a", "LC_TIME": "x", "X": "1"}, map[string]string{"PATH": "/b", "X": "2"}
	got := Changes(&a, &b)
	if d := cmp.Diff([]Change{{"env.X", `"1"`, `"2"`, false}}, got); d != "" {
		t.Error(d)
	}
	b.EnvFrom = map[string]string{"PATH": velos.FromFile}
	if got = Changes(&a, &b); len(got) != 2 || got[0].Key != "env.PATH" {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsUnsetIsAsIfItWasNeverSet(t *testing.T) {
	_, env := project(t)
	plain, err := FromArgs([]string{"app.js"}, Options{Mode: "fork"}, env)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range []string{"kill_timeout=9s", "max_log_size=1M", "instances=3", "autorestart=never", "args=a b", "env.X=1", "listen=8080", "out_file=o.log",
		"stop_exit_codes=3", "watch=true", "watch_paths=src", "max_memory=1G", "cron_restart=@daily", "namespace=web", "autostart=false", "listen_timeout=1s",
		`health={ tcp = "1" }`, `ready={ log = "up" }`, "depends_on=db", "pre_start=./bin/npm", `limits={ nofile = 10 }`, "umask=027", "nice=3", "env_file=.env", "interpreter_args=-x", "log_raw=true"} {
		key, _, _ := strings.Cut(pair, "=")
		set, err := Set(&plain[0], []string{pair}, env)
		if err != nil {
			t.Errorf("%s: %v", pair, err)
			continue
		}
		if len(Changes(&plain[0], &set)) == 0 {
			t.Errorf("%s changes nothing", pair)
		}
		got, err := Unset(&set, []string{key}, env)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		if list := Changes(&plain[0], &got); len(list) > 0 {
			t.Errorf("%s: %+v are left", key, list)
		}
		if len(Changes(&plain[0], &set)) == 0 {
			t.Errorf("%s: the old Spec was changed", key)
		}
	}
}

func TestWhatCannotBeUnsetSaysSo(t *testing.T) {
	_, env := project(t)
	specs, err := FromArgs([]string{"npm run dev"}, Options{}, env)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"name": "has no default", "cwd": "has no default", "script": "has no default", "env": "one by one",
		"kill_timeot": "unknown key", "args": "command line",
	} {
		if _, err := Unset(&specs[0], []string{key}, env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", key, err, want)
		}
	}
}

func TestHooksAreReadBackAsTheyAreListed(t *testing.T) {
	_, env := project(t)
	specs, err := FromArgs([]string{"app.js"}, Options{}, env)
	if err != nil {
		t.Fatal(err)
	}
	set, err := Set(&specs[0], []string{"pre_start=app.js x", `on_crash={ command = "a && b", shell = true, timeout = "2m" }`}, env)
	if err != nil {
		t.Fatal(err)
	}
	again := specs[0]
	for _, h := range []string{"pre_start", "on_crash"} {
		table := ""
		for _, s := range Settings(&set) {
			if key, ok := strings.CutPrefix(s.Key, h+"."); ok {
				table += ", " + key + " = " + s.Value
			}
		}
		if again, err = Set(&again, []string{h + "={ " + strings.TrimPrefix(table, ", ") + " }"}, env); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
	}
	if list := Changes(&set, &again); len(list) > 0 {
		t.Errorf("differs in %+v", list)
	}
}
