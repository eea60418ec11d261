package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// project is a directory with scripts and a bin directory with interpreters
// that do nothing; nothing of the machine is used.
func project(t *testing.T) (string, Environ) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("scripts need executable bits")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"app.js": "", "api.py": "", "app.rb": "", "run.sh": "echo\n", "with blank.js": "", "17.js": "", "notes.txt": "text\n",
		"package.json": "{}", "ecosystem.config.js": "", "Procfile": "", "pm2.yaml": "", "app.ts": "",
		"tool.jar": "", "win.exe": "MZ", "src/server.mjs": "", "crlf.sh": "#!/bin/sh\r\n", "worker/app.js": "",
		"envbang": "#!/usr/bin/env -S python3 -u\n", ".env": "FROM_FILE=1\nPATH_X=y\nBOTH=file\nLANG=de\n", "b.env": "BOTH=second\n", "bad.env": "A=1\n=\n",
	} {
		write(t, filepath.Join(dir, name), body, 0o644)
	}
	write(t, filepath.Join(dir, "exec.sh"), "#!/bin/sh\n", 0o755)
	write(t, filepath.Join(dir, "tool"), "#!/usr/bin/env python3\n", 0o755)
	write(t, filepath.Join(dir, "lost"), "#!/no/such/interpreter\n", 0o755)
	write(t, filepath.Join(dir, "binary"), "\x7fELF", 0o755)
	for _, name := range []string{"node", "python3", "npm", "sh", "java", "tsx"} {
		write(t, filepath.Join(dir, "bin", name), "#!/bin/sh\n", 0o755)
	}
	lookup := func(host string) (string, error) {
		if host == "web.test" {
			return "192.0.2.7", nil
		}
		return "", errors.New("no such host")
	}
	return dir, Environ{Dir: dir, CPUs: 4, Lookup: lookup, Vars: map[string]string{
		"PATH": filepath.Join(dir, "bin"), "HOME": dir, "LC_ALL": "C", "LANG": "en", "SECRET_OF_SHELL": "x",
		"VELOS_ID": "3", "VELOS_HOME": "/x", "NODE_APP_INSTANCE": "2",
	}}
}

func write(t *testing.T, path, body string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, toml string) (*File, string) {
	t.Helper()
	dir, env := project(t)
	write(t, filepath.Join(dir, "velos.toml"), toml, 0o644)
	f, err := Load("velos.toml", env)
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, velos.HintOf(err))
	}
	return f, dir
}

