package view

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/crash"
)

var update = flag.Bool("update", false, "rewrite goldens and the examples of docs/OUTPUT.md")

const page = "../../docs/OUTPUT.md"

var fixtureNow = velos.TimeOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

func fixtures() []velos.App {
	spec := velos.NewSpec()
	spec.Name, spec.Script, spec.Cwd, spec.Interpreter, spec.Instances = "api", "/srv/api/server.js", "/srv/api", "/usr/bin/node", 2
	spec.Env = map[string]string{"NODE_ENV": "production", "DB_PASSWORD": "correct horse"}
	crash := &velos.Exit{Time: fixtureNow - 4_000, PID: 4120, Code: 1, Uptime: 850}
	api := velos.App{ID: 1, Spec: spec, Generation: 1, Created: fixtureNow - 200_000_000, Updated: fixtureNow - 4_000,
		Instances: []velos.Instance{
			{Inst: 0, Status: velos.Online, Wanted: true, PID: 4101, Since: fixtureNow - 183_600_000, Started: fixtureNow - 183_600_000, Usage: velos.Usage{CPU: 2.1, Memory: 47185920, Peak: 52428800, Procs: 1}},
			{Inst: 1, Status: velos.WaitingRestart, Wanted: true, Since: fixtureNow - 4_000, Started: fixtureNow - 4_850, Restarts: 3, Strikes: 3, RetryAt: fixtureNow + 2_000,
				Reason: "exited with code 1 after 850ms; third time in a row before min_uptime", LastExit: crash},
		},
		Log: velos.LogInfo{Out: "/home/me/.velos/logs/api-out.log", Err: "/home/me/.velos/logs/api-err.log", Lines: 5450, Errors: 7, Bytes: 1 << 20, Seq: 5450}}
	api.Status = velos.Overall(api.Instances)

	spec = velos.NewSpec()
	spec.Name, spec.Script, spec.Cwd, spec.Interpreter, spec.Args = "worker", "/srv/jobs/worker.py", "/srv/jobs", "/usr/bin/python3", []string{"--queue", "mail and sms"}
	worker := velos.App{ID: 2, Spec: spec, Generation: 1, Status: velos.Online, Created: fixtureNow - 60_000, Updated: fixtureNow - 60_000,
		Instances: []velos.Instance{{Status: velos.Online, Wanted: true, PID: 4202, Since: fixtureNow - 60_000, Started: fixtureNow - 60_000, Reason: "started",
			Usage: velos.Usage{CPU: 0.3, Memory: 12582912, Peak: 12582912, Procs: 2}}},
		Log: velos.LogInfo{Out: "/home/me/.velos/logs/worker-out.log", Err: "/home/me/.velos/logs/worker-err.log"}}

	spec = velos.NewSpec()
	spec.Name, spec.Script, spec.Cwd = "backup", "/srv/backup.sh", "/srv"
	backup := velos.App{ID: 5, Spec: spec, Generation: 2, Status: velos.Stopped, Created: fixtureNow - 90_000, Updated: fixtureNow - 30_000,
		Instances: []velos.Instance{{Status: velos.Stopped, Since: fixtureNow - 30_000, Started: fixtureNow - 90_000, Reason: "stopped by order",
			LastExit: &velos.Exit{Time: fixtureNow - 30_000, PID: 4300, Signal: "SIGTERM", Asked: true, Uptime: 60_000}}},
		Log: velos.LogInfo{Out: "/home/me/.velos/logs/backup-out.log", Err: "/home/me/.velos/logs/backup-err.log"}}
	return []velos.App{api, worker, backup}
}

