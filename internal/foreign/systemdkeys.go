package foreign

import (
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// unitKeys are the keys of a .service with a counterpart here.
var unitKeys map[string]func(u *unit, e entry, v string) error

func init() {
	lengthTo := func(ours string) func(*unit, entry, string) error {
		return func(u *unit, e entry, v string) error { return u.length(e, v, ours) }
	}
	textTo := func(ours string) func(*unit, entry, string) error {
		return func(u *unit, e entry, v string) error {
			if v == "" { // as if it were not there, says systemd
				u.drop(ours)
				return nil
			}
			u.replace(ours, v, e.line)
			return nil
		}
	}
	unitKeys = map[string]func(*unit, entry, string) error{
		"ExecStart": (*unit).execStart, "ExecStartPre": (*unit).hook, "ExecStartPost": (*unit).hook, "ExecStop": (*unit).hook, "Type": (*unit).kind, "Restart": (*unit).restarts,
		"Environment": (*unit).environment, "EnvironmentFile": (*unit).environmentFile,
		"WorkingDirectory": (*unit).directory, "User": textTo("user"), "Group": textTo("group"),
		"RestartSec": lengthTo("restart_delay"), "TimeoutStopSec": lengthTo("kill_timeout"), "WatchdogSec": lengthTo("watchdog"),
		"TimeoutStartSec": lengthTo("listen_timeout"),
		"TimeoutSec": func(u *unit, e entry, v string) error {
			if err := u.length(e, v, "listen_timeout"); err != nil {
				return err
			}
			return u.length(e, v, "kill_timeout")
		},
		"KillSignal": textTo("stop_signal"), "StandardOutput": (*unit).output, "StandardError": (*unit).output,
		"RestartPreventExitStatus": (*unit).exitCodes, "SuccessExitStatus": (*unit).exitCodes,
		"StartLimitBurst": (*unit).burst, "StartLimitInterval": (*unit).interval, "StartLimitIntervalSec": (*unit).interval,
		"MemoryMax": (*unit).memory, "MemoryLimit": (*unit).memory, "KillMode": (*unit).killMode,
		"UMask": (*unit).mask, "Nice": (*unit).niceness,
	}
	for _, name := range velos.LimitNames {
		unitKeys["Limit"+strings.ToUpper(name)] = (*unit).rlimit
	}
	for _, key := range []string{"After", "Before", "Requires", "Wants", "BindsTo", "PartOf", "Requisite", "Upholds"} {
		unitKeys[key] = (*unit).needs
	}
}

var unitIdle = map[string]string{
	"Description": "apps have names", "Documentation": "apps have names", "SyslogIdentifier": "lines carry the app's name", "NotifyAccess": "every process of an app may report",
	"OOMPolicy": "velos why tells when the kernel has ended a program for want of memory", "SyslogLevel": "lines have the level that they say", "SyslogFacility": "logs are files of Velos",
	"DefaultDependencies": "the daemon starts after the system", "Delegate": "each run has a control group of its own",
}

var unitLost = map[string]string{
	"ExecStopPost": "on_crash runs a command after a run that failed, and no hook does after the others", "ExecReload": "velos signal SIGHUP NAME, or velos reload",
	"ExecCondition": "a pre_start that fails is a failed start", "PIDFile": "programs run in the foreground here", "RemainAfterExit": "an app that has ended is stopped",
	"PassEnvironment": "write the variables into env", "UnsetEnvironment": "leave them out of env",
	"RuntimeDirectory": "make the directory", "StateDirectory": "make the directory", "CacheDirectory": "make the directory", "LogsDirectory": "make the directory",
	"SendSIGKILL": "what does not end in time is killed", "OOMScoreAdjust": ownLimits, "CPUQuota": groupLimits, "TasksMax": groupLimits, "MemoryHigh": groupLimits,
	"RestartSteps": "exp_backoff_restart_delay has pauses that grow", "RestartMaxDelaySec": "exp_backoff_restart_delay has pauses that grow, up to 15 seconds", "RestartForceExitStatus": "autorestart looks at whether a run failed",
	"RuntimeMaxSec": "cron_restart starts an app anew at times of the clock", "StandardInput": "programs have no input", "StartLimitAction": nothingDone, "FailureAction": nothingDone, "SuccessAction": nothingDone,
	"FinalKillSignal": "what does not end in time is killed by SIGKILL", "SendSIGHUP": "stop_signal is the one that is sent", "TimeoutAbortSec": "kill_timeout counts for every stop",
	"SupplementaryGroups": "programs have the groups of their user", "OnFailure": "nothing is started by a failure",
}

// A unitStart is an ExecStart with its specifiers replaced.
type unitStart struct {
	entry
	command string
}

const nothingDone = "Velos does nothing to the system: on_giving_up runs a command"

// execStart takes a command. An empty one empties the list.
func (u *unit) execStart(e entry, v string) error {
	if v == "" {
		u.starts = nil
		return nil
	}
	for _, command := range strings.Split(v, " ; ") {
		u.starts = append(u.starts, unitStart{e, strings.TrimSpace(command)})
	}
	return nil
}

// program sets the command. A variable of systemd's is a shell's here, and so
// is a list of commands, which only a oneshot has.
func (u *unit) program() error {
	first := u.starts[0]
	if len(u.starts) > 1 && u.typ == "oneshot" {
		var lines []string
		for _, s := range u.starts {
			line, _ := hookLine(s.command)
			if line == "" {
				return u.wrong(s.entry, "is empty", "such as ExecStart=/usr/bin/node app.js")
			}
			lines = append(lines, line)
		}
		u.set("script", strings.Join(lines, " && "), first.line)
		u.set("shell", true, first.line)
		return nil
	}
	if len(u.starts) > 1 {
		u.lost(u.App.Name, "ExecStart", "only the first command is taken")
	}
	v := strings.TrimLeft(first.command, "-@:+!|")
	named := strings.Contains(first.command[:len(first.command)-len(v)], "@") // the second word is what the program is called
	words := splitWords(v, unitWords)
	if named && len(words) > 1 {
		words = append(words[:1], words[2:]...)
	}
	if len(words) == 0 {
		return u.wrong(first.entry, "is empty", "such as ExecStart=/usr/bin/node app.js")
	}
	if strings.Contains(strings.ReplaceAll(v, "$$", ""), "$") {
		u.set("script", "exec "+unitLine(words), first.line)
		u.set("shell", true, first.line)
		return nil
	}
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "$$", "$")
	}
	u.App.program(words, first.line)
	return nil
}