func TestEachKeyLandsInItsField(t *testing.T) {
	for _, c := range []struct {
		line string
		want func(s *velos.Spec, dir string)
	}{
		{`namespace = "web"`, func(s *velos.Spec, _ string) { s.Namespace = "web" }},
		{`args = ["--port", 3000, true, 1.5]`, func(s *velos.Spec, _ string) { s.Args = []string{"--port", "3000", "true", "1.5"} }},
		{`args = "--a 'b c' \"d e\""`, func(s *velos.Spec, _ string) { s.Args = []string{"--a", "b c", "d e"} }},
		{`secret = ["STRIPE_ID", "dsn2"]`, func(s *velos.Spec, _ string) { s.Secret = []string{"STRIPE_ID", "dsn2"} }},
		{`secret = "STRIPE_ID"`, func(s *velos.Spec, _ string) { s.Secret = []string{"STRIPE_ID"} }},
		{`cwd = "src"`, func(s *velos.Spec, dir string) { s.Cwd = dir + "/src" }},
		{`interpreter = "python3"`, func(s *velos.Spec, dir string) {
			s.Interpreter = dir + "/bin/python3"
			s.Env["PYTHONUNBUFFERED"] = "1"
		}},
		{`interpreter = "./bin/npm"`, func(s *velos.Spec, dir string) { s.Interpreter = dir + "/bin/npm" }},
		{`interpreter_args = ["--inspect"]`, func(s *velos.Spec, _ string) { s.InterpreterArgs = []string{"--inspect"} }},
		{`node_args = "--inspect --trace-gc"`, func(s *velos.Spec, _ string) { s.InterpreterArgs = []string{"--inspect", "--trace-gc"} }},
		{`instances = 3`, func(s *velos.Spec, _ string) { s.Instances, s.Mode = 3, velos.Cluster }},
		{`instances = 0`, func(s *velos.Spec, _ string) { s.Instances = 1 }},
		{`instances = "max"`, func(s *velos.Spec, _ string) { s.Instances, s.Mode = 4, velos.Cluster }},
		{`mode = "fork"`, func(*velos.Spec, string) {}},
		{`port = 3000`, func(s *velos.Spec, _ string) {
			s.Env["PORT"], s.EnvFrom = "3000", map[string]string{"PORT": velos.FromPort}
		}},
		{`mode = "cluster"`, func(s *velos.Spec, _ string) { s.Mode = velos.Cluster }},
		{"instances = 2\nmode = \"fork\"", func(s *velos.Spec, _ string) { s.Instances = 2 }},
		{`instances = -1`, func(s *velos.Spec, _ string) { s.Instances, s.Mode = 3, velos.Cluster }},
		{`listen = ":8080"`, func(s *velos.Spec, _ string) { s.Listen = []string{"tcp://:8080"} }},
		{`listen = 8080`, func(s *velos.Spec, _ string) { s.Listen = []string{"tcp://:8080"} }},
		{`listen = ["8080", "udp://*:53", "[::1]:80", "localhost:1", "tcp://web.test:2", "unix:///run/x.sock", "unix:a.sock", "./b.sock", "~/c.sock"]`,
			func(s *velos.Spec, dir string) {
				s.Listen = []string{"tcp://:8080", "udp://:53", "tcp://[::1]:80", "tcp://127.0.0.1:1", "tcp://192.0.2.7:2",
					"unix:/run/x.sock", "unix:" + dir + "/a.sock", "unix:" + dir + "/b.sock", "unix:" + dir + "/c.sock"}
			}},
		{`pre_start = ["./bin/npm", "run", 3]`, func(s *velos.Spec, dir string) {
			s.Hooks = s.With(velos.PreStart, &velos.Hook{Command: []string{dir + "/bin/npm", "run", "3"}})
		}},
		{`post_start = "npm 'run all'"`, func(s *velos.Spec, dir string) {
			s.Hooks = s.With(velos.PostStart, &velos.Hook{Command: []string{dir + "/bin/npm", "run all"}})
		}},
		{`pre_stop = { command = "app.js --down", timeout = "5s" }`, func(s *velos.Spec, dir string) {
			s.Hooks = s.With(velos.PreStop, &velos.Hook{Command: []string{dir + "/bin/node", dir + "/app.js", "--down"}, Timeout: 5000})
		}},
		{`on_crash = { command = "echo ${HOME} $VELOS_REASON | cat", shell = true }`, func(s *velos.Spec, _ string) {
			s.Hooks = s.With(velos.OnCrash, &velos.Hook{Command: []string{"echo ${HOME} $VELOS_REASON | cat"}, Shell: true})
		}},
		{`on_giving_up = { shell = true, command = ["echo"] }`, func(s *velos.Spec, _ string) {
			s.Hooks = s.With(velos.OnGivingUp, &velos.Hook{Command: []string{"echo"}, Shell: true})
		}},
		{"listen = 80\nlisten_reuseport = true\ninstances = 2", func(s *velos.Spec, _ string) {
			s.Listen, s.ListenReuse, s.Instances = []string{"tcp://:80"}, true, 2
		}},
		{`wait_ready = true`, func(s *velos.Spec, _ string) { s.WaitReady = true }},
		{`listen_timeout = "30s"`, func(s *velos.Spec, _ string) { s.ListenTimeout = 30_000 }},
		{"ready = { http = \"/up?x\", interval = \"1s\", timeout = 500, retries = 3 }\nenv.PORT = 80", func(s *velos.Spec, _ string) {
			s.Env["PORT"] = "80"
			s.Ready = &velos.Probe{HTTP: "http://127.0.0.1:$PORT/up?x", Interval: 1000, Timeout: 500, Retries: 3}
		}},
		{`ready = { http = ":3000" }`, func(s *velos.Spec, _ string) { s.Ready = &velos.Probe{HTTP: "http://127.0.0.1:3000/"} }},
		{`ready = { http = "http://localhost?a" }`, func(s *velos.Spec, _ string) { s.Ready = &velos.Probe{HTTP: "http://localhost:80/?a"} }},
		{`ready = { http = "http://[::1]/x" }`, func(s *velos.Spec, _ string) { s.Ready = &velos.Probe{HTTP: "http://[::1]:80/x"} }},
		{`ready = { log = "listening" }`, func(s *velos.Spec, _ string) { s.Ready = &velos.Probe{Log: "listening"} }},
		{`health = { tcp = 3000, start_period = "10s" }`, func(s *velos.Spec, _ string) {
			s.Health = &velos.Probe{TCP: "127.0.0.1:3000", StartPeriod: 10_000}
		}},
		{"health = { tcp = \"$PORT\" }\nenv.PORT = 80", func(s *velos.Spec, _ string) {
			s.Env["PORT"], s.Health = "80", &velos.Probe{TCP: "127.0.0.1:$PORT"}
		}},
		{`health = { exec = "sh -c 'test -e \"$HOME/$1\" -a $$i'" }`, func(s *velos.Spec, dir string) {
			s.Health = &velos.Probe{Exec: []string{dir + "/bin/sh", "-c", `test -e "$HOME/$1" -a $$i`}}
		}},
		{`health = { exec = ["./exec.sh", "${LC_ALL}", "$VELOS_INSTANCE"] }`, func(s *velos.Spec, dir string) {
			s.Health = &velos.Probe{Exec: []string{dir + "/exec.sh", "${LC_ALL}", "$VELOS_INSTANCE"}}
		}},
		{`watchdog = "5s"`, func(s *velos.Spec, _ string) { s.Watchdog = 5000 }},
		{`shutdown_with_message = true`, func(s *velos.Spec, _ string) { s.ShutdownWithMessage = true }},
		{"shutdown_message = \"shutdown\"\nshutdown_with_message = true", func(s *velos.Spec, _ string) {
			s.ShutdownWithMessage, s.ShutdownMessage = true, `"shutdown"`
		}},
		{"shutdown_message = '{\"type\":1}'\nshutdown_with_message = true", func(s *velos.Spec, _ string) {
			s.ShutdownWithMessage, s.ShutdownMessage = true, `{"type":1}`
		}},
		{`depends_on = "db"`, func(s *velos.Spec, _ string) {
			s.DependsOn = []velos.Dependency{{Name: "db", Condition: velos.OnReady}}
		}},
		{`depends_on = ["db", { name = "job", condition = "exited_ok" }]`, func(s *velos.Spec, _ string) {
			s.DependsOn = []velos.Dependency{{Name: "db", Condition: velos.OnReady}, {Name: "job", Condition: velos.OnExitedOK}}
		}},
		{`watch = false`, func(*velos.Spec, string) {}},
		{`watch = true`, func(s *velos.Spec, _ string) { s.Watch = true }},
		{`watch = ["src", "/etc/hosts"]`, func(s *velos.Spec, dir string) {
			s.Watch, s.WatchPaths = true, []string{dir + "/src", "/etc/hosts"}
		}},
		{"watch = true\nwatch_paths = \"src\"\nwatch_ignore = [\"tmp/\", \"!keep.log\"]\nwatch_delay = \"300ms\"", func(s *velos.Spec, dir string) {
			s.Watch, s.WatchPaths, s.WatchIgnore, s.WatchDelay = true, []string{dir + "/src"}, []string{"tmp/", "!keep.log"}, 300
		}},
		{`max_memory = "1.5G"`, func(s *velos.Spec, _ string) { s.MaxMemory = 3 << 29 }},
		{`max_memory_restart = "150M"`, func(s *velos.Spec, _ string) { s.MaxMemory = 150 << 20 }},
		{`cron_restart = "TZ=UTC 0 3 * * MON-FRI"`, func(s *velos.Spec, _ string) { s.CronRestart = "TZ=UTC 0 3 * * MON-FRI" }},
		{`schedule = "@every 5m"`, func(s *velos.Spec, _ string) { s.Schedule, s.Autorestart = "@every 5m", velos.Never }},
		{"schedule = \"@daily\"\noverlap = \"queue\"\nautorestart = false", func(s *velos.Spec, _ string) {
			s.Schedule, s.Overlap, s.Autorestart = "@daily", velos.Queue, velos.Never
		}},
		{`wait_ready = false`, func(*velos.Spec, string) {}},
		{"env = { PORT = 3_000, F = 1.5, T = true, S = \"x\" }\nincrement_var = \"PORT\"", func(s *velos.Spec, _ string) {
			s.Env["PORT"], s.Env["F"], s.Env["T"], s.Env["S"] = "3000", "1.5", "true", "x"
			s.IncrementVar = "PORT"
		}},
		{`env.A = "b"`, func(s *velos.Spec, _ string) { s.Env["A"] = "b" }},
		{`env_file = ".env"`, func(s *velos.Spec, dir string) {
			s.EnvFiles = []string{dir + "/.env"}
			s.FileEnv = map[string]string{"FROM_FILE": "1", "PATH_X": "y", "BOTH": "file", "LANG": "de"}
			delete(s.Env, "LANG")
		}},
		{"env_file = [\".env\", \"b.env\"]\nenv.LANG = \"fr\"", func(s *velos.Spec, dir string) {
			s.EnvFiles = []string{dir + "/.env", dir + "/b.env"}
			s.FileEnv = map[string]string{"FROM_FILE": "1", "PATH_X": "y", "BOTH": "second", "LANG": "de"}
			s.Env["LANG"] = "fr"
		}},
		{`env_file = [".env", "?none.env", { path = "b.env" }, { path = "no.env", optional = true }]`, func(s *velos.Spec, dir string) {
			s.EnvFiles = []string{dir + "/.env", "?" + dir + "/none.env", dir + "/b.env", "?" + dir + "/no.env"}
			s.FileEnv = map[string]string{"FROM_FILE": "1", "PATH_X": "y", "BOTH": "second", "LANG": "de"}
			delete(s.Env, "LANG")
		}},
		{"env_profiles = { live = { A = 1 } }\nenv_live = { B = 1 }\nenv.live.C = 1", func(*velos.Spec, string) {}},
		{`umask = "027"`, func(s *velos.Spec, _ string) { s.Umask = "027" }},
		{`umask = 0o27`, func(s *velos.Spec, _ string) { s.Umask = "27" }},
		{`nice = 5`, func(s *velos.Spec, _ string) { s.Nice = 5 }},
		{`limits = { nofile = 4_096, as = "2G", core = "0:unlimited" }`, func(s *velos.Spec, _ string) {
			s.Limits = map[string]string{"nofile": "4096", "as": "2147483648", "core": "0:unlimited"}
		}},
		{`limits = { "memory.max" = "512M", cpu.max = "150%", pids.max = 64 }`, func(s *velos.Spec, _ string) {
			s.Limits = map[string]string{"memory.max": "536870912", "cpu.max": "150%", "pids.max": "64"}
		}},
		{`autostart = false`, func(s *velos.Spec, _ string) { s.Autostart = false }},
		{`autorestart = false`, func(s *velos.Spec, _ string) { s.Autorestart = velos.Never }},
		{`autorestart = true`, func(s *velos.Spec, _ string) { s.Autorestart = velos.Always }},
		{`autorestart = "on-failure"`, func(s *velos.Spec, _ string) { s.Autorestart = velos.OnFailure }},
		{`stop_exit_codes = [0, 3]`, func(s *velos.Spec, _ string) { s.StopExitCodes = []int64{0, 3} }},
		{`stop_exit_codes = 7`, func(s *velos.Spec, _ string) { s.StopExitCodes = []int64{7} }},
		{`max_restarts = 3`, func(s *velos.Spec, _ string) { s.MaxRestarts = 3 }},
		{`max_restarts = -1`, func(s *velos.Spec, _ string) { s.MaxRestarts = -1 }},
		{`min_uptime = "1m30s"`, func(s *velos.Spec, _ string) { s.MinUptime = 90_000 }},
		{`min_uptime = 0`, func(s *velos.Spec, _ string) { s.MinUptime = 0 }},
		{`restart_delay = 250`, func(s *velos.Spec, _ string) { s.RestartDelay = 250 }},
		{`exp_backoff_restart_delay = "100ms"`, func(s *velos.Spec, _ string) { s.ExpBackoffRestartDelay = 100 }},
		{`kill_timeout = "2s"`, func(s *velos.Spec, _ string) { s.KillTimeout = 2000 }},
		{`stop_signal = "int"`, func(s *velos.Spec, _ string) { s.StopSignal = "SIGINT" }},
		{`stop_signal = 3`, func(s *velos.Spec, _ string) { s.StopSignal = "SIGQUIT" }},
		{`log_file = "all.log"`, func(s *velos.Spec, dir string) { s.LogFile = dir + "/all.log" }},
		{`out_file = "/var/log/o.log"`, func(s *velos.Spec, _ string) { s.OutFile = "/var/log/o.log" }},
		{`error_file = "~/e.log"`, func(s *velos.Spec, dir string) { s.ErrFile = dir + "/e.log" }},
		{`log_date_format = "%H:%M"`, func(s *velos.Spec, _ string) { s.LogDateFormat = "%H:%M" }},
		{`merge_logs = true`, func(s *velos.Spec, _ string) { s.MergeLogs = true }},
		{`log_raw = true`, func(s *velos.Spec, _ string) { s.LogRaw = true }},
		{`max_log_size = "1.5M"`, func(s *velos.Spec, _ string) { s.MaxLogSize = 3 << 19 }},
		{`max_log_size = 4096`, func(s *velos.Spec, _ string) { s.MaxLogSize = 4096 }},
		{`max_log_files = 2`, func(s *velos.Spec, _ string) { s.MaxLogFiles = 2 }},
		{`rules = [{ pattern = "quota", level = "warning", priority = 10 }, { match = "^[a-c]", level = "err" }]`, func(s *velos.Spec, _ string) {
			s.Rules = []velos.LevelRule{{Pattern: "quota", Level: "warn", Priority: 10, Literal: "quota"}, {Pattern: "^[a-c]", Level: "error", Priority: 100,
				Program: []int64{1, 4, 0, 0, 0, 0, 4, 2, 4, 0, 5, 3, 0, 2, 'a', 'c', 1, 0, 0, 0}}}
		}},
		{`multiline = '^\d{4}-'`, func(s *velos.Spec, _ string) { s.Multiline = `^\d{4}-` }},
		{`similarity_threshold = 0.9`, func(s *velos.Spec, _ string) { s.SimilarityThreshold = .9 }},
		{`dedupe_window = "5m"`, func(s *velos.Spec, _ string) { s.DedupeWindow = 300_000 }},
		{`sigma_threshold = 2`, func(s *velos.Spec, _ string) { s.SigmaThreshold = 2 }},
		{`max_log_total = "1G"`, func(s *velos.Spec, _ string) { s.MaxLogTotal = 1 << 30 }},
	} {
		for _, header := range []string{"[apps.api]\nscript = \"app.js\"\n" + c.line, "[defaults]\n" + c.line + "\n[apps.api]\nscript = \"app.js\"\n"} {
			f, dir := load(t, header)
			want := velos.NewSpec()
			want.Name, want.Script, want.Cwd, want.Interpreter = "api", dir+"/app.js", dir, dir+"/bin/node"
			want.Env = map[string]string{"PATH": dir + "/bin", "HOME": dir, "LC_ALL": "C", "LANG": "en"}
			want.Source = dir + "/velos.toml"
			c.want(&want, dir)
			want.EnvFrom = f.Specs[0].EnvFrom // has a test of its own
			if d := cmp.Diff(want, f.Specs[0]); d != "" {
				t.Errorf("%s\n%s", header, d)
			}
		}
	}
}

