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
	errOpenQuote = errors.New("a quote is not closed")
)

// supervisorKeys are the keys of one program while it is translated.
type supervisorKeys struct {
	*supervisorFile
	*App
	p     *supervisorProgram
	value func(entry) string
}

var supervisorIdle = map[string]string{
	"process_name": "instances are named NAME:0, NAME:1", "stopasgroup": wholeTree, "killasgroup": wholeTree,
	"stderr_logfile_maxbytes": "max_log_size counts for both streams", "stderr_logfile_backups": "max_log_files counts for both streams",
	"stdout_capture_maxbytes": "there are no messages between the programs and Velos", "stderr_capture_maxbytes": "there are no messages between the programs and Velos",
	"command": "", "numprocs": "", "exitcodes": "", "autorestart": "",
}

var supervisorLost = map[string]string{
	"priority": "there is no order by number: depends_on names what an app needs", "numprocs_start": "instances are numbered from 0",
	"stdout_events_enabled": "Velos has no event listeners", "stderr_events_enabled": "Velos has no event listeners",
	"stdout_syslog": "logs go to files", "stderr_syslog": "logs go to files", "serverurl": "there is no such server",
}

func (k *supervisorKeys) wrong(e entry, what, hint string) error {
	return k.supervisorFile.fail(e.line, k.App.Name+": "+e.key+" "+what, hint)
}

func (k *supervisorKeys) key(key string, e entry) error {
	v := k.value(e)
	a := k.App
	switch key {
	case "directory":
		a.replace("cwd", v, e.line)
	case "user":
		a.set("user", v, e.line)
	case "umask":
		if !a.umask(v, e.line) {
			return k.wrong(e, "must be octal digits, not "+shown(v), "such as umask=022")
		}
	case "autostart", "redirect_stderr":
		on, ok := truthOf(v)
		if !ok {
			return k.wrong(e, "must be true or false, not "+shown(v), "write true or false")
		}
		if key == "autostart" && !on || key == "redirect_stderr" && on {
			a.set(map[string]string{"autostart": "autostart", "redirect_stderr": "merge_logs"}[key], on, e.line)
		}
	case "startsecs", "stopwaitsecs":
		ms, ok := seconds(v)
		if !ok {
			return k.wrong(e, "must be a number of seconds, not "+shown(v), "such as "+key+"=10")
		}
		a.replace(map[string]string{"startsecs": "min_uptime", "stopwaitsecs": "kill_timeout"}[key], ms, e.line)
	case "startretries":
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 {
			return k.wrong(e, "must be a number, not "+shown(v), "such as startretries=3")
		}
		a.replace("max_restarts", n, e.line)
	case "stopsignal":
		a.set("stop_signal", v, e.line)
	case "environment":
		env, err := k.environment(v, e.line)
		if err != nil {
			return k.wrong(e, err.Error(), `such as environment=A="1",B="2"`)
		}
		a.set("env", env, e.line)
	case "stdout_logfile", "stderr_logfile":
		k.logfile(key, v, e.line)
	case "stdout_logfile_maxbytes", "stdout_logfile_backups":
		return k.bounds(key, v, e)
	default:
		if why, ok := supervisorIdle[key]; ok && why == "" {
			return nil
		}
		k.about(a.Name, key, supervisorIdle, supervisorLost, "supervisord has no such key for a program")
	}
	return nil
}

func (k *supervisorKeys) logfile(key, v string, line int) {
	ours := map[string]string{"stdout_logfile": "out_file", "stderr_logfile": "error_file"}[key]
	switch upper := strings.ToUpper(v); {
	case upper == "AUTO" || v == "":
	case upper == "NONE" || v == "/dev/null":
		k.lost(k.App.Name, key, alwaysKept)
	case strings.HasPrefix(v, "/dev/std"), strings.HasPrefix(v, "/dev/fd/"), strings.HasPrefix(v, "/proc/self/fd/"), upper == "SYSLOG":
		k.idle(k.App.Name, key, "velos logs shows it, and velos runtime in a container")
	default:
		k.App.set(ours, v, line)
		k.App.replace("log_raw", true, 0)
	}
}

func (k *supervisorKeys) bounds(key, v string, e entry) error {
	if key == "stdout_logfile_backups" {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 {
			return k.wrong(e, "must be a number, not "+shown(v), "such as "+key+"=5")
		}
		k.App.set("max_log_files", max(1, n), e.line)
		return nil
	}
	n, err := config.Size(v)
	if err != nil {
		return k.wrong(e, "must be a size, not "+shown(v), "such as "+key+"=50MB")
	}
	if n == 0 {
		k.lost(k.App.Name, key, alwaysKept)
		return nil
	}
	k.App.set("max_log_size", v, e.line)
	return nil
}

// restarts joins autorestart and exitcodes.
func (k *supervisorKeys) restarts() {
	e := k.p.keys["autorestart"]
	switch policy := strings.ToLower(k.value(e)); policy {
	case "", "unexpected":
		codes := []int64{}
		for _, s := range strings.Split(k.value(k.p.keys["exitcodes"]), ",") {
			if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
				codes = append(codes, n)
			}
		}
		if len(codes) == 0 || slices.Equal(codes, []int64{0}) {
			k.App.set("autorestart", "on-failure", e.line)
			return
		}
		k.App.set("stop_exit_codes", codes, k.p.keys["exitcodes"].line)
	default:
		on, ok := truthOf(policy)
		switch {
		case !ok:
			k.lost(k.App.Name, "autorestart", shown(policy)+" is neither true, false nor unexpected")
		case !on:
			k.App.set("autorestart", "never", e.line)
		}
	}
}
