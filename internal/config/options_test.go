package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
)

func TestWordsBecomePrograms(t *testing.T) {
	dir, env := project(t)
	bin := filepath.Join(dir, "bin")
	for _, c := range []struct {
		word, name, script, interpreter, command, args string
	}{
		{"app.js", "app", dir + "/app.js", bin + "/node", "", ""},
		{"./app.js", "app", dir + "/app.js", bin + "/node", "", ""},
		{dir + "/app.js", "app", dir + "/app.js", bin + "/node", "", ""},
		{"~/app.js", "app", dir + "/app.js", bin + "/node", "", ""},
		{"src/server.mjs", "server", dir + "/src/server.mjs", bin + "/node", "", ""},
		{"api.py", "api", dir + "/api.py", bin + "/python3", "", ""},
		{"app.ts", "app", dir + "/app.ts", bin + "/tsx", "", ""},
		{"tool.jar", "tool", dir + "/tool.jar", bin + "/java", "", "-jar |"},
		{"run.sh", "run", dir + "/run.sh", bin + "/sh", "", ""},
		{"exec.sh", "exec", dir + "/exec.sh", "", "", ""},
		{"crlf.sh", "crlf", dir + "/crlf.sh", "/bin/sh", "", ""},
		{"tool", "tool", dir + "/tool", "", "", ""},
		{"envbang", "envbang", dir + "/envbang", bin + "/python3", "", "-u |"},
		{"binary", "binary", dir + "/binary", "", "", ""},
		{"with blank.js", "with-blank", dir + "/with blank.js", bin + "/node", "", ""},
		{"17.js", "app-17", dir + "/17.js", bin + "/node", "", ""},
		{"npm", "npm", bin + "/npm", "", "", ""},
		{"node", "node", bin + "/node", "", "", ""},
		{"npm run dev", "npm-run-dev", bin + "/npm", "", "npm run dev", "| run dev"},
		{"npm run 'a b'", "npm-run-a-b", bin + "/npm", "", "npm run 'a b'", "| run a b"},
		{"./app.js --port 3", "app.js-port-3", dir + "/app.js", bin + "/node", "./app.js --port 3", "| --port 3"},
		{"python3 -m http.server", "python3-m-http.server", bin + "/python3", "", "python3 -m http.server", "| -m http.server"},
	} {
		specs, err := FromArgs([]string{c.word}, Options{}, env)
		if err != nil {
			t.Errorf("%s: %v", c.word, err)
			continue
		}
		s := specs[0]
		args := strings.TrimSpace(strings.Join(s.InterpreterArgs, " ") + " | " + strings.Join(s.Args, " "))
		got := []string{s.Name, s.Script, s.Interpreter, s.Command, args}
		want := []string{c.name, c.script, c.interpreter, c.command, c.args}
		if want[4] == "" {
			want[4] = "|"
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", c.word, d)
		}
		if s.Cwd != dir {
			t.Errorf("%s: cwd %s; want the caller's", c.word, s.Cwd)
		}
		python := strings.Contains(s.Interpreter+s.Script, "/python3") || c.word == "tool"
		if (s.Env["PYTHONUNBUFFERED"] == "1") != python {
			t.Errorf("%s: PYTHONUNBUFFERED=%q", c.word, s.Env["PYTHONUNBUFFERED"])
		}
	}
}