func TestEveryKeyIsTestedAndNone(t *testing.T) {
	source, err := os.ReadFile("config_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for k := range keys() {
		if !strings.Contains(string(source), k+" = ") && k != "shell" && k != "user" && k != "group" { // these have tests of their own
			t.Errorf("no case for %s", k)
		}
		if _, both := elsewhere[k]; both {
			t.Errorf("%s is a key, and explained as none", k)
		}
	}
	for word, ours := range foreign {
		if other := elsewhere[ours]; keys()[ours] == nil && other == "" {
			t.Errorf("%s is explained as %s, which is no key", word, ours)
		}
		if keys()[word] != nil {
			t.Errorf("%s is a key and a foreign word", word)
		}
	}
}

func TestAppsKeepTheOrderOfTheFile(t *testing.T) {
	f, dir := load(t, `
[apps.zeta]
script = "app.js"
[apps.alpha]
script = "npm run dev"
args = ["--x"]
[apps."a.b"]
script = "src/server.mjs"
[apps.dash]
script = "echo $HOME | cat"
shell = true
args = ["it's"]
[apps.sub]
script = "app.js"
cwd = "worker"
[defaults]
kill_timeout = "1s"
env = { A = "1", B = "1" }
[apps.zeta.env]
B = "2"
`[1:])
	var names []string
	for _, s := range f.Specs {
		names = append(names, s.Name)
		if s.KillTimeout != 1000 || s.Env["A"] != "1" {
			t.Errorf("%s: the defaults are missing", s.Name)
		}
	}
	if d := cmp.Diff([]string{"zeta", "alpha", "a.b", "dash", "sub"}, names); d != "" {
		t.Error(d)
	}
	if got := f.Specs[0].Env["B"]; got != "2" {
		t.Errorf("zeta has B=%s; want its own value", got)
	}
	alpha := f.Specs[1]
	if alpha.Script != dir+"/bin/npm" || alpha.Command != "npm run dev" || alpha.Cwd != dir || alpha.Interpreter != "" {
		t.Errorf("alpha: %+v", alpha)
	}
	if d := cmp.Diff([]string{"run", "dev", "--x"}, alpha.Args); d != "" {
		t.Error(d)
	}
	if got := f.Specs[2].Cwd; got != dir+"/src" {
		t.Errorf("cwd of a script is %s; want the script's directory", got)
	}
	if s := f.Specs[3]; s.Script != "/bin/sh" || !s.Shell || s.Command != `echo $HOME | cat 'it'\''s'` || len(s.Args) != 0 {
		t.Errorf("dash: %+v", s)
	}
	if got := f.Specs[4].Script; got != dir+"/worker/app.js" {
		t.Errorf("script is %s; want the one in its working directory", got)
	}
}

