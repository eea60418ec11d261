package mcp

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Program says what to run: a script or program by its path, or a command
// line.
type Program struct {
	Script    string            `json:"script" need:"y" about:"path, or command line such as npm run dev"`
	Args      []string          `json:"args,omitempty"`
	Cwd       string            `json:"cwd,omitempty" about:"default: where this server runs"`
	Env       map[string]string `json:"env,omitempty"`
	Name      string            `json:"name,omitempty"`
	Instances int               `json:"instances,omitempty"`
}

// spec resolves a Program.
func (c *call) spec(p *Program) (velos.Spec, error) {
	o := config.Options{Name: p.Name, Cwd: p.Cwd, Args: p.Args}
	if p.Instances != 0 {
		o.Instances = strconv.Itoa(p.Instances)
	}
	for k, v := range p.Env {
		o.Env = append(o.Env, k+"="+v)
	}
	if p.Instances < 0 {
		return velos.Spec{}, invalid("instances must be 1 or more", "leave it out for 1")
	}
	env := c.s.environ()
	if p.Cwd != "" {
		o.Cwd = p.Cwd
	}
	specs, err := config.FromArgs([]string{p.Script}, o, env)
	if err != nil {
		return velos.Spec{}, err
	}
	return specs[0], nil
}

type startIn struct {
	Program
	Keep bool   `json:"keep,omitempty" about:"it outlives you"`
	Port string `json:"port,omitempty" about:"PORT: a number, or auto"`
}

type startOut struct {
	ID     uint32 `json:"id"`
	Name   string `json:"name"`
	PID    int    `json:"pid"`
	Status string `json:"status"`
	URL    string `json:"url,omitempty"`
	Lease  string `json:"lease,omitempty"`
	Cursor string `json:"cursor,omitempty"`
}

func processStart(c *call, in *startIn) (answer, error) {
	sp, err := c.spec(&in.Program)
	if err != nil {
		return answer{}, err
	}
	apps, err := c.apps()
	if err != nil {
		return answer{}, err
	}
	for i := range apps {
		if strings.EqualFold(apps[i].Spec.Name, sp.Name) {
			return answer{}, &velos.Error{Code: velos.Conflict, Message: "start " + sp.Name + ": there is an app of this name, " + described(&apps[i], -1),
				Hint: "process_ensure takes the one that runs, process_restart starts it anew, name=… starts a second one"}
		}
	}
	if err := verb.SetPort(&sp, in.Port, apps); err != nil {
		return answer{}, err
	}
	ctx, stop := c.within(0, startWithin)
	defer stop()
	defer c.progress("starting " + sp.Name)()
	r, err := c.conn.Start(ctx, wire.Start{Spec: &sp, Inst: -1, Wait: true, Keep: in.Keep})
	if err != nil {
		return answer{}, c.explained(err, "start", &velos.App{Spec: sp})
	}
	now := c.fresh(&r.App)
	e := verb.EnsuredOf(verb.Started, now)
	return answer{text: ensuredText(&e), data: startOut{ID: e.ID, Name: e.App, PID: e.PID, Status: string(e.Status), URL: e.URL, Lease: e.Lease, Cursor: e.Cursor}}, nil
}

// fresh is the app with the ports that it has by now.
func (c *call) fresh(a *velos.App) *velos.App {
	if now, err := c.conn.Info(c, wire.All(a.ID)); err == nil {
		return &now
	}
	return a
}

type ensureIn struct {
	Program
	Keep    bool    `json:"keep,omitempty" about:"it outlives you"`
	Choose  bool    `json:"port_auto,omitempty" about:"sets PORT, stable and free"`
	Replace bool    `json:"replace,omitempty" about:"another app of this name becomes this one"`
	Port    int     `json:"port,omitempty" about:"ready when it listens there"`
	Timeout float64 `json:"timeout_s,omitempty" about:"at most 50"`
}

