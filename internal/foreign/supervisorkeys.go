package foreign

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/config"
)

var (
	errNoValue   = errors.New("must be NAME=value pairs")
	errOpenQuote = errors.New("has a quote that is not closed")
	errNoComma   = errors.New("needs a comma between two variables, and quotes around a value with blanks")
)

// supervisorKeys are the keys of one program while it is translated.
type supervisorKeys struct {
	*supervisorFile
	*App
	in        slot
	instances int
}

var supervisorIdle = map[string]string{
	"stderr_logfile_maxbytes": "max_log_size counts for both streams", "stderr_logfile_backups": "max_log_files counts for both streams",
}

var supervisorLost = map[string]string{
	"priority": "there is no order by number: depends_on names what an app needs", "serverurl": "there is no such server",
}

// supervisorSwitches are true or false; what is missing here when they are
// true, or for the last two when they are false.
var supervisorSwitches = map[string]string{
	"stdout_events_enabled": "Velos has no event listeners: velos logs --follow --json hands lines to a program", "stderr_events_enabled": "Velos has no event listeners: velos logs --follow --json hands lines to a program",
	"stdout_syslog": "logs go to files", "stderr_syslog": "logs go to files", "stopasgroup": wholeTree, "killasgroup": wholeTree,
}

var supervisorOthers = map[string]string{
	"eventlistener": "Velos feeds no events to programs: hooks such as on_crash run a command, [[notify]] sends news, and velos events --follow --json hands them to any program",
	"fcgi-program":  `Velos passes sockets on as systemd does: make it an app with listen, whose line is "exec COMMAND <&3"`,
}

// supervisorNames are the keys of a program, for the one that was meant.
var supervisorNames = []string{
	"command", "process_name", "numprocs", "numprocs_start", "priority", "autostart", "startsecs", "startretries", "autorestart", "exitcodes", "stopsignal",
	"stopwaitsecs", "stopasgroup", "killasgroup", "user", "redirect_stderr", "stdout_logfile", "stdout_logfile_maxbytes", "stdout_logfile_backups",
	"stdout_capture_maxbytes", "stdout_events_enabled", "stdout_syslog", "stderr_logfile", "stderr_logfile_maxbytes", "stderr_logfile_backups",
	"stderr_capture_maxbytes", "stderr_events_enabled", "stderr_syslog", "environment", "directory", "umask", "serverurl",
}

func (k *supervisorKeys) wrong(e entry, what, hint string) error {
	return k.at(e, k.App.Name+": "+e.key+" "+what, hint)
}

func (k *supervisorKeys) key(e entry) error {
	v, err := k.expand(e, &k.in)
	if err != nil {
		return err
	}
	a, line := k.App, k.lineOf(e)
	switch e.key {
	case "command", "numprocs", "numprocs_start", "process_name", "exitcodes", "autorestart": // program, app and restarts read them
	case "directory":
		a.replace("cwd", k.directory(v), line)
	case "user":
		a.set("user", v, line)
	case "umask":
		if !a.umask(v, line) {
			return k.wrong(e, "must be octal digits, not "+shown(v), "such as umask=022")
		}
	case "autostart", "redirect_stderr", "stdout_events_enabled", "stderr_events_enabled", "stdout_syslog", "stderr_syslog", "stopasgroup", "killasgroup":
		return k.truth(e, v)
	case "startsecs", "stopwaitsecs":
		ms, ok := seconds(v)
		if !ok {
			return k.wrong(e, "must be a number of seconds, not "+shown(v), "such as "+e.key+"=10")
		}
		a.replace(map[string]string{"startsecs": "min_uptime", "stopwaitsecs": "kill_timeout"}[e.key], ms, line)
	case "startretries", "priority":
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 && e.key == "startretries" {
			return k.wrong(e, "must be a number, not "+shown(v), "such as "+e.key+"=3")
		}
		if e.key == "priority" {
			k.lost(a.Name, e.key, supervisorLost[e.key])
			return nil
		}
		a.replace("max_restarts", n, line)
	case "stopsignal":
		a.set("stop_signal", v, line)
	case "environment":
		env, err := environmentOf(v, line)
		if err != nil {
			return k.wrong(e, err.Error(), `such as environment=A="1",B="2"`)
		}
		a.set("env", env, line)
	case "stdout_logfile", "stderr_logfile":
		k.logfile(e, v)
	case "stdout_logfile_maxbytes", "stdout_logfile_backups":
		return k.bounds(e, v)
	case "stdout_capture_maxbytes", "stderr_capture_maxbytes":
		if n, err := config.Size(v); err != nil || n > 0 {
			k.lost(a.Name, e.key, "there are no messages between the programs and Velos")
		}
	default:
		if why, ok := supervisorIdle[e.key]; ok {
			k.idle(a.Name, e.key, why)
		} else if why, ok := supervisorLost[e.key]; ok {
			k.lost(a.Name, e.key, why)
		} else {
			k.unknown(a.Name, e.key, "supervisord has no such key for a program", e.key, supervisorNames)
		}
	}
	return nil
}