func TestFlagsLandInTheirFields(t *testing.T) {
	dir, env := project(t)
	yes, no := true, false
	o := Options{
		Name: "api", Namespace: "web", Cwd: "src", Interpreter: "python3", InterpreterArgs: []string{"-X dev", "-O"},
		Instances: "3", Args: []string{"--port", "3000"}, Env: []string{"A=b=c", "BOTH=flag", "PORT=1"}, EnvFiles: []string{".env"},
		Autostart: &no, Autorestart: "on-failure", StopExitCodes: []string{"0,3", "7"}, MaxRestarts: "-1", MinUptime: "2s",
		RestartDelay: "100", ExpBackoff: "1s", KillTimeout: "1m", StopSignal: "2", LogFile: "a.log", OutFile: "o.log", ErrFile: "e.log",
		Time: true, MergeLogs: &yes, LogRaw: &yes, MaxLogSize: "1M", MaxLogFiles: "3", MaxLogTotal: "0", IncrementVar: "PORT",
	}
	specs, err := FromArgs([]string{"app.js"}, o, env)
	if err != nil {
		t.Fatal(err)
	}
	want := velos.NewSpec()
	want.Name, want.Namespace, want.Script, want.Cwd = "api", "web", dir+"/app.js", dir+"/src"
	want.Interpreter, want.InterpreterArgs = dir+"/bin/python3", []string{"-X", "dev", "-O"}
	want.Instances, want.Args = 3, []string{"--port", "3000"}
	want.Env = map[string]string{"PATH": dir + "/bin", "HOME": dir, "LC_ALL": "C", "SECRET_OF_SHELL": "x", "A": "b=c", "BOTH": "flag", "PORT": "1", "PYTHONUNBUFFERED": "1"}
	want.EnvFrom = map[string]string{"A": "flag", "BOTH": "flag", "PORT": "flag", "PYTHONUNBUFFERED": "velos"}
	want.EnvFiles, want.FileEnv = []string{dir + "/.env"}, map[string]string{"FROM_FILE": "1", "PATH_X": "y", "BOTH": "file", "LANG": "de"}
	want.Autostart, want.Autorestart, want.StopExitCodes = false, velos.OnFailure, []int64{0, 3, 7}
	want.MaxRestarts, want.MinUptime, want.RestartDelay, want.ExpBackoffRestartDelay, want.KillTimeout = -1, 2000, 100, 1000, 60_000
	want.StopSignal, want.LogFile, want.OutFile, want.ErrFile = "SIGINT", dir+"/a.log", dir+"/o.log", dir+"/e.log"
	want.LogDateFormat, want.MergeLogs, want.LogRaw = DefaultTime, true, true
	want.MaxLogSize, want.MaxLogFiles, want.MaxLogTotal, want.IncrementVar = 1<<20, 3, 0, "PORT"
	if d := cmp.Diff(want, specs[0]); d != "" {
		t.Error(d)
	}
}

func TestFlagsOfTriggersLandInTheirFields(t *testing.T) {
	dir, env := project(t)
	o := Options{MaxMemory: "150M", Watch: []string{"src", "../x"}, IgnoreWatch: []string{"tmp"}, WatchDelay: "2s", Cron: "@daily"}
	specs, err := FromArgs([]string{"app.js"}, o, env)
	if err != nil {
		t.Fatal(err)
	}
	s := specs[0]
	if s.MaxMemory != 150<<20 || !s.Watch || strings.Join(s.WatchPaths, " ") != dir+"/src "+filepath.Dir(dir)+"/x" || s.WatchIgnore[0] != "tmp" || s.WatchDelay != 2000 || s.CronRestart != "@daily" {
		t.Errorf("%+v", s)
	}
	specs, err = FromArgs([]string{"app.js"}, Options{Watch: []string{""}}, env)
	if err != nil || !specs[0].Watch || specs[0].WatchPaths != nil {
		t.Errorf("%+v, %v", specs, err)
	}
	specs, err = FromArgs([]string{"app.js"}, Options{Schedule: "@daily", Overlap: "kill"}, env)
	if err != nil || specs[0].Schedule != "@daily" || specs[0].Overlap != velos.Kill || specs[0].Autorestart != velos.Never {
		t.Errorf("%+v, %v", specs, err)
	}
}

func TestInstancesMayBeAsManyAsCores(t *testing.T) {
	_, env := project(t)
	for text, want := range map[string]int{"": 1, "1": 1, "7": 7, "max": 4, "0": 4, "-1": 3} {
		specs, err := FromArgs([]string{"app.js"}, Options{Instances: text}, env)
		if err != nil || specs[0].Instances != want {
			t.Errorf("-i %s: %v, %v; want %d", text, specs, err, want)
		}
	}
}

