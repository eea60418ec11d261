package velos

import "strings"

// A Spec is what an app should be: complete and resolved. Paths are absolute,
// the interpreter is a path, the environment is the whole environment; the
// daemon depends on nobody's working directory, PATH or shell. Clients build
// it (see internal/config) and the daemon stores it.
type Spec struct {
	Name            string   `json:"name"`
	Namespace       string   `json:"namespace,omitempty"`
	Script          string   `json:"script"`                // absolute path of the script or program
	Command         string   `json:"command,omitempty"`     // what the user wrote, when it was a command line
	Interpreter     string   `json:"interpreter,omitempty"` // absolute path; empty: Script is run itself
	InterpreterArgs []string `json:"interpreter_args,omitempty"`
	Args            []string `json:"args,omitempty"`
	Cwd             string   `json:"cwd"`
	Shell           bool     `json:"shell,omitempty"` // Command is given to /bin/sh -c as it is

	Instances    int    `json:"instances"`
	Mode         Mode   `json:"mode"`
	IncrementVar string `json:"increment_var,omitempty"` // this variable's number rises by one with each instance
	Autostart    bool   `json:"autostart"`

	Env map[string]string `json:"env,omitempty"`
	// EnvFiles are dotenv files, absolute, later ones winning over earlier
	// ones and Env winning over all. One with a ? before it may be missing:
	// see OptionalFile. Their values are in FileEnv and are
	// never written to disk: a daemon that loads its state reads the files
	// again.
	EnvFiles    []string          `json:"env_file,omitempty"`
	FileEnv     map[string]string `json:"-"`
	EnvProfiles []string          `json:"env_profiles,omitempty"` // of the file that were laid over its env
	// EnvFrom says where the variables of Env are from; those that it does
	// not name are from the shell.
	EnvFrom map[string]string `json:"env_from,omitempty"`
	// Secret names variables whose values nobody is shown, whatever they are
	// called.
	Secret []string `json:"secret,omitempty"`

	Autorestart            Restart `json:"autorestart"`
	StopExitCodes          []int64 `json:"stop_exit_codes,omitempty"`
	MaxRestarts            int     `json:"max_restarts"` // strikes in a row before errored; -1: no limit
	MinUptime              Millis  `json:"min_uptime"`
	RestartDelay           Millis  `json:"restart_delay"`
	ExpBackoffRestartDelay Millis  `json:"exp_backoff_restart_delay,omitempty"` // first delay; doubles up to MaxBackoff; 0: off
	KillTimeout            Millis  `json:"kill_timeout"`
	StopSignal             string  `json:"stop_signal"`

	LogFile       string `json:"log_file,omitempty"`        // absolute; both streams go there
	OutFile       string `json:"out_file,omitempty"`        // absolute; instead of logs/NAME-out.log
	ErrFile       string `json:"error_file,omitempty"`      // absolute; instead of logs/NAME-err.log
	LogDateFormat string `json:"log_date_format,omitempty"` // strftime or Go layout, where text is shown
	MergeLogs     bool   `json:"merge_logs,omitempty"`      // stderr goes to the file of stdout
	LogRaw        bool   `json:"log_raw,omitempty"`         // files hold the bytes as written, not JSON lines
	MaxLogSize    int64  `json:"max_log_size"`              // bytes at which a file is rotated
	MaxLogFiles   int    `json:"max_log_files"`             // rotated files kept for each stream
	MaxLogTotal   int64  `json:"max_log_total"`             // bytes of all log files of the app; 0: no bound of its own

	// How its lines are read, by the daemon (Rules) and by who reads them.
	Rules               []LevelRule `json:"rules,omitempty"`
	Multiline           string      `json:"multiline,omitempty"`            // RE2: lines that match begin an event, all others continue it
	SimilarityThreshold float64     `json:"similarity_threshold,omitempty"` // of templates; 0: the default
	DedupeWindow        Millis      `json:"dedupe_window,omitempty"`        // between repeats that are folded; 0: the default
	SigmaThreshold      float64     `json:"sigma_threshold,omitempty"`      // of anomalies and alarms; 0: the default

	// Listen are addresses that the daemon opens for the program and passes
	// on as systemd does: tcp://HOST:PORT, udp://HOST:PORT, unix:/PATH. HOST
	// is an IP address, or empty for all. They stay open between runs.
	Listen []string `json:"listen,omitempty"`
	// ListenReuse gives each instance sockets of its own (SO_REUSEPORT), so
	// that the kernel spreads connections evenly and a reload can steer
	// them; without it all instances share one socket for each address.
	ListenReuse bool `json:"listen_reuseport,omitempty"`

	WaitReady     bool   `json:"wait_ready,omitempty"`     // the run says when it is ready: process.send('ready') or READY=1
	Ready         *Probe `json:"ready,omitempty"`          // or this finds it out
	ListenTimeout Millis `json:"listen_timeout,omitempty"` // how long it may take; 0: DefaultListenTimeout
	Health        *Probe `json:"health,omitempty"`         // asked again and again; a run that fails is started anew
	Watchdog      Millis `json:"watchdog,omitempty"`       // the run sends WATCHDOG=1 at least this often; 0: off

	// ShutdownWithMessage has a message sent on Node's channel instead of
	// the stop signal: ShutdownMessage, which is JSON; empty means
	// {"type":"shutdown"} and then "shutdown".
	ShutdownWithMessage bool   `json:"shutdown_with_message,omitempty"`
	ShutdownMessage     string `json:"shutdown_message,omitempty"`

	DependsOn []Dependency `json:"depends_on,omitempty"` // started after these, stopped before them

	// User and Group are what was written; Identity is what it came to.
	User     string            `json:"user,omitempty"`
	Group    string            `json:"group,omitempty"`
	Identity *Identity         `json:"identity,omitempty"`
	Umask    string            `json:"umask,omitempty"`  // octal; empty: the daemon's
	Nice     int               `json:"nice,omitempty"`   // added to the daemon's, which is 0
	Limits   map[string]string `json:"limits,omitempty"` // LimitNames to SOFT or SOFT:HARD

	// What restarts an app that runs well.
	MaxMemory   int64    `json:"max_memory,omitempty"`   // bytes of one instance's process tree; 0: no limit
	Watch       bool     `json:"watch,omitempty"`        // when files change
	WatchPaths  []string `json:"watch_paths,omitempty"`  // absolute; none: Cwd
	WatchIgnore []string `json:"watch_ignore,omitempty"` // patterns as in a .gitignore, from Cwd on
	WatchDelay  Millis   `json:"watch_delay,omitempty"`  // how long nothing must have changed; 0: DefaultWatchDelay
	CronRestart string   `json:"cron_restart,omitempty"` // a cron expression

	// Schedule is a cron expression that says when runs begin. The app then
	// waits between them, and Overlap says what happens when it is time and
	// the last run has not ended.
	Schedule string  `json:"schedule,omitempty"`
	Overlap  Overlap `json:"overlap,omitempty"`

	// Hooks are commands that are run before, beside and after the program;
	// nil when there are none.
	*Hooks

	// Source is the configuration file the Spec came from, if any.
	Source string `json:"source,omitempty"`
	// Notify says that Source has [[notify]] tables for the app: news of it
	// are a reason for the daemon to run velos notify.
	Notify bool `json:"notify,omitempty"`
}

