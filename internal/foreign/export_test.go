package foreign

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// fleet is apps with everything that an export has to say something about.
func fleet() []velos.Spec {
	api := velos.NewSpec()
	api.Name, api.Script, api.Cwd, api.Interpreter = "api", "/srv/api/app.js", "/srv/api", "/usr/bin/node"
	api.InterpreterArgs, api.Args = []string{"--enable-source-maps"}, []string{"--title", `a "b" $HOME 100%`, ""}
	api.Env = map[string]string{"PATH": "/usr/bin:/bin", "HOME": "/root", "PORT": "3000", "MOTTO": "it's $5 and 10% ${X} $(Y)\nmore", "DB_PASSWORD": "hunter2", "API_TOKEN": "t0ken"}
	api.EnvFiles, api.Source = []string{"/srv/api/.env"}, "/srv/api/velos.toml"
	api.WaitReady, api.ListenTimeout, api.Watchdog = true, 15_000, 30_000
	api.Health = &velos.Probe{HTTP: "http://127.0.0.1:$PORT/health", Interval: 10_000, Timeout: 2500, Retries: 3, StartPeriod: 60_000}
	api.StopSignal, api.KillTimeout, api.StopExitCodes, api.MaxMemory = "SIGINT", 1600, []int64{0, 3}, 256<<20
	api.DependsOn = []velos.Dependency{{Name: "db", Condition: velos.OnHealthy}, {Name: "migrate", Condition: velos.OnExitedOK}, {Name: "elsewhere", Condition: velos.OnStarted}}
	api.OutFile, api.ErrFile = "/var/log/api.log", "/var/log/api.err"

	db := velos.NewSpec()
	db.Name, db.Script, db.Cwd, db.Source = "db", "/bin/sleep", "/", "/x.toml"
	db.Args, db.Listen = []string{"1000"}, []string{"tcp://127.0.0.1:5432", "udp://:53", "unix:/run/db.sock", "tcp://:5433"}
	db.ListenReuse, db.MaxRestarts, db.RestartDelay = true, -1, 1500
	db.User, db.Group, db.Umask, db.Nice = "www-data", "adm", "027", 5
	db.Limits = map[string]string{"nofile": "1024:4096", "core": "unlimited", "memory.max": "536870912", "cpu.max": "150%", "pids.max": "64"}
	db.Health = &velos.Probe{Exec: []string{"sh", "-c", "test -n $PORT && echo $$x"}}

	migrate := velos.NewSpec()
	migrate.Name, migrate.Script, migrate.Command, migrate.Shell, migrate.Cwd = "migrate", "/bin/sh", "cd x && echo $PATH", true, "/srv/a b"
	migrate.Autorestart, migrate.Source, migrate.Schedule = velos.Never, "/x.toml", "0 4 * * *"

	web := velos.NewSpec()
	web.Name, web.Script, web.Cwd, web.Interpreter = "Web_2.0", "/srv/web/app.py", "/srv/web", "/usr/bin/python3"
	web.Instances, web.Mode, web.IncrementVar = 3, velos.Fork, "PORT"
	web.Env = map[string]string{"PORT": "8000", "SHLVL": "1", "XDG_SEAT": "x"}
	web.Autorestart, web.MaxRestarts, web.ExpBackoffRestartDelay, web.Autostart = velos.OnFailure, 5, 100, false
	web.Ready = &velos.Probe{TCP: "127.0.0.1:8000"}
	web.Watch, web.CronRestart, web.ShutdownWithMessage = true, "0 3 * * *", true
	web.Hooks = &velos.Hooks{PreStart: &velos.Hook{Command: []string{"/bin/mkdir", "-p", "/run/a b"}}, PreStop: &velos.Hook{Command: []string{"echo $VELOS_PID 100%"}, Shell: true},
		PostStart: &velos.Hook{Command: []string{"/bin/true"}}, OnCrash: &velos.Hook{Command: []string{"/bin/true"}}}
	return []velos.Spec{api, db, migrate, web}
}

func secret(key, _ string) bool {
	return strings.Contains(key, "PASSWORD") || strings.Contains(key, "TOKEN")
}

