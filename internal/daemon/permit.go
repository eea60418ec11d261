package daemon

import (
	"maps"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/record"
	"github.com/velospm/velos/internal/wire"
)

// reads are the commands that change nothing. Every other one has to ask permit
// before it does what it does.
var reads = map[wire.Command]bool{
	wire.ProcessList: true, wire.ProcessInfo: true, wire.ProcessHistory: true,
	wire.LogRead: true, wire.LogStream: true, wire.LogSearch: true, wire.MetricsGet: true, wire.MetricsStream: true,
	wire.ProcessTrash: true, wire.DaemonPing: true, wire.EventList: true, wire.ApprovalList: true, wire.LogFiles: true, wire.LogMinutes: true,
	// What somebody has found goes into the journal under his name, and nothing
	// follows from it.
	wire.EventAdd: true,
}

// A wish is an order as its handler has understood it.
type wish struct {
	policy.Deed
	id   uint32 // of the app; 0: every app, or none yet
	inst int
	args map[string]string
}

// begin begins the line of an order in the audit record, and says who gives it.
func (c *call) begin(w *wish) velos.Actor {
	who := c.actor()
	r := &audit.Record{Op: w.Verb, ID: w.id, Inst: w.inst, Actor: who, Args: w.args, Waived: c.who.waived}
	switch spec, ok := c.d.sup.Spec(w.id); {
	case ok:
		r.App, w.Was = spec.Name, &spec
		w.Takes = w.Takes && !(spec.Autorestart == velos.Never && c.session.added(w.id)) // the end of a one-shot run
		w.Targets = append(w.Targets, policy.Target{Name: spec.Name, Cwd: spec.Cwd})
	case len(w.Specs) == 1:
		r.App = w.Specs[0].Name
	}
	if len(w.Specs) == 1 {
		r.Args = withSpec(r.Args, w.Specs[0])
		if w.Was != nil {
			r.Args["changes"] = strings.Join(record.Differences(w.Was, w.Specs[0]), " ")
		}
	}
	if w.More > 0 {
		r.Args = with(r.Args, "adds", itoa(w.More))
	}
	c.deed = r
	return who
}

// permit decides about an order before it is carried out. People may do
// everything; agents what the rules allow.
func (c *call) permit(w wish) error {
	if c.begin(&w).Agent == "" {
		return nil
	}
	err := c.d.rules.allow(c, &w)
	if err == nil {
		if e := c.d.audited.Ready(); e != nil {
			return &velos.Error{Code: velos.Denied, Message: w.Verb + ": an agent's order that cannot be recorded is not carried out: " + e.Error(), Cause: e}
		}
	}
	return err
}

// record ends the order's line in the audit record. A person's order that
// cannot be recorded stands, and that is said; an agent's would not have been
// carried out.
func (c *call) record(err error) {
	r := c.deed
	defer c.d.rules.done(c)
	r.Result = "ok"
	if err != nil {
		e := asError(err)
		r.Result, r.Message = e.Code.String(), e.Message
		if e.Approval != "" {
			r.Approval = e.Approval
		}
	}
	if err == nil && r.Actor.Agent != "" && r.Args["adds"] != "" {
		c.d.rules.note(r.ID)
	}
	failed := c.d.audited.Add(r, r.Actor.Agent != "")
	if failed == nil {
		c.d.unrecorded.Store(false)
	} else if c.d.unrecorded.CompareAndSwap(false, true) { // said once, not for every order
		say("velosd: " + failed.Error())
		c.d.event(velos.Event{Kind: velos.KindWarning, Inst: -1, Cause: "orders are not recorded: " + failed.Error(), Actor: velos.Policy})
	}
}

// everyApp is the wish about all apps at once.
func (c *call) everyApp(w wish) wish {
	w.inst = -1
	for _, a := range c.d.sup.List() {
		w.Targets = append(w.Targets, policy.Target{Name: a.Spec.Name, Cwd: a.Spec.Cwd})
	}
	return w
}

// about is the wish of an order about a known app.
func about(verb string, t wire.Target, takes, touches bool) wish {
	return wish{Deed: policy.Deed{Verb: verb, Takes: takes, Touches: touches}, id: t.ID, inst: t.Inst}
}