// truth takes the switches.
func (k *supervisorKeys) truth(e entry, v string) error {
	on, ok := truthOf(v)
	if !ok {
		return k.wrong(e, "must be true or false, not "+shown(v), "write true or false")
	}
	why := supervisorSwitches[e.key]
	switch {
	case e.key == "autostart" && !on:
		k.App.set("autostart", false, k.lineOf(e))
	case e.key == "redirect_stderr" && on:
		k.App.set("merge_logs", true, k.lineOf(e))
	case why == wholeTree && on:
		k.idle(k.App.Name, e.key, why)
	case why == wholeTree || why != "" && on:
		k.lost(k.App.Name, e.key, why)
	}
	return nil
}

func (k *supervisorKeys) logfile(e entry, v string) {
	ours := map[string]string{"stdout_logfile": "out_file", "stderr_logfile": "error_file"}[e.key]
	redirected, _ := truthOf(k.in.p.keys["redirect_stderr"].value)
	switch upper := strings.ToUpper(v); {
	case upper == "AUTO" || v == "":
	case redirected && e.key == "stderr_logfile":
		k.idle(k.App.Name, e.key, "redirect_stderr sends stderr to the file of stdout")
	case upper == "NONE" || v == "/dev/null":
		k.lost(k.App.Name, e.key, alwaysKept)
	case toTerminal(v):
		k.idle(k.App.Name, e.key, "velos logs shows it, and velos runtime in a container")
	default:
		if k.instances > 1 && strings.Contains(e.value, "%(process_num)") {
			k.lost(k.App.Name, e.key, "all instances write to "+shown(v))
		}
		k.App.set(ours, v, k.lineOf(e))
		k.App.replace("log_raw", true, 0)
	}
}

// toTerminal reports whether a log file is where supervisord itself writes.
func toTerminal(v string) bool {
	for _, p := range []string{"/dev/std", "/dev/fd/", "/proc/self/fd/"} {
		if strings.HasPrefix(v, p) {
			return true
		}
	}
	return strings.ToUpper(v) == "SYSLOG"
}

func (k *supervisorKeys) bounds(e entry, v string) error {
	if e.key == "stdout_logfile_backups" {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 {
			return k.wrong(e, "must be a number, not "+shown(v), "such as "+e.key+"=5")
		}
		k.App.set("max_log_files", max(1, n), k.lineOf(e))
		return nil
	}
	n, err := config.Size(v)
	switch {
	case err != nil:
		return k.wrong(e, "must be a size, not "+shown(v), "such as "+e.key+"=50MB")
	case n > 0:
		k.App.set("max_log_size", v, k.lineOf(e))
	case !toTerminal(k.in.p.keys["stdout_logfile"].value): // there it is a must, and means nothing
		k.lost(k.App.Name, e.key, alwaysKept)
	}
	return nil
}

// restarts joins autorestart and exitcodes.
func (k *supervisorKeys) restarts() error {
	e, c := k.in.p.keys["autorestart"], k.in.p.keys["exitcodes"]
	policy, err := k.expand(e, &k.in)
	if err != nil {
		return err
	}
	list, err := k.expand(c, &k.in)
	if err != nil {
		return err
	}
	codes := []int64{}
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		switch {
		case err == nil && n >= 0 && n <= 255:
			codes = append(codes, n)
		case strings.TrimSpace(list) != "":
			return k.wrong(c, "must be numbers from 0 to 255, not "+shown(list), "such as exitcodes=0,2")
		}
	}
	switch on, ok := truthOf(policy); {
	case ok && on:
	case ok:
		k.App.set("autorestart", "never", k.lineOf(e))
		k.App.drop("exp_backoff_restart_delay")
	case policy != "" && strings.ToLower(policy) != "unexpected":
		return k.wrong(e, "must be true, false or unexpected, not "+shown(policy), "such as autorestart=unexpected")
	case c.key == "" || slices.Equal(codes, []int64{0}):
		k.App.set("autorestart", "on-failure", k.lineOf(e))
	case len(codes) > 0: // no code at all: each end is unexpected
		k.App.set("stop_exit_codes", codes, k.lineOf(c))
	}
	return nil
}
