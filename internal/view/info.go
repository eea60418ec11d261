package view

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// Info shows everything about one app. In --json it is the element of List.
func Info(w io.Writer, a *velos.App, o Options) error { return Ordered(w, a, nil, o) }

// Ordered is Info with the last order that somebody gave about the app; nil:
// nobody knows.
func Ordered(w io.Writer, a *velos.App, order *velos.Event, o Options) error {
	if order != nil {
		e := MaskOf(a).Event(*order)
		order = &e
	}
	var b buffer
	switch o.Format {
	case JSON:
		b.b = append(encode(struct {
			appJSON
			LastOrder *velos.Event `json:"last_order,omitempty"`
		}{o.appJSON(a), order}), '\n')
	case AI:
		j := o.infoAI(a)
		if order != nil {
			j.By = by(order.Actor)
		}
		b.b = append(encode(j), '\n')
	default:
		o.sheet(&b, a, order)
	}
	return b.to(w)
}

// LastOrder is the newest order among events; one of the daemon's own counts
// only where nobody else has given any.
func LastOrder(events []velos.Event) (order *velos.Event) {
	for n := range events {
		e := &events[n]
		if e.Kind == velos.KindOrder && (order == nil || e.Actor.Kind == "user" || order.Actor.Kind != "user") {
			order = e
		}
	}
	return order
}

type infoAI struct {
	appAI
	Cmd  string `json:"cmd"`
	Cwd  string `json:"cwd"`
	Exit string `json:"x,omitempty"`
	Why  string `json:"why,omitempty"`
	Out  string `json:"out,omitempty"`
	Err  string `json:"err,omitempty"`
	By   string `json:"by,omitempty"` // who gave the last order
}

func (o Options) infoAI(a *velos.App) infoAI {
	o.All = true
	m := MaskOf(a).App(a)
	j := infoAI{appAI: o.appAI(&m), Cmd: CommandLine(&m.Spec), Cwd: m.Spec.Cwd, Out: m.Log.Out, Err: m.Log.Err}
	if i := Worst(&m, -1); i != nil {
		j.Why = i.Reason
		if i.LastExit != nil {
			j.Exit = i.LastExit.String()
		}
	}
	return j
}

// CommandLine is what is run, as a person would type it.
func CommandLine(s *velos.Spec) string {
	if s.Command != "" {
		return s.Command
	}
	var list []string
	if s.Interpreter != "" {
		list = append(append(list, s.Interpreter), s.InterpreterArgs...)
	}
	return words(append(append(list, s.Script), s.Args...))
}

// words is a list as a shell would have it written.
func words(list []string) string {
	out := make([]string, len(list))
	for i, w := range list {
		if w == "" || strings.ContainsAny(w, " \t\"'\\$`*?;&|<>()#") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out[i] = w
	}
	return strings.Join(out, " ")
}

// Worst is the instance that needs attention most; inst picks one, -1 does
// not. It is nil when there is none.
func Worst(a *velos.App, inst int) *velos.Instance {
	var worst *velos.Instance
	for i := range a.Instances {
		in := &a.Instances[i]
		if inst >= 0 && in.Inst != inst {
			continue
		}
		if worst == nil || velos.Overall([]velos.Instance{*worst, *in}) != worst.Status {
			worst = in
		}
	}
	return worst
}

// A sheet is lines of "key  value".
type sheet struct {
	b *buffer
	o Options
}

func (s sheet) line(key, value string) {
	if value == "" {
		return
	}
	s.b.str("  ", s.o.paint(dim, key), strings.Repeat(" ", max(1, 15-len(key))), Text(value), "\n")
}

