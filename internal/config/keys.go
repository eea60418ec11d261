package config

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A reader takes one key's value into a draft.
type reader func(d *draft, n *node) *problem

// keys are the keys of an app. All but name and script may stand in
// [defaults] too.
var keys map[string]reader

func init() {
	keys = map[string]reader{
		"name":                      readName,
		"namespace":                 text(func(d *draft) *string { return &d.spec.Namespace }),
		"script":                    readScript,
		"args":                      words(func(d *draft) *[]string { return &d.args }),
		"cwd":                       text(func(d *draft) *string { return &d.cwd }),
		"interpreter":               text(func(d *draft) *string { return &d.interpreter }),
		"interpreter_args":          words(func(d *draft) *[]string { return &d.spec.InterpreterArgs }),
		"node_args":                 words(func(d *draft) *[]string { return &d.spec.InterpreterArgs }),
		"shell":                     boolean(func(d *draft) *bool { return &d.spec.Shell }),
		"instances":                 readInstances,
		"mode":                      readMode,
		"increment_var":             text(func(d *draft) *string { return &d.spec.IncrementVar }),
		"autostart":                 boolean(func(d *draft) *bool { return &d.spec.Autostart }),
		"env":                       readEnv,
		"env_file":                  readEnvFile,
		"autorestart":               readAutorestart,
		"stop_exit_codes":           readExitCodes,
		"max_restarts":              whole(func(d *draft) *int { return &d.spec.MaxRestarts }),
		"min_uptime":                length(func(d *draft) *velos.Millis { return &d.spec.MinUptime }),
		"restart_delay":             length(func(d *draft) *velos.Millis { return &d.spec.RestartDelay }),
		"exp_backoff_restart_delay": length(func(d *draft) *velos.Millis { return &d.spec.ExpBackoffRestartDelay }),
		"kill_timeout":              length(func(d *draft) *velos.Millis { return &d.spec.KillTimeout }),
		"stop_signal":               readSignal,
		"log_file":                  text(func(d *draft) *string { return &d.spec.LogFile }),
		"out_file":                  text(func(d *draft) *string { return &d.spec.OutFile }),
		"error_file":                text(func(d *draft) *string { return &d.spec.ErrFile }),
		"log_date_format":           text(func(d *draft) *string { return &d.spec.LogDateFormat }),
		"merge_logs":                boolean(func(d *draft) *bool { return &d.spec.MergeLogs }),
		"log_raw":                   boolean(func(d *draft) *bool { return &d.spec.LogRaw }),
		"max_log_size":              size(func(d *draft) *int64 { return &d.spec.MaxLogSize }),
		"max_log_files":             whole(func(d *draft) *int { return &d.spec.MaxLogFiles }),
		"listen":                    readListen,
		"listen_reuseport":          boolean(func(d *draft) *bool { return &d.spec.ListenReuse }),
		"wait_ready":                boolean(func(d *draft) *bool { return &d.spec.WaitReady }),
		"listen_timeout":            length(func(d *draft) *velos.Millis { return &d.spec.ListenTimeout }),
		"ready":                     readProbe(func(d *draft) **velos.Probe { return &d.spec.Ready }),
		"health":                    readProbe(func(d *draft) **velos.Probe { return &d.spec.Health }),
		"watchdog":                  length(func(d *draft) *velos.Millis { return &d.spec.Watchdog }),
		"max_memory":                size(func(d *draft) *int64 { return &d.spec.MaxMemory }),
		"max_memory_restart":        size(func(d *draft) *int64 { return &d.spec.MaxMemory }),
		"watch":                     readWatch,
		"watch_paths":               paths(func(d *draft) *[]string { return &d.spec.WatchPaths }),
		"watch_ignore":              paths(func(d *draft) *[]string { return &d.spec.WatchIgnore }),
		"watch_delay":               length(func(d *draft) *velos.Millis { return &d.spec.WatchDelay }),
		"cron_restart":              readCron(func(d *draft) *string { return &d.spec.CronRestart }),
		"schedule":                  readCron(func(d *draft) *string { return &d.spec.Schedule }),
		"overlap":                   readOverlap,
		"shutdown_with_message":     boolean(func(d *draft) *bool { return &d.spec.ShutdownWithMessage }),
		"shutdown_message":          readMessage,
		"depends_on":                readDependsOn,
		"max_log_total":             size(func(d *draft) *int64 { return &d.spec.MaxLogTotal }),
	}
}

