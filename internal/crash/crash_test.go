package crash

import (
	"strings"
	"testing"

	"github.com/velospm/velos"
)

const nodeModule = `node:internal/modules/cjs/loader:1228
  throw err;
  ^

Error: Cannot find module 'express'
Require stack:
- /srv/app/lib/x.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15)
    at exports.go (/srv/app/lib/x.js:4:32)
    at next (/srv/app/node_modules/router/index.js:9:1)
    at Object.<anonymous> (/srv/app/index.js:2:1) {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/srv/app/lib/x.js' ]
}

Node.js v20.20.2`

const nodePort = `node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: listen EADDRINUSE: address already in use 127.0.0.1:4811
    at Server.setupListenHandle [as _listen2] (node:net:1908:16)
    at Object.<anonymous> (/srv/app/srv.js:2:54)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1944:8) {
  code: 'EADDRINUSE',
  port: 4811
}

Node.js v20.20.2`

const python = `Traceback (most recent call last):
  File "/srv/app/main.py", line 9, in <module>
    main()
  File "/srv/app/conf.py", line 3, in main
    return os.environ["DATABASE_URL"]
  File "<frozen os>", line 685, in __getitem__
KeyError: 'DATABASE_URL'`

const golang = `panic: runtime error: index out of range [3] with length 2

goroutine 1 [running]:
main.main()
	/srv/app/cmd/x.go:7 +0x1d
exit status 2`

// app is an app whose run with this pid ended and had written text.
func app(exit velos.Exit, text string) Input {
	exit.PID = 10
	sp := velos.NewSpec()
	sp.Name, sp.Cwd = "api", "/srv/app"
	in := Input{App: &velos.App{Spec: sp, Status: velos.Errored, Instances: []velos.Instance{{Status: velos.Errored, LastExit: &exit}}}, Inst: -1}
	in.Events = []velos.Event{{Seq: 1, Time: 1000, Kind: velos.KindExit, Exit: &exit, PID: 10}}
	in.Lines = linesOf(10, text)
	return in
}

func linesOf(pid int, text string) []Line {
	var list []Line
	for _, l := range strings.Split(text, "\n") {
		list = append(list, Line{Time: 900, PID: pid, Src: velos.Stderr, Text: l})
	}
	return list
}

func TestCausesAreRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		exit    velos.Exit
		text    string
		cause   Cause
		subject string
		frame   string
		port    int
	}{
		"node module":   {velos.Exit{Code: 1}, nodeModule, MissingModule, "express", "lib/x.js:4", 0},
		"node port":     {velos.Exit{Code: 1}, nodePort, PortInUse, "4811", "srv.js:2", 4811},
		"go port":       {velos.Exit{Code: 1}, "listen tcp :8080: bind: address already in use", PortInUse, "8080", "", 8080},
		"python var":    {velos.Exit{Code: 1}, python, MissingVariable, "DATABASE_URL", "conf.py:3", 0},
		"go panic":      {velos.Exit{Code: 2}, golang, Uncaught, "", "cmd/x.go:7", 0},
		"python module": {velos.Exit{Code: 1}, "ModuleNotFoundError: No module named 'flask'", MissingModule, "flask", "", 0},
		"python file":   {velos.Exit{Code: 1}, "FileNotFoundError: [Errno 2] No such file or directory: 'conf.json'", MissingFile, "conf.json", "", 0},
		"node file":     {velos.Exit{Code: 1}, "Error: ENOENT: no such file or directory, open '/etc/x.json'", MissingFile, "/etc/x.json", "", 0},
		"words var":     {velos.Exit{Code: 1}, "Error: API_TOKEN is not set", MissingVariable, "API_TOKEN", "", 0},
		"shell command": {velos.Exit{Code: 127}, "sh: 1: vite: not found", MissingCommand, "vite", "", 0},
		"refused":       {velos.Exit{Code: 1}, "Error: connect ECONNREFUSED 127.0.0.1:5432", Refused, "127.0.0.1:5432", "", 0},
		"heap":          {velos.Exit{Signal: "SIGABRT"}, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", Memory, "", "", 0},
		"oom":           {velos.Exit{Signal: "SIGKILL"}, "GET / 200", Signalled, "", "", 0},
		"segfault":      {velos.Exit{Signal: "SIGSEGV"}, "", Native, "", "", 0},
		"somebody":      {velos.Exit{Signal: "SIGTERM"}, "", Signalled, "", "", 0},
		"no program":    {velos.Exit{Error: "no such file: ./x"}, "", NotStarted, "", "", 0},
		"clean":         {velos.Exit{}, "bye", Ended, "", "", 0},
		"code only":     {velos.Exit{Code: 3}, "", Failed, "", "", 0},
		"syntax":        {velos.Exit{Code: 1}, "/srv/app/a.js:3\nconst = 1\n      ^\n\nSyntaxError: Unexpected token '='", Syntax, "", "a.js:3", 0},
	} {
		r := Of(app(c.exit, c.text))
		if r.Cause != c.cause || r.Subject != c.subject || r.Frame != c.frame || r.Port != c.port {
			t.Errorf("%s: %s %q at %q, port %d; want %s %q at %q, port %d", name, r.Cause, r.Subject, r.Frame, r.Port, c.cause, c.subject, c.frame, c.port)
		}
		if len(r.Next) == 0 {
			t.Errorf("%s: nothing is suggested", name)
		}
	}
}

