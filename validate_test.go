package velos

import (
	"strings"
	"testing"
)

func good() Spec {
	s := NewSpec()
	s.Name, s.Script, s.Cwd, s.Interpreter = "api", "/srv/app.js", "/srv", "/usr/bin/node"
	return s
}

func TestACompleteSpecIsValid(t *testing.T) {
	s := good()
	s.Env = map[string]string{"PORT": "3000", "EMPTY": ""}
	s.IncrementVar = "PORT"
	s.EnvFiles = []string{"/srv/.env"}
	s.StopExitCodes = []int64{0, 255}
	s.MaxRestarts = -1
	s.MinUptime = 0
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesAppAndField(t *testing.T) {
	for _, c := range []struct {
		change func(*Spec)
		want   string
	}{
		{func(s *Spec) { s.Name = "" }, `name "": must not be empty`},
		{func(s *Spec) { s.Namespace = "a/b" }, `app api: namespace: "a/b": must not contain a slash: a name is not a path`},
		{func(s *Spec) { s.Script = "" }, "app api: script: is missing"},
		{func(s *Spec) { s.Script = "./app.js" }, `app api: script: must be an absolute path, not "./app.js"`},
		{func(s *Spec) { s.Script = "/srv/a\x00b" }, "app api: script: must not contain a NUL byte"},
		{func(s *Spec) { s.Interpreter = "node" }, `app api: interpreter: must be an absolute path, not "node"`},
		{func(s *Spec) { s.Cwd = "" }, "app api: cwd: is missing"},
		{func(s *Spec) { s.Cwd = "srv" }, `app api: cwd: must be an absolute path, not "srv"`},
		{func(s *Spec) { s.Shell = true }, "app api: shell: needs a command line"},
		{func(s *Spec) { s.Args = []string{"a", "\x00"} }, "app api: args: must not contain a NUL byte"},
		{func(s *Spec) { s.Instances = -2 }, "app api: instances: must be 1 or more, not -2"},
		{func(s *Spec) { s.Instances = 10001 }, "app api: instances: must be at most 8192, not 10001"},
		{func(s *Spec) { s.Mode = "spoon" }, `app api: mode: must be fork or cluster, not "spoon"`},
		{func(s *Spec) { s.Env = map[string]string{"": "x"} }, "app api: env: a variable must have a name"},
		{func(s *Spec) { s.Env = map[string]string{"A=B": "x"} }, `app api: env."A=B": the name of a variable must not contain =`},
		{func(s *Spec) { s.Env = map[string]string{"B\x00": "", "A": "x\x00"} }, `app api: env."A": must not contain a NUL byte`},
		{func(s *Spec) { s.FileEnv = map[string]string{"B\x00": ""} }, `app api: env."B\x00": the name of a variable must not contain a NUL byte`},
		{func(s *Spec) { s.IncrementVar = "A=B" }, `app api: increment_var: must be the name of a variable, not "A=B"`},
		{func(s *Spec) { s.IncrementVar = "VELOS_ID" }, `app api: increment_var: the names that begin with VELOS_ are velos's own, not "VELOS_ID"`},
		{func(s *Spec) { s.IncrementVar, s.Env = "PORT", map[string]string{"PORT": "http"} }, `app api: increment_var: PORT must be a whole number, not "http"`},
		{func(s *Spec) { s.EnvFiles = []string{".env"} }, `app api: env_file: must be an absolute path, not ".env"`},
		{func(s *Spec) { s.Autorestart = "" }, `app api: autorestart: must be always, on-failure or never, not ""`},
		{func(s *Spec) { s.StopExitCodes = []int64{0, 256} }, "app api: stop_exit_codes: a code is between 0 and 255, not 256"},
		{func(s *Spec) { s.MaxRestarts = -2 }, "app api: max_restarts: must be 0 or more, not -2"},
		{func(s *Spec) { s.MinUptime = -1 }, "app api: min_uptime: must be 0 or more, not -1"},
		{func(s *Spec) { s.RestartDelay = MaxDelay + 1 }, "app api: restart_delay: must be at most 24 hours, not 1d"},
		{func(s *Spec) { s.KillTimeout = -5 }, "app api: kill_timeout: must be 0 or more, not -5"},
		{func(s *Spec) { s.ExpBackoffRestartDelay = -5 }, "app api: exp_backoff_restart_delay: must be 0 or more, not -5"},
		{func(s *Spec) { s.StopSignal = "SIGFOO" }, `app api: stop_signal: unknown signal "SIGFOO"`},
		{func(s *Spec) { s.StopSignal = "" }, `app api: stop_signal: unknown signal ""`},
		{func(s *Spec) { s.LogFile = "a.log" }, `app api: log_file: must be an absolute path, not "a.log"`},
		{func(s *Spec) { s.MaxLogSize = 0 }, "app api: max_log_size: must be more than 0, not 0"},
		{func(s *Spec) { s.MaxLogFiles = 0 }, "app api: max_log_files: must be 1 or more, not 0"},
		{func(s *Spec) { s.MaxLogFiles = 10_001 }, "app api: max_log_files: must be at most 10000, not 10001"},
		{func(s *Spec) { s.MaxLogTotal = -1 }, "app api: max_log_total: must be 0 or more, not -1"},
	} {
		s := good()
		c.change(&s)
		err := s.Validate()
		if err == nil {
			t.Errorf("no error; want %s", c.want)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("got  %s\nwant %s", err, c.want)
		}
		if CodeOf(err) != Invalid || HintOf(err) == "" {
			t.Errorf("%s: code %s, hint %q; want invalid with a hint", c.want, CodeOf(err), HintOf(err))
		}
	}
}

// serving is a Spec with everything that it may say about how it serves.
func serving() Spec {
	s := good()
	s.Instances, s.Mode = 2, Cluster
	s.Listen, s.ListenReuse = []string{"tcp://:8080", "tcp://127.0.0.1:0", "tcp://[::1]:80", "udp://0.0.0.0:53", "unix:/run/x.sock"}, true
	s.Ready, s.ListenTimeout = &Probe{HTTP: "http://127.0.0.1:$PORT/up", Interval: 100, Timeout: 1000, Retries: 1}, 30_000
	s.Health, s.Watchdog = &Probe{Exec: []string{"/bin/true"}, StartPeriod: 1000}, 5000
	s.ShutdownWithMessage, s.ShutdownMessage = true, `"shutdown"`
	s.DependsOn = []Dependency{{"db", OnReady}, {"cache", OnHealthy}, {"migrate", OnExitedOK}, {"log", OnStarted}, {"seed", OnExited}}
	return s
}

func TestWhatASpecSaysAboutServingIsChecked(t *testing.T) {
	s := serving()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*Spec)
		want   string
	}{
		{func(s *Spec) { s.Interpreter = "" }, "mode: cluster is for scripts that node runs"},
		{func(s *Spec) { s.Shell, s.Command = true, "x" }, "mode: cluster is for scripts that node runs"},
		{func(s *Spec) { s.Listen = make([]string, MaxListen+1) }, "listen: must be at most 16 addresses, not 17"},
		{func(s *Spec) { s.Listen = []string{"8080"} }, `listen: "8080": is no address`},
		{func(s *Spec) { s.Listen = []string{"http://:80"} }, `listen: "http://:80": must begin with tcp://, udp:// or unix:`},
		{func(s *Spec) { s.Listen = []string{"tcp:80"} }, `listen: "tcp:80": needs tcp://`},
		{func(s *Spec) { s.Listen = []string{"udp:53"} }, `listen: "udp:53": needs udp://`},
		{func(s *Spec) { s.Listen = []string{"tcp://80"} }, `listen: "tcp://80": needs a port`},
		{func(s *Spec) { s.Listen = []string{"tcp://::1:80"} }, `listen: "tcp://::1:80": needs a port`},
		{func(s *Spec) { s.Listen = []string{"tcp://:"} }, `listen: "tcp://:": a port is a number from 0 to 65535`},
		{func(s *Spec) { s.Listen = []string{"tcp://:65536"} }, `listen: "tcp://:65536": a port is a number from 0 to 65535`},
		{func(s *Spec) { s.Listen = []string{"tcp://:+80"} }, `listen: "tcp://:+80": a port is a number from 0 to 65535`},
		{func(s *Spec) { s.Listen = []string{"tcp://localhost:80"} }, `listen: "tcp://localhost:80": the host must be an IP address, or empty for all`},
		{func(s *Spec) { s.Listen = []string{"tcp://1.2.3:80"} }, `listen: "tcp://1.2.3:80": the host must be an IP address, or empty for all`},
		{func(s *Spec) { s.Listen = []string{"unix:x.sock"} }, `listen: "unix:x.sock": needs an absolute path`},
		{func(s *Spec) { s.Listen = []string{"unix:///x.sock"} }, `listen: "unix:///x.sock": needs an absolute path`},
		{func(s *Spec) { s.Listen = []string{"unix:/" + strings.Repeat("x", 107)} }, `listen: "unix:/xxx`},
		{func(s *Spec) { s.Listen = []string{"unix:/a\x00"} }, `listen: "unix:/a\x00": must not contain a NUL byte`},
		{func(s *Spec) { s.Listen = []string{"tcp://:1", "tcp://:1"} }, `listen: "tcp://:1" is there twice`},
		{func(s *Spec) { s.Listen = nil }, "listen_reuseport: needs listen"},
		{func(s *Spec) { s.WaitReady = true }, "ready: wait_ready is there, too"},
		{func(s *Spec) { s.ListenTimeout = -1 }, "listen_timeout: must be 0 or more, not -1"},
		{func(s *Spec) { s.Watchdog = MaxDelay + 1 }, "watchdog: must be at most 24 hours, not 1d"},
		{func(s *Spec) { s.ShutdownWithMessage = false }, "shutdown_message: needs shutdown_with_message"},
		{func(s *Spec) { s.ShutdownMessage = "{}\n{}" }, "shutdown_message: must be one line of JSON"},
		{func(s *Spec) { s.Ready = &Probe{} }, "ready: needs one of http, tcp, exec and log, and no more"},
		{func(s *Spec) { s.Health.TCP = "127.0.0.1:1" }, "health: needs one of http, tcp and exec, and no more"},
		{func(s *Spec) { s.Health = &Probe{Log: "up"} }, "health.log: is for readiness only"},
		{func(s *Spec) { s.Ready.HTTP = "https://127.0.0.1/" }, `ready.http: must be a URL that begins with http://, not "https://127.0.0.1/"`},
		{func(s *Spec) { s.Ready = &Probe{TCP: "3000"} }, `ready.tcp: must be HOST:PORT, not "3000"`},
		{func(s *Spec) { s.Ready.Retries = -1 }, "ready.retries: must be 0 or more, not -1"},
		{func(s *Spec) { s.Health.Interval = -1 }, "health.interval: must be 0 or more, not -1"},
		{func(s *Spec) { s.Health.Timeout = MaxDelay + 1 }, "health.timeout: must be at most 24 hours, not 1d"},
		{func(s *Spec) { s.Health.StartPeriod = -1 }, "health.start_period: must be 0 or more, not -1"},
		{func(s *Spec) { s.Health.Exec = []string{"/bin/a", "\x00"} }, "health: must not contain a NUL byte"},
		{func(s *Spec) { s.DependsOn[0].Name = "a/b" }, `depends_on: "a/b": must not contain a slash: a name is not a path`},
		{func(s *Spec) { s.DependsOn[0].Name = "API" }, "depends_on: an app cannot depend on itself"},
		{func(s *Spec) { s.DependsOn[0].Condition = "" }, `depends_on: condition must be started, ready, healthy, exited_ok or exited, not ""`},
		{func(s *Spec) { s.DependsOn[3].Name = "DB" }, "depends_on: DB is there twice"},
	} {
		s := serving()
		c.change(&s)
		err := s.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "app api: "+c.want) {
			t.Errorf("got  %v\nwant app api: %s", err, c.want)
			continue
		}
		if CodeOf(err) != Invalid || HintOf(err) == "" {
			t.Errorf("%s: code %s, hint %q; want invalid with a hint", c.want, CodeOf(err), HintOf(err))
		}
	}
}