func TestAShellTakesTheWholeLine(t *testing.T) {
	dir, env := project(t)
	specs, err := FromArgs([]string{"echo $HOME && npm run dev"}, Options{Shell: true, Args: []string{"a b"}}, env)
	if err != nil {
		t.Fatal(err)
	}
	s := specs[0]
	if !s.Shell || s.Script != "/bin/sh" || s.Command != "echo $HOME && npm run dev 'a b'" || len(s.Args) != 0 || s.Cwd != dir {
		t.Errorf("%+v", s)
	}
	if s.Name != "echo-HOME-npm-run-dev-a-b" {
		t.Errorf("name %s", s.Name)
	}
}

func TestSeveralScriptsBecomeSeveralApps(t *testing.T) {
	_, env := project(t)
	specs, err := FromArgs([]string{"app.js", "api.py", "npm start"}, Options{Args: []string{"-x"}}, env)
	if err != nil {
		t.Fatal(err)
	}
	if len(specs) != 3 || !slices.Equal(specs[2].Args, []string{"start", "-x"}) || !slices.Equal(specs[0].Args, []string{"-x"}) {
		t.Errorf("%+v", specs)
	}
}

func TestTheFirstMatchIsTheCallersDirectory(t *testing.T) {
	dir, env := project(t)
	specs, err := FromArgs([]string{"app.js"}, Options{Cwd: "worker"}, env)
	if err != nil || specs[0].Script != dir+"/app.js" || specs[0].Cwd != dir+"/worker" {
		t.Errorf("%+v, %v", specs, err)
	}
	specs, err = FromArgs([]string{"server.mjs"}, Options{Cwd: "src"}, env)
	if err != nil || specs[0].Script != dir+"/src/server.mjs" {
		t.Errorf("%+v, %v; want the script found in its working directory", specs, err)
	}
}

func TestTypeScriptRunsOnANodeThatKnowsIt(t *testing.T) {
	dir, env := project(t)
	if err := os.Remove(filepath.Join(dir, "bin", "tsx")); err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(dir, "bin", "node")
	for version, good := range map[string]bool{"v22.18.0": true, "v24.1.0": true, "v23.6.1": true, "v23.5.0": false, "v20.19.0": false, "junk": false} {
		write(t, node, "#!/bin/sh\necho "+version+"\n", 0o755)
		specs, err := FromArgs([]string{"app.ts"}, Options{}, env)
		if good && (err != nil || specs[0].Interpreter != node) {
			t.Errorf("%s: %v", version, err)
		}
		if !good && err == nil {
			t.Errorf("%s: no error", version)
		}
	}
}

func TestAnInterpreterMayBeRefused(t *testing.T) {
	dir, env := project(t)
	specs, err := FromArgs([]string{"exec.sh"}, Options{Interpreter: "none"}, env)
	if err != nil || specs[0].Interpreter != "" || specs[0].Script != dir+"/exec.sh" {
		t.Errorf("%+v, %v", specs, err)
	}
}

