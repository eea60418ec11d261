package velos

import (
	"strconv"
	"strings"
)

// String is the exit in one plain line: how the run ended, after how long
// and, in brackets, why we have ended it and what that usually means.
func (e *Exit) String() string {
	switch {
	case e.Error != "":
		return "could not be started: " + e.Error
	case e.Unknown:
		return "ended" + e.after() + ", code unknown"
	}
	s := e.ending() + e.after()
	why := e.Cause
	if m := e.Meaning(); m != "" {
		why = strings.TrimPrefix(why+"; "+m, "; ")
	}
	if why != "" {
		s += " (" + why + ")"
	}
	return s
}

// Unwanted reports an end that nobody has ordered: the run ended by itself, or
// was ended because it was unwell.
func (e *Exit) Unwanted() bool { return !e.Asked || e.Cause != "" }

// memoryCause is how the cause of an end begins that max_memory has brought.
const memoryCause = "memory: "

// quietCause ends the cause of an end that a watchdog has brought, with SIGABRT.
const quietCause = " (watchdog)"

// OverMemory reports an end that max_memory has brought.
func (e *Exit) OverMemory() bool { return strings.HasPrefix(e.Cause, memoryCause) }

func (e *Exit) ending() string {
	switch {
	case e.Signal == "" && e.Asked:
		return "stopped with code " + strconv.Itoa(e.Code)
	case e.Signal == "":
		return "exited with code " + strconv.Itoa(e.Code)
	case e.Asked && !e.Killed && !e.crashed():
		return "stopped by " + e.Signal
	}
	return "killed by " + e.Signal
}

func (e *Exit) after() string {
	if e.Uptime <= 0 {
		return ""
	}
	return " after " + e.Uptime.String()
}

// crashed reports a signal that a program brings upon itself.
func (e *Exit) crashed() bool {
	switch e.Signal {
	case "SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGSYS", "SIGTRAP":
		return true
	}
	return false
}

// Meaning says what the code or signal usually means, without brackets and
// without repeating it; empty when there is nothing to add. A meaning that
// only one runtime gives to a code is that of the runtime that ran.
func (e *Exit) Meaning() string {
	switch {
	case e.Error != "" || e.Unknown:
		return ""
	case e.OOM:
		return "out of memory: the kernel's limit for it was reached"
	case e.Killed:
		return "by us: it did not stop in time"
	case e.Signal == "":
		if m := meaningOfRuntime(e.Runtime, e.Code); m != "" {
			return m
		}
		return meaningOfCode(e.Code, e.Asked)
	}
	m := ""
	if aborted := e.Signal == "SIGABRT" && strings.HasSuffix(e.Cause, quietCause); !e.Asked || e.crashed() && !aborted || e.Signal == "SIGKILL" {
		m = meaningOfSignal(e.Signal)
	}
	if e.Core {
		if m != "" {
			m += ", "
		}
		m += "core dumped"
	}
	return m
}

func meaningOfSignal(name string) string {
	switch name {
	case "SIGKILL":
		return "out of memory killer, or kill -9"
	case "SIGSEGV", "SIGBUS":
		return "crashed in native code"
	case "SIGABRT":
		return "gave up by itself: abort, a failed assertion, or no memory left in V8"
	case "SIGILL":
		return "illegal instruction: damaged, or built for another processor"
	case "SIGFPE":
		return "crashed in native code: division by zero"
	case "SIGTRAP":
		return "a debugger's trap, or a fatal check in native code"
	case "SIGSYS":
		return "a system call that its sandbox forbids"
	case "SIGPIPE":
		return "wrote to a pipe or socket that nobody reads"
	case "SIGXCPU":
		return "its limit of CPU time was reached"
	case "SIGXFSZ":
		return "its limit of file size was reached"
	case "SIGTERM":
		return "somebody else asked it to stop"
	case "SIGINT":
		return "Ctrl-C, or somebody else's kill -INT"
	case "SIGHUP":
		return "its terminal was closed, or somebody else's kill -HUP"
	case "SIGQUIT":
		return "Ctrl-\\, or somebody else's kill -QUIT"
	case "SIGALRM":
		return "its own alarm, which it did not handle"
	}
	return ""
}

// The runtimes whose codes have a meaning of their own.
const (
	nodeRuntime   = "node"
	pythonRuntime = "python"
)

// Ran notes which runtime a program is, where that gives the code a meaning.
func (e *Exit) Ran(program string) {
	if e.Signal != "" || e.Unknown || e.Error != "" {
		return
	}
	if rt := runtimeOf(program); meaningOfRuntime(rt, e.Code) != "" {
		e.Runtime = rt
	}
}