// serving is an app with ports, probes and a reload under way. What it says of
// itself is hostile.
func serving() velos.App {
	spec := velos.NewSpec()
	spec.Name, spec.Script, spec.Cwd, spec.Interpreter, spec.Instances, spec.Mode = "web", "/srv/web/server.js", "/srv/web", "/usr/bin/node", 2, velos.Cluster
	spec.Env = map[string]string{"PORT": "3000", "API_KEY": "sk-live-12345678"}
	spec.Listen, spec.ListenReuse = []string{"tcp://:3000", "unix:/run/web.sock"}, true
	spec.WaitReady, spec.ListenTimeout, spec.Watchdog = true, 10_000, 30_000
	spec.Health = &velos.Probe{HTTP: "http://127.0.0.1:$PORT/health?key=sk-live-12345678", Interval: 10_000, Timeout: 2000, Retries: 3, StartPeriod: 5000}
	spec.ShutdownWithMessage = true
	spec.DependsOn = []velos.Dependency{{Name: "db", Condition: velos.OnHealthy}, {Name: "migrate", Condition: velos.OnExitedOK}}
	run := func(inst, pid int, ms velos.Time) velos.Instance {
		return velos.Instance{Inst: inst, Status: velos.Online, Wanted: true, PID: pid, Since: fixtureNow - ms, Started: fixtureNow - ms, Generation: 3,
			Ports: velos.AddressesOf([]string{"tcp://0.0.0.0:3000", "tcp://[::]:3000", "udp://127.0.0.1:53", "unix:/run/web.sock"}),
			Usage: velos.Usage{CPU: 1.5, Memory: 41943040, Peak: 52428800, Procs: 1}, Health: velos.Healthy}
	}
	ok, sick, old := run(0, 4501, 60_000), run(1, 4399, 3_600_000), run(0, 4398, 3_600_000)
	sick.Generation, sick.Health, sick.HealthText = 2, velos.Unhealthy, "status 500: key=sk-live-12345678 is \x1b[31mbad"
	sick.Said, sick.Reason = "serving 12 clients\x1b]0;title\x07\u202e", "ready"
	old.Generation, old.Leaving, old.Wanted, old.Reason = 2, true, false, "replaced by pid 4501"
	a := velos.App{ID: 7, Spec: spec, Generation: 3, Status: velos.Online, Created: fixtureNow - 3_600_000, Updated: fixtureNow - 61_000,
		Instances: []velos.Instance{ok, sick}, Leaving: []velos.Instance{old},
		Log: velos.LogInfo{Out: "/home/me/.velos/logs/web-out.log", Err: "/home/me/.velos/logs/web-err.log"}}
	return a
}

func fixtureEvents() []velos.Event {
	user := velos.Actor{Kind: "user", UID: 1000, User: "anna", PID: 4099, Exe: "velos"}
	at := func(ms velos.Time) velos.Time { return fixtureNow - 6_000 + ms }
	exit := func(ms velos.Time, pid int) *velos.Exit {
		return &velos.Exit{Time: at(ms), PID: pid, Code: 1, Uptime: 850}
	}
	return []velos.Event{
		{Seq: 1, Time: at(0), Kind: velos.KindOrder, App: "api", ID: 1, Inst: -1, Cause: "start", Actor: user, Gen: 1},
		{Seq: 2, Time: at(1), Kind: velos.KindState, App: "api", ID: 1, Inst: 1, PID: 4110, From: velos.Starting, To: velos.Online, Cause: "started", Actor: velos.Policy, Gen: 1},
		{Seq: 3, Time: at(851), Kind: velos.KindExit, App: "api", ID: 1, Inst: 1, PID: 4110, Exit: exit(851, 4110), Actor: velos.Policy, Gen: 1},
		{Seq: 4, Time: at(852), Kind: velos.KindState, App: "api", ID: 1, Inst: 1, From: velos.Online, To: velos.WaitingRestart, Cause: "exited with code 1 after 850ms", Actor: velos.Policy, Gen: 1},
		{Seq: 5, Time: at(1150), Kind: velos.KindState, App: "api", ID: 1, Inst: 1, PID: 4120, From: velos.WaitingRestart, To: velos.Online, Cause: "restarted", Actor: velos.Policy, Gen: 1},
		{Seq: 6, Time: at(2000), Kind: velos.KindExit, App: "api", ID: 1, Inst: 1, PID: 4120, Exit: exit(2000, 4120), Actor: velos.Policy, Gen: 1},
	}
}

func fixtureLines() []velos.Entry {
	t := fixtureNow - 5_000
	return []velos.Entry{
		{Seq: 5448, Time: t, Level: velos.Info, App: 1, Inst: 0, PID: 4101, Src: velos.Stdout, Msg: []byte("listening on :3000")},
		{Seq: 5449, Time: t + 400, Level: velos.Err, App: 1, Inst: 1, PID: 4120, Src: velos.Stderr, Msg: []byte("ECONNREFUSED 127.0.0.1:5432")},
		{Seq: 12, Time: t + 700, Level: velos.Warn, App: 2, Inst: 0, PID: 4202, Src: velos.Stdout, Msg: []byte("queue \x1b[2Jis long\r")},
		{Seq: 5450, Time: t + 900, Level: velos.Err, App: 1, Inst: 1, PID: 4120, Src: velos.Stderr, Msg: []byte("    at Socket.connect (net.js:1140:16)")},
	}
}

