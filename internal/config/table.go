package config

import (
	"sync"

	"github.com/velospm/velos"
)

// A key is what may be written for an app. The table of keys is the one
// place that knows them: it parses files and flags, and the schema and
// docs/CONFIG.md are made from it.
type key struct {
	name   string
	preset string // the default as it would be written; empty: none
	help   string
	form
	live bool // a change of it needs no new run
}

// A section is the keys that belong together on the page.
type section struct {
	title string
	keys  []key
}

// keys is the table by name. All but name and script may stand in [defaults]
// too.
var keys = sync.OnceValue(func() map[string]*key {
	all := map[string]*key{}
	for _, sec := range sections() {
		for i := range sec.keys {
			all[sec.keys[i].name] = &sec.keys[i]
		}
	}
	return all
})

// sections is the table. What a key without a default does when it is left
// out is in its help. It is made when it is asked for: most commands never do,
// and it takes a third of a millisecond.
var sections = sync.OnceValue(func() []section {
	return []section{whatRuns(), howMany(), environmentKeys(), whenItEnds(), whenItWorks(), whatStartsIt(), besideIt(), itsLogs(), rightsKeys()}
})

func whatRuns() section {
	return section{"What runs", []key{
		{name: "name", help: "the app's name; only in `[[apps]]`, elsewhere the table's header is the name", form: special(readName, "text", ofType("string"))},
		{name: "script", help: "the script or program, or a command line; needed", form: special(readScript, "a path or a command line", ofType("string"))},
		{name: "args", help: "arguments of the program", form: words(func(d *draft) *[]string { return &d.args })},
		{name: "cwd", help: "where it runs; left out, the script's directory, or the file's for a command line", form: path(func(d *draft) *string { return &d.cwd })},
		{name: "interpreter", help: "what runs the script, such as node or python3; none runs it itself; left out, the file's extension or first line decides",
			form: path(func(d *draft) *string { return &d.interpreter })},
		{name: "interpreter_args", help: "arguments of the interpreter", form: words(func(d *draft) *[]string { return &d.spec.InterpreterArgs })},
		{name: "node_args", help: "the same", form: words(func(d *draft) *[]string { return &d.spec.InterpreterArgs })},
		{name: "shell", preset: "false", help: "script is a line for /bin/sh", form: boolean(func(d *draft) *bool { return &d.spec.Shell })},
		{name: "namespace", preset: `"default"`, help: "groups apps: `velos stop ns:NAME`", form: text(func(d *draft) *string { return &d.spec.Namespace }), live: true},
		{name: "autostart", preset: "true", help: "false: the app is made known and not started", form: boolean(func(d *draft) *bool { return &d.spec.Autostart }), live: true},
		{name: "depends_on", help: "apps that are started before this one and stopped after it; a condition is started, ready (the default), healthy, exited_ok or exited",
			form: special(readDependsOn, "names, or tables with name and condition", dependencySchema()), live: true},
	}}
}

func howMany() section {
	return section{"How many, and their ports", []key{
		{name: "instances", preset: "1", help: "processes of the app; \"max\" is one for each core, -1 leaves one core free",
			form: special(readInstances, "a whole number or \"max\"", anyOf(ofType("integer"), oneWord("max")))},
		{name: "mode", help: "fork or cluster; left out, several instances of a script that node runs are a cluster",
			form: special(readMode, "fork or cluster", oneWord(string(velos.Fork), string(velos.Cluster)))},
		{name: "port", help: "PORT of the program, a number or \"auto\": one from 20000 to 29999 that nobody has, and that stays the app's. Workers of a cluster share it; in fork mode each instance has one more than the one before",
			form: special(readPort, "a port or \"auto\"", anyOf(schema{"type": "integer", "minimum": 1, "maximum": velos.MaxPort}, oneWord(AutoPort)))},
		{name: "increment_var", help: "a variable whose number rises by one with each instance", form: text(func(d *draft) *string { return &d.spec.IncrementVar })},
		{name: "listen", help: "addresses that the daemon opens and passes on: 8080, \"127.0.0.1:8080\", \"udp://:53\", \"unix:run/api.sock\"",
			form: special(readListen, "an address or a list of them", oneOrMore(ofType("string", "integer")))},
		{name: "listen_reuseport", preset: "false", help: "each instance gets sockets of its own", form: boolean(func(d *draft) *bool { return &d.spec.ListenReuse })},
	}}
}