// Fields implements Record. FileEnv travels on the wire; what writes to disk
// clears it first.
func (s *Spec) Fields(f Fields) {
	f.String("name", &s.Name)
	f.String("namespace", &s.Namespace)
	f.String("script", &s.Script)
	f.String("command", &s.Command)
	f.String("interpreter", &s.Interpreter)
	f.Strings("interpreter_args", &s.InterpreterArgs)
	f.Strings("args", &s.Args)
	f.String("cwd", &s.Cwd)
	f.Bool("shell", &s.Shell)
	Int(f, "instances", &s.Instances)
	Str(f, "mode", &s.Mode)
	f.String("increment_var", &s.IncrementVar)
	f.Bool("autostart", &s.Autostart)
	f.Map("env", &s.Env)
	f.Strings("env_file", &s.EnvFiles)
	f.Map("file_env", &s.FileEnv)
	f.Strings("env_profiles", &s.EnvProfiles)
	f.Map("env_from", &s.EnvFrom)
	f.Strings("secret", &s.Secret)
	Str(f, "autorestart", &s.Autorestart)
	f.Ints("stop_exit_codes", &s.StopExitCodes)
	Int(f, "max_restarts", &s.MaxRestarts)
	Int(f, "min_uptime", &s.MinUptime)
	Int(f, "restart_delay", &s.RestartDelay)
	Int(f, "exp_backoff_restart_delay", &s.ExpBackoffRestartDelay)
	Int(f, "kill_timeout", &s.KillTimeout)
	f.String("stop_signal", &s.StopSignal)
	f.String("log_file", &s.LogFile)
	f.String("out_file", &s.OutFile)
	f.String("error_file", &s.ErrFile)
	f.String("log_date_format", &s.LogDateFormat)
	f.Bool("merge_logs", &s.MergeLogs)
	f.Bool("log_raw", &s.LogRaw)
	f.Int("max_log_size", &s.MaxLogSize)
	Int(f, "max_log_files", &s.MaxLogFiles)
	f.Int("max_log_total", &s.MaxLogTotal)
	List(f, "rules", &s.Rules)
	f.String("multiline", &s.Multiline)
	f.Float("similarity_threshold", &s.SimilarityThreshold)
	Int(f, "dedupe_window", &s.DedupeWindow)
	f.Float("sigma_threshold", &s.SigmaThreshold)
	f.Strings("listen", &s.Listen)
	f.Bool("listen_reuseport", &s.ListenReuse)
	f.Bool("wait_ready", &s.WaitReady)
	Object(f, "ready", &s.Ready)
	Int(f, "listen_timeout", &s.ListenTimeout)
	Object(f, "health", &s.Health)
	Int(f, "watchdog", &s.Watchdog)
	f.Bool("shutdown_with_message", &s.ShutdownWithMessage)
	f.String("shutdown_message", &s.ShutdownMessage)
	List(f, "depends_on", &s.DependsOn)
	f.String("user", &s.User)
	f.String("group", &s.Group)
	Object(f, "identity", &s.Identity)
	f.String("umask", &s.Umask)
	Int(f, "nice", &s.Nice)
	f.Map("limits", &s.Limits)
	f.Int("max_memory", &s.MaxMemory)
	f.Bool("watch", &s.Watch)
	f.Strings("watch_paths", &s.WatchPaths)
	f.Strings("watch_ignore", &s.WatchIgnore)
	Int(f, "watch_delay", &s.WatchDelay)
	f.String("cron_restart", &s.CronRestart)
	f.String("schedule", &s.Schedule)
	Str(f, "overlap", &s.Overlap)
	hookFields(f, &s.Hooks)
	f.String("source", &s.Source)
	f.Bool("notify", &s.Notify)
}