// laterKeys are keys that a later version understands. A value that changes
// nothing is harmless.
var laterKeys = map[string]struct {
	harmless func(*node) bool
	hint     string
}{
	"env_profiles": {nil, "put the variables into env, or use env_file"},
	"user":         {nil, "leave it out; apps run as the user of the daemon"},
	"group":        {nil, "leave it out; apps run as the user of the daemon"},
	"umask":        {nil, "leave it out"},
	"nice":         {nil, "leave it out, or start the program with nice"},
	"include":      {nil, "leave it out"},
	"hooks":        {nil, "leave it out"},
	"notify":       {nil, "leave it out"},
	"secret":       {nil, "use env_file: its values are never stored"},
	"limits":       {nil, "leave it out"},
	"rules":        {nil, "leave it out"},
	"multiline":    {nil, "leave it out"},
	"protect":      {nil, "leave it out"},
}

// foreign are other managers' words for our keys.
var foreign = map[string]string{
	"exec_mode": "mode", "ignore_watch": "watch_ignore", "cron": "cron_restart", "err_file": "error_file",
	"environment": "env", "command": "script", "cmd": "script", "exec": "script", "program": "script", "directory": "cwd",
	"dir": "cwd", "working_directory": "cwd", "workdir": "cwd", "stopsignal": "stop_signal", "kill_signal": "stop_signal",
	"numprocs": "instances", "exec_interpreter": "interpreter", "node": "node_args", "autorestart_delay": "restart_delay",
	"healthcheck": "health", "health_check": "health", "readiness": "ready", "sockets": "listen", "reuse_port": "listen_reuseport", "watchdog_sec": "watchdog",
	"requires": "depends_on", "after": "depends_on", "needs": "depends_on",
	"stdout_logfile": "out_file", "stderr_logfile": "error_file", "combine_logs": "merge_logs", "output": "out_file",
	"error": "error_file", "log": "log_file", "dotenv": "env_file", "stop_timeout": "kill_timeout", "restart": "autorestart",
}

func text(field func(*draft) *string) reader {
	return func(d *draft, n *node) *problem {
		if n.kind != isString {
			return new(problem).mustBe(isString, n)
		}
		*field(d) = n.text
		return nil
	}
}

func boolean(field func(*draft) *bool) reader {
	return func(d *draft, n *node) *problem {
		if n.kind != isBool {
			return new(problem).mustBe(isBool, n)
		}
		*field(d) = n.text == "true"
		return nil
	}
}

func whole(field func(*draft) *int) reader {
	return func(d *draft, n *node) *problem {
		v, ok := n.integer()
		switch {
		case n.kind != isInteger:
			p := new(problem).mustBe(isInteger, n)
			p.hint = "write a number without quotes"
			return p
		case !ok || int64(int32(v)) != v:
			return wrong("is out of range", "choose a smaller number")
		}
		*field(d) = int(v)
		return nil
	}
}

func length(field func(*draft) *velos.Millis) reader {
	return func(d *draft, n *node) *problem {
		v, isInt := n.integer()
		if n.kind == isString {
			m, err := Duration(n.text)
			if err != nil {
				return wrong(err.Error(), `such as "5s"`)
			}
			v, isInt = int64(m), true
		}
		if !isInt {
			return wrong(errDuration.Error()+", not "+n.kind.String(), `such as "5s"`)
		}
		*field(d) = velos.Millis(v)
		return nil
	}
}

func size(field func(*draft) *int64) reader {
	return func(d *draft, n *node) *problem {
		v, isInt := n.integer()
		if n.kind == isString {
			b, err := Size(n.text)
			if err != nil {
				return wrong(err.Error(), `such as "10M"`)
			}
			v, isInt = b, true
		}
		if !isInt {
			return wrong(errSize.Error()+", not "+n.kind.String(), `such as "10M"`)
		}
		*field(d) = v
		return nil
	}
}

func words(field func(*draft) *[]string) reader {
	return func(d *draft, n *node) *problem {
		switch n.kind {
		case isString:
			list, p := splitWords(n.text, "a list is taken word by word; shell = true")
			if p != nil {
				return p
			}
			*field(d) = list
			return nil
		case isList:
			list, p := scalars(n)
			*field(d) = list
			return p
		}
		return wrong("must be a list or a string, not "+n.kind.String(), `such as ["--port", "3000"]`)
	}
}

// scalars are the texts of a list of strings, numbers and booleans.
func scalars(n *node) ([]string, *problem) {
	list := make([]string, 0, len(n.items))
	for _, c := range n.items {
		s, ok := scalar(c)
		if !ok {
			p := wrong("must hold strings and numbers only, not "+c.kind.String(), `such as ["--port", "3000"]`)
			if c.width > 0 {
				c.key = n.key
				p.at = c
			}
			return nil, p
		}
		list = append(list, s)
	}
	return list, nil
}

// scalar is a value as a variable or an argument holds it.
func scalar(n *node) (string, bool) {
	switch n.kind {
	case isString, isBool:
		return n.text, true
	case isInteger:
		v, ok := n.integer()
		return strconv.FormatInt(v, 10), ok
	case isFloat:
		_, ok := n.float()
		return strings.ReplaceAll(n.text, "_", ""), ok
	}
	return "", false
}