func TestBadCommandLinesAreRefused(t *testing.T) {
	dir, env := project(t)
	write(t, filepath.Join(dir, "a", "index.js"), "", 0o644)
	write(t, filepath.Join(dir, "b", "index.js"), "", 0o644)
	var b strings.Builder
	for _, c := range []struct {
		words []string
		o     Options
	}{
		{nil, Options{}},
		{[]string{""}, Options{}},
		{[]string{"./aap.js"}, Options{}},
		{[]string{"nowhere/app.js"}, Options{}},
		{[]string{"nosuchprogram"}, Options{}},
		{[]string{"./aap.js --port 3"}, Options{}},
		{[]string{"src"}, Options{}},
		{[]string{"src/"}, Options{}},
		{[]string{"/dev/null"}, Options{}},
		{[]string{"notes.txt"}, Options{}},
		{[]string{"app.rb"}, Options{}},
		{[]string{"lost"}, Options{}},
		{[]string{"win.exe"}, Options{}},
		{[]string{"package.json"}, Options{}},
		{[]string{"ecosystem.config.js"}, Options{}},
		{[]string{"Procfile"}, Options{}},
		{[]string{"pm2.yaml"}, Options{}},
		{[]string{"npm run dev | cat"}, Options{}},
		{[]string{"A=1 npm run"}, Options{}},
		{[]string{`npm "run`}, Options{}},
		{[]string{"a/index.js", "b/index.js"}, Options{}},
		{[]string{"a/index.js", "b/index.js"}, Options{Name: "x"}},
		{[]string{"app.js"}, Options{Name: "../x"}},
		{[]string{"app.js"}, Options{Name: "17"}},
		{[]string{"app.js"}, Options{Namespace: "a/b"}},
		{[]string{"app.js"}, Options{Instances: "-2"}},
		{[]string{"app.js"}, Options{Instances: "two"}},
		{[]string{"app.js"}, Options{Instances: "20000"}},
		{[]string{"app.js"}, Options{Cwd: "nowhere"}},
		{[]string{"app.js"}, Options{Interpreter: "noode"}},
		{[]string{"app.js"}, Options{Interpreter: "node --inspect"}},
		{[]string{"app.js"}, Options{Env: []string{"PORT"}}},
		{[]string{"app.js"}, Options{EnvFiles: []string{"none.env"}}},
		{[]string{"app.js"}, Options{StopSignal: "SIGTRM"}},
		{[]string{"app.js"}, Options{KillTimeout: "soon"}},
		{[]string{"app.js"}, Options{MaxRestarts: "many"}},
		{[]string{"app.js"}, Options{MaxLogSize: "-5M"}},
		{[]string{"app.js"}, Options{StopExitCodes: []string{"0,x"}}},
		{[]string{"app.js"}, Options{StopExitCodes: []string{"300"}}},
		{[]string{"app.js"}, Options{Autorestart: "sometimes"}},
		{[]string{"app.js"}, Options{Autorestart: "always", NoAutorestart: true}},
		{[]string{"app.js"}, Options{IncrementVar: "PORT"}},
		{[]string{"app.js"}, Options{Shell: true, Interpreter: "node"}},
		{[]string{"app.js"}, Options{Watch: []string{"src"}, WatchDelay: "soon"}},
		{[]string{"app.js"}, Options{Mode: "spoon"}},
		{[]string{"app.js"}, Options{Instances: "-3"}},
		{[]string{"app.js"}, Options{Listen: []string{"80", "http://x"}}},
		{[]string{"app.js"}, Options{ListenTimeout: "soon"}},
		{[]string{"app.js"}, Options{MaxMemory: "100X"}},
		{[]string{"app.js"}, Options{Cron: "0 25 * * *", Flags: map[string]string{"cron_restart": "cron"}}},
		{[]string{"app.js"}, Options{Schedule: "@daily", Autorestart: "always"}},
		{[]string{"app.js"}, Options{Overlap: "queue"}},
		{[]string{"app.js"}, Options{Args: []string{"a\x00"}}},
	} {
		specs, err := FromArgs(c.words, c.o, env)
		if err == nil || specs != nil {
			t.Errorf("%q %+v: %v; want an error and no specs", c.words, c.o, specs)
			continue
		}
		if velos.HintOf(err) == "" {
			t.Errorf("%v: no hint", err)
		}
		b.WriteString(velos.CodeOf(err).String() + ": " + err.Error() + "\n    hint: " + velos.HintOf(err) + "\n")
	}
	golden(t, "testdata/args.golden", strings.ReplaceAll(b.String(), dir, "/project"))
}

func TestAFileThatMayNotBeReadSaysSo(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir, env := project(t)
	write(t, filepath.Join(dir, "secret.js"), "", 0o000)
	_, err := FromArgs([]string{"secret.js"}, Options{}, env)
	if velos.CodeOf(err) != velos.Denied {
		t.Errorf("%v; want denied", err)
	}
}

