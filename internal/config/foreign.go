package config

// elsewhere are words for what is written in another way.
var elsewhere = map[string]string{
	"hooks":   "write pre_start, post_start, pre_stop, on_crash or on_giving_up, each a key of its own",
	"protect": "protect is a rule for agents, in [agents] of config.toml in VELOS_HOME",
	"notify":  "write [[notify]] tables beside [apps.NAME]",
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
