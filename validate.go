package velos

import (
	"path/filepath"
	"strconv"
	"strings"
)

// Bounds of a Spec.
const (
	MaxInstances        = 8192
	MaxDelay     Millis = 24 * 60 * 60 * 1000 // of every length of time in a Spec
	maxName             = 64
	maxLogFiles         = 10_000
)

// A FieldError is what is wrong with one field of a Spec. Validate wraps it
// in an Error; whoever knows where the field was written (a line of a file)
// finds the field's name here, as the cause of that Error.
type FieldError struct {
	Field string // as configuration files spell it; env.KEY for one variable
	What  string // "must be 1 or more, not -2"
}

func (e *FieldError) Error() string { return e.Field + ": " + e.What }

// Validate checks a Spec that is complete and resolved. The error is the
// first problem as an *Error with code Invalid; it names the app and the field.
// Validate looks at no file.
func (s *Spec) Validate() error {
	if err := ValidName(s.Name); err != nil {
		return err
	}
	for _, check := range [...]func(*Spec) *fault{
		(*Spec).checkProgram, (*Spec).checkInstances, (*Spec).checkEnv,
		(*Spec).checkRestart, (*Spec).checkServing, (*Spec).checkDependencies, (*Spec).checkTriggers, (*Spec).checkHooks, (*Spec).checkLogs, (*Spec).checkDigest, (*Spec).checkRights, (*Spec).checkText,
	} {
		if f := check(s); f != nil {
			return f.error(s.Name)
		}
	}
	return nil
}

// A fault is a problem before it is an error.
type fault struct {
	field, what, hint string
}

func (f *fault) error(name string) error {
	e := &Error{Code: Invalid, Hint: f.hint, Cause: &FieldError{Field: f.field, What: f.what}}
	e.Message = "app " + name + ": " + f.field + ": " + f.what
	return e
}

// ValidName checks the name of an app or a namespace: letters, digits, dot,
// dash and underscore, 64 at most, beginning with a letter or a digit, and
// nothing that means something else (an id, all, a device of Windows).
func ValidName(name string) error {
	what, hint := nameProblem(name)
	if what == "" {
		return nil
	}
	return &Error{
		Code:    Invalid,
		Message: "name " + quote(name) + ": " + what,
		Hint:    hint,
		Cause:   &FieldError{Field: "name", What: quote(name) + ": " + what},
	}
}

