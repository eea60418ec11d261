// Package policy says what agents may do: the rules of the table [agents], and
// their judgement of one order. It also knows by which marks an agent is told
// from a person. It reads no file, asks nobody and keeps no record; what an
// order is, and what becomes of it, is the daemon's business. People have no
// rules here: all of this is about agents.
package policy

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A Mode is how far agents are trusted.
type Mode string

// The modes. The empty one is Full.
const (
	ReadOnly Mode = "read-only" // they may look, and change nothing
	Confirm  Mode = "confirm"   // what takes something away needs a person's word
	Full     Mode = "full"      // they may do what people may, within the other rules
)

// A Policy is the rules of one file. The zero value forbids nothing.
type Policy struct {
	Path     string       // of the file, for messages
	Mode     Mode         // empty: Full
	Projects []string     // directories, absolute: only apps below them exist for agents; none: all do
	Allow    []string     // patterns of programs that they may start, of names or, with a slash, of paths; none: any
	Limited  bool         // Allow counts, also when it is empty
	Protect  []string     // patterns of names of apps that they may not touch
	Most     int          // processes that agents have started; 0: any number
	Others   Others       // what of apps that are not the agent's own; empty: people's as Mode says, those of other agents ask
	Grace    velos.Millis // how long apps outlive the agent that has started them; 0: the daemon's default
}

// Others says what an agent may do about apps that are not its own.
type Others string

// The answers. The empty one is between Allow and Ask.
const (
	Ask   Others = "ask"   // with a person's word
	Allow Others = "allow" // as if they were its own
	Deny  Others = "deny"  // nothing, unless it was granted
)

// Free reports whether agents may do all that people may.
func (p *Policy) Free() bool {
	return (p.Mode == "" || p.Mode == Full) && len(p.Projects) == 0 && !p.Limited && len(p.Protect) == 0 && p.Most == 0 && (p.Others == "" || p.Others == Allow)
}

// Fields implements velos.Record.
func (p *Policy) Fields(f velos.Fields) {
	f.String("path", &p.Path)
	velos.Str(f, "mode", &p.Mode)
	f.Strings("projects", &p.Projects)
	f.Strings("allow", &p.Allow)
	f.Bool("limited", &p.Limited)
	f.Strings("protect", &p.Protect)
	velos.Int(f, "max_processes", &p.Most)
	velos.Str(f, "others", &p.Others)
	velos.Int(f, "lease_grace", &p.Grace)
}

// A Target is an app that an order is about.
type Target struct{ Name, Cwd string }

// A Deed is one order, as far as rules are concerned.
type Deed struct {
	Verb    string        // as people call it: stop
	Targets []Target      // known apps that it is about
	Specs   []*velos.Spec // what is to run from now on, where the order says so
	Was     *velos.Spec   // what the one known app it is about is now
	Takes   bool          // it takes something away: a run, an app, a line of a log
	Touches bool          // it is one of those that protected apps are spared
	More    int           // processes that it adds
	Rival   string        // another agent that lives, and whose app it is about
	People  bool          // it is about an app of people
}

// Judge is nil for an order that agents may give, else an error with the code
// velos.Denied that names the rule. running is how many processes there are
// that agents have started. Whether a person has to approve of the order is
// another question: see Asks.
func (p *Policy) Judge(d *Deed, running int) error {
	if p.Mode == ReadOnly {
		return p.refuse(d, `mode = "read-only"`, "agents may look here, and change nothing; ask a person to do it")
	}
	for i := range d.Targets {
		if err := p.judgeTarget(d, &d.Targets[i]); err != nil {
			return err
		}
	}
	for _, s := range d.Specs {
		if !p.Sees(s.Cwd) {
			return p.refuse(d, "projects", "the cwd "+s.Cwd+" is outside of the directories whose apps agents may touch")
		}
		if name := p.foreign(s); name != "" {
			return p.refuse(d, "commands.allow", name+" is no program that agents may start")
		}
		if name := p.loads(s, d.Was); name != "" {
			return p.refuse(d, "commands.allow", "the variable "+name+" would have the program run other code first; leave it out, or ask a person")
		}
	}
	if p.Others == Deny && d.others() {
		e := p.refuse(d, `others = "deny"`, "")
		e.Hint = "it belongs to " + d.owner() + "; a person can allow it: velos grant NAME"
		return e
	}
	if p.Most > 0 && d.More > 0 && running+d.More > p.Most {
		return p.refuse(d, "max_processes = "+strconv.Itoa(p.Most), "agents have "+strconv.Itoa(running)+" running; stop what is not needed any more")
	}
	return nil
}

func (p *Policy) judgeTarget(d *Deed, t *Target) error {
	if !p.Sees(t.Cwd) {
		return p.refuse(d, "projects", "app "+t.Name+" is outside of the directories whose apps agents may touch")
	}
	if !d.Touches {
		return nil
	}
	for _, pattern := range p.Protect {
		if match(pattern, t.Name) {
			return p.refuse(d, "protect = "+strconv.Quote(pattern), "app "+t.Name+" is for people only; ask one to do it")
		}
	}
	return nil
}

// Asks says by which rule a person has to approve of an order first; empty:
// nobody has to.
func (p *Policy) Asks(d *Deed) string {
	switch {
	case p.Mode == Confirm && d.Takes:
		return `by [agents] mode = "confirm" in ` + p.Path
	case d.Rival != "" && p.Others != Allow, d.others() && p.Others == Ask:
		rule := `"ask"`
		if p.Others == "" {
			rule += ", the default,"
		}
		return "since it belongs to " + d.owner() + ", by [agents] others = " + rule + " in " + p.Path + "; velos grant allows it for good"
	}
	return ""
}

// others reports whether an order is about what is not the agent's own.
func (d *Deed) others() bool { return d.Rival != "" || d.People }

// owner is whose that is.
func (d *Deed) owner() string {
	if d.Rival != "" {
		return d.Rival
	}
	return "people"
}

func (p *Policy) refuse(d *Deed, rule, why string) *velos.Error {
	what := d.Verb
	switch {
	case len(d.Targets) == 1:
		what += " " + d.Targets[0].Name
	case len(d.Targets) == 0 && len(d.Specs) == 1:
		what += " " + d.Specs[0].Name
	}
	return &velos.Error{Code: velos.Denied, Message: what + ": denied to agents by [agents] " + rule + " in " + p.Path, Hint: why}
}

// Sees reports whether an app with this working directory exists for agents.
func (p *Policy) Sees(cwd string) bool {
	if len(p.Projects) == 0 {
		return true
	}
	real := Real(cwd)
	for _, dir := range p.Projects {
		if real == dir || dir == "/" || strings.HasPrefix(real, dir+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
