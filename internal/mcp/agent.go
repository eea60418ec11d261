package mcp

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Program says what to run: a script or program by its path, or a command
// line.
type Program struct {
	Script    string `json:"script" need:"y" about:"path, or command line such as npm run dev"`
	Args      words  `json:"args,omitempty"`
	Cwd       string `json:"cwd,omitempty" about:"default: where this server runs"`
	Env       vars   `json:"env,omitempty"`
	Name      string `json:"name,omitempty"`
	Instances int    `json:"instances,omitempty"`
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
	given, err := c.give(ctx, verb.Starting(nil, wire.Start{Spec: &sp, Inst: -1, Wait: true, Keep: in.Keep}))
	if err != nil {
		return answer{}, c.explained(err, "start", &velos.App{Spec: sp})
	}
	now := c.fresh(given.App)
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
	var listens []verb.Condition // looked at before anything is started
	if in.Port > 0 {
		cond, err := verb.ParseCondition("port=" + strconv.Itoa(in.Port))
		if err != nil {
			return answer{}, invalid("process_ensure: port must be a number from 1 to 65535", "port_auto=true chooses one and sets PORT")
		}
		listens = append(listens, cond)
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
	outcome, app, err := e.Do(ctx, c.conn, c.goOn)
	if errors.Is(err, velos.ErrConflict) {
		return answer{}, &velos.Error{Code: velos.Conflict, Message: err.Error(), Hint: "replace=true, or another name=…", Cause: err}
	}
	if err != nil {
		if app.ID == 0 {
			app.Spec = e.Spec // its name may be another one by now
		}
		return answer{}, c.explained(err, "ensure", &app)
	}
	now := c.fresh(&app)
	if len(listens) > 0 {
		list, err := verb.Wait{Apps: []velos.App{*now}, Until: listens}.Through(ctx, c.conn, c.goOn)
		if err != nil {
			return answer{}, err
		}
		if list[0].Outcome != verb.Met {
			code := map[string]velos.Code{verb.Crashed: velos.Crashed, verb.Ended: velos.Crashed, verb.TimedOut: velos.Timeout}[list[0].Outcome]
			err := &velos.Error{Code: max(code, velos.Failed), Message: "ensure " + sp.Name + ": " + strings.ReplaceAll(list[0].Outcome, "_", " ") + " before it listened on port " + strconv.Itoa(in.Port),
				Hint: map[bool]string{true: "crash_report", false: "log_read"}[code == velos.Crashed] + " name_or_id=" + view.Text(now.Spec.Name)}
			if code == velos.Crashed {
				return answer{}, c.because(err, now.Spec.Name)
			}
			return answer{}, err
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
	Until   anyOf   `json:"until,omitempty" about:"ready (default), exit, crash, healthy, port, port=3000, quiet=5s, log=/re/; any ends it"`
	All     bool    `json:"all,omitempty" about:"every condition"`
	Since   string  `json:"since,omitempty" about:"cursor: goes on there, missing nothing"`
	Timeout float64 `json:"timeout_s,omitempty" about:"at most 50"`
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
	Next      string   `json:"next,omitempty"`
}

// left is what is left of a wait that was asked for; empty: nothing, or only
// what is usual.
func left(seconds float64, waited time.Duration) string {
	if rest := seconds - waited.Seconds(); rest > 0 {
		return strconv.FormatFloat(rest, 'f', -1, 64)
	}
	return ""
}

func processWait(c *call, in *waitIn) (answer, error) {
	a, err := c.whole(in.Name, "what is waited for is a whole process, not one of its instances")
	if err != nil {
		return answer{}, err
	}
	w := verb.Wait{Apps: []velos.App{*a}, All: in.All}
	if len(in.Until) == 0 {
		in.Until = anyOf{"ready"}
	}
	for _, u := range in.Until {
		cond, err := verb.ParseCondition(u)
		if err != nil {
			return answer{}, err
		}
		w.Until = append(w.Until, cond)
	}
	if in.Since != "" {
		cur, err := cursorFor(a, "since", in.Since)
		if err != nil {
			return answer{}, err
		}
		w.From = map[uint32]verb.Cursor{a.ID: cur}
	}
	ctx, stop := c.within(in.Timeout, startWithin)
	defer stop()
	defer c.progress("waiting for " + view.Text(strings.Join([]string(in.Until), ", ")))()
	list, err := w.Through(ctx, c.conn, c.goOn)
	if err != nil {
		return answer{}, err
	}
	o := list[0].Answer()
	out := waitOut{Outcome: o.Outcome, Condition: o.Condition, By: o.By, Status: string(o.Status), URL: o.URL, Ports: o.Ports, Exit: o.Exit, ExitCode: o.ExitCode, Line: o.Line, Cursor: o.Cursor}
	if o.Outcome == verb.TimedOut {
		out.Next = again("process_wait", "name_or_id", o.App, "until", view.Text(string(bytes.TrimSpace(view.Value(in.Until)))), "all", when(in.All), "since", o.Cursor, "timeout_s", left(in.Timeout, c.limit))
	}
	return answer{text: c.waitText(&list[0], &o, out.Next), data: out}, nil
}

// waitText says the outcome, and after a crash why: the next question is not
// needed then.
func (c *call) waitText(o *verb.Outcome, a *verb.Answer, next string) string {
	what := strings.ReplaceAll(a.Outcome, "_", " ")
	if a.Outcome == verb.Met {
		what = a.Condition + " after " + a.Waited.String()
	}
	s, report := a.App+": "+what, ""
	if a.Outcome == verb.Crashed || a.Condition == "crash" {
		if r, err := c.report(c.fresh(&o.App), -1); err == nil {
			report = "\n" + reportText(c.s.view(), &r)
		}
	}
	facts := []string{a.By, a.Exit, a.URL}
	if a.By == "line "+a.Cursor {
		facts[0] = "" // it is said below
	}
	if a.Status != "" {
		facts = append(facts, "now "+string(a.Status))
	}
	for _, more := range facts {
		if more != "" && report == "" { // which has all of it
			s += ", " + more
		}
	}
	s += "; cursor " + a.Cursor
	if next != "" {
		s += "; next: " + next
	}
	if s += report; a.Line != "" && report == "" { // ours is before it: a program could write the same
		s += untrusted + a.Line
	}
	return s
}