// runtimeOf knows a runtime by the name of its file, with or without a version.
func runtimeOf(program string) string {
	name := program[strings.LastIndexAny(program, `/\`)+1:]
	name = strings.TrimSuffix(strings.ToLower(name), ".exe")
	switch strings.TrimRight(name, "0123456789.-") {
	case "node", "nodejs":
		return nodeRuntime
	case "python", "pypy":
		return pythonRuntime
	}
	return ""
}

// meaningOfRuntime decodes what only one runtime means by a code. 1 is any
// error that nobody has caught, and says nothing.
func meaningOfRuntime(runtime string, code int) string {
	switch runtime {
	case nodeRuntime:
		switch code {
		case 3, 4, 10:
			return "for Node: it failed inside, before the program began"
		case 5:
			return "for Node: fatal error in V8"
		case 6, 7:
			return "for Node: the handler of uncaught exceptions failed itself"
		case 9:
			return "for Node: invalid option"
		case 12:
			return "for Node: invalid debugging option, or its port is taken"
		case 13:
			return "for Node: a top-level await was never settled"
		}
	case pythonRuntime:
		switch code {
		case 2:
			return "for Python: wrong arguments, or the script cannot be opened"
		case 120:
			return "for Python: the last output could not be written"
		}
	}
	return ""
}

// meaningOfCode decodes what shells and kernels agree on. Code 1 and most
// others mean what their program wants them to mean.
func meaningOfCode(code int, asked bool) string {
	switch code {
	case 126:
		return "found, but it cannot be executed"
	case 127:
		return "command not found"
	}
	if code > 128 && code < 128+65 {
		return meaningOfShellCode(code-128, asked)
	}
	return meaningOfSysexit(code)
}

// meaningOfShellCode decodes 128+n: how a shell, a container or npm passes on
// that what it ran was ended by signal n.
func meaningOfShellCode(n int, asked bool) string {
	name := signalOfNumber(n)
	if name == "" {
		return ""
	}
	s := "128+" + strconv.Itoa(n) + ": " + name + " ended what it ran"
	if asked && name != "SIGKILL" {
		return s
	}
	if m := meaningOfSignal(name); m != "" && name != "SIGTERM" {
		s += "; " + m
	}
	return s
}

// signalOfNumber knows the numbers that are the same on every Unix.
func signalOfNumber(n int) string {
	switch n {
	case 1:
		return "SIGHUP"
	case 2:
		return "SIGINT"
	case 3:
		return "SIGQUIT"
	case 4:
		return "SIGILL"
	case 5:
		return "SIGTRAP"
	case 6:
		return "SIGABRT"
	case 8:
		return "SIGFPE"
	case 9:
		return "SIGKILL"
	case 11:
		return "SIGSEGV"
	case 13:
		return "SIGPIPE"
	case 14:
		return "SIGALRM"
	case 15:
		return "SIGTERM"
	case 24:
		return "SIGXCPU"
	case 25:
		return "SIGXFSZ"
	}
	return ""
}

// meaningOfSysexit decodes the codes of sysexits.h that name a cause.
func meaningOfSysexit(code int) string {
	s := ""
	switch code {
	case 64:
		s = "wrong usage"
	case 66:
		s = "cannot open input"
	case 69:
		s = "a service it needs is unavailable"
	case 70:
		s = "internal error"
	case 71:
		s = "system error"
	case 73:
		s = "cannot create output"
	case 74:
		s = "input or output error"
	case 75:
		s = "temporary failure"
	case 77:
		s = "permission denied"
	case 78:
		s = "configuration error"
	default:
		return ""
	}
	return "by sysexits.h: " + s
}

// String is m for people, in at most two units: 850ms, 3.2s, 45s, 1m 30s,
// 12m, 2h 5m, 3d 4h. Smaller units are cut off, not rounded.
func (m Millis) String() string {
	if m < 0 {
		if m == -m { // the one value without a positive counterpart
			m++
		}
		return "-" + (-m).String()
	}
	const second, minute, hour, day = 1000, 60_000, 3_600_000, 86_400_000
	switch {
	case m < second:
		return strconv.FormatInt(int64(m), 10) + "ms"
	case m < 10*second && m%second >= 100:
		return strconv.FormatInt(int64(m/second), 10) + "." + strconv.FormatInt(int64(m%second/100), 10) + "s"
	case m < minute:
		return strconv.FormatInt(int64(m/second), 10) + "s"
	case m < 10*minute:
		return twoUnits(m/minute, "m", m%minute/second, "s")
	case m < hour:
		return twoUnits(m/minute, "m", 0, "")
	case m < day:
		return twoUnits(m/hour, "h", m%hour/minute, "m")
	}
	return twoUnits(m/day, "d", m%day/hour, "h")
}

func twoUnits(a Millis, unitA string, b Millis, unitB string) string {
	s := strconv.FormatInt(int64(a), 10) + unitA
	if b > 0 {
		s += " " + strconv.FormatInt(int64(b), 10) + unitB
	}
	return s
}