func environmentKeys() section {
	return section{"Environment", []key{
		{name: "env", help: "variables; a table in it is a profile, which `--env NAME` lays over the others",
			form: special(readEnv, "a table of variables", envSchema())},
		{name: "env_profiles", help: "profiles by name; `env.NAME` and `env_NAME` are the same", form: special(readProfiles, "a table of tables", schema{"type": "object", "additionalProperties": variablesSchema()})},
		{name: "env_file", help: "dotenv files, later ones winning, env winning over all; one that begins with ? may be missing. Their values are never stored: each run reads them when it begins",
			form: special(readEnvFile, "a path or a list of them", oneOrMore(envFileSchema()))},
		{name: "secret", help: "variables whose values are never shown: neither in listings nor, from 8 characters on, in logs and other text. Names with KEY, TOKEN, SECRET, PASS, AUTH and such in them are secret without it",
			form: special(readSecret, "a name or a list of them", oneOrMore(ofType("string"))), live: true},
	}}
}

func whenItEnds() section {
	millis := func(name, preset, help string, field func(*velos.Spec) *velos.Millis) key {
		return key{name: name, preset: preset, help: help, form: length(func(d *draft) *velos.Millis { return field(&d.spec) }), live: true}
	}
	return section{"When it ends", []key{
		{name: "autorestart", preset: `"always"`, help: "when it is started again: always (true), on-failure, never (false)",
			form: special(readAutorestart, "true, false or a policy", anyOf(ofType("boolean"), oneWord(string(velos.Always), string(velos.OnFailure), string(velos.Never)))), live: true},
		{name: "stop_exit_codes", help: "exit codes after which it is not started again", form: special(readExitCodes, "a list of numbers", oneOrMore(ofType("integer"))), live: true},
		{name: "max_restarts", preset: "16", help: "ends before min_uptime in a row, after which it is left alone as errored; -1 is no limit", form: whole(func(d *draft) *int { return &d.spec.MaxRestarts }), live: true},
		millis("min_uptime", `"1s"`, "an end before this counts towards max_restarts; without a sign of readiness, start succeeds after it", func(s *velos.Spec) *velos.Millis { return &s.MinUptime }),
		millis("restart_delay", `"0s"`, "between an end and the next start", func(s *velos.Spec) *velos.Millis { return &s.RestartDelay }),
		millis("exp_backoff_restart_delay", `"0s"`, "first delay; it doubles with each restart up to 15 s, until the app has run for a minute; 0 is off", func(s *velos.Spec) *velos.Millis { return &s.ExpBackoffRestartDelay }),
		millis("kill_timeout", `"5s"`, "between the stop signal and SIGKILL", func(s *velos.Spec) *velos.Millis { return &s.KillTimeout }),
		{name: "stop_signal", preset: `"SIGTERM"`, help: "asks it to end", form: special(readSignal, "a signal's name or number", ofType("string", "integer")), live: true},
		{name: "shutdown_with_message", preset: "false", help: "a message on Node's channel asks it to end, not a signal", form: boolean(func(d *draft) *bool { return &d.spec.ShutdownWithMessage })},
		{name: "shutdown_message", help: `that message; left out, {"type":"shutdown"} and then the text "shutdown", which is PM2's`, form: special(readMessage, "JSON, or a word", ofType("string")), live: true},
	}}
}

func whenItWorks() section {
	return section{"Whether it works", []key{
		{name: "wait_ready", preset: "false", help: "it says itself when it is ready: process.send('ready') or READY=1", form: boolean(func(d *draft) *bool { return &d.spec.WaitReady })},
		{name: "ready", help: "or a probe finds it out", form: readProbe(func(d *draft) **velos.Probe { return &d.spec.Ready })},
		{name: "listen_timeout", preset: `"8s"`, help: "how long it may take to become ready", form: length(func(d *draft) *velos.Millis { return &d.spec.ListenTimeout }), live: true},
		{name: "health", help: "a probe that is repeated; an app that fails it is started anew", form: readProbe(func(d *draft) **velos.Probe { return &d.spec.Health }), live: true},
		{name: "watchdog", preset: `"0s"`, help: "it says WATCHDOG=1 at least this often; 0 is off", form: length(func(d *draft) *velos.Millis { return &d.spec.Watchdog })},
	}}
}