// goldens is every answer that docs/OUTPUT.md shows, by name.
func goldens() map[string]string {
	out := map[string]string{}
	add := func(name string, f func(b *bytes.Buffer)) {
		var b bytes.Buffer
		f(&b)
		out[name] = b.String()
	}
	died := fixtureCrash()
	report := Report{App: fixtures()[0], Inst: -1, Events: fixtureEvents(), Stderr: fixtureLines()[1:]}
	for name, f := range map[string]Format{"txt": Human, "json": JSON, "ai": AI} {
		o := Options{Format: f, Now: fixtureNow}
		add("list."+name, func(b *bytes.Buffer) { List(b, fixtures(), o) })
		add("info."+name, func(b *bytes.Buffer) { Info(b, &fixtures()[0], o) })
		add("crash."+name, func(b *bytes.Buffer) { Crash(b, &died, o) })
		add("why."+name, func(b *bytes.Buffer) { Why(b, report, o) })
		add("events."+name, func(b *bytes.Buffer) {
			v := NewEvents(b, fixtures(), false, o)
			for _, e := range fixtureEvents() {
				v.Add(e)
			}
			v.Close()
		})
		add("logs."+name, func(b *bytes.Buffer) {
			e := NewEntries(b, fixtures(), LogOptions{Options: o})
			for _, l := range fixtureLines() {
				e.Add(&l)
			}
			e.Close()
		})
		add("error."+name, func(b *bytes.Buffer) {
			Error(b, &velos.Error{Code: velos.NotFound, Message: "restart ap: no such app", Hint: "did you mean api?"}, o)
		})
		addChanges(add, name, o)
		add("done."+name, func(b *bytes.Buffer) { Done(b, fixtureResults(), o) })
	}
	web := Report{App: serving(), Inst: 1, Events: fixtureEvents(), Stderr: fixtureLines()[1:]}
	for name, f := range map[string]Format{"txt": Human, "json": JSON, "ai": AI} {
		o := Options{Format: f, Now: fixtureNow}
		add("list-serving."+name, func(b *bytes.Buffer) { List(b, []velos.App{serving()}, o) })
		add("info-serving."+name, func(b *bytes.Buffer) { Info(b, &web.App, o) })
		add("why-serving."+name, func(b *bytes.Buffer) { Why(b, web, o) })
	}
	digestGoldens(add)
	add("list-all.txt", func(b *bytes.Buffer) { List(b, fixtures(), Options{Now: fixtureNow, All: true}) })
	add("list-narrow.txt", func(b *bytes.Buffer) { List(b, fixtures(), Options{Now: fixtureNow, Width: 40}) })
	add("list-colour.txt", func(b *bytes.Buffer) { List(b, fixtures(), Options{Now: fixtureNow, Color: true}) })
	add("list-empty.txt", func(b *bytes.Buffer) { List(b, nil, Options{}) })
	add("jlist.json", func(b *bytes.Buffer) { JList(b, fixtures(), false) })
	add("prettylist.txt", func(b *bytes.Buffer) { JList(b, fixtures()[:1], true) })
	add("list-empty.json", func(b *bytes.Buffer) { List(b, nil, Options{Format: JSON}) })
	add("logs-time.txt", func(b *bytes.Buffer) {
		e := NewEntries(b, fixtures(), LogOptions{Options: Options{Now: fixtureNow}, Stamp: "%H:%M:%S.%L"})
		for _, l := range append(fixtureLines(), velos.Entry{App: 1, Missed: 214}) {
			e.Add(&l)
		}
		e.Close()
	})
	return out
}

// fixtureCrash is why the fixture's second instance ended.
func fixtureCrash() crash.Report {
	a := fixtures()[0]
	in := crash.Input{App: &a, Inst: -1, Events: fixtureEvents()}
	for _, pid := range []int{4110, 4120} {
		for i, text := range strings.Split("/srv/api/db.js:12\n    throw new Error(url);\n    ^\n\nError: connect ECONNREFUSED 127.0.0.1:5432\n    at open (/srv/api/db.js:12:9)\n    at TCPConnectWrap.afterConnect (node:net:1607:16)", "\n") {
			in.Lines = append(in.Lines, crash.Line{Time: fixtureNow - 5_000 + velos.Time(i), Inst: 1, PID: pid, Src: velos.Stderr, Text: text})
		}
	}
	return crash.Of(in)
}

