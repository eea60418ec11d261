package velos

import (
	"math"
	"strings"
	"testing"
)

func TestExitReadsAsASentence(t *testing.T) {
	for _, c := range []struct {
		e    Exit
		want string
	}{
		{Exit{Uptime: 3000}, "exited with code 0 after 3s"},
		{Exit{Code: 1, Uptime: 3000}, "exited with code 1 after 3s"},
		{Exit{Code: 1}, "exited with code 1"},
		{Exit{Code: 127, Uptime: 12}, "exited with code 127 after 12ms (command not found)"},
		{Exit{Code: 126, Uptime: 12}, "exited with code 126 after 12ms (found, but it cannot be executed)"},
		{Exit{Code: 137, Uptime: 60_000}, "exited with code 137 after 1m (128+9: SIGKILL ended what it ran; out of memory killer, or kill -9)"},
		{Exit{Code: 143, Uptime: 60_000, Asked: true}, "stopped with code 143 after 1m (128+15: SIGTERM ended what it ran)"},
		{Exit{Code: 130, Uptime: 900}, "exited with code 130 after 900ms (128+2: SIGINT ended what it ran; Ctrl-C, or somebody else's kill -INT)"},
		{Exit{Code: 139, Uptime: 900}, "exited with code 139 after 900ms (128+11: SIGSEGV ended what it ran; crashed in native code)"},
		{Exit{Code: 13, Uptime: 900, Runtime: "node"}, "exited with code 13 after 900ms (for Node: a top-level await was never settled)"},
		{Exit{Code: 13, Uptime: 900}, "exited with code 13 after 900ms"},
		{Exit{Signal: "SIGTERM", Asked: true, Cause: "memory: 98 MB over max_memory 90 MB", Uptime: 900}, "stopped by SIGTERM after 900ms (memory: 98 MB over max_memory 90 MB)"},
		{Exit{Signal: "SIGABRT", Asked: true, Core: true, Cause: "no sign of life for 5s (watchdog)"}, "killed by SIGABRT (no sign of life for 5s (watchdog); core dumped)"},
		{Exit{Signal: "SIGKILL", Asked: true, Killed: true, Cause: "no sign of life for 5s (watchdog)"}, "killed by SIGKILL (no sign of life for 5s (watchdog); by us: it did not stop in time)"},
		{Exit{Code: 78, Uptime: 900}, "exited with code 78 after 900ms (by sysexits.h: configuration error)"},
		{Exit{Signal: "SIGABRT", Asked: true, Cause: "no sign of life for 5s (watchdog)"}, "killed by SIGABRT (no sign of life for 5s (watchdog))"},
		{Exit{Asked: true, Uptime: 900}, "stopped with code 0 after 900ms"},
		{Exit{Signal: "SIGTERM", Asked: true, Uptime: 7_200_000}, "stopped by SIGTERM after 2h"},
		{Exit{Signal: "SIGTERM", Uptime: 7_200_000}, "killed by SIGTERM after 2h (somebody else asked it to stop)"},
		{Exit{Signal: "SIGKILL", Uptime: 12_000}, "killed by SIGKILL after 12s (out of memory killer, or kill -9)"},
		{Exit{Signal: "SIGKILL", OOM: true, Uptime: 12_000}, "killed by SIGKILL after 12s (out of memory: the kernel's limit for it was reached)"},
		{Exit{Signal: "SIGKILL", Asked: true, Killed: true, Uptime: 12_000}, "killed by SIGKILL after 12s (by us: it did not stop in time)"},
		{Exit{Signal: "SIGSEGV", Core: true, Uptime: 12_000}, "killed by SIGSEGV after 12s (crashed in native code, core dumped)"},
		{Exit{Signal: "SIGSEGV", Asked: true, Uptime: 12_000}, "killed by SIGSEGV after 12s (crashed in native code)"},
		{Exit{Signal: "SIGUSR1", Core: true, Uptime: 12_000}, "killed by SIGUSR1 after 12s (core dumped)"},
		{Exit{Signal: "SIGPIPE", Uptime: 12_000}, "killed by SIGPIPE after 12s (wrote to a pipe or socket that nobody reads)"},
		{Exit{Unknown: true}, "ended, code unknown"},
		{Exit{Unknown: true, Uptime: 5000}, "ended after 5s, code unknown"},
		{Exit{Error: "no such file: /srv/app"}, "could not be started: no such file: /srv/app"},
	} {
		if got := c.e.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestACodeIsExplainedByWhatRan(t *testing.T) {
	for _, c := range []struct {
		program string
		code    int
		want    string
	}{
		{"/usr/bin/node", 7, "the handler of uncaught exceptions"}, {"/usr/bin/sh", 7, ""}, {"/usr/bin/python3", 7, ""}, {`C:\Program Files\nodejs\node.exe`, 12, "its port is taken"},
		{"/opt/node-v22.1/bin/node22", 9, "invalid option"}, {"nodejs", 13, "top-level await"}, {"/srv/node/server", 13, ""}, {"/srv/nodemon", 7, ""},
		{"/usr/bin/python3.11", 2, "for Python"}, {"/usr/bin/python", 120, "for Python"}, {"pypy3", 120, "for Python"}, {"/usr/bin/node", 2, ""}, {"/usr/bin/python3", 1, ""}, {"/bin/bash", 2, ""},
		{"/usr/bin/node", 78, "sysexits"}, {"/usr/bin/sh", 127, "not found"}, {"", 5, ""},
	} {
		e := Exit{Code: c.code}
		if e.Ran(c.program); e.Meaning() == "" != (c.want == "") || !strings.Contains(e.Meaning(), c.want) {
			t.Errorf("%s, code %d: %q; want %q", c.program, c.code, e.Meaning(), c.want)
		}
	}
	if e := (Exit{Signal: "SIGKILL", Code: 7}); e.Runtime != "" || func() string { e.Ran("node"); return e.Runtime }() != "" {
		t.Error("a signal has no code")
	}
}

func TestEveryKnownSignalAndCodeHasALine(t *testing.T) {
	for _, s := range SignalNames() {
		e := Exit{Signal: s, Uptime: 1000}
		if got := e.String(); !strings.HasPrefix(got, "killed by "+s+" after 1s") || strings.Contains(got, "()") {
			t.Errorf("%s: %s", s, got)
		}
	}
	for code := range 256 {
		e := Exit{Code: code}
		if got := e.String(); !strings.HasPrefix(got, "exited with code ") || strings.Contains(got, "()") {
			t.Errorf("%d: %s", code, got)
		}
	}
}

func TestMillisAreShownInAtMostTwoUnits(t *testing.T) {
	for _, c := range []struct {
		m    Millis
		want string
	}{
		{0, "0ms"}, {850, "850ms"}, {999, "999ms"}, {1000, "1s"}, {1099, "1s"}, {3200, "3.2s"}, {9999, "9.9s"},
		{10_000, "10s"}, {45_900, "45s"}, {60_000, "1m"}, {90_000, "1m 30s"}, {12 * 60_000, "12m"}, {12*60_000 + 30_000, "12m"},
		{3_600_000, "1h"}, {2*3_600_000 + 5*60_000, "2h 5m"}, {86_400_000, "1d"}, {3*86_400_000 + 4*3_600_000, "3d 4h"},
		{-1500, "-1.5s"}, {math.MaxInt64, "106751991167d 7h"}, {math.MinInt64, "-106751991167d 7h"},
	} {
		if got := c.m.String(); got != c.want {
			t.Errorf("%d: got %s, want %s", int64(c.m), got, c.want)
		}
	}
}