// Where a variable is from, in EnvFrom.
const (
	FromFile    = "file"     // env of the configuration file
	FromFlags   = "flag"     // --env, --set, or config set
	FromVelos   = "velos"    // set because of what the program is
	FromPort    = "port"     // the key port, or --port
	FromAuto    = "auto"     // the same, with a port that was chosen for it
	FromProfile = "profile:" // and the profile's name
)

// RunPrefix begins the names of programs that run one time and are forgotten
// then.
const RunPrefix = "run-"

// Once reports whether a Spec is of such a program.
func (s *Spec) Once() bool {
	return s.Autorestart == Never && s.MinUptime == 0 && strings.HasPrefix(s.Name, RunPrefix)
}

// OptionalFile tells the path of an env file from the ? before it, which says
// that it may be missing.
func OptionalFile(file string) (path string, optional bool) {
	return strings.CutPrefix(file, "?")
}

// A Mode says how several instances share the work.
type Mode string

// Fork runs each instance on its own. Cluster runs them as workers of Node's
// cluster module, whose primary is the daemon: they share their ports.
const (
	Fork    Mode = "fork"
	Cluster Mode = "cluster"
)

// Restart says when an app that ended by itself is started again.
type Restart string

// The restart policies.
const (
	Always    Restart = "always"
	OnFailure Restart = "on-failure" // only after a non-zero code or a signal
	Never     Restart = "never"
)

// An Overlap says what happens when a scheduled run is due and the last one has
// not ended. Empty is Skip.
type Overlap string

// The overlap policies.
const (
	Skip  Overlap = "skip"  // there is no run this time
	Queue Overlap = "queue" // one run follows when the last one has ended
	Kill  Overlap = "kill"  // the last run is stopped first
)

// DefaultWatchDelay is the WatchDelay of a Spec that names none.
const DefaultWatchDelay Millis = 1000

// MaxBackoff is where exponential restart delays stop growing, and StableAfter
// the uptime that starts them from the beginning.
const (
	MaxBackoff  Millis = 15_000
	StableAfter Millis = 60_000
)

// NewSpec is a Spec with every default set and no program. Zero values are
// meaningful in a Spec (min_uptime = 0 is allowed), so defaults are set here,
// before a file or flags speak, and never filled in later.
func NewSpec() Spec {
	return Spec{
		Namespace:   "default",
		Instances:   1,
		Mode:        Fork,
		Autostart:   true,
		Autorestart: Always,
		MaxRestarts: 16,
		MinUptime:   1000,
		KillTimeout: 5000,
		StopSignal:  "SIGTERM",
		MaxLogSize:  10 << 20,
		MaxLogFiles: 5,
		MaxLogTotal: 100 << 20,
	}
}
