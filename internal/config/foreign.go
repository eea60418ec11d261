package config

// laterKeys are keys that a later version understands. A value that changes
// nothing is harmless.
var laterKeys = map[string]struct {
	harmless func(*node) bool
	hint     string
}{
	"hooks":   {nil, "leave it out"},
	"protect": {nil, "leave it out"},
	"notify":  {nil, "write [[notify]] tables beside [apps.NAME]"},
}

// foreign are other managers' words for our keys.
var foreign = map[string]string{
	"exec_mode": "mode", "ignore_watch": "watch_ignore", "cron": "cron_restart", "err_file": "error_file",
	"environment": "env", "command": "script", "cmd": "script", "exec": "script", "program": "script", "directory": "cwd",
	"dir": "cwd", "working_directory": "cwd", "workdir": "cwd", "stopsignal": "stop_signal", "kill_signal": "stop_signal",
	"numprocs": "instances", "exec_interpreter": "interpreter", "node": "node_args", "autorestart_delay": "restart_delay",
	"uid": "user", "gid": "group", "run_as": "user", "rlimits": "limits", "ulimits": "limits", "priority": "nice",
	"healthcheck": "health", "health_check": "health", "readiness": "ready", "sockets": "listen", "reuse_port": "listen_reuseport", "watchdog_sec": "watchdog",
	"requires": "depends_on", "after": "depends_on", "needs": "depends_on",
	"stdout_logfile": "out_file", "stderr_logfile": "error_file", "combine_logs": "merge_logs", "output": "out_file",
	"error": "error_file", "log": "log_file", "dotenv": "env_file", "stop_timeout": "kill_timeout", "restart": "autorestart",
}