func (o Options) sheet(b *buffer, app *velos.App, order *velos.Event) {
	m := MaskOf(app)
	a := m.App(app)
	b.str(o.paint(bold, Text(a.Spec.Name)), "  ", o.paint(StatusColor(a.Status), string(a.Status)), "\n")
	s := sheet{b, o}
	s.line("id", strconv.Itoa(int(a.ID)))
	s.line("namespace", a.Spec.Namespace)
	s.line("command", CommandLine(&a.Spec))
	s.line("script", a.Spec.Script)
	s.line("interpreter", a.Spec.Interpreter)
	s.line("cwd", a.Spec.Cwd)
	s.line("source", a.Spec.Source)
	s.line("mode", mode(&a.Spec))
	s.line("url", URL(Addresses(&a)))
	s.line("port", portText(&a.Spec))
	s.line("created", o.clock(a.Created)+" ("+ago(a.Created, o.Now)+")")
	s.line("generation", strconv.Itoa(a.Generation))
	s.line("owner", Owner(a.Lease, o.Now))
	s.line("granted to", grants(a.Lease))
	if order != nil {
		s.line("last order", orderText(order)+", "+ago(order.Time, o.Now))
	}
	for i := range a.Instances {
		name := "process"
		if len(a.Instances) > 1 {
			name = Text(a.Spec.Name) + ":" + strconv.Itoa(a.Instances[i].Inst)
		}
		o.instanceSheet(s, name, &a, &a.Instances[i])
	}
	for i := range a.Leaving {
		in := &a.Leaving[i]
		o.instanceSheet(s, Text(a.Spec.Name)+":"+strconv.Itoa(in.Inst)+", "+beside(in), &a, in)
	}
	if c := &a.Spec; len(c.Listen) > 0 || readiness(c) != "" || c.Health != nil || c.Watchdog > 0 || len(c.DependsOn) > 0 {
		b.str(o.paint(dim, "serving"), "\n")
		o.servingSheet(s, c)
	}
	b.str(o.paint(dim, "restart policy"), "\n")
	o.policySheet(s, &a.Spec)
	b.str(o.paint(dim, "logs"), "\n")
	s.line("stdout", a.Log.Out)
	s.line("stderr", a.Log.Err)
	s.line("lines", strconv.FormatUint(a.Log.Lines, 10)+", "+strconv.FormatUint(a.Log.Errors, 10)+" of them errors")
	if a.Log.Dropped > 0 {
		s.line("dropped", strconv.FormatUint(a.Log.Dropped, 10)+" lines that no file took")
	}
	s.line("on disk", Bytes(a.Log.Bytes)+", rotated at "+Bytes(a.Spec.MaxLogSize)+", "+plural(a.Spec.MaxLogFiles, "file")+" kept")
	o.envSheet(s, &a.Spec)
}

func (o Options) instanceSheet(s sheet, name string, a *velos.App, i *velos.Instance) {
	s.b.str(o.paint(dim, name), "\n")
	s.line("status", string(i.Status)+" since "+o.clock(i.Since)+" ("+ago(i.Since, o.Now)+")")
	s.line("why", i.Reason)
	s.line("says", i.Said)
	s.line("health", health(i))
	if i.PID != 0 {
		s.line("listens on", strings.Join(i.Ports.List(), ", "))
		if i.Generation != 0 && i.Generation != a.Generation {
			s.line("generation", strconv.Itoa(i.Generation)+", while the configuration is "+strconv.Itoa(a.Generation))
		}
		s.line("pid", strconv.Itoa(i.PID))
		s.line("uptime", Span(uptime(i, o.Now)))
		s.line("usage", percent(i.Usage.CPU)+" of a core, "+Bytes(i.Usage.Memory)+" (peak "+Bytes(i.Usage.Peak)+"), "+plural(i.Usage.Procs, "process"))
	}
	if i.RetryAt > o.Now {
		s.line("next start", "in "+Span(velos.Millis(i.RetryAt-o.Now)))
	}
	s.line("next run", o.nextRun(i))
	s.line("restarts", strconv.Itoa(i.Restarts)+", "+strconv.Itoa(i.Strikes)+" in a row before min_uptime")
	if i.LastExit != nil {
		s.line("last exit", i.LastExit.String()+", at "+o.clock(i.LastExit.Time))
	}
}

func (o Options) policySheet(s sheet, c *velos.Spec) {
	s.line("autorestart", string(c.Autorestart))
	if len(c.StopExitCodes) > 0 {
		codes := make([]string, len(c.StopExitCodes))
		for i, n := range c.StopExitCodes {
			codes[i] = itoa64(n)
		}
		s.line("not after", "exit codes "+strings.Join(codes, ", "))
	}
	limit := strconv.Itoa(c.MaxRestarts) + " in a row"
	if c.MaxRestarts < 0 {
		limit = "no limit"
	}
	s.line("max restarts", limit+", an end before "+Span(c.MinUptime)+" counts")
	delay := Span(c.RestartDelay)
	if c.ExpBackoffRestartDelay > 0 {
		delay = "from " + Span(c.ExpBackoffRestartDelay) + ", doubling up to " + Span(velos.MaxBackoff)
	}
	s.line("delay", delay)
	s.line("stop", ending(c))
	o.triggersSheet(s, c)
	o.hooksSheet(s, c)
}

func (o Options) envSheet(s sheet, c *velos.Spec) {
	if len(c.Env) == 0 && len(c.EnvFiles) == 0 {
		return
	}
	s.b.str(o.paint(dim, "environment"), "\n")
	for _, f := range c.EnvFiles {
		s.line("file", f)
	}
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		s.b.str("  ", Text(k), "=", Text(c.Env[k]), "\n")
	}
}

// Env shows the environment of one app alone: an object for programs and
// agents, a line for each variable for people.
func Env(w io.Writer, a *velos.App, o Options) error {
	env := MaskOf(a).Env(a.Spec.Env)
	var b buffer
	if o.Format != Human {
		if env == nil {
			env = map[string]string{}
		}
		b.b = append(encode(env), '\n')
		return b.to(w)
	}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		b.str(Text(k), "=", Text(env[k]), "\n")
	}
	return b.to(w)
}