func readName(d *draft, n *node) *problem {
	if n.kind != isString {
		return new(problem).mustBe(isString, n)
	}
	if n.text != d.spec.Name {
		return wrong("the table's header names the app already", "rename the table, or use [[apps]]")
	}
	return nil
}

func readScript(d *draft, n *node) *problem {
	if n.kind != isString {
		p := new(problem).mustBe(isString, n)
		p.hint = "write the path or the command line in quotes; arguments may stand in args"
		return p
	}
	if strings.TrimSpace(n.text) == "" {
		return wrong("must not be empty", "name the script or program to run")
	}
	d.script = n.text
	return nil
}

func readInstances(d *draft, n *node) *problem {
	d.instances, d.several = "", false
	if n.kind == isString {
		if n.text == "max" {
			d.instances = "max"
			return nil
		}
		if _, err := strconv.Atoi(n.text); err != nil {
			return wrong(`must be a number or "max", not `+shown(n.text), "such as instances = 2")
		}
		return wrong("must be a number, not a string", "write it without quotes")
	}
	p := whole(func(d *draft) *int { return &d.spec.Instances })(d, n)
	switch {
	case p != nil:
	case d.spec.Instances == 0:
		d.spec.Instances = 1
	case d.spec.Instances == -1:
		d.instances = "-1"
	}
	return p
}

func readMode(d *draft, n *node) *problem {
	switch {
	case n.kind != isString:
		return new(problem).mustBe(isString, n)
	case n.text != string(velos.Fork) && n.text != string(velos.Cluster):
		return wrong("must be fork or cluster, not "+shown(n.text), didYouMean(n.text, []string{"fork", "cluster"}, "leave it out: several instances of a script that node runs are a cluster"))
	}
	d.mode = velos.Mode(n.text)
	return nil
}

func readEnv(d *draft, n *node) *problem {
	if n.kind != isTable {
		p := new(problem).mustBe(isTable, n)
		p.hint = `such as env = { PORT = "3000" }`
		return p
	}
	if d.env == nil {
		d.env = map[string]string{}
	}
	for _, c := range n.items {
		s, ok := scalar(c)
		switch {
		case ok:
			d.env[c.key] = s
			continue
		case c.kind == isTable:
			p := later("profiles of the environment are not yet in this version of velos", "put the variables into env, or use env_file")
			p.at, p.field = c, "env"
			return p
		}
		p := wrong("env."+bare(c.key)+" must be a string, a number, true or false, not "+c.kind.String(), "put it into quotes")
		p.at = c
		return p
	}
	return nil
}

func readEnvFile(d *draft, n *node) *problem {
	names := []*node{n}
	if n.kind == isList {
		names = n.items
	}
	d.envFiles = nil
	for _, c := range names {
		switch {
		case c.kind == isTable || c.kind == isString && strings.HasPrefix(c.text, "?"):
			return later("files that may be missing are not yet in this version of velos", "name a file that exists, or leave it out")
		case c.kind != isString:
			return wrong("must be a file or a list of files, not "+c.kind.String(), `such as env_file = ".env"`)
		case c.text == "":
			return wrong("must not be empty", "name a file or leave it out")
		}
		d.envFiles = append(d.envFiles, c.text)
	}
	return nil
}

func readAutorestart(d *draft, n *node) *problem {
	if n.kind != isBool && n.kind != isString {
		return wrong("must be true, false, or a policy, not "+n.kind.String(), `policies are "always", "on-failure" and "never"`)
	}
	r, p := restartPolicy(n.text)
	d.spec.Autorestart = r
	return p
}

func restartPolicy(s string) (velos.Restart, *problem) {
	switch s {
	case "true", "always":
		return velos.Always, nil
	case "on-failure", "on_failure":
		return velos.OnFailure, nil
	case "false", "never":
		return velos.Never, nil
	}
	return "", wrong("unknown policy "+shown(s), didYouMean(s, []string{"always", "on-failure", "never"}, `policies are "always", "on-failure" and "never"`))
}

func readExitCodes(d *draft, n *node) *problem {
	list := []*node{n}
	if n.kind == isList {
		list = n.items
	}
	d.spec.StopExitCodes = nil
	for _, c := range list {
		v, ok := c.integer()
		if !ok {
			return wrong("must be a list of numbers, not of "+strings.TrimPrefix(c.kind.String(), "a "), "such as stop_exit_codes = [0, 3]")
		}
		d.spec.StopExitCodes = append(d.spec.StopExitCodes, v)
	}
	return nil
}

func readSignal(d *draft, n *node) *problem {
	if n.kind != isString && n.kind != isInteger {
		return new(problem).mustBe(isString, n)
	}
	s, p := signalName(n.text)
	d.spec.StopSignal = s
	return p
}