func TestEveryEngineGetsItsFiles(t *testing.T) {
	got := &txtar.Archive{Comment: []byte("Made by TestEveryEngineGetsItsFiles.\n")}
	for _, engine := range Engines {
		files, err := Export(engine, fleet(), secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			got.Files = append(got.Files, txtar.File{Name: engine + "/" + f.Name, Data: f.Data})
			for _, s := range []string{"hunter2", "t0ken"} {
				if strings.Contains(string(f.Data), s) {
					t.Errorf("%s: %s holds a secret", engine, f.Name)
				}
			}
			if !strings.Contains(string(f.Data), "DB_PASSWORD") && strings.Contains(string(f.Data), "MOTTO") {
				t.Errorf("%s: %s does not name the secret that it leaves out", engine, f.Name)
			}
		}
	}
	if _, err := Export("upstart", fleet(), secret); velos.CodeOf(err) != velos.Invalid {
		t.Errorf("got %v", err)
	}
	const golden = "testdata/export.golden"
	if *update {
		if err := os.WriteFile(golden, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != string(txtar.Format(got)) {
		t.Errorf("%s differs from what is made now (%v): go test -update, and look at the difference", golden, err)
	}
}

// simple are apps that every engine can say.
func simple(t *testing.T) []velos.Spec {
	dir := t.TempDir()
	a := velos.NewSpec()
	a.Name, a.Script, a.Cwd, a.Source = "one", "/bin/sleep", dir, "/x.toml"
	a.Args = []string{"1000", `it's "quoted" \ $HOME ${X} %n 100%`, "", "a;b"}
	a.Env = map[string]string{"MOTTO": `it's "quoted" $5 %h`}
	a.StopSignal, a.KillTimeout = "SIGINT", 12_500
	b := velos.NewSpec()
	b.Name, b.Script, b.Command, b.Shell, b.Cwd, b.Source = "two", "/bin/sh", "echo $PATH && exec sleep 1000", true, dir, "/x.toml"
	b.Autorestart = velos.Never
	return []velos.Spec{a, b}
}

func TestSystemdAcceptsTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not there")
	}
	specs := simple(t)
	all := fleet()
	all[0].Interpreter, all[0].InterpreterArgs, all[0].Cwd = "/bin/sh", nil, t.TempDir()
	all[3].Interpreter, all[3].Cwd = "/bin/sh", t.TempDir()
	all[2].Cwd = t.TempDir()
	dir := t.TempDir()
	files, _ := Export("systemd", append(specs, all...), secret)
	args := []string{"verify", "--man=no"}
	for _, f := range files {
		name := strings.Replace(f.Name, "@.", "@1.", 1)
		put(t, filepath.Join(dir, name), string(f.Data))
		args = append(args, filepath.Join(dir, name))
	}
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestWhatIsExportedComesBackTheSame reads what was written with the readers
// of the same package: words survive the quoting of both.
func TestWhatIsExportedComesBackTheSame(t *testing.T) {
	want := simple(t)
	for engine, name := range map[string]string{"systemd": "one.service", "compose": "compose.yaml", "procfile": "Procfile"} {
		dir := t.TempDir()
		files, _ := Export(engine, want, secret)
		for _, f := range files {
			put(t, filepath.Join(dir, f.Name), string(f.Data))
		}
		env := environ(dir)
		back, err := Read(context.Background(), name, Options{Env: env})
		if err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		loaded, err := config.LoadTranslated(back.Translated(), env, false)
		if err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		got := loaded.Specs[0]
		if engine == "procfile" {
			if out, err := exec.Command("sh", "-c", strings.Replace(got.Command, "exec env", "exec env -i PATH=$PATH", 1)+" --help").Output(); err != nil && len(out) > 0 {
				t.Errorf("procfile: %v %s", err, out)
			}
			continue
		}
		if filepath.Base(got.Script) != "sleep" || !slices.Equal(got.Args, want[0].Args) || got.Env["MOTTO"] != want[0].Env["MOTTO"] || got.Cwd != want[0].Cwd ||
			got.StopSignal != "SIGINT" || got.KillTimeout != 12_500 {
			t.Errorf("%s: got %+v", engine, got)
		}
	}
}

func TestAProcfileLineMeansToAShellWhatItMeantToVelos(t *testing.T) {
	a := simple(t)[0]
	a.Script, a.Args = "/usr/bin/printf", append([]string{"[%s]"}, a.Args...)
	files, _ := Export("procfile", []velos.Spec{a}, secret)
	lines := strings.Split(strings.TrimSpace(string(files[0].Data)), "\n")
	_, command, _ := strings.Cut(lines[len(lines)-1], ": ")
	out, err := exec.Command("sh", "-c", command).Output()
	if want := "[" + strings.Join(a.Args[1:], "][") + "]"; err != nil || string(out) != want {
		t.Errorf("got %s, %v; want %s", out, err, want)
	}
}

// TestKubernetesAndComposeFilesAreYAML reads them back and looks for what the
// engines require.
func TestKubernetesAndComposeFilesHaveWhatIsRequired(t *testing.T) {
	files, _ := Export("kubernetes", fleet(), secret)
	for i, doc := range strings.Split(string(files[0].Data), "\n---\n") {
		v, bad := parseYAML([]byte(doc))
		if bad != nil {
			t.Fatalf("document %d: %+v\n%s", i, bad, doc)
		}
		kind := v.get("kind")
		if kind == nil || v.get("apiVersion") == nil || v.get("metadata").get("name") == nil || v.get("spec") == nil {
			t.Fatalf("document %d lacks something:\n%s", i, doc)
		}
		if kind.text == "Service" {
			continue
		}
		pod := v.get("spec").get("template")
		c := pod.get("spec").get("containers")
		if c == nil || len(c.items) != 1 || c.items[0].get("image") == nil || c.items[0].get("name") == nil {
			t.Errorf("document %d has no container:\n%s", i, doc)
		}
		if l, m := pod.get("metadata").get("labels").get("app"), v.get("spec").get("selector").get("matchLabels").get("app"); kind.text == "Deployment" && (m == nil || l.text != m.text) {
			t.Errorf("document %d selects other pods than it makes", i)
		}
	}
	files, _ = Export("compose", fleet(), secret)
	v, bad := parseYAML(files[0].Data)
	if bad != nil {
		t.Fatalf("%+v\n%s", bad, files[0].Data)
	}
	known := strings.Fields("image command working_dir volumes ports environment env_file restart stop_signal stop_grace_period scale mem_limit profiles healthcheck depends_on")
	for i, name := range v.get("services").keys {
		for _, key := range v.get("services").items[i].keys {
			if !slices.Contains(known, key) {
				t.Errorf("service %s: the compose specification has no %s", name, key)
			}
		}
	}
}