func processEnsure(c *call, in *ensureIn) (answer, error) {
	sp, err := c.spec(&in.Program)
	if err != nil {
		return answer{}, err
	}
	e := verb.Ensure{Spec: sp, Named: in.Name != "", Instances: in.Instances != 0, Replace: in.Replace, Keep: in.Keep}
	if in.Choose {
		e.Port = verb.Auto
	}
	for k := range in.Env {
		e.Env = append(e.Env, k)
	}
	ctx, stop := c.within(in.Timeout, startWithin)
	defer stop()
	defer c.progress("waiting until " + sp.Name + " is ready")()
	outcome, app, err := e.Do(ctx, c.conn)
	if errors.Is(err, velos.ErrConflict) {
		return answer{}, &velos.Error{Code: velos.Conflict, Message: err.Error(), Hint: "replace=true, or another name=…", Cause: err}
	}
	if err != nil {
		return answer{}, c.explained(err, "ensure", &velos.App{Spec: sp})
	}
	now := c.fresh(&app)
	if in.Port > 0 {
		cond, err := verb.ParseCondition("port=" + strconv.Itoa(in.Port))
		if err != nil {
			return answer{}, err
		}
		list, err := verb.Wait{Apps: []velos.App{*now}, Until: []verb.Condition{cond}}.Do(ctx, c.conn)
		if err != nil {
			return answer{}, err
		}
		if list[0].Outcome != verb.Met {
			code := map[string]velos.Code{verb.Crashed: velos.Crashed, verb.Ended: velos.Crashed, verb.TimedOut: velos.Timeout}[list[0].Outcome]
			return answer{}, &velos.Error{Code: max(code, velos.Failed), Message: "ensure " + sp.Name + ": " + strings.ReplaceAll(list[0].Outcome, "_", " ") + " before it listened on port " + strconv.Itoa(in.Port),
				Hint: map[bool]string{true: "crash_report", false: "log_read"}[code == velos.Crashed] + " name_or_id=" + view.Text(sp.Name)}
		}
		now = &list[0].App
	}
	a := verb.EnsuredOf(outcome, now)
	return answer{text: ensuredText(&a), data: a}, nil
}

func ensuredText(e *verb.Ensured) string {
	s := e.App + " " + strings.ReplaceAll(e.Outcome, "_", " ") + ", " + string(e.Status)
	if e.ReadyBy != "" {
		s += " (" + e.ReadyBy + ")"
	}
	if e.PID != 0 {
		s += ", pid " + strconv.Itoa(e.PID)
	}
	if e.URL != "" {
		s += ", " + e.URL
	}
	if e.Lease != "" {
		s += ", owner " + e.Lease
	}
	return s + "; cursor " + e.Cursor
}

type waitIn struct {
	Target
	Until   []string `json:"until,omitempty" about:"ready (default), exit, crash, healthy, port, port=3000, quiet=5s, log=/re/; any ends it"`
	All     bool     `json:"all,omitempty" about:"every condition"`
	Since   string   `json:"since,omitempty" about:"cursor: goes on there, missing nothing"`
	Timeout float64  `json:"timeout_s,omitempty" about:"at most 50"`
}

type waitOut struct {
	Outcome   string   `json:"outcome"`
	Condition string   `json:"condition,omitempty"`
	By        string   `json:"by,omitempty"`
	Status    string   `json:"status,omitempty"`
	URL       string   `json:"url,omitempty"`
	Ports     []string `json:"ports,omitempty"`
	Exit      string   `json:"exit,omitempty"`
	ExitCode  *int     `json:"exit_code,omitempty"`
	Line      string   `json:"line,omitempty"`
	Cursor    string   `json:"cursor"`
}

func processWait(c *call, in *waitIn) (answer, error) {
	a, _, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	w := verb.Wait{Apps: []velos.App{*a}, All: in.All}
	if len(in.Until) == 0 {
		in.Until = []string{"ready"}
	}
	for _, u := range in.Until {
		cond, err := verb.ParseCondition(u)
		if err != nil {
			return answer{}, err
		}
		w.Until = append(w.Until, cond)
	}
	if in.Since != "" {
		cur, err := verb.ParseCursor(in.Since)
		if err != nil {
			return answer{}, err
		}
		w.From = map[uint32]verb.Cursor{a.ID: cur}
	}
	ctx, stop := c.within(in.Timeout, startWithin)
	defer stop()
	defer c.progress("waiting for " + view.Text(strings.Join(in.Until, ", ")))()
	list, err := w.Do(ctx, c.conn)
	if err != nil {
		return answer{}, err
	}
	o := list[0].Answer()
	out := waitOut{Outcome: o.Outcome, Condition: o.Condition, By: o.By, Status: string(o.Status), URL: o.URL, Ports: o.Ports, Exit: o.Exit, ExitCode: o.ExitCode, Line: o.Line, Cursor: o.Cursor}
	return answer{text: c.waitText(&list[0], &o, in.Until), data: out}, nil
}

// waitText says the outcome, and after a crash why: the next question is not
// needed then.
func (c *call) waitText(o *verb.Outcome, a *verb.Answer, until []string) string {
	what := strings.ReplaceAll(a.Outcome, "_", " ")
	if a.Outcome == verb.Met {
		what = a.Condition + " after " + a.Waited.String()
	}
	s := a.App + ": " + what
	for _, more := range []string{a.By, a.Exit, a.URL} {
		if more != "" {
			s += ", " + more
		}
	}
	if a.Status != "" {
		s += ", now " + string(a.Status)
	}
	if a.Line != "" {
		s += untrusted + a.Line
	}
	crashed := a.Outcome == verb.Crashed || a.Condition == "crash"
	if crashed {
		if r, err := verb.Crash(c, c.conn, c.fresh(&o.App), -1); err == nil {
			s += "\n" + reportText(c.s.view(), &r)
		}
	}
	s += "\ncursor " + a.Cursor
	if a.Outcome == verb.TimedOut {
		s += "; next: process_wait name_or_id=" + word(a.App) + " until=" + view.Text(strings.TrimSpace(string(view.Value(until)))) + " since=" + a.Cursor
	}
	return s
}