func whatStartsIt() section {
	memory := size(func(d *draft) *int64 { return &d.spec.MaxMemory })
	return section{"What starts it anew, and jobs", []key{
		{name: "watch", preset: "false", help: "it is started anew when files change: in its directory, or the paths of a list",
			form: special(readWatch, "true, false or a list of paths", anyOf(ofType("boolean", "string"), listOf(ofType("string")))), live: true},
		{name: "watch_paths", help: "what is watched; left out, cwd", form: special(paths(func(d *draft) *[]string { return &d.spec.WatchPaths }), "a path or a list of them", oneOrMore(ofType("string"))), live: true},
		{name: "watch_ignore", help: "patterns of .gitignore's form; left out, node_modules, .git and *.log",
			form: special(paths(func(d *draft) *[]string { return &d.spec.WatchIgnore }), "a pattern or a list of them", oneOrMore(ofType("string"))), live: true},
		{name: "watch_delay", help: "how long nothing must change before that; left out, 1s", form: length(func(d *draft) *velos.Millis { return &d.spec.WatchDelay }), live: true},
		{name: "cron_restart", help: "it is started anew at these times: minute, hour, day, month, weekday, with seconds first if there are six fields; @daily, @every 5m; TZ=Europe/Berlin in front",
			form: special(readCron(func(d *draft) *string { return &d.spec.CronRestart }), "a cron expression", ofType("string")), live: true},
		{name: "max_memory", help: "its tree may take no more: it is started anew", form: memory, live: true},
		{name: "max_memory_restart", help: "the same", form: memory, live: true},
		{name: "schedule", help: "it is a job that runs at these times, and is not started again when it ends", form: special(readCron(func(d *draft) *string { return &d.spec.Schedule }), "a cron expression", ofType("string"))},
		{name: "overlap", help: "what to do at such a time while the former run goes on: skip, which is the default, queue, or kill it",
			form: special(readOverlap, "skip, queue or kill", oneWord(overlaps...)), live: true},
	}}
}

func besideIt() section {
	hook := func(name velos.HookName, help string) key {
		return key{name: string(name), help: help, form: readHook(name), live: true}
	}
	return section{"What is run beside it", []key{
		hook(velos.PreStart, "a command before each run, also before a restart; if it fails, there is no run, and it is tried again as after a crash"),
		hook(velos.PostStart, "when a run is online"),
		hook(velos.PreStop, "before a run is told to stop"),
		hook(velos.OnCrash, "after a run that failed by itself; a restart does not wait for it"),
		hook(velos.OnGivingUp, "when it is errored"),
	}}
}

func itsLogs() section {
	return section{"Its logs", []key{
		{name: "log_file", help: "file for both streams", form: path(func(d *draft) *string { return &d.spec.LogFile }), live: true},
		{name: "out_file", help: "file for stdout; left out, logs/NAME-out.log in VELOS_HOME", form: path(func(d *draft) *string { return &d.spec.OutFile }), live: true},
		{name: "error_file", help: "file for stderr; left out, logs/NAME-err.log in VELOS_HOME", form: path(func(d *draft) *string { return &d.spec.ErrFile }), live: true},
		{name: "log_date_format", help: "time layout where its lines are shown: strftime, YYYY-MM-DD HH:mm:ss, or Go's", form: text(func(d *draft) *string { return &d.spec.LogDateFormat }), live: true},
		{name: "merge_logs", preset: "false", help: "stderr goes to the file of stdout", form: boolean(func(d *draft) *bool { return &d.spec.MergeLogs })},
		{name: "log_raw", preset: "false", help: "files hold the bytes as written, not JSON lines", form: boolean(func(d *draft) *bool { return &d.spec.LogRaw })},
		{name: "max_log_size", preset: `"10M"`, help: "at which a file is rotated", form: size(func(d *draft) *int64 { return &d.spec.MaxLogSize }), live: true},
		{name: "max_log_files", preset: "5", help: "rotated files kept for each stream", form: whole(func(d *draft) *int { return &d.spec.MaxLogFiles }), live: true},
		{name: "rules", help: "which level a line has: pattern (text or RE2), level, priority; for lines that are written from then on",
			form: special(readRules, "tables with pattern, level and priority", rulesSchema()), live: true},
		{name: "multiline", help: "RE2: lines that match begin an event and all others continue it; left out, the engine tells", form: special(readMultiline, "an expression", ofType("string")), live: true},
		{name: "similarity_threshold", help: "of words that messages of one pattern have in common; left out, 0.85", form: fraction(0, 1, func(d *draft) *float64 { return &d.spec.SimilarityThreshold }), live: true},
		{name: "dedupe_window", help: "how long after the last one a message still counts as its repeat; left out, 60s", form: length(func(d *draft) *velos.Millis { return &d.spec.DedupeWindow }), live: true},
		{name: "sigma_threshold", help: "from which an anomaly is told, and an alarm raised; critical is 1.5 above; left out, 3.5. 2 tells many", form: fraction(1, 20, func(d *draft) *float64 { return &d.spec.SigmaThreshold }), live: true},
		{name: "max_log_total", preset: `"100M"`, help: "of all log files of the app; 0 is no bound of its own", form: size(func(d *draft) *int64 { return &d.spec.MaxLogTotal }), live: true},
	}}
}
