package crash

import (
	"strconv"

	"github.com/velospm/velos"
)

// A tongue is how what can be done is said to who asks: in commands to people
// and scripts, in tools to agents.
type tongue struct {
	again, logs, ports string
	port               func(n string) string // who has it
	another            string                // port
	variable           string                // where one is set
	waits              string                // for a word of the program
	failures           string                // are the only reason to start it anew
	memory, probe      string                // another limit; other figures
}

func commands(r *Report) tongue {
	return tongue{
		again: "velos restart " + r.App, logs: "velos logs " + r.name() + " --err -n 50", ports: "velos ports",
		port: func(n string) string { return "velos ports " + n }, another: "velos ensure with --port auto --replace",
		variable: "--set, env in velos.toml, or an env file", waits: "velos restart " + r.App + " --wait-ready", failures: "--autorestart on-failure",
		memory: "velos restart " + r.App + " --max-memory SIZE", probe: "velos info " + r.App,
	}
}

func tools(r *Report) tongue {
	set := func(changes string) string { return "config_set name_or_id=" + r.App + " changes={" + changes + "}" }
	return tongue{
		again: "process_restart name_or_id=" + r.App, logs: "log_read name_or_id=" + r.name(), ports: "ports",
		port: func(n string) string { return "ports port=" + n }, another: "process_ensure port_auto=true replace=true",
		variable: set(`"env": {…}`), waits: set(`"wait_ready": true`), failures: set(`"autorestart": "on-failure"`),
		memory: set(`"max_memory": SIZE`), probe: "config_get name_or_id=" + r.App,
	}
}

// Calls is what to do, said to an agent that has tools.
func (r *Report) Calls() []string { return next(r, tools(r)) }

// next is what to do, in our own words and with our own data only.
func next(r *Report, say tongue) []string {
	switch r.Cause {
	case None:
		return []string{"nothing: no run ended without being asked to"}
	case PortInUse:
		if r.Port > 0 {
			p := strconv.Itoa(r.Port)
			return []string{say.port(p) + " shows who has port " + p, "stop that, or give " + r.App + " another port, then: " + say.again, say.another + " sets PORT to one that nobody has"}
		}
		return []string{say.ports + " shows who listens on what", "give " + r.App + " another port, then: " + say.again}
	case MissingModule:
		return []string{"install the dependency named in subject, in the app's directory, then: " + say.again}
	case MissingFile:
		return []string{"create the file named in subject, or correct its path, then: " + say.again}
	case MissingCommand:
		return []string{"install the command named in subject, or put its directory into PATH, then: " + say.again}
	case MissingVariable:
		return []string{"set the variable named in subject (" + say.variable + "), then: " + say.again}
	case Forbidden:
		return []string{"let the app's user have what is named in subject, then: " + say.again}
	case Refused:
		return []string{"start what should listen at the address in subject (" + say.ports + " shows what does), then: " + say.again}
	case NoChannel:
		return []string{"node has process.send where it is waited for: " + say.waits}
	case Syntax:
		return []string{"correct the source at frame, then: " + say.again}
	case Memory:
		if r.Exit.OverMemory() {
			return []string{"it was started anew because it had more than max_memory: find what it keeps, or raise the limit: " + say.memory, say.logs}
		}
		return []string{"look whether the system killed it for memory (dmesg), or raise its own limit", say.logs}
	case Unhealthy, NotReady, Silent:
		return []string{"it was ended because it did not answer: look at what it wrote, or give it more time (" + say.probe + " shows how it is asked)", say.logs}
	}
	return nextOfEnd(r, say)
}

// nextOfEnd is what to do where the program itself has said nothing of a cause.
func nextOfEnd(r *Report, say tongue) []string {
	switch r.Cause {
	case Signalled:
		return []string{"if nobody killed it, look whether the system did so for memory (dmesg)", say.again, say.logs}
	case Ended:
		return []string{"it ends by itself without an error; if it should: " + say.failures, say.logs}
	case NotStarted:
		return []string{"correct what the exit names, then: " + say.again}
	}
	if r.Frame != "" {
		return []string{"open the file at frame, correct it, then: " + say.again}
	}
	return []string{say.logs, say.again}
}

// name is how an app that crashed is called, or its instance.
func (r *Report) name() string {
	if r.Many {
		return r.App + ":" + strconv.Itoa(r.Inst)
	}
	return r.App
}

// groupLimit is the memory that the kernel lets an app have; the policy's own
// limit where there is none.
func groupLimit(s *velos.Spec, policy int64) int64 {
	if n, err := strconv.ParseInt(s.Limits[velos.GroupMemory], 10, 64); err == nil {
		return n
	}
	return policy
}
