package foreign

import (
	"os"
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
	"DefaultDependencies": "the daemon starts after the system", "Delegate": "each run has a control group of its own",
}

var unitLost = map[string]string{
	"ExecStopPost": "on_crash runs a command after a run that failed, and no hook does after the others", "ExecReload": "velos signal SIGHUP NAME, or velos reload",
	"ExecCondition": "a pre_start that fails is a failed start", "PIDFile": "programs run in the foreground here", "RemainAfterExit": "an app that has ended is stopped",
	"PassEnvironment": "write the variables into env", "UnsetEnvironment": "leave them out of env",
	"RuntimeDirectory": "make the directory", "StateDirectory": "make the directory", "CacheDirectory": "make the directory", "LogsDirectory": "make the directory",
	"SendSIGKILL": "what does not end in time is killed", "OOMScoreAdjust": ownLimits, "CPUQuota": groupLimits, "TasksMax": groupLimits, "MemoryHigh": groupLimits,
	"SupplementaryGroups": "programs have the groups of their user", "OnFailure": "nothing is started by a failure",
}

// execStart takes the command. A variable of systemd's is a shell's here.
func (u *unit) execStart(e entry, v string) error {
	if u.get("script") != nil {
		u.lost(u.App.Name, "ExecStart", "only the first command is taken")
		return nil
	}
	bare := strings.TrimLeft(v, "-@:+!|")
	named := strings.Contains(v[:len(v)-len(bare)], "@") // the second word is what the program is called
	v = bare
	words := splitWords(v, unitWords)
	if named && len(words) > 1 {
		words = append(words[:1], words[2:]...)
	}
	if len(words) == 0 {
		return u.wrong(e, "is empty", "such as ExecStart=/usr/bin/node app.js")
	}
	if strings.Contains(strings.ReplaceAll(v, "$$", ""), "$") {
		u.set("script", "exec "+strings.ReplaceAll(v, "$$", `\$`), e.line)
		u.set("shell", true, e.line)
		return nil
	}
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "$$", "$")
	}
	u.program(words, e.line)
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

func (u *unit) restarts(_ entry, v string) error {
	u.restart = v
	return nil
}

func (u *unit) length(e entry, v, ours string) error {
	ms, ok := span(v)
	if !ok {
		return u.wrong(e, "must be a length of time, not "+shown(v), "such as "+e.key+"=30s")
	}
	if ms == 0 && strings.EqualFold(strings.TrimSpace(v), "infinity") {
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
	if _, err := os.Stat(path); optional && err != nil {
		u.lost(u.App.Name, e.key, "there is no file "+shown(path)+", and it may be missing")
		return nil
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

func (u *unit) burst(e entry, v string) error {
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return u.wrong(e, "must be a number, not "+shown(v), "such as StartLimitBurst=5")
	}
	if u.get("max_restarts") != int64(-1) { // the first start counts there
		u.replace("max_restarts", max(0, n-1), e.line)
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
		if name, ok := strings.CutSuffix(other, ".service"); ok {
			u.lost(u.App.Name, e.key, other+": if it becomes an app, too: depends_on = [\""+name+"\"]")
		} else {
			u.idle(u.App.Name, e.key, other+": the daemon starts when the system is up")
		}
	}
	return nil
}