func TestSplitReadsWordsAsAShellDoes(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", nil}, {"  a  b\tc\n", []string{"a", "b", "c"}}, {`a\ b`, []string{"a b"}}, {`'a $b' "c d"`, []string{"a $b", "c d"}},
		{`"a\"b\\c\d"`, []string{`a"b\c\d`}}, {`a''b`, []string{"ab"}}, {`''`, []string{""}}, {`a"b c"d`, []string{"ab cd"}},
		{`\$x`, []string{"$x"}}, {`a#b`, []string{"a#b"}}, {`*.js`, []string{"*.js"}},
	} {
		got, err := Split(c.line)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.line, got, err, c.want)
		}
	}
	for _, line := range []string{"a && b", "a|b", "a;b", "a > b", "$x", "`x`", `"$x"`, "'a", `"a`, `a\`, "(a)", "# a", "a &"} {
		if got, err := Split(line); err == nil {
			t.Errorf("%s: %q; want an error", line, got)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"a 'b c' \"d\\\"\" e\\ f", "$", "a && b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := Split(s)
		if err != nil {
			return
		}
		again, err := Split(join(words))
		if err != nil || !slices.Equal(words, again) {
			t.Fatalf("%q became %q, then %q (%v)", s, words, again, err)
		}
	})
}

func TestDurationsAndSizes(t *testing.T) {
	for s, want := range map[string]velos.Millis{
		"5s": 5000, "1m30s": 90_000, "250ms": 250, "3000": 3000, "0": 0, "1.5h": 5_400_000, "2d": 172_800_000, "1d12h": 129_600_000, " 5 s ": 5000,
	} {
		if got, err := Duration(s); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "s", "-1", "-5s", "5 parsecs", "1e99d", "NaNd", "99999999999999999999"} {
		if got, err := Duration(s); err == nil {
			t.Errorf("%s: %d; want an error", s, got)
		}
	}
	for s, want := range map[string]int64{
		"1024": 1024, "512k": 512 << 10, "150M": 150 << 20, "1.5G": 3 << 29, "10MB": 10 << 20, "10MiB": 10 << 20, "1T": 1 << 40, "0": 0, "5b": 5,
	} {
		if got, err := Size(s); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "M", "-5M", "ten", "inf", "NaN", "0x10", "1e30", "1_0", "99999999T"} {
		if got, err := Size(s); err == nil {
			t.Errorf("%s: %d; want an error", s, got)
		}
	}
}

func TestNamesAreMadeValid(t *testing.T) {
	for s, want := range map[string]string{
		"app": "app", "17": "app-17", "all": "app-all", "CON": "app-CON", "": "app", "--": "app", "a  b": "a-b", "..x..y..": "x.y",
		"é": "app", strings.Repeat("a", 99): strings.Repeat("a", 32), ".hidden": "hidden", "_x": "x",
	} {
		got := cleanName(s, 32)
		if got != want {
			t.Errorf("%q: %s; want %s", s, got, want)
		}
		if err := velos.ValidName(got); err != nil {
			t.Error(err)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("npm run dev", 32)
	f.Fuzz(func(t *testing.T, s string, most int) {
		if most < 8 || most > 64 {
			return
		}
		if err := velos.ValidName(cleanName(s, most)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAFirstLineIntoAVirtualEnvironmentWinsOverTheExtension(t *testing.T) {
	dir, env := project(t)
	write(t, filepath.Join(dir, "venv/pyvenv.cfg"), "", 0o644)
	write(t, filepath.Join(dir, "venv/bin/python"), "#!/bin/sh\n", 0o755)
	write(t, filepath.Join(dir, "other/bin/python"), "#!/bin/sh\n", 0o755)
	for _, c := range []struct {
		name, bang string
		mode       os.FileMode
		want       string
	}{
		{"a.py", dir + "/venv/bin/python -u", 0o644, dir + "/venv/bin/python -u"},
		{"b.py", dir + "/venv/bin/python", 0o755, ""}, // the system does what it says
		{"c.py", dir + "/other/bin/python", 0o755, dir + "/bin/python3"},
		{"d.py", dir + "/gone/bin/python", 0o755, dir + "/bin/python3"},
	} {
		write(t, filepath.Join(dir, c.name), "#!"+c.bang+"\n", c.mode)
		specs, err := FromArgs([]string{c.name}, Options{}, env)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(specs[0].Interpreter + " " + strings.Join(specs[0].InterpreterArgs, " ")); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