func TestAddressesAreAListThatCanBeCompared(t *testing.T) {
	list := []string{"tcp://0.0.0.0:3000", "unix:/run/x.sock"}
	if got := AddressesOf(list).List(); len(got) != 2 || got[0] != list[0] || got[1] != list[1] {
		t.Errorf("got %q", got)
	}
	if got := AddressesOf(nil).List(); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestTriggersAreChecked(t *testing.T) {
	triggered := func() Spec {
		s := good()
		s.MaxMemory, s.Watch, s.WatchPaths, s.WatchIgnore, s.WatchDelay, s.CronRestart = 1<<30, true, []string{"/srv/api/src"}, []string{"*.tmp"}, 500, "0 3 * * *"
		return s
	}
	job := func() Spec {
		s := good()
		s.Schedule, s.Overlap, s.Autorestart = "0 3 * * *", Queue, Never
		return s
	}
	for _, s := range []Spec{triggered(), job()} {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		base   func() Spec
		change func(*Spec)
		want   string
	}{
		{triggered, func(s *Spec) { s.MaxMemory = -1 }, "max_memory: must be 0 or more, not -1"},
		{triggered, func(s *Spec) { s.MaxMemory = 150 }, "max_memory: 150 bytes are less than any program takes"},
		{triggered, func(s *Spec) { s.WatchPaths = []string{"src"} }, `watch_paths: must be an absolute path, not "src"`},
		{triggered, func(s *Spec) { s.WatchPaths = []string{""} }, "watch_paths: must not be empty"},
		{triggered, func(s *Spec) { s.WatchIgnore = []string{"a\x00"} }, "watch_ignore: must not contain a NUL byte"},
		{triggered, func(s *Spec) { s.WatchDelay = -1 }, "watch_delay: must be 0 or more, not -1"},
		{triggered, func(s *Spec) { s.CronRestart = "\x00" }, "cron_restart: must not contain a NUL byte"},
		{triggered, func(s *Spec) { s.Overlap = Skip }, "overlap: needs schedule"},
		{triggered, func(s *Spec) { s.Schedule, s.Autorestart = "* * * * *", Never }, "schedule: cron_restart is there, too"},
		{job, func(s *Spec) { s.Watch = true }, "schedule: watch is there, too"},
		{job, func(s *Spec) { s.Overlap = "twice" }, `overlap: must be skip, queue or kill, not "twice"`},
		{job, func(s *Spec) { s.Autorestart = OnFailure }, "schedule: needs autorestart = never, not on-failure"},
		{job, func(s *Spec) { s.Mode, s.Interpreter = Cluster, "/usr/bin/node" }, "schedule: is for mode fork"},
	} {
		s := c.base()
		c.change(&s)
		if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), "app api: "+c.want) || CodeOf(err) != Invalid || HintOf(err) == "" {
			t.Errorf("%v (hint %q); want %s", err, HintOf(err), c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, n := range []string{"api", "api-2", "A.b_c", "0x", "a", strings.Repeat("a", 64), "console", "COM", "com10", "lpt", "allen"} {
		if err := ValidName(n); err != nil {
			t.Errorf("%s: %v; want no error", n, err)
		}
	}
	for _, c := range [][2]string{
		{"", "empty"}, {"a/b", "slash"}, {`a\b`, "slash"}, {"../x", "slash"}, {"a..b", ".."}, {"..", ".."},
		{"-a", "begin with"}, {".a", "begin with"}, {"all", "every app"}, {"ALL", "every app"}, {"17", "an id"},
		{"CON", "device"}, {"nul.log", "device"}, {"Com1", "device"}, {"LPT9", "device"},
		{"a b", `" "`}, {"a:b", `":"`}, {"aé", `"é"`}, {"a\x1b[31m", `"\x1b"`}, {"é", "begin with"},
		{strings.Repeat("a", 65), "64 characters"}, {"a\xff", "must not contain"},
	} {
		err := ValidName(c[0])
		if err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%q: %v; want an error with %q", c[0], err, c[1])
		} else if CodeOf(err) != Invalid || HintOf(err) == "" {
			t.Errorf("%q: code %s, hint %q", c[0], CodeOf(err), HintOf(err))
		}
	}
}

func TestSignalsAreKnownByFullName(t *testing.T) {
	for _, n := range SignalNames() {
		if !KnownSignal(n) {
			t.Errorf("%s is listed and not known", n)
		}
	}
	for _, n := range []string{"", "TERM", "sigterm", "15", "SIG", "SIGTERM SIGCHLD", " SIGTERM"} {
		if KnownSignal(n) {
			t.Errorf("%q is known; want only full names in capitals", n)
		}
	}
}

func FuzzValidName(f *testing.F) {
	for _, n := range []string{"api", "a/b", "CON", "..", "17"} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n string) {
		if ValidName(n) != nil {
			return
		}
		for i := 0; i < len(n); i++ {
			if c := n[i]; !alnum(c) && (i == 0 || !strings.ContainsRune("._-", rune(c))) {
				t.Fatalf("%q is valid", n)
			}
		}
		if n == "" || len(n) > 64 {
			t.Fatalf("%q is valid", n)
		}
	})
}
