package foreign

import "strings"

// pm2Other are PM2's other words for its keys.
var pm2Other = map[string]string{
	"exec": "script", "exec_interpreter": "interpreter", "interpreter_args": "node_args",
	"out": "out_file", "output": "out_file", "out_log": "out_file",
	"error": "error_file", "err": "error_file", "err_file": "error_file", "err_log": "error_file",
	"log": "log_file", "pid": "pid_file", "cron": "cron_restart", "combine_logs": "merge_logs", "user": "uid",
}

// pm2Name is PM2's first name for a key: it also takes camelCase and some
// other words.
func pm2Name(key string) string {
	name := snake(key)
	if strings.HasPrefix(key, "env_") {
		return key // what follows is the name of a profile
	}
	if first := pm2Other[name]; first != "" {
		return first
	}
	return name
}

// snake turns execMode into exec_mode.
func snake(key string) string {
	var b strings.Builder
	for i, r := range key {
		if r >= 'A' && r <= 'Z' && i > 0 {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// A pm2Reader translates one key.
type pm2Reader func(t *pm2App, key string, v *value) error

// pm2Keys are the keys with a counterpart here.
var pm2Keys map[string]pm2Reader

func init() {
	pm2Keys = map[string]pm2Reader{
		"name": nothing, "cwd": nothing, "script": nothing, "append_env_to_name": nothing, // begin and end do these
		"exec_mode": nothing, "instances": nothing, "execute_command": nothing, "interpreter": nothing,
		"kill_timeout": nothing, "port": nothing, "increment_var": nothing, "instance_var": nothing, "source_map_support": nothing,
		"out_file": nothing, "error_file": nothing, "log_file": nothing, "log_type": nothing, "env": nothing,
		"disable_logs": nothing, "time": nothing, "log_date_format": nothing, "watch": nothing,
		"cmd": aside, "command": aside,

		"namespace":                 str("namespace"),
		"args":                      words("args"),
		"node_args":                 words("interpreter_args"),
		"env_file":                  readEnvFile,
		"autorestart":               readAutorestart,
		"autostart":                 truth("autostart"),
		"stop_exit_codes":           readCodes,
		"max_restarts":              count("max_restarts"),
		"min_uptime":                length("min_uptime"),
		"restart_delay":             length("restart_delay"),
		"exp_backoff_restart_delay": length("exp_backoff_restart_delay"),
		"listen_timeout":            length("listen_timeout"),
		"watch_delay":               length("watch_delay"),
		"ignore_watch":              readIgnore,
		"max_memory_restart":        readMemory,
		"cron_restart":              readCron,
		"wait_ready":                truth("wait_ready"),
		"shutdown_with_message":     readMessage,
		"uid":                       str("user"),
		"gid":                       str("group"),
		"merge_logs":                readMerge,
		"treekill":                  readTreekill,
	}
}

// pm2Idle are keys whose meaning is kept without them.
var pm2Idle = map[string]string{
	"force":                      "each app has a name of its own, and may run the same script as others",
	"filter_env":                 "apps get a few basic variables and what the file says, not all of the shell's",
	"kill_retry_time":            "the end of every process is noticed, not asked for",
	"vizion":                     "Velos does not look at repositories",
	"pmx":                        "Velos looks at programs from outside",
	"automation":                 "Velos looks at programs from outside",
	"trace":                      "Velos looks at programs from outside",
	"disable_trace":              "Velos looks at programs from outside",
	"disable_source_map_support": "nothing is put into programs that would have to be switched off",
	"windows_hide":               "programs get no windows",
	"username":                   "apps run as the user of the daemon",
	"write":                      "velos import writes the file",
	"instance_id":                "instances are numbered by themselves",
}

// pm2Lost are keys without a counterpart.
var pm2Lost = map[string]string{
	"pid_file":             "no file is written: velos pid NAME prints the id",
	"post_update":          "Velos fetches nothing; do it where the new version comes from",
	"install_url":          "Velos fetches nothing",
	"name_prefix":          "write the whole name",
	"post_start_hook":      "PM2 loads it into its own process; post_start runs a command",
	"watch_options":        "these are settings of PM2's watcher",
	"deep_monitoring":      "Velos looks at programs from outside",
	"event_loop_inspector": "Velos looks at programs from outside",
	"v8":                   "Velos looks at programs from outside",
	"io":                   "PM2 has this for its web service; Velos has none",
	"deploy":               "Velos starts what is there and fetches nothing; let CI or ssh bring it",
}

func nothing(*pm2App, string, *value) error { return nil }

// aside is a command beside a script, which PM2 does not look at.
func aside(t *pm2App, key string, _ *value) error {
	t.file.lost(t.Name, key, "there is a script, and PM2 looks at that alone")
	return nil
}

func str(ours string) pm2Reader {
	return func(t *pm2App, key string, v *value) error {
		s, ok := v.scalar()
		if !ok || v.kind == boolean {
			return t.wrong(key, "must be a string, not "+v.what(), "put it into quotes")
		}
		t.set(ours, s, v.line)
		return nil
	}
}

func truth(ours string) pm2Reader {
	return func(t *pm2App, key string, v *value) error {
		on, ok := v.truth()
		if !ok {
			return t.wrong(key, "must be true or false, not "+v.what(), "write true or false")
		}
		t.set(ours, on, v.line)
		return nil
	}
}

func count(ours string) pm2Reader {
	return func(t *pm2App, key string, v *value) error {
		n, ok := v.integer()
		if !ok {
			return t.wrong(key, "must be a whole number, not "+v.quote(), "such as "+key+": 5")
		}
		t.set(ours, n, v.line)
		return nil
	}
}

// length is a time: milliseconds, or a number with s, m or h.
func length(ours string) pm2Reader {
	return func(t *pm2App, key string, v *value) error {
		if n, ok := v.integer(); ok {
			t.set(ours, n, v.line)
			return nil
		}
		if v.kind != text || !isLength(v.text) {
			return t.wrong(key, "must be a number of milliseconds, or a string such as 5s, not "+v.quote(), "such as "+key+": 5000")
		}
		t.set(ours, v.text, v.line)
		return nil
	}
}

func isLength(s string) bool {
	digits := strings.TrimRight(s, "hms")
	return digits != "" && strings.Trim(digits, "0123456789") == "" && len(s)-len(digits) <= 2
}

func words(ours string) pm2Reader {
	return func(t *pm2App, key string, v *value) error {
		if v.kind == text {
			if parts := splitWords(v.text, plainWords); len(parts) > 0 {
				t.set(ours, parts, v.line)
			}
			return nil
		}
		parts, ok := v.scalars()
		if !ok {
			return t.wrong(key, "must be a string or a list of strings, not "+v.what(), `such as ["--port", "3000"]`)
		}
		if len(parts) > 0 {
			t.set(ours, parts, v.line)
		}
		return nil
	}
}