func TestAppsMayBeAList(t *testing.T) {
	f, _ := load(t, "[[apps]]\nname = \"b\"\nscript = \"app.js\"\n[apps.env]\nX = \"1\"\n[[apps]]\nscript = \"run.sh\"\nname = \"a\"\n")
	if len(f.Specs) != 2 || f.Specs[0].Name != "b" || f.Specs[1].Name != "a" || f.Specs[0].Env["X"] != "1" || f.Specs[1].Env["X"] != "" {
		t.Errorf("%+v", f.Specs)
	}
	f, _ = load(t, `apps = [{ name = "b", script = "app.js" }, { name = "a", script = "run.sh" }]`)
	if len(f.Specs) != 2 || f.Specs[1].Name != "a" {
		t.Errorf("%+v", f.Specs)
	}
}

func TestAByteOrderMarkIsNoContent(t *testing.T) {
	f, _ := load(t, "\xef\xbb\xbf[apps.api]\r\nscript = \"app.js\"\r\n")
	if len(f.Specs) != 1 {
		t.Errorf("%+v", f.Specs)
	}
}

func TestOneWrongAppLeavesNone(t *testing.T) {
	dir, env := project(t)
	write(t, filepath.Join(dir, "velos.toml"), "[apps.a]\nscript = \"app.js\"\n[apps.b]\nscript = \"gone.js\"\n", 0o644)
	f, err := Load("velos.toml", env)
	if f != nil || err == nil || !strings.HasPrefix(err.Error(), "velos.toml:4:1: apps.b.script: no such file: gone.js") {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestTheNearestPlaceOfAnErrorInDefaultsIsDefaults(t *testing.T) {
	dir, env := project(t)
	write(t, filepath.Join(dir, "velos.toml"), "[apps.a]\nscript = \"app.js\"\n[defaults]\nmax_restarts = -7\n", 0o644)
	_, err := Load("velos.toml", env)
	if err == nil || !strings.HasPrefix(err.Error(), "velos.toml:4:1: defaults.max_restarts: must be 0 or more") {
		t.Error(err)
	}
}

func TestAMissingFileIsAClearError(t *testing.T) {
	_, env := project(t)
	for path, want := range map[string]string{
		"none.toml": "read none.toml: no such file", "src": "read src: is a directory",
	} {
		_, err := Load(path, env)
		if err == nil || err.Error() != want || velos.HintOf(err) == "" {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, c := range badConfigs {
		f.Add([]byte(c))
	}
	f.Add([]byte("[[apps]]\nname='a'\nscript='x'\nenv={A=1}\n[defaults]\nargs=[1,[2]]\n"))
	env := Environ{Dir: "/nonexistent", CPUs: 2, Vars: map[string]string{}, Lookup: func(string) (string, error) { return "", errors.New("no network here") }}
	f.Fuzz(func(t *testing.T, data []byte) {
		// FIFOs and devices are not for a fuzzer to find.
		file, err := parse(data, "velos.toml", "/nonexistent/velos.toml", env, nil, nil)
		if err != nil {
			if file != nil {
				t.Fatal("specs came with an error")
			}
			if c := velos.CodeOf(err); c != velos.Invalid && c != velos.NotYet && c != velos.Denied && c != velos.Unsupported {
				t.Fatalf("code %s: %v", c, err)
			}
			if !strings.HasPrefix(err.Error(), "velos.toml") {
				t.Fatalf("no place: %v", err)
			}
			return
		}
		for _, s := range file.Specs {
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOnlyTheAppsAskedForAreResolved(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "velos.toml"), "[apps.a]\nscript = \"/bin/sleep\"\n[apps.b]\nscript = \"./none.rb\"\n", 0o600)
	env := Environ{Dir: dir, CPUs: 2, Vars: map[string]string{"PATH": ""}}
	if _, err := Load(filepath.Join(dir, "velos.toml"), env); err == nil {
		t.Error("the missing script of b went unnoticed")
	}
	file, err := Load(filepath.Join(dir, "velos.toml"), env, "a")
	if err != nil || len(file.Specs) != 1 || len(file.Names) != 2 {
		t.Errorf("got %+v, %v; want a resolved, and both names", file, err)
	}
}