func nameProblem(name string) (what, hint string) {
	const form = "use letters, digits, dots, dashes and underscores, such as api-2"
	switch {
	case name == "":
		return "must not be empty", "give it a name: --name api"
	case strings.ContainsAny(name, `/\`):
		return "must not contain a slash: a name is not a path", form
	case strings.Contains(name, ".."):
		return "must not contain ..", form
	case len(name) > maxName:
		return "must have at most 64 characters, not " + strconv.Itoa(len(name)), "shorten it"
	case !alnum(name[0]):
		return "must begin with a letter or a digit", form
	case strings.EqualFold(name, "all"):
		return "all stands for every app", "choose another name"
	}
	digits := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !alnum(c) && c != '.' && c != '_' && c != '-' {
			return "must not contain " + quote(firstRune(name[i:])), form
		}
		digits = digits && c >= '0' && c <= '9'
	}
	if digits {
		return "only digits would be an id", "add a letter, such as app" + name
	}
	if device(name) {
		return "is the name of a device on Windows", "choose another name"
	}
	return "", ""
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// quote shows a string of somebody else's: quoted, printable, not too long.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToGraphic(s)
}

// device reports a name that Windows keeps for a device, with any extension:
// a log file of that name could not be opened there.
func device(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(base)
	switch base {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(base) == 4 && base[3] >= '0' && base[3] <= '9' &&
		(base[:3] == "COM" || base[:3] == "LPT")
}

func (s *Spec) checkProgram() *fault {
	if s.Namespace != "" {
		if what, hint := nameProblem(s.Namespace); what != "" {
			return &fault{field: "namespace", what: quote(s.Namespace) + ": " + what, hint: hint}
		}
	}
	switch {
	case s.Shell && s.Command == "":
		return &fault{field: "shell", what: "needs a command line", hint: "write the command line as the script"}
	case s.Script == "":
		return &fault{field: "script", what: "is missing", hint: "name the script or program to run"}
	case s.Cwd == "":
		return &fault{field: "cwd", what: "is missing", hint: "name the working directory"}
	}
	for _, p := range [...]struct{ field, path string }{
		{"script", s.Script}, {"interpreter", s.Interpreter}, {"cwd", s.Cwd},
	} {
		if f := absolute(p.field, p.path); f != nil {
			return f
		}
	}
	return nil
}

func absolute(field, path string) *fault {
	if path == "" || filepath.IsAbs(path) {
		return nil
	}
	return &fault{field: field, what: "must be an absolute path, not " + quote(path), hint: "clients resolve paths before they ask"}
}

func (s *Spec) checkInstances() *fault {
	if s.Instances < 1 {
		return &fault{field: "instances", what: "must be 1 or more, not " + strconv.Itoa(s.Instances), hint: "instances = 1 runs one process"}
	}
	if s.Instances > MaxInstances {
		return &fault{field: "instances", what: "must be at most 8192, not " + strconv.Itoa(s.Instances), hint: "choose a smaller number"}
	}
	switch s.Mode {
	case Fork:
	case Cluster:
		if s.Interpreter == "" || s.Shell {
			return &fault{field: "mode", what: "cluster is for scripts that node runs", hint: "use fork; with listen, programs in any language share their ports"}
		}
	default:
		return &fault{field: "mode", what: "must be fork or cluster, not " + quote(string(s.Mode)), hint: "leave it out"}
	}
	if last := s.Port() + s.PortRow() - 1; last > MaxPort {
		return &fault{field: "port", what: "the last of " + strconv.Itoa(s.Instances) + " instances would have port " + strconv.Itoa(last), hint: "each has one more than the one before; the highest port is 65535"}
	}
	v, ok := s.Env[s.IncrementVar]
	if s.IncrementVar == "" || !ok {
		return nil
	}
	if _, err := strconv.ParseInt(v, 10, 64); err != nil {
		return &fault{field: "increment_var", what: s.IncrementVar + " must be a whole number, not " + quote(v), hint: "set it in env to the first instance's number"}
	}
	return nil
}

func (s *Spec) checkEnv() *fault {
	for _, env := range [...]map[string]string{s.Env, s.FileEnv} {
		if key, what := badVariable(env); what != "" {
			field := "env"
			if key != "" {
				field += "." + quote(key)
			}
			return &fault{field: field, what: what, hint: `variables are written NAME = "value"`}
		}
	}
	if s.IncrementVar != "" && strings.ContainsAny(s.IncrementVar, "=\x00") {
		return &fault{field: "increment_var", what: "must be the name of a variable, not " + quote(s.IncrementVar), hint: `such as increment_var = "PORT"`}
	}
	if strings.HasPrefix(s.IncrementVar, "VELOS_") {
		return &fault{field: "increment_var", what: "the names that begin with VELOS_ are velos's own, not " + quote(s.IncrementVar), hint: `such as increment_var = "PORT"`}
	}
	for _, k := range s.Secret {
		if k == "" || strings.ContainsAny(k, "=\x00") {
			return &fault{field: "secret", what: "must be names of variables, not " + quote(k), hint: `such as secret = ["STRIPE_ID"]`}
		}
	}
	for _, p := range s.EnvFiles {
		p, _ = OptionalFile(p)
		if p == "" {
			return &fault{field: "env_file", what: "must not be empty", hint: "name a file or leave it out"}
		}
		if f := absolute("env_file", p); f != nil {
			return f
		}
	}
	return nil
}

// badVariable finds the problem of the first bad variable in the order of
// names, so that the same Spec always has the same error.
func badVariable(env map[string]string) (key, what string) {
	for k, v := range env {
		w := ""
		switch {
		case k == "":
			w = "a variable must have a name"
		case strings.IndexByte(k, '=') >= 0:
			w = "the name of a variable must not contain ="
		case strings.IndexByte(k, 0) >= 0:
			w = "the name of a variable must not contain a NUL byte"
		case strings.IndexByte(v, 0) >= 0:
			w = "must not contain a NUL byte"
		}
		if w != "" && (what == "" || k < key) {
			key, what = k, w
		}
	}
	return key, what
}

func (s *Spec) checkRestart() *fault {
	switch s.Autorestart {
	case Always, OnFailure, Never:
	default:
		return &fault{field: "autorestart", what: "must be always, on-failure or never, not " + quote(string(s.Autorestart)), hint: "always is the default"}
	}
	for _, c := range s.StopExitCodes {
		if c < 0 || c > 255 {
			return &fault{field: "stop_exit_codes", what: "a code is between 0 and 255, not " + strconv.FormatInt(c, 10), hint: "such as stop_exit_codes = [0, 3]"}
		}
	}
	if s.MaxRestarts < -1 {
		return &fault{field: "max_restarts", what: "must be 0 or more, not " + strconv.Itoa(s.MaxRestarts), hint: "-1 is no limit"}
	}
	for _, d := range [...]struct {
		field string
		v     Millis
	}{
		{"min_uptime", s.MinUptime}, {"restart_delay", s.RestartDelay},
		{"exp_backoff_restart_delay", s.ExpBackoffRestartDelay}, {"kill_timeout", s.KillTimeout},
	} {
		if d.v < 0 {
			return &fault{field: d.field, what: "must be 0 or more, not " + strconv.FormatInt(int64(d.v), 10), hint: `milliseconds, or a string such as "5s"`}
		}
		if d.v > MaxDelay {
			return &fault{field: d.field, what: "must be at most 24 hours, not " + d.v.String(), hint: `milliseconds, or a string such as "5s"`}
		}
	}
	if !KnownSignal(s.StopSignal) {
		return &fault{field: "stop_signal", what: "unknown signal " + quote(s.StopSignal), hint: "such as SIGTERM, SIGINT or SIGQUIT"}
	}
	return nil
}

func (s *Spec) checkLogs() *fault {
	for _, p := range [...]struct{ field, path string }{
		{"log_file", s.LogFile}, {"out_file", s.OutFile}, {"error_file", s.ErrFile},
	} {
		if f := absolute(p.field, p.path); f != nil {
			return f
		}
	}
	switch {
	case s.MaxLogSize <= 0:
		return &fault{field: "max_log_size", what: "must be more than 0, not " + strconv.FormatInt(s.MaxLogSize, 10), hint: `bytes, or a string such as "10M"`}
	case s.MaxLogFiles <= 0:
		return &fault{field: "max_log_files", what: "must be 1 or more, not " + strconv.Itoa(s.MaxLogFiles), hint: "5 is the default"}
	case s.MaxLogFiles > maxLogFiles:
		return &fault{field: "max_log_files", what: "must be at most 10000, not " + strconv.Itoa(s.MaxLogFiles), hint: "5 is the default"}
	case s.MaxLogTotal < 0:
		return &fault{field: "max_log_total", what: "must be 0 or more, not " + strconv.FormatInt(s.MaxLogTotal, 10), hint: "0 is no bound of its own"}
	}
	return nil
}

// checkText refuses NUL bytes, which no argument and no path can carry: the
// kernel would cut the string there.
func (s *Spec) checkText() *fault {
	for _, t := range [...]struct{ field, text string }{
		{"script", s.Script}, {"script", s.Command}, {"interpreter", s.Interpreter}, {"cwd", s.Cwd},
		{"log_file", s.LogFile}, {"out_file", s.OutFile}, {"error_file", s.ErrFile},
		{"log_date_format", s.LogDateFormat}, {"source", s.Source},
		{"cron_restart", s.CronRestart}, {"schedule", s.Schedule},
	} {
		if strings.IndexByte(t.text, 0) >= 0 {
			return nul(t.field)
		}
	}
	for _, t := range [...]struct {
		field string
		list  []string
	}{{"args", s.Args}, {"interpreter_args", s.InterpreterArgs}, {"env_file", s.EnvFiles}, {"watch_paths", s.WatchPaths}, {"watch_ignore", s.WatchIgnore}} {
		for _, a := range t.list {
			if strings.IndexByte(a, 0) >= 0 {
				return nul(t.field)
			}
		}
	}
	return nil
}

func nul(field string) *fault {
	return &fault{field: field, what: "must not contain a NUL byte", hint: "remove the character"}
}

// signals are the names that a Spec may use, common to Unix systems.
const signals = " SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE" +
	" SIGALRM SIGTERM SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGSYS "

// KnownSignal reports whether name is a signal's full name in capitals, such
// as SIGTERM. Clients turn other spellings and numbers into these names.
func KnownSignal(name string) bool {
	return len(name) > 3 && strings.IndexByte(name, ' ') < 0 && strings.Contains(signals, " "+name+" ")
}

// SignalNames lists the names that KnownSignal knows.
func SignalNames() []string { return strings.Fields(signals) }