type runIn struct {
	Command string            `json:"command,omitempty" about:"command line, such as npm test; not through a shell"`
	Args    []string          `json:"args,omitempty"`
	Cwd     string            `json:"cwd,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	Timeout float64           `json:"timeout_s,omitempty" about:"it is ended then; default: it runs on and the answer has a handle"`
	Handle  string            `json:"handle,omitempty" about:"of a run that goes on: its cursor, instead of command"`
	Budget  int               `json:"budget,omitempty" about:"tokens of output, default 1500"`
}

type runOut struct {
	Outcome  string `json:"outcome"`
	ExitCode *int   `json:"exit_code,omitempty"`
	Exit     string `json:"exit,omitempty"`
	Output   string `json:"output"`
	Handle   string `json:"handle,omitempty"`
	Dropped  int    `json:"dropped_lines,omitempty"`
}

func processRun(c *call, in *runIn) (answer, error) {
	once, err := c.begin(in)
	if err != nil {
		return answer{}, err
	}
	limit := in.Timeout
	killed := limit > 0 && limit <= longest.Seconds()
	ctx, stop := c.within(limit, longest)
	defer stop()
	defer c.progress("running")()
	t := tail{budget: budget(in.Budget, 1500), mask: view.MaskOf(&once.App)}
	ran, err := once.Follow(ctx, t.add)
	if err != nil {
		return answer{}, err
	}
	if ran.Exit == nil && (killed || c.Err() != nil && errors.Is(c.Err(), context.Canceled)) {
		if ran, err = once.Stop(c, t.add); err != nil {
			return answer{}, err
		}
	}
	out := runOut{Outcome: "exited", Output: t.text(), Dropped: t.dropped}
	text := ""
	switch {
	case ran.Exit == nil:
		out.Outcome, out.Handle = "running", ran.Cursor.String()
		text = "still running; next: process_run handle=" + out.Handle
	case ran.Asked:
		out.Outcome, out.Exit = verb.TimedOut, ran.Exit.String()
		text = "timed out: ended with everything that it has started"
	default:
		code := verb.Code(ran.Exit)
		out.ExitCode, out.Exit = &code, t.mask.String(view.Text(ran.Exit.String()))
		text = "exit code " + strconv.Itoa(code) + ": " + out.Exit
	}
	if ran.Exit != nil {
		if err := once.End(c); err != nil {
			return answer{}, err
		}
	}
	if t.dropped > 0 {
		text += "\n" + strconv.Itoa(t.dropped) + " earlier lines left out (budget)"
	}
	if out.Output != "" {
		text += untrusted + out.Output
	}
	return answer{text: text, data: out}, nil
}

// begin starts a run, or finds one that goes on.
func (c *call) begin(in *runIn) (*verb.Once, error) {
	if in.Handle != "" {
		cur, err := verb.ParseCursor(in.Handle)
		if err != nil {
			return nil, err
		}
		a, _, _, err := c.app(cur.App)
		if err != nil {
			return nil, err
		}
		return verb.Resume(c.conn, *a, cur)
	}
	if strings.TrimSpace(in.Command) == "" {
		return nil, invalid("process_run: command is missing", "command=\"npm test\", or handle of a run that goes on")
	}
	sp, err := c.spec(&Program{Script: in.Command, Args: in.Args, Cwd: in.Cwd, Env: in.Env})
	if err != nil {
		return nil, err
	}
	return verb.Begin(c, c.conn, sp)
}

// A tail keeps the end of what was written, within a budget.
type tail struct {
	budget  int // bytes
	mask    view.Mask
	lines   []string
	size    int
	dropped int
}

func (t *tail) add(e *velos.Entry) {
	if e.Missed > 0 {
		t.dropped += int(e.Missed)
		return
	}
	line := view.Clean(t.mask.Bytes(e.Msg), false)
	t.lines = append(t.lines, line)
	for t.size += len(line) + 1; t.size > t.budget && len(t.lines) > 1; t.dropped++ {
		t.size -= len(t.lines[0]) + 1
		t.lines = t.lines[1:]
	}
}

func (t *tail) text() string { return strings.Join(t.lines, "\n") }