func (u *unit) kind(e entry, v string) error {
	switch v {
	case "notify", "notify-reload":
		u.set("wait_ready", true, e.line)
	case "simple", "exec", "oneshot":
	case "forking":
		u.lost(u.App.Name, "Type", "a program that puts itself into the background cannot be kept running: let it run in the foreground")
	default:
		u.lost(u.App.Name, "Type", shown(v)+" is known to systemd only; it counts as started when it has lived through min_uptime")
	}
	return nil
}

// unitRestarts are what Restart may be.
var unitRestarts = []string{"no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"}

func (u *unit) restarts(e entry, v string) error {
	if v == "" {
		v = "no"
	}
	if !slices.Contains(unitRestarts, v) {
		return u.wrong(e, "must be "+strings.Join(unitRestarts[:6], ", ")+" or on-watchdog, not "+shown(v), didYouMean(v, unitRestarts, "such as Restart=on-failure"))
	}
	u.restart = v
	return nil
}

func (u *unit) length(e entry, v, ours string) error {
	ms, ok := span(v)
	if !ok {
		return u.wrong(e, "must be a length of time, not "+shown(v), "such as "+e.key+"=30s")
	}
	if ms == 0 && (strings.EqualFold(strings.TrimSpace(v), "infinity") || strings.HasPrefix(e.key, "Timeout")) {
		ms = 24 * 60 * 60 * 1000 // the longest there is
	}
	if ours == "listen_timeout" && !strings.HasPrefix(u.typ, "notify") {
		u.idle(u.App.Name, e.key, "only what says itself that it is ready is waited for")
		return nil
	}
	u.replace(ours, ms, e.line)
	return nil
}

