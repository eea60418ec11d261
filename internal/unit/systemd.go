package unit

import (
	"strconv"
	"strings"
)

// systemd writes a unit of Type=notify.
//
// The main process is the keeper, as it is the one that systemd starts and
// that lives as long as the service. Its child, the daemon, reports: it is
// what knows when clients are answered, hence NotifyAccess=all. MAINPID=
// is not an answer: systemd would take a crash of the daemon, which the keeper
// repairs, for the end of the service.
//
// KillMode=process leaves the programs alone when the keeper dies, and lets
// velosd end them in its own order when the service is stopped: the keeper hands
// SIGTERM on, and the daemon asks for more than TimeoutStopSec if programs may
// take longer. OOMPolicy=continue: one program that was killed for its memory
// is velosd's business and no reason to stop all. Delegate: velosd makes
// a control group for each run.
func systemd(f Facts) Service {
	var b strings.Builder
	line := func(key, value string) { b.WriteString(key + "=" + value + "\n") }
	b.WriteString("# " + marked(f.Home) + "\n[Unit]\n")
	line("Description", specifiers(title(f)))
	if f.System {
		line("After", "network.target")
		if plain(f.Home) {
			line("RequiresMountsFor", f.Home)
		}
	}
	line("StartLimitIntervalSec", "0") // a home that is not mounted yet is waited for
	b.WriteString("\n[Service]\n")
	line("Type", "notify")
	line("NotifyAccess", "all")
	if f.System {
		user := f.User
		if ValidName(user) != nil { // systemd takes no such name
			user = strconv.Itoa(f.UID)
		}
		line("User", user)
	}
	line("Environment", quoted("VELOS_HOME="+f.Home))
	line("Environment", "GOMAXPROCS=1")
	line("Environment", quoted("PATH="+f.Path))
	line("ExecStart", command(f.Velosd))
	line("ExecReload", "/bin/kill -HUP $MAINPID")
	line("Restart", "on-failure")
	line("RestartSec", "5")
	line("WatchdogSec", "30")
	line("KillMode", "process")
	line("TimeoutStopSec", "90")
	line("OOMPolicy", "continue")
	line("Delegate", "yes")
	line("TasksMax", "infinity")
	line("LimitNOFILE", "65536:524288")
	b.WriteString("\n[Install]\n")
	name := f.Name + ".service"
	ctl, dir, target := []string{"systemctl"}, "/etc/systemd/system/", "multi-user.target"
	if !f.System {
		ctl, dir, target = []string{"systemctl", "--user"}, f.Config+"/systemd/user/", "default.target"
	}
	line("WantedBy", target)
	do := func(words ...string) []string { return append(ctl[:len(ctl):len(ctl)], words...) }
	return Service{
		Files:  []File{{dir + name, 0o644, b.String()}},
		Enable: [][]string{do("daemon-reload"), do("enable", name)},
		// No daemon-reload: a service that still runs would lose KillMode, and
		// with the next death of the keeper its programs.
		Disable: [][]string{do("disable", name)},
		Start:   do("start", name),
	}
}

// plain reports whether a path means itself where systemd splits words.
func plain(path string) bool { return !strings.ContainsAny(path, "\\\"' \t%") }

// specifiers makes percent signs mean themselves.
func specifiers(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quoted is one word, whatever is in it.
func quoted(s string) string {
	s = strings.ReplaceAll(specifiers(s), `\`, `\\`)
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// command runs a program without arguments. A colon in front keeps systemd
// from replacing variables in its name. Quotes and backslashes in the name of
// a program are refused by systemd, but not in an argument.
func command(path string) string {
	switch {
	case strings.ContainsAny(path, `\"'`):
		return `:/bin/sh -c "exec \"$0\"" ` + quoted(path)
	case strings.Contains(path, "$"):
		return quoted(":" + path)
	}
	return quoted(path)
}