// starting is the wish of a start: of a new app, or of a known one, perhaps as
// something else than before.
func (c *call) starting(q *wire.Start) wish {
	w := about("start", wire.Target{ID: q.ID, Inst: q.Inst}, q.Spec != nil && q.ID != 0, q.Spec != nil && q.ID != 0)
	w.becomes(q.Spec)
	if q.Spec == nil || q.ID != 0 {
		c.adds(&w)
	} else if w.inst = -1; !q.Hold && q.Spec.Autostart {
		w.More = max(q.Spec.Instances, 1)
	}
	return w
}

// adds counts the processes that an order about a known app adds: those that
// should run after it and should not before. Nobody but agents has them
// counted.
func (c *call) adds(w *wish) {
	if c.actor().Agent == "" {
		return
	}
	now := c.d.sup.Wanted(w.id)
	after := len(now)
	if len(w.Specs) == 1 && after > 0 {
		after = max(w.Specs[0].Instances, 1)
	}
	switch {
	case w.inst < 0 || after > len(now):
		w.More = max(after-count(now), 0)
	case w.inst < len(now) && after == len(now) && !now[w.inst]:
		w.More = 1 // it alone
	}
}

// count counts the instances that should run.
func count(wanted []bool) (n int) {
	for _, w := range wanted {
		if w {
			n++
		}
	}
	return n
}

// scaling is the wish of another number of instances: fewer take something
// away.
func (c *call) scaling(q *wire.Scale) wish {
	w := about("scale", wire.All(q.ID), false, true)
	w.args = map[string]string{"count": itoa(q.Count)}
	more := q.Count
	if q.By {
		w.args["by"] = "true"
	} else if s, ok := c.d.sup.Spec(q.ID); ok {
		more -= max(s.Instances, 1)
	}
	w.Takes, w.More = more < 0, max(more, 0)
	return w
}

// becomes adds what an app is to be from now on; nil: what it is.
func (w *wish) becomes(s *velos.Spec) {
	if s != nil {
		w.Specs = []*velos.Spec{s}
	}
}

// withSpec says in words that may be kept what is to run, beside the program
// and at its moments, too: who approves of it has to see all of it.
func withSpec(args map[string]string, s *velos.Spec) map[string]string {
	words := append(append([]string{s.Script}, s.InterpreterArgs...), s.Args...)
	switch {
	case s.Shell:
		words = strings.Fields(s.Command)
	case s.Interpreter != "":
		words = append(append(append([]string{s.Interpreter}, s.InterpreterArgs...), s.Script), s.Args...)
	}
	args = with(with(args, "command", line(words, s)), "cwd", s.Cwd)
	for key, p := range map[string]*velos.Probe{"ready": s.Ready, "health": s.Health} {
		if p != nil && len(p.Exec) > 0 {
			args[key] = line(p.Exec, s)
		}
	}
	for _, name := range velos.HookNames {
		switch h := s.Hook(name); {
		case h == nil || len(h.Command) == 0:
		case h.Shell:
			args[string(name)] = line(strings.Fields(h.Command[0]), s)
		default:
			args[string(name)] = line(h.Command, s)
		}
	}
	return args
}

// line is a command of a Spec without its secrets.
func line(words []string, s *velos.Spec) string {
	env := s.Env
	if len(s.FileEnv) > 0 {
		env = maps.Clone(s.FileEnv)
		maps.Copy(env, s.Env)
	}
	return audit.Line(words, env, s.Secret...)
}

func with(args map[string]string, key, value string) map[string]string {
	if args == nil {
		args = map[string]string{}
	}
	args[key] = value
	return args
}

// sees is an error when an app does not exist for who asks: an agent, and the
// app is outside of its projects. Most callers cost a look at one pointer.
func (c *call) sees(id uint32) error {
	p := c.sight()
	if p == nil {
		return nil
	}
	if s, ok := c.d.sup.Spec(id); ok && !p.Sees(s.Cwd) {
		return p.Judge(&policy.Deed{Verb: c.command.String(), Targets: []policy.Target{{Name: s.Name, Cwd: s.Cwd}}}, 0)
	}
	return nil
}
