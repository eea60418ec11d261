package crash

import (
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/velospm/velos"
)

// A Cause is what kind of end it was, one of a fixed set of words.
type Cause string

// The causes.
const (
	None            Cause = ""
	PortInUse       Cause = "port_in_use"
	MissingModule   Cause = "missing_module"
	MissingFile     Cause = "missing_file"
	MissingCommand  Cause = "missing_command"
	MissingVariable Cause = "missing_variable"
	Forbidden       Cause = "permission_denied"
	Refused         Cause = "connection_refused"
	Syntax          Cause = "syntax_error"
	Memory          Cause = "out_of_memory"
	Native          Cause = "native_crash"
	Signalled       Cause = "killed"
	NotStarted      Cause = "not_started"
	NoChannel       Cause = "no_channel"
	NotReady        Cause = "not_ready"
	Unhealthy       Cause = "unhealthy"
	Silent          Cause = "watchdog"
	Uncaught        Cause = "uncaught_error"
	Ended           Cause = "ended_without_error"
	Failed          Cause = "failed"
)

// A rule recognises a cause in what the program wrote. The first group is what
// it is about.
type rule struct {
	cause Cause
	re    *regexp.Regexp
}

// rules are compiled when the first crash is looked at: most commands have
// none. The order matters: what is named first explains more.
var rules = sync.OnceValue(func() []rule {
	return []rule{
		{PortInUse, regexp.MustCompile(`(?i)(?:EADDRINUSE|address already in use|only one usage of each socket)[^\n]*?[:\s(](\d{2,5})\)?\s*(?:$|\n|[^\d.])`)},
		{PortInUse, regexp.MustCompile(`(?i)port (\d{2,5}) is (?:already |currently )?(?:in use|taken|used|occupied|allocated)`)},
		{PortInUse, regexp.MustCompile(`(?im)(?:listen|bind)[^\n]*?:(\d{2,5})\b[^\n]*address already in use`)},
		{PortInUse, regexp.MustCompile(`EADDRINUSE|(?i:address already in use)`)},
		{Memory, regexp.MustCompile(`JavaScript heap out of memory|java\.lang\.OutOfMemoryError|(?m:^MemoryError)|fatal error: (?:runtime: )?out of memory|std::bad_alloc`)},
		{MissingModule, regexp.MustCompile(`Cannot find (?:module|package) ['"]([^'"\n]+)['"]`)},
		{MissingModule, regexp.MustCompile(`No module named ['"]?([\w.]+)`)},
		{MissingModule, regexp.MustCompile(`cannot load such file -- (\S+)`)},
		{MissingModule, regexp.MustCompile(`(?:ClassNotFoundException|NoClassDefFoundError|find or load main class):? (\S+)`)},
		{MissingModule, regexp.MustCompile(`error while loading shared libraries: ([^:\s]+)`)},
		{MissingVariable, regexp.MustCompile(`KeyError: ['"]([A-Z][A-Z0-9_]{2,})['"]`)},
		{MissingVariable, regexp.MustCompile(`(?i:environment variable|env var|variable):? ['"$` + "`" + `]*([A-Z][A-Z0-9_]{2,})`)},
		{MissingVariable, regexp.MustCompile(`\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)['"` + "`" + `]? (?i:is |was |env |must |variable )*(?i:not set|not defined|required|missing|undefined|unset|be set|unbound)`)},
		{MissingVariable, regexp.MustCompile(`(?i:missing|requires?|undefined):? (?i:required |env |the )*['"$` + "`" + `]*([A-Z][A-Z0-9]*_[A-Z0-9_]+)`)},
		{MissingFile, regexp.MustCompile(`ENOENT[^\n]*?['"]([^'"\n]+)['"]`)},
		{MissingFile, regexp.MustCompile(`(?i)no such file or directory:? ['"]([^'"\n]+)['"]`)},
		{MissingFile, regexp.MustCompile(`(?:open|stat|exec|can't open file|cannot open|read|lstat|fork/exec) ['"]?([^'":\n]+?)['"]?: (?:\[Errno 2\] )?[Nn]o such file or directory`)},
		{Forbidden, regexp.MustCompile(`(?:EACCES|EPERM)[^\n]*?['"]([^'"\n]+)['"]`)},
		{Forbidden, regexp.MustCompile(`PermissionError:[^\n]*?['"]([^'"\n]+)['"]`)},
		{Forbidden, regexp.MustCompile(`(?:open|mkdir|exec|listen tcp|bind) ([^\n]+?): (?:bind: )?permission denied`)},
		{Forbidden, regexp.MustCompile(`EACCES|EPERM`)},
		{Refused, regexp.MustCompile(`ECONNREFUSED (\S+)`)},
		{Refused, regexp.MustCompile(`dial tcp (\S+): connect: connection refused`)},
		{Refused, regexp.MustCompile(`(?i)connection refused`)},
		{MissingCommand, regexp.MustCompile(`(?m)(?:^|: )([\w./+-]+): (?:command )?not found$`)},
		{NoChannel, regexp.MustCompile(`process\.send is not a function`)},
		{Syntax, regexp.MustCompile(`(?m)^(?:\S+: )?(?:SyntaxError|IndentationError|TabError)`)},
	}
})

// causeOf finds the cause: how it ended tells more than what it said only
// where a signal ended it.
func causeOf(x *velos.Exit, said words) (cause Cause, subject string, port int) {
	if x.Error != "" {
		return NotStarted, "", 0
	}
	if c := ordered(x); c != None {
		return c, "", 0
	}
	text := strings.Join(said.text, "\n")
	for _, r := range rules() {
		m := r.re.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		if len(m) > 1 {
			subject = m[1]
		}
		if r.cause == PortInUse {
			port, _ = strconv.Atoi(subject)
		}
		return r.cause, subject, port
	}
	switch {
	case x.Signal == "SIGSEGV", x.Signal == "SIGBUS", x.Signal == "SIGILL", x.Signal == "SIGFPE", x.Signal == "SIGABRT", x.Signal == "SIGTRAP":
		return Native, "", 0
	case x.Signal != "":
		return Signalled, "", 0
	case x.Code == 127:
		return MissingCommand, "", 0
	case x.Code == 126:
		return Forbidden, "", 0
	case len(said.stack) > 0:
		return Uncaught, "", 0
	case x.Code == 0 && !x.Unknown:
		return Ended, "", 0
	}
	return Failed, "", 0
}

// ordered is the cause of an end that the daemon has ordered: it has said why.
func ordered(x *velos.Exit) Cause {
	switch {
	case x.Cause == "":
		return None
	case x.OverMemory():
		return Memory
	case strings.Contains(x.Cause, "health"):
		return Unhealthy
	case strings.Contains(x.Cause, "watchdog"):
		return Silent
	}
	return NotReady
}

var numbers = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|\d+`)
})

// fingerprint is the same for ends with the same cause, the same message but
// for numbers, and the same place.
func fingerprint(c Cause, said words) string {
	h := fnv.New32a()
	message := numbers().ReplaceAllString(said.message, "#")
	h.Write([]byte(string(c) + "\x00" + message + "\x00" + said.frame))
	return strconv.FormatUint(uint64(h.Sum32()), 16)
}