func (u *unit) environment(e entry, v string) error {
	if v == "" {
		u.env = nil // this is how a list is emptied
		return nil
	}
	for _, word := range splitWords(v, unitWords) {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return u.wrong(e, "must be NAME=value, not "+shown(word), `such as Environment="A=1" "B=2"`)
		}
		u.env = u.env.with(Table{{name, value, e.line}})
	}
	return nil
}

func (u *unit) environmentFile(e entry, v string) error {
	path, optional := strings.CutPrefix(v, "-")
	if v == "" {
		u.drop("env_file") // this is how a list is emptied
		return nil
	}
	if optional {
		path = "?" + path
	}
	files, _ := u.get("env_file").([]string)
	u.replace("env_file", append(slices.Clone(files), path), e.line)
	return nil
}

func (u *unit) directory(e entry, v string) error {
	u.replace("cwd", strings.TrimPrefix(v, "-"), e.line)
	return nil
}

func (u *unit) output(e entry, v string) error {
	kind, path, _ := strings.Cut(v, ":")
	switch kind {
	case "file", "append", "truncate":
		u.replace(map[string]string{"StandardOutput": "out_file", "StandardError": "error_file"}[e.key], path, e.line)
		u.replace("log_raw", true, 0)
	case "null":
		u.lost(u.App.Name, e.key, alwaysKept)
	default:
		u.idle(u.App.Name, e.key, "velos logs shows what it writes")
	}
	return nil
}

func (u *unit) exitCodes(e entry, v string) error {
	for _, word := range strings.Fields(v) {
		n, err := strconv.ParseInt(word, 10, 64)
		if i := slices.Index(unitCodes, word); i >= 0 {
			n, err = int64(i+firstCode), nil
		}
		switch {
		case err != nil:
			u.lost(u.App.Name, e.key, shown(word)+" is no number: only exit codes end an app for good")
		case e.key == "RestartPreventExitStatus":
			u.codes = append(u.codes, n)
		default:
			u.success = append(u.success, n)
		}
	}
	return nil
}

// unitCodes are systemd's names of exit codes, from firstCode on.
var unitCodes = []string{"USAGE", "DATAERR", "NOINPUT", "NOUSER", "NOHOST", "UNAVAILABLE", "SOFTWARE", "OSERR", "OSFILE", "CANTCREAT", "IOERR", "TEMPFAIL", "PROTOCOL", "NOPERM", "CONFIG"}

const firstCode = 64

func (u *unit) burst(e entry, v string) error {
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return u.wrong(e, "must be a number, not "+shown(v), "such as StartLimitBurst=5")
	}
	switch {
	case n == 0: // there is no limit
		u.replace("max_restarts", int64(-1), e.line)
	case u.get("max_restarts") != int64(-1): // the first start counts there
		u.replace("max_restarts", n-1, e.line)
	}
	return nil
}

func (u *unit) interval(e entry, v string) error {
	if ms, ok := span(v); ok && ms == 0 {
		u.replace("max_restarts", int64(-1), e.line)
		return nil
	}
	u.lost(u.App.Name, e.key, "restarts are not counted in a time, but those in a row that came before min_uptime")
	return nil
}

func (u *unit) memory(e entry, v string) error {
	if _, err := config.Size(v); err != nil {
		u.lost(u.App.Name, e.key, shown(v)+" is no size")
		return nil
	}
	u.replace("max_memory", v, e.line)
	return nil
}

func (u *unit) killMode(e entry, v string) error {
	if v == "process" || v == "none" {
		u.lost(u.App.Name, e.key, wholeTree)
	} else {
		u.idle(u.App.Name, e.key, wholeTree)
	}
	return nil
}

// needs are other units: targets come with the system, services would have to
// be apps.
func (u *unit) needs(e entry, v string) error {
	for _, other := range strings.Fields(v) {
		if strings.HasSuffix(other, ".socket") {
			u.lost(u.App.Name, e.key, other+": listen has the addresses that it opens, and passes them on as systemd does")
		} else if name, ok := strings.CutSuffix(other, ".service"); ok {
			u.lost(u.App.Name, e.key, other+": if it becomes an app, too: depends_on = [\""+name+"\"]")
		} else {
			u.idle(u.App.Name, e.key, other+": the daemon starts when the system is up")
		}
	}
	return nil
}