func fixtureResults() []Result {
	apps := fixtures()
	return []Result{{Verb: "restart", Did: "restarted", App: &apps[1], Inst: -1}, {Verb: "delete", Did: "deleted", ID: 5, Name: "backup", Inst: -1},
		{Verb: "start", Did: "crashed", ID: 1, Name: "api", Inst: -1, Err: &velos.Error{Code: velos.Crashed, Message: "start api: exited with code 1 after 850ms"}}}
}

func TestAnswersLookAsTheyAlwaysDid(t *testing.T) {
	for name, got := range goldens() {
		path := filepath.Join("testdata", name+".golden")
		if *update {
			os.WriteFile(path, []byte(got), 0o644)
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != got {
			t.Errorf("%s (%v):\n got:\n%s\nwant:\n%s", name, err, got, want)
		}
	}
}

// The page marks each example with a comment that names its golden.
func TestThePageShowsTheGoldens(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := goldens()
	out, shown := &strings.Builder{}, map[string]bool{}
	rest := string(text)
	for {
		before, after, ok := strings.Cut(rest, "<!-- example: ")
		out.WriteString(before)
		if !ok {
			break
		}
		name, after, _ := strings.Cut(after, " -->\n```")
		lang, after, _ := strings.Cut(after, "\n")
		_, after, ok = strings.Cut(after, "```\n")
		want, known := all[name]
		if !ok || !known {
			t.Fatalf("%s: example %q is unknown or has no end", page, name)
		}
		shown[name] = true
		out.WriteString("<!-- example: " + name + " -->\n```" + lang + "\n" + want + "```\n")
		rest = after
	}
	if *update {
		os.WriteFile(page, []byte(out.String()), 0o644)
	} else if out.String() != string(text) {
		t.Errorf("%s differs from the goldens; go test ./internal/view -update writes it anew", page)
	}
	for name := range all {
		if strings.HasSuffix(name, ".ai") && !shown[name] || strings.HasSuffix(name, ".json") && !strings.Contains(name, "-") && !shown[name] {
			t.Errorf("%s has no example %s", page, name)
		}
	}
}

func TestWhyFitsOnOneScreen(t *testing.T) {
	r := Report{App: fixtures()[0], Inst: -1, Events: fixtureEvents(), Stderr: fixtureLines()}
	r.App.Instances[1].Reason = strings.Repeat("long ", 50)
	for range 40 {
		r.Events = append(r.Events, fixtureEvents()...)
		r.Stderr = append(r.Stderr, velos.Entry{Inst: 1, Src: velos.Stderr, Msg: []byte(strings.Repeat("x\t", 300))})
	}
	var b bytes.Buffer
	Why(&b, r, Options{Now: fixtureNow, TTY: true})
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if n := len([]rune(l)); n > 80 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	b.Reset()
	Why(&b, r, Options{Now: fixtureNow, Format: AI})
	// About 4 characters are one token; runs of x are more, so the bound is loose.
	if n := b.Len(); n > 1900 {
		t.Errorf("--ai takes %d characters", n)
	}
}

func TestWhyOfAnAppThatServesFitsOnOneScreen(t *testing.T) {
	r := Report{App: serving(), Inst: 1, Stderr: fixtureLines()}
	i := &r.App.Instances[1]
	i.Status, i.Said, i.HealthText = velos.Starting, strings.Repeat("busy ", 50), strings.Repeat("no ", 50)
	i.Restarts, i.LastExit = 3, &velos.Exit{Code: 1, PID: 4000}
	for range 40 {
		r.Events = append(r.Events, fixtureEvents()...)
		r.Stderr = append(r.Stderr, velos.Entry{Inst: 1, Src: velos.Stderr, Msg: []byte("line")})
	}
	var b bytes.Buffer
	Why(&b, r, Options{Now: fixtureNow, TTY: true})
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) > 24 || !strings.Contains(b.String(), "waits for   ready: when it says so itself, within 10s") {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
	for _, l := range lines {
		if n := len([]rune(l)); n > 80 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
}

func TestAnAppIsFoundAtItsFirstPort(t *testing.T) {
	for addresses, want := range map[string][2]string{
		"":                                        {"", ""},
		"tcp://0.0.0.0:3000":                      {"http://localhost:3000", ":3000"},
		"tcp://:80 tcp://[::]:80":                 {"http://localhost:80", ":80"},
		"tcp://[::1]:80":                          {"http://localhost:80", "[::1]:80"},
		"udp://:53 tcp://10.0.0.5:81 tcp://:82":   {"http://10.0.0.5:81", "udp:53 10.0.0.5:81 :82"},
		"udp://127.0.0.1:53":                      {"", "udp:127.0.0.1:53"},
		"tcp://:0 unix:/run/x.sock":               {"unix:/run/x.sock", ":0 /run/x.sock"},
		"unix:/a/very/long/path/to/some/api.sock": {"unix:/a/very/long/path/to/some/api.sock", "…g/path/to/some/api.sock"},
		"tcp://:1 tcp://:2 tcp://:3 tcp://:4 x":   {"http://localhost:1", ":1 :2 :3 +2"},
		"unix:/a\x1b[2J":                          {"unix:/a\x1b[2J", "/a"},
	} {
		list := strings.Fields(addresses)
		if got := [2]string{URL(list), portsCell(list)}; got != want {
			t.Errorf("%s: %q; want %q", addresses, got, want)
		}
	}
}

func TestNobodyIsFoundWhereNothingRuns(t *testing.T) {
	a := serving()
	for i := range a.Instances {
		a.Instances[i].Ports = ""
	}
	if got := URL(Addresses(&a)); got != "http://localhost:3000" {
		t.Errorf("got %q; want the port that is held open", got)
	}
	for i := range a.Instances {
		a.Instances[i].PID = 0
	}
	if got := Addresses(&a); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestPortsAndHealthGoFirstWhereThereIsNoRoom(t *testing.T) {
	apps := []velos.App{serving()}
	for width, want := range map[int]string{0: "health     mode     ports", 115: "health     ports", 92: "uptime  health\n", 70: "restarts  uptime\n"} {
		var b bytes.Buffer
		List(&b, apps, Options{Now: fixtureNow, Width: width})
		if !strings.Contains(b.String(), want) {
			t.Errorf("%d columns: want %q in\n%s", width, want, b.String())
		}
	}
}

func TestWhatAnAppSaysOfItselfIsCleanAndMasked(t *testing.T) {
	a := serving()
	for _, f := range []Format{Human, AI, JSON} {
		var b bytes.Buffer
		o := Options{Format: f, Now: fixtureNow}
		List(&b, []velos.App{a}, o)
		Info(&b, &a, o)
		Why(&b, Report{App: a, Inst: 1}, o)
		if s := b.String(); strings.ContainsAny(s, "\x1b\x07\u202e") || strings.Contains(s, "sk-live") {
			t.Errorf("format %d: %q", f, s)
		}
	}
}

func TestReadinessInWords(t *testing.T) {
	for want, change := range map[string]func(*velos.Spec){
		"when it has lived for 1s":          func(*velos.Spec) {},
		"":                                  func(s *velos.Spec) { s.Mode = velos.Cluster },
		"when it says so itself, within 8s": func(s *velos.Spec) { s.WaitReady = true },
		"a connection to 127.0.0.1:80, every 1s, within 2s": func(s *velos.Spec) {
			s.Ready, s.ListenTimeout = &velos.Probe{TCP: "127.0.0.1:80", Interval: 1000}, 2000
		},
		"exit code 0 of /bin/sh -c 'exit 0', within 8s":                func(s *velos.Spec) { s.Ready = &velos.Probe{Exec: []string{"/bin/sh", "-c", "exit 0"}} },
		"a line with \"up\\x1b\", 1 failure in a row count, within 8s": func(s *velos.Spec) { s.Ready = &velos.Probe{Log: "up\x1b", Retries: 1} },
	} {
		s := velos.NewSpec()
		change(&s)
		if got := readiness(&s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWhyIsCutForATerminalOnly(t *testing.T) {
	r := Report{App: fixtures()[0], Inst: -1, Events: fixtureEvents(), Stderr: fixtureLines()}
	long := strings.Repeat("long ", 50)
	r.App.Instances[1].Reason = long
	for _, c := range []struct {
		o     Options
		whole bool
	}{{Options{}, true}, {Options{TTY: true}, false}, {Options{TTY: true, Width: 400}, true}, {Options{TTY: true, Width: 5}, false}} {
		var b bytes.Buffer
		c.o.Now = fixtureNow
		Why(&b, r, c.o)
		if got := strings.Contains(b.String(), long); got != c.whole {
			t.Errorf("%+v: whole lines: %t", c.o, got)
		}
	}
}

func TestWhyCountsQuickEnds(t *testing.T) {
	r := Report{App: fixtures()[0], Inst: 1}
	i := &r.App.Instances[1]
	for _, c := range []struct {
		restarts, strikes, max int
		status                 velos.Status
		want                   string
	}{
		{3, 3, 16, velos.WaitingRestart, "3 in all; 3 of 16 allowed ends in a row before 1s\n"},
		{3, 0, 16, velos.Online, "3 in all\n"},
		{3, 3, -1, velos.Online, "3 in all; 3 ends in a row before 1s\n"},
		{16, 17, 16, velos.Errored, "16 in all; given up: 17 ends in a row before 1s, max_restarts 16\n"},
		{0, 1, 0, velos.Errored, "0 in all; given up: 1 end in a row before 1s, max_restarts 0\n"},
	} {
		i.Restarts, i.Strikes, i.Status, r.App.Spec.MaxRestarts = c.restarts, c.strikes, c.status, c.max
		var b bytes.Buffer
		Why(&b, r, Options{Now: fixtureNow})
		if !strings.Contains(b.String(), "  restarts    "+c.want) {
			t.Errorf("want %q in\n%s", c.want, b.String())
		}
	}
}

func TestWhyOfAnAppWithoutInstances(t *testing.T) {
	for _, f := range []Format{Human, JSON, AI} {
		var b bytes.Buffer
		if err := Why(&b, Report{App: velos.App{Spec: velos.Spec{Name: "x"}, Status: velos.Stopped}, Inst: -1}, Options{Format: f}); err != nil || b.Len() == 0 {
			t.Errorf("format %d: %v, %q", f, err, b.String())
		}
	}
}

func TestJoinedErrorsAreShownOneByOne(t *testing.T) {
	var b bytes.Buffer
	Error(&b, errors.Join(errors.New("a:\n  ^\x1b"), &velos.Error{Code: velos.Conflict, Message: "b\x1b[2J", Hint: "c"}), Options{})
	if got, want := b.String(), "velos: a:\n  ^\\x1b\nvelos: b\n  hint: c\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTimeLayouts(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 5, 7, 45_000_000, time.UTC)
	for _, c := range []struct{ layout, want string }{
		{"%Y-%m-%d %H:%M:%S", "2026-03-01 09:05:07"}, {"%H:%M:%S.%L", "09:05:07.045"}, {"%s %% %q", "1772355907 % %q"}, {"Jan %d", "Jan 01"},
		{"YYYY-MM-DD HH:mm:ss", "2026-03-01 09:05:07"}, {"YYYY-MM-DD HH:mm Z", "2026-03-01 09:05 +00:00"}, {"HH:mm:ss.SSS", "09:05:07.045"},
		{time.RFC3339, "2026-03-01T09:05:07Z"}, {time.TimeOnly, "09:05:07"},
	} {
		if got := FormatTime(at, c.layout); got != c.want {
			t.Errorf("%s: got %s, want %s", c.layout, got, c.want)
		}
	}
}

func TestLinesHaveTheTimeLayoutOfTheirApp(t *testing.T) {
	apps := fixtures()
	apps[0].Spec.LogDateFormat = "HH:mm\x1b"
	var b bytes.Buffer
	e := NewEntries(&b, apps, LogOptions{})
	for _, l := range fixtureLines()[:3] {
		e.Add(&l)
	}
	e.Close()
	want := "api:0  | 11:59\\x1b listening on :3000\napi:1  ! 11:59\\x1b ECONNREFUSED 127.0.0.1:5432\nworker | queue is long\n"
	if got := b.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		n           int64
		want, short string
	}{
		{0, "0 B", "0"}, {512, "512 B", "512"}, {1024, "1.0 KB", "1.0K"}, {47185920, "45 MB", "45M"}, {1 << 30, "1.0 GB", "1.0G"}, {10188000, "9.7 MB", "9.7M"}, {1023 << 10, "1023 KB", "1023K"}, {-1, "0 B", "0"},
	} {
		if got := Bytes(c.n); got != c.want {
			t.Errorf("Bytes(%d) = %s, want %s", c.n, got, c.want)
		}
		if got := ShortBytes(c.n); got != c.short {
			t.Errorf("ShortBytes(%d) = %s, want %s", c.n, got, c.short)
		}
	}
}

func TestJSONHidesNothingFromATerminal(t *testing.T) {
	got := string(encode(map[string]string{"m": "a\u202eb\u009b\U000e0041ü<"}))
	if want := `{"m":"a\u202eb\u009b\udb40\udc41ü<"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