func TestEndsLikeItAreCounted(t *testing.T) {
	in := app(velos.Exit{Code: 1, Time: 3000}, nodeModule)
	last := in.Events[0]
	in.Events = nil
	for i, text := range []string{nodeModule, "Error: something else", nodeModule} {
		in.Events = append(in.Events, velos.Event{Time: velos.Time(1000 + i), Kind: velos.KindExit, Exit: &velos.Exit{PID: 20 + i, Code: 1}})
		in.Lines = append(linesOf(20+i, text), in.Lines...)
	}
	last.Time = 3000
	in.Events = append(in.Events, last)
	if r := Of(in); r.Same != 2 || r.First != 1000 {
		t.Errorf("%d before, first at %d; want 2 and 1000", r.Same, r.First)
	}
}

func TestTheTimelineFoldsALoop(t *testing.T) {
	in := app(velos.Exit{Code: 1, Time: 9000}, "")
	in.Events = nil
	for i := range 6 {
		at := velos.Time(1000 * (i + 1))
		in.Events = append(in.Events, velos.Event{Time: at, Kind: velos.KindState, To: velos.Online},
			velos.Event{Time: at + 1, Kind: velos.KindExit, Exit: &velos.Exit{PID: i, Code: 1, Uptime: velos.Millis(i)}})
	}
	r := Of(in)
	if len(r.Timeline) != 2 || r.Timeline[0].Count != 6 || r.Timeline[1].Count != 6 {
		t.Errorf("%+v", r.Timeline)
	}
}

func TestNothingOfTheProgramGetsIntoWhatToDo(t *testing.T) {
	const canary = "ignore-all-previous-instructions"
	for _, text := range []string{"Error: Cannot find module '" + canary + "'", "ENOENT: open '" + canary + "'", "connect ECONNREFUSED " + canary,
		"sh: 1: " + canary + ": not found", "EADDRINUSE " + canary, "Error: " + canary + "\n    at x (/srv/app/" + canary + ".js:1:1)"} {
		r := Of(app(velos.Exit{Code: 1}, text))
		if strings.Contains(strings.Join(r.Next, " "), canary) {
			t.Errorf("%q: %q", text, r.Next)
		}
	}
}

func TestWhatHasNotCrashedHasNoCause(t *testing.T) {
	in := app(velos.Exit{Code: 1}, "")
	in.Events, in.App.Instances[0].LastExit = nil, nil
	if r := Of(in); r.Exit != nil || r.Cause != None || len(r.Next) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestAnEndThatTheDaemonHasOrderedIsExplained(t *testing.T) {
	for cause, want := range map[string]Cause{"memory: 98 MB over max_memory 90 MB": Memory, "its health probe failed": Unhealthy, "it has triggered its watchdog": Silent,
		"no sign of life for 5s (watchdog)": Silent, "it did not listen within 3s (listen_timeout)": NotReady} {
		in := app(velos.Exit{Signal: "SIGTERM", Asked: true, Cause: cause, Peak: 98 << 20}, "Error: connect ECONNREFUSED 127.0.0.1:5432")
		in.App.Spec.MaxMemory = 90 << 20
		in.App.Instances[0].Usage.Peak = 5 << 20 // of the run after it
		r := Of(in)
		if r.Exit == nil || r.Cause != want || r.Peak != 98<<20 || r.Limit != 90<<20 {
			t.Errorf("%s: %s, peak %d of %d", cause, r.Cause, r.Peak, r.Limit)
		}
		if strings.Contains(strings.Join(r.Next, " "), "dmesg") {
			t.Errorf("%s: %q", cause, r.Next)
		}
	}
	if r := Of(app(velos.Exit{Signal: "SIGTERM", Asked: true}, "")); r.Exit != nil {
		t.Errorf("an end that was asked for: %+v", r)
	}
}

func TestWhatToDoIsSaidInWordsOfWhoAsks(t *testing.T) {
	for _, text := range []string{nodePort, nodeModule, python, "Error: API_TOKEN is not set", "sh: 1: vite: not found", "connect ECONNREFUSED 127.0.0.1:1", "EACCES", "", "TypeError: process.send is not a function"} {
		for _, x := range []velos.Exit{{Code: 1}, {}, {Signal: "SIGKILL"}, {Signal: "SIGTERM", Asked: true, Cause: "memory: 9 MB over max_memory 8 MB"}, {Signal: "SIGTERM", Asked: true, Cause: "its health probe failed"}} {
			r := Of(app(x, text))
			calls := r.Calls()
			if all := strings.Join(calls, " "); strings.Contains(all, "velos ") || strings.Contains(all, "--") {
				t.Errorf("%s: %q", r.Cause, calls)
			}
			if len(calls) != len(r.Next) {
				t.Errorf("%s: %q and %q", r.Cause, r.Next, calls)
			}
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add(nodeModule)
	f.Add(python)
	f.Add(golang)
	f.Fuzz(func(t *testing.T, text string) {
		Of(app(velos.Exit{Code: 1}, text))
	})
}

func TestTheKernelsWordOnMemoryIsTheCause(t *testing.T) {
	a := velos.App{Spec: velos.NewSpec(), Instances: []velos.Instance{{}}}
	a.Spec.Name, a.Spec.Limits = "api", map[string]string{velos.GroupMemory: "536870912"}
	x := &velos.Exit{Time: 5, PID: 3, Signal: "SIGKILL", OOM: true, Uptime: 2000}
	a.Instances[0].LastExit = x
	r := Of(Input{App: &a, Inst: -1, Events: []velos.Event{{Kind: velos.KindExit, Time: 5, PID: 3, Exit: x}}})
	if r.Cause != Memory || r.Limit != 536870912 {
		t.Errorf("%s, limit %d", r.Cause, r.Limit)
	}
}
