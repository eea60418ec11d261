package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// want fails unless the command ended with this code and both outputs hold
// what they should.
func want(t *testing.T, d *fake, code int, out, errs string, args ...string) (string, string) {
	t.Helper()
	o, e, c := d.run(t, args...)
	if c != code || !strings.Contains(o, out) || !strings.Contains(e, errs) {
		t.Errorf("velos %s: exit code %d, want %d\nstdout: %s\n  want: %s\nstderr: %s\n  want: %s", strings.Join(args, " "), c, code, o, out, e, errs)
	}
	return o, e
}

func TestListShowsAppsInEveryForm(t *testing.T) {
	d := newFake(t, "api", "worker")
	out, _ := want(t, d, 0, "api", "", "list")
	if strings.Contains(out, "\x1b") {
		t.Errorf("colour through a pipe: %q", out)
	}
	out, _ = want(t, d, 0, "", "", "ls", "--json")
	var list []struct {
		Name, Status string
		PID          int
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 2 || list[1].Name != "worker" || list[1].Status != "online" || list[1].PID != 1020 {
		t.Errorf("%v: %+v", err, list)
	}
	want(t, d, 0, `[{"n":"worker","s":"on"`, "", "ps", "worker", "--ai")
	want(t, d, 0, "\x1b[32m", "", "list", "--color", "always")
}

func TestTargets(t *testing.T) {
	d := newFake(t, "api", "api-admin", "worker", "42")
	d.apps[2].Spec.Namespace = "jobs"
	d.apps[2].Instances = append(d.apps[2].Instances, velos.Instance{Inst: 1, Status: velos.Online})
	for _, c := range []struct {
		words string
		want  string // names, or the error
	}{
		{"api", "api"}, {"2", "api-admin"}, {"42", "42"}, {"all", "api api-admin worker 42"}, {"mine", "stop mine: no app is yours (velos list shows the apps, and which agent's they are)"}, {"ns:jobs", "worker"}, {"/^api/", "api api-admin"},
		{"worker:1", "worker:1"}, {"worker worker:1", "worker"}, {"worker:0 worker worker:1 api", "worker api"}, {"worker:0 worker:1", "worker:0 worker:1"}, {"api all", "api api-admin worker 42"},
		{"apu", "stop apu: no such app (did you mean api?)"}, {"worker:2", "stop worker:2: no instance 2 (worker has 2, counted from 0)"},
		{"ns:job", "stop ns:job: no app is in this namespace (did you mean ns:jobs?)"}, {"jobs", "stop jobs: no such app (for the namespace: ns:jobs)"},
		{"/x/", "stop /x/: no name matches (velos list shows the apps)"}, {"99", "stop 99: no such app (velos list shows the apps)"},
	} {
		list, err := resolve("stop", d.apps, strings.Fields(c.words))
		got := ""
		for _, t := range list {
			got += " " + t.String()
		}
		if err != nil {
			got = " " + err.Error() + " (" + velos.HintOf(err) + ")"
		}
		if got[1:] != c.want {
			t.Errorf("%s: got %s, want %s", c.words, got[1:], c.want)
		}
	}
	if _, err := resolve("stop", d.apps, []string{"/(/"}); velos.CodeOf(err) != velos.Invalid {
		t.Errorf("bad expression: %v", err)
	}
	if _, err := resolve("stop", d.apps, []string{""}); velos.CodeOf(err) != velos.NotFound {
		t.Errorf("empty word: %v", err)
	}
}

func TestAWrongWordStopsNothing(t *testing.T) {
	d := newFake(t, "api", "worker")
	want(t, d, 4, "", "velos: stop wroker: no such app\n  hint: did you mean worker?\n", "stop", "api", "wroker")
	if len(d.stops) > 0 {
		t.Error("api was stopped")
	}
	want(t, d, 4, `{"error":{"code":"not_found","message":"stop wroker: no such app","retryable":false,"hints":["did you mean worker?"]}}`, "", "stop", "wroker", "--json")
	want(t, newFake(t), 4, "", "there are no apps", "stop", "all")
}

func TestStopAndStartAgain(t *testing.T) {
	d := newFake(t, "api", "worker")
	want(t, d, 0, "api: stopped (id 1)\n", "", "stop", "api", "-k", "2s", "--signal", "INT")
	if s := d.stops[0]; !s.Wait || s.Timeout != 2000 || s.Signal != 2 || s.Inst != -1 {
		t.Errorf("got %+v", s)
	}
	want(t, d, 0, "api: already stopped", "", "stop", "api")
	want(t, d, 0, "api: online (id 1, pid 1010)", "", "start", "api")
	want(t, d, 0, "api: already online", "", "start", "api")
	want(t, d, 0, `"did":"already online"`, "", "start", "all", "--json")
	if len(d.starts) != 1 {
		t.Errorf("%d starts were ordered", len(d.starts))
	}
	want(t, d, 0, "api: deleted\nworker: deleted\n", "", "del", "all")
	want(t, d, 4, "", "there are no apps", "start", "all")
}

func TestStartOfAScript(t *testing.T) {
	d := newFake(t)
	script := d.file(t, "app.sh", "#!/bin/sh\nsleep 60\n")
	want(t, d, 0, "app: online (id 1, pid 1010)", "", "start", "app.sh", "--set", "PORT=3000", "--env", "A=b", "--", "--fast", "-x")
	sp := d.starts[0].Spec
	if sp.Script != script || strings.Join(sp.Args, " ") != "--fast -x" || sp.Env["PORT"] != "3000" || sp.Env["A"] != "b" || sp.Cwd != d.home || !d.starts[0].Wait {
		t.Errorf("got %+v", d.starts[0])
	}
	// The same again is a conflict while it runs, and a start when it does not.
	want(t, d, 9, "", "it runs already as app (id 1, online)", "start", "app.sh", "--", "--fast", "-x")
	want(t, d, 9, "", "the name is taken", "start", "app.sh", "--", "--slow")
	want(t, d, 0, "app: stopped", "", "stop", "app")
	want(t, d, 0, "app: online (id 1", "", "start", "./app.sh", "--", "--fast", "-x")
	want(t, d, 0, "app-2: online (id 2", "", "start", "-f", "app.sh")
	want(t, d, 0, "other: started (id 3", "", "start", "app.sh", "-n", "other", "--no-wait", "-i", "2")
	want(t, d, 9, "", "the name is taken", "start", "/bin/sleep", "-n", "OTHER", "--", "5")
	want(t, d, 0, "quiet: added, not started", "", "start", "app.sh", "-n", "quiet", "--no-autostart")
	if a := d.app(t, "quiet"); a.Status != velos.Stopped {
		t.Errorf("got %s", a.Status)
	}
}

func TestStartRefusesWhatItCannotDo(t *testing.T) {
	d := newFake(t, "api")
	d.file(t, "app.sh", "#!/bin/sh\n")
	for _, c := range []struct {
		code int
		err  string
		args string
	}{
		{2, "nothing to start", "start"},
		{2, "no such flag: --naem\n  hint: did you mean --name?", "start app.sh --naem x"},
		{2, "what is for the program itself goes after --", "start app.sh --port http"},
		{2, "-i does not apply to an app that is known", "start api -i 3"},
		{2, "has 1 field;", "start app.sh -c x"},
		{2, "no such user: no-such-user", "start app.sh --uid no-such-user"},
		{2, "must be a size", "start app.sh --max-memory-restart 100X"},
		{2, "profiles are in configuration files", "start app.sh --env production"},
		{2, "velos runtime stays in the foreground", "start app.sh --no-daemon"},
		{2, "must be 1 or more", "start app.sh -i -3"},
		{2, "signal", "start app.sh --stop-signal SIGFOO"},
		{2, "name", "start app.sh --name ../x"},
		{4, "no such app", "start 17"},
		{4, "no app is in this namespace", "start ns:x"},
		{2, "is no length of time", "start app.sh --timeout soon"},
		{2, "name an app, a configuration file, or all", "reload"}, {4, "no such app", "reload app.sh"}, {2, "--parallel: must be 1 or more", "reload api --parallel 0"},
		{2, "usage: velos scale NAME", "scale api"}, {2, "many is no number of instances", "scale api many"}, {2, "there would be 0 of 1 instances", "scale api -1"},
		{2, "there would be 0 of 1 instances\n  hint: one is the least; velos stop api stops it", "scale api 0"}, {2, "one instance cannot be scaled", "scale api:0 2"},
		{2, "monit: there is no terminal\n  hint: velos list", "monit"}, {2, "is no length of time from 100ms", "monit --interval 1ms"},
		{2, "usage: velos stop NAME...", "stop"}, {2, "too many arguments", "why api api"},
		{2, "did you mean velos list?", "lsit"}, {2, "here it is: velos list --json", "slist"},
		{2, "must be a whole number, not many", "events -n many"},
		{2, "--color: blue is unknown", "list --color blue"},
		{2, "no such signal\n  hint: did you mean SIGTERM?", "signal TRM api"},
	} {
		_, e, code := d.run(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(strings.ReplaceAll(e, "--instances", "-i"), c.err) {
			t.Errorf("velos %s: exit code %d, want %d; stderr %q, want %q", c.args, code, c.code, e, c.err)
		}
	}
	if len(d.starts) > 0 {
		t.Errorf("something was started: %v", d.starts)
	}
	_, e, code := d.run(t, "start", "./nothing.js")
	if code == 0 || !strings.Contains(e, "nothing.js") {
		t.Errorf("missing script: %d, %s", code, e)
	}
}

func TestACrashAtStartIsTold(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	d.crash["app"] = "start app: exited with code 1 after 10ms"
	_, errs := want(t, d, 6, "", "app ! Error: port 3000 is taken\n", "start", "app.sh")
	if !strings.Contains(errs, "velos: start app: exited with code 1 after 10ms\n") {
		t.Errorf("no reason: %s", errs)
	}
	out, _ := want(t, d, 6, `{"error":{"code":"crashed","message":"start app: exited`, "Error: port 3000", "start", "app", "--json")
	var answer struct {
		Error   struct{ Code string }
		Results []struct {
			Name, Did string
			OK        bool
		}
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Results[0].Name != "app" || answer.Results[0].OK {
		t.Errorf("%v: %s", err, out)
	}
}

func TestConfigFiles(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	path := d.file(t, "velos.toml", "[apps.one]\nscript = \"app.sh\"\n[apps.two]\nscript = \"app.sh\"\nargs = [\"x\"]\n")
	if _, e, code := d.run(t, "start", "velos.toml", "--only", "oen"); code != 4 || !strings.Contains(e, "did you mean one?") {
		t.Skipf("config reads another form of file: %d %s", code, e)
	}
	want(t, d, 0, "one: online", "", "start", "--config", path, "--only", "one")
	out, _ := want(t, d, 0, "one: already online", "", "start", "velos.toml")
	if !strings.Contains(out, "two: online") {
		t.Errorf("got %s", out)
	}
	d.file(t, "velos.toml", "[apps.one]\nscript = \"app.sh\"\nmax_restarts = 3\n")
	want(t, d, 0, "as it was before the file changed", "", "start", "velos.toml")
	want(t, d, 0, "one: restarted", "", "restart", "velos.toml")
	if a := d.app(t, "one"); a.Spec.MaxRestarts != 3 || a.ID != 1 && a.ID != 2 {
		t.Errorf("got %+v", a)
	}
	want(t, d, 2, "", "does not apply to a configuration file", "start", "velos.toml", "-i", "2")
}

func TestRestart(t *testing.T) {
	d := newFake(t, "api", "worker")
	want(t, d, 0, "api: restarted (id 1, pid 1010)\nworker: restarted", "", "restart", "all")
	if r := d.restarts[0]; !r.Wait || r.Spec != nil {
		t.Errorf("got %+v", r)
	}
	want(t, d, 0, "web: restarted, was api", "", "restart", "api", "--name", "web")
	want(t, d, 2, "", "renames one app", "restart", "all", "--name", "web")
	d.restarts = nil
	want(t, d, 0, "web: restarting", "", "restart", "web", "--update-env", "--no-wait")
	if r := d.restarts[0]; r.Wait || r.Spec == nil || r.Spec.Env["HOME"] != d.home || r.Spec.Env["VELOS_HOME"] != "" || r.Spec.Script != "/srv/api.js" {
		t.Errorf("got %+v", r)
	}
	want(t, d, 0, "web: restarted", "", "restart", "/srv/api.js")
	want(t, d, 4, "", "no such app", "restart", "wbe.js")
	d.file(t, "new.sh", "#!/bin/sh\n")
	want(t, d, 0, "new: online", "", "restart", "new.sh")
}

func TestSignalAndReset(t *testing.T) {
	d := newFake(t, "api", "worker")
	want(t, d, 0, "api: signalled", "", "signal", "SIGHUP", "api")
	want(t, d, 0, "worker: signalled", "", "sendSignal", "worker", "hup")
	want(t, d, 0, "signalled", "", "signal", "9", "worker")
	if d.signals[0].Signal != 1 || d.signals[1].Signal != 1 || d.signals[2].Signal != 9 || d.signals[1].ID != 2 {
		t.Errorf("got %+v", d.signals)
	}
	want(t, d, 0, "api: reset", "", "reset", "api")
	want(t, d, 2, "", "no such signal", "signal", "x", "api")
	want(t, d, 2, "", "no such signal\n  hint: such as SIGTERM", "signal", "0", "api")
	want(t, d, 2, "--json and --ai exclude each other", "", "list", "--json", "--ai")
}

func TestFlushSaveResurrectReopen(t *testing.T) {
	d := newFake(t, "api", "worker")
	want(t, d, 0, "api: flushed (id 1, pid 1010)\nworker: flushed", "", "flush")
	want(t, d, 0, "saved 2 apps in "+d.home, "", "dump")
	want(t, d, 0, `"count":2}`, "", "resurrect", "--json")
	want(t, d, 0, "opened anew", "", "reloadLogs")
}

func TestPingVersionKillStartNoDaemon(t *testing.T) {
	d := newFake(t)
	want(t, d, 0, "pong: velosd "+velos.Version+", pid 1073741824, up 1m 1s, 0 apps, 2.0 MB, round trip ", "", "ping")
	d.version = "9.9.9"
	want(t, d, 0, "velosd 9.9.9, pid", "velos is "+velos.Version+" and velosd is 9.9.9", "version")
	want(t, d, 0, `{"velos":"`+velos.Version+`","protocol":1,"daemon":"9.9.9","daemon_pid":1073741824}`, "velosd is 9.9.9", "version", "--json")
	want(t, d, 0, "stopped velosd, pid 1073741824", "", "kill")
	want(t, d, 7, "", "hint: any other command starts one", "ping")
	want(t, d, 0, "no daemon runs", "", "kill")
	want(t, d, 0, `{"stopped":false,"pid":0}`, "", "kill", "--json")
	want(t, d, 0, "velos "+velos.Version+"\n", "", "--version")
	if _, err := os.Stat(filepath.Join(d.home, "logs")); err == nil {
		t.Error("a home was made")
	}
}

func TestADaemonThatIsSilentIsNotWaitedForForever(t *testing.T) {
	d := newFake(t)
	d.hang = true
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, _, code := d.runIn(ctx, d.home, "list"); code != interrupted {
		t.Errorf("exit code %d", code)
	}
}

func TestTimeoutIsFive(t *testing.T) {
	d := newFake(t, "api")
	s := &session{World: World{Out: &locked{}, Err: &locked{}, Now: time.Now}}
	err := s.carryOut(t.Context(), []order{{verb: "stop", name: "api", do: func(ctx context.Context) (string, *velos.App, error) {
		<-ctx.Done()
		return "", nil, ctx.Err()
	}}}, time.Millisecond)
	if velos.CodeOf(err) != velos.Timeout || !strings.Contains(err.Error(), "stop api: not settled within 1ms") {
		t.Errorf("got %v", err)
	}
	_ = d
}

func TestAPanicIsASentence(t *testing.T) {
	var o, e locked
	s := &session{World: World{Out: &o, Err: &e, Now: time.Now, Vars: map[string]string{}}}
	code := 0
	func() {
		defer s.rescue(&code)
		panic("oh")
	}()
	if code != 1 || !strings.HasPrefix(e.String(), "velos: internal error: oh\n") || strings.Contains(e.String(), "goroutine") {
		t.Errorf("%d, %s", code, e.String())
	}
}

func TestColourIsDecidedAsElsewhere(t *testing.T) {
	for _, c := range []struct {
		flag string
		vars string
		tty  bool
		want bool
	}{
		{"auto", "", true, true}, {"auto", "", false, false}, {"auto", "NO_COLOR=1", true, false}, {"auto", "TERM=dumb", true, false},
		{"auto", "CLICOLOR_FORCE=1", false, true}, {"auto", "CLICOLOR_FORCE=0", false, false}, {"always", "NO_COLOR=1", false, true}, {"never", "CLICOLOR_FORCE=1", true, false},
	} {
		k, v, _ := strings.Cut(c.vars, "=")
		s := &session{World: World{Vars: map[string]string{k: v}}, color: c.flag}
		if got := s.coloured(c.tty); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestMoments(t *testing.T) {
	at := func(s string) velos.Time {
		v, err := time.Parse(time.DateTime, s)
		if err != nil {
			t.Fatal(err)
		}
		return velos.TimeOf(v)
	}
	for text, want := range map[string]velos.Time{
		"10m": at("2026-03-01 11:50:00"), "1h ago": at("2026-03-01 11:00:00"), "2d": at("2026-02-27 12:00:00"), "1w": at("2026-02-22 12:00:00"), "-90s": at("2026-03-01 11:58:30"),
		"3 hours ago": at("2026-03-01 09:00:00"), "now": at("2026-03-01 12:00:00"), "today": at("2026-03-01 00:00:00"), "yesterday": at("2026-02-28 00:00:00"),
		"2026-01-02 15:04": at("2026-01-02 15:04:00"), "2026-01-02": at("2026-01-02 00:00:00"), "2026-01-02T15:04:05Z": at("2026-01-02 15:04:05"),
		"2026-01-02T15:04:05+01:00": at("2026-01-02 14:04:05"), "08:30": at("2026-03-01 08:30:00"), "1767366245": 1767366245000, "1767366245123": 1767366245123,
	} {
		if got, err := moment(text, now, time.UTC); err != nil || got != want {
			t.Errorf("%s: got %v (%v), want %v", text, got.Std().UTC(), err, want.Std().UTC())
		}
	}
	for _, text := range []string{"", "soon", "5", "1h30", "2026-13-01", "-"} {
		if _, err := moment(text, now, time.UTC); velos.CodeOf(err) != velos.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhateverElseListensThereIsNoDaemon(t *testing.T) {
	for _, garbage := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "V\x10\x02\x01\x00\x00\x00\x80", "V\x10\x01\xff\xff\xff\xff", ""} {
		dir, err := os.MkdirTemp("/tmp", "velos-cli-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		l, err := wire.Listen(filepath.Join(dir, "velos.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Write([]byte(garbage))
				if garbage == "" {
					c.Close()
				}
			}
		}()
		d := &fake{home: dir}
		if _, e, code := d.run(t, "list"); code == 0 || !strings.HasPrefix(e, "velos: ") {
			t.Errorf("%q: exit code %d, %s", garbage, code, e)
		}
	}
}

func TestACommandThatMeetsADyingDaemonAsksTheNextOne(t *testing.T) {
	d := newFake(t, "api")
	d.mu.Lock()
	d.dying = 3
	d.mu.Unlock()
	want(t, d, 0, "api", "", "list")
}
