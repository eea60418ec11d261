package foreign

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/velospm/velos/internal/config"
)

func isDump(base string) bool { return strings.HasPrefix(base, "dump.pm2") }

// dumpKeys are the keys of PM2's dump that say what an app is, and their
// names in an ecosystem file. All others are about PM2's own state.
var dumpKeys = map[string]string{
	"name": "name", "namespace": "namespace", "pm_exec_path": "script", "pm_cwd": "cwd", "args": "args", "node_args": "node_args",
	"exec_interpreter": "interpreter", "exec_mode": "exec_mode", "watch": "watch", "ignore_watch": "ignore_watch", "watch_delay": "watch_delay",
	"max_memory_restart": "max_memory_restart", "autorestart": "autorestart", "stop_exit_codes": "stop_exit_codes", "max_restarts": "max_restarts",
	"min_uptime": "min_uptime", "restart_delay": "restart_delay", "exp_backoff_restart_delay": "exp_backoff_restart_delay",
	"kill_timeout": "kill_timeout", "listen_timeout": "listen_timeout", "wait_ready": "wait_ready", "shutdown_with_message": "shutdown_with_message",
	"cron_restart": "cron_restart", "log_date_format": "log_date_format", "log_type": "log_type", "increment_var": "increment_var", "instance_var": "instance_var",
	"treekill": "treekill", "uid": "uid", "gid": "gid", "pm_out_log_path": "out_file", "pm_err_log_path": "error_file", "pm_log_path": "log_file",
	"disable_logs": "disable_logs", "env": "env",
}

// readDump reads what pm2 save has written: each process, with everything
// that PM2 knows of it.
func readDump(_ context.Context, f *File, data []byte, o *Options) error {
	root, bad := parseJSON(string(data))
	if bad != nil {
		return f.fail(bad.line, bad.what, "pm2 save writes the file anew")
	}
	if root.kind != list {
		return f.fail(0, "must be a list of processes, not "+root.what(), "pm2 save writes the file anew")
	}
	var apps []*value
	byName := map[string]*value{}
	for _, v := range root.items {
		if env := v.get("pm2_env"); env != nil {
			v = env // pm2 jlist has it like that
		}
		if v.kind != object || v.get("pm_exec_path") == nil {
			return f.fail(v.line, "is no process of PM2: pm_exec_path is missing", "pm2 save writes the file anew")
		}
		name := ""
		if n := v.get("name"); n != nil {
			name = n.text
		}
		if first := byName[name]; first != nil {
			count := first.get("instances")
			n, _ := count.integer()
			count.text = itoa(int(n) + 1)
			continue
		}
		app := f.dumped(v, name, o)
		byName[name] = app
		apps = append(apps, app)
	}
	for _, app := range apps {
		if n := app.get("instances"); n.text == "1" && strings.HasPrefix(textOf(app.get("exec_mode")), "fork") {
			app.put("instances", &value{})
		}
		if err := f.app(app, nil, o); err != nil {
			return err
		}
	}
	return f.together()
}

func textOf(v *value) string {
	if v == nil {
		return ""
	}
	return v.text
}

// dumped makes an app of an ecosystem file from a process of the dump.
func (f *File) dumped(v *value, name string, o *Options) *value {
	app := &value{kind: object, line: v.line}
	app.put("instances", &value{kind: number, text: "1", line: v.line})
	for i, k := range v.keys {
		item := v.items[i]
		ours := dumpKeys[k]
		switch {
		case ours == "", item.kind == null, item.kind == object && ours != "env", item.kind == list && len(item.items) == 0:
			continue
		case ours == "interpreter" && (item.text == "node" || filepath.Base(item.text) == "node" && !strings.Contains(item.text, ".nvm/")):
			continue // what is taken anyway
		case strings.HasSuffix(ours, "_file") && strings.Contains(filepath.ToSlash(item.text), "/.pm2/"):
			continue // PM2's own place
		case ours == "env":
			item = f.dumpedEnv(item, name, o)
		}
		app.put(ours, item)
	}
	if textOf(v.get("status")) == "stopped" {
		app.put("autostart", &value{kind: boolean, text: "false", line: v.line})
	}
	return app
}

// session are variables of a login, a terminal or of PM2 itself, which a dump
// holds because PM2 hands the whole shell on.
var session = []string{
	"PWD", "OLDPWD", "SHLVL", "_", "TERM", "COLORTERM", "LS_COLORS", "LSCOLORS", "LESSOPEN", "LESSCLOSE", "LESS", "PAGER", "EDITOR", "VISUAL",
	"DISPLAY", "WINDOWID", "MAIL", "HISTSIZE", "HISTFILE", "HISTCONTROL", "PS1", "PROMPT_COMMAND", "HOSTNAME", "HOSTTYPE", "STY", "TMUX", "TMUX_PANE", "XAUTHORITY",
	"DBUS_SESSION_BUS_ADDRESS", "SUDO_COMMAND", "SUDO_USER", "SUDO_UID", "SUDO_GID", "NODE_APP_INSTANCE", "NODE_CHANNEL_FD", "unique_id", "vizion_running",
	"PM2_HOME", "PM2_USAGE", "PM2_INTERACTOR_PROCESSING", "windowsHide", "username", "treekill", "automation", "pmx", "autorestart", "autostart", "merge_logs", "vizion",
	"status", "name", "namespace", "instances", "exec_mode", "watch", "node_args", "args", "pm_id", "pm_cwd", "pm_exec_path", "km_link", "restart_time",
	"created_at", "prev_restart_delay", "filter_env", "kill_retry_time", "instance_var", "instance_id", "env", "axm_actions", "axm_monitor", "axm_options", "axm_dynamic",
	"version", "versioning", "node_version", "unstable_restarts", "exit_code", "pm_uptime", "pm_pid_path", "pm_out_log_path", "pm_err_log_path", "pm_log_path", "exec_interpreter",
}

// dumpedEnv leaves out what the login has said and not the app.
func (f *File) dumpedEnv(v *value, app string, o *Options) *value {
	env := &value{kind: object, line: v.line}
	left := 0
	for i, k := range v.keys {
		switch {
		case k == app && textOf(v.items[i]) == "{}": // settings of a module of PM2
		case config.IsInherited(k), slices.Contains(session, k), v.items[i].kind == object, v.items[i].kind == list:
		case strings.HasPrefix(k, "XDG_"), strings.HasPrefix(k, "SSH_"), strings.HasPrefix(k, "npm_"), strings.HasPrefix(k, "NVM_"), strings.HasPrefix(k, "VSCODE_"):
		default:
			env.put(k, v.items[i])
			left++
		}
	}
	if left > 0 {
		f.idle(app, "env", "a dump cannot tell the app's own variables from the shell's: look through them, and move secrets into an env_file")
	}
	return env
}
