package mcp

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Format is the argument that asks for the specification's objects.
type Format struct {
	Format string `json:"format,omitempty" enum:"text,json"`
}

func (f Format) json() bool { return f.Format == "json" }

// Target names an app.
type Target struct {
	Name string `json:"name_or_id" need:"y"`
}

type listIn struct {
	Scope string `json:"scope,omitempty" enum:"all,project,mine" about:"project: of this directory"`
	All   bool   `json:"all,omitempty" about:"a row for each, also for many quiet ones"`
	Format
}

type listOut struct {
	Text      string       `json:"text,omitempty"`
	Processes []processRow `json:"processes,omitzero"`
}

type processRow = view.Row

// word is a name as one word.
var word = view.OneWord

func processList(c *call, in *listIn) (answer, error) {
	apps, err := c.apps()
	if err != nil {
		return answer{}, err
	}
	switch in.Scope {
	case "project":
		apps = verb.InProject(apps, c.s.o.Env.Dir)
	case mine:
		own, err := c.own()
		if err != nil {
			return answer{}, err
		}
		apps = nil
		for _, a := range own {
			apps = append(apps, *a)
		}
	}
	rows := make([]processRow, len(apps))
	for i := range apps {
		rows[i] = view.RowOf(&apps[i], c.s.now())
	}
	if in.json() {
		return answer{data: listOut{Processes: rows}}, nil
	}
	text := view.Brief(rows, in.All, "all=true")
	return answer{text: text, data: listOut{Text: text}}, nil
}

func uptime(a *velos.App, now velos.Time) velos.Millis {
	for i := range a.Instances {
		if in := &a.Instances[i]; in.PID != 0 && in.Started > 0 && now > in.Started {
			return velos.Millis(now - in.Started)
		}
	}
	return 0
}

type infoIn struct {
	Target
	Format
}

type infoOut struct {
	Text    string         `json:"text,omitempty"`
	Config  map[string]any `json:"config,omitempty"`
	State   map[string]any `json:"state,omitempty"`
	Metrics map[string]any `json:"metrics,omitempty"`
}

func processInfo(c *call, in *infoIn) (answer, error) {
	a, inst, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	now, err := c.conn.Info(c, wire.All(a.ID))
	if err != nil {
		return answer{}, err
	}
	m := view.MaskOf(&now)
	shown := m.App(&now)
	if in.json() {
		if inst >= 0 {
			shown.Instances = slices.DeleteFunc(slices.Clone(shown.Instances), func(i velos.Instance) bool { return i.Inst != inst })
		}
		u := now.Usage()
		return answer{data: infoOut{Config: specMap(&shown.Spec), State: stateMap(&shown),
			Metrics: map[string]any{"cpu": u.CPU, "mem": u.Memory, "mem_peak": u.Peak, "restarts": now.Restarts(), "uptime_ms": uptime(&now, c.s.now()), "log_lines": now.Log.Lines, "log_errors": now.Log.Errors}}}, nil
	}
	text := c.s.infoText(&shown, inst)
	return answer{text: text, data: infoOut{Text: text}, links: []sdk.Content{logLink(&now)}}, nil
}

func logLink(a *velos.App) sdk.Content {
	return &sdk.ResourceLink{URI: appURI(a.Spec.Name) + "/log", Name: view.Text(a.Spec.Name) + " log", MIMEType: "text/plain"}
}

func stateMap(a *velos.App) map[string]any {
	var list []any
	for i := range a.Instances {
		in := &a.Instances[i]
		v := map[string]any{"instance": in.Inst, "status": in.Status, "pid": in.PID, "restarts": in.Restarts, "reason": view.Text(in.Reason), "ports": append([]string{}, in.Ports.List()...)}
		if in.LastExit != nil {
			v["last_exit"] = view.Text(in.LastExit.String())
		}
		if in.Health != "" {
			v["health"], v["health_text"] = in.Health, view.Text(in.HealthText)
		}
		list = append(list, v)
	}
	return map[string]any{"id": a.ID, "status": a.Status, "generation": a.Generation, "instances": list, "cursor": cursorOf(a)}
}

func cursorOf(a *velos.App) string {
	return verb.Cursor{App: a.Spec.Name, Line: a.Log.Seq, ID: a.ID}.String()
}

// shownVars bounds the names of variables that are shown.
const shownVars = 25

// infoText says what an app is and how it does, with the names of its
// variables and not their values.
func (s *Server) infoText(a *velos.App, inst int) string {
	r := view.RowOf(a, s.now())
	lines := []string{r.Name + " (id " + strconv.Itoa(int(a.ID)) + ") " + r.Status + ", " + strconv.FormatFloat(r.CPU, 'f', -1, 64) + "% cpu, " + r.Mem + ", up " + r.Uptime + ", " + strconv.Itoa(r.Restarts) + " restarts"}
	add := func(key, value string) {
		if value != "" {
			lines = append(lines, key+": "+view.Text(value))
		}
	}
	add("url", r.URL)
	add("command", view.CommandLine(&a.Spec))
	add("cwd", a.Spec.Cwd)
	for i := range a.Instances {
		in := &a.Instances[i]
		if inst >= 0 && in.Inst != inst {
			continue
		}
		line := string(in.Status)
		if in.PID != 0 {
			line += " pid " + strconv.Itoa(in.PID)
		}
		for _, more := range []string{in.Reason, string(in.Health), in.HealthText, strings.Join(in.Ports.List(), " ")} {
			if more != "" {
				line += ", " + more
			}
		}
		if in.LastExit != nil {
			line += "; last exit: " + in.LastExit.String()
		}
		add("instance "+strconv.Itoa(in.Inst), line)
	}
	keys := make([]string, 0, len(a.Spec.Env))
	for k := range a.Spec.Env {
		if !config.IsInherited(k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if n := len(keys) - shownVars; n > 0 {
		keys = append(keys[:shownVars], "and "+strconv.Itoa(n)+" more (format=json)")
	}
	add("env", strings.Join(keys, " "))
	lines = append(lines, "log: "+strconv.FormatUint(a.Log.Lines, 10)+" lines, "+strconv.FormatUint(a.Log.Errors, 10)+" errors; cursor "+cursorOf(a))
	return strings.Join(lines, "\n")
}

type doneOut struct {
	Success bool   `json:"success"`
	Message string `json:"message,omitempty"`
	PID     int    `json:"pid,omitempty"`
	Cursor  string `json:"cursor,omitempty"`
}

func (d doneOut) answer(text string) answer {
	d.Message = text
	if d.Cursor != "" {
		text += "; cursor " + d.Cursor
	}
	return answer{text: text, data: d}
}

type stopIn struct {
	Target
	DryRun bool `json:"dry_run,omitempty"`
}

func processStop(c *call, in *stopIn) (answer, error) {
	if all, apps, err := c.saysMine(in.Name); err != nil {
		return answer{}, err
	} else if all {
		return c.stopOwn(apps, in.DryRun)
	}
	a, inst, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	if in.DryRun {
		return doneOut{Success: true}.answer("would stop " + described(a, inst)), nil
	}
	ctx, stop := c.within(0, longest)
	defer stop()
	defer c.progress("stopping " + view.Text(a.Spec.Name))()
	if _, err := c.give(ctx, verb.Stopping(a, wire.Stop{Target: wire.Target{ID: a.ID, Inst: inst}, Wait: true})); err != nil {
		return answer{}, c.stands(err, "stop", a)
	}
	return doneOut{Success: true}.answer(view.Text(in.Name) + " stopped"), nil
}

// stands says of an order that was not settled in time that it stands.
func (c *call) stands(err error, what string, a *velos.App) error {
	if !errors.Is(err, velos.ErrTimeout) || c.Err() != nil {
		return err
	}
	return &velos.Error{Code: velos.Timeout, Message: what + " " + a.Spec.Name + ": not settled within " + velos.MillisOf(c.limit).String() + "; the order stands",
		Hint: "process_wait name_or_id=" + view.Text(a.Spec.Name), Cause: err}
}

// described says in a line what would be hit.
func described(a *velos.App, inst int) string {
	s := view.Text(a.Spec.Name)
	if inst >= 0 {
		s += ":" + strconv.Itoa(inst)
	}
	s += " (" + string(a.Status)
	for i := range a.Instances {
		if in := &a.Instances[i]; in.PID != 0 && (inst < 0 || in.Inst == inst) {
			s += ", pid " + strconv.Itoa(in.PID)
		}
	}
	return s + ")"
}

type restartIn struct {
	Target
	Reload bool `json:"reload,omitempty" about:"without a gap: successors are ready before old processes go"`
}

func processRestart(c *call, in *restartIn) (answer, error) {
	a, inst, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	return c.again(a, inst, in.Reload, nil)
}

// again restarts or reloads an app, with a new Spec if there is one, and says
// what came of it.
func (c *call) again(a *velos.App, inst int, reload bool, spec *velos.Spec) (answer, error) {
	ctx, stop := c.within(0, longest)
	defer stop()
	what := "restart"
	if reload {
		what = "reload"
	}
	defer c.progress(what + " of " + view.Text(a.Spec.Name) + " under way")()
	t := wire.Target{ID: a.ID, Inst: inst}
	order := verb.Restarting(a, wire.Restart{Target: t, Wait: true, Spec: spec})
	if reload {
		order = verb.Reloading(a, wire.Reload{Target: t, Spec: spec})
	}
	given, err := c.give(ctx, order)
	if err != nil {
		return answer{}, c.explained(err, what, a)
	}
	now, text := a, view.Text(a.Spec.Name)+" "+what+"ed"
	if given.App != nil {
		now = given.App
	}
	if given.Restarted {
		text = strings.TrimSuffix(view.Text(a.Spec.Name)+" restarted instance by instance, not reloaded: "+view.Text(given.Why), ": ")
	}
	pid := 0
	for i := range now.Instances {
		if pid == 0 {
			pid = now.Instances[i].PID
		}
	}
	text += ", " + string(now.Status) + ", pid " + strconv.Itoa(pid)
	return doneOut{Success: true, PID: pid, Cursor: cursorOf(now)}.answer(text), nil
}

// explained adds to the error of something that crashed how to learn why.
func (c *call) explained(err error, what string, a *velos.App) error {
	if code := velos.CodeOf(err); code == velos.Crashed || code == velos.Failed {
		text := strings.TrimPrefix(err.Error(), what+" "+a.Spec.Name+": ") // one verb is enough
		text = strings.TrimPrefix(text, "start "+a.Spec.Name+": ")
		err = &velos.Error{Code: code, Message: what + " " + a.Spec.Name + ": " + text, Hint: "crash_report name_or_id=" + view.Text(a.Spec.Name), Cause: err}
		if code == velos.Crashed {
			return c.because(err, a.Spec.Name)
		}
		return err
	}
	return c.stands(err, what, a)
}

// because adds the report to the error of an app that has crashed: the next
// question is not needed then.
func (c *call) because(err error, name string) error {
	a, _, _, e := c.app(name)
	if e != nil {
		return err
	}
	r, e := c.report(a, -1)
	if e != nil || r.Exit == nil {
		return err
	}
	return &explanation{err, reportText(c.s.view(), &r)}
}

type deleteIn struct {
	Target
	DryRun bool `json:"dry_run,omitempty"`
}

func processDelete(c *call, in *deleteIn) (answer, error) {
	if all, apps, err := c.saysMine(in.Name); err != nil {
		return answer{}, err
	} else if all {
		return c.deleteOwn(apps, in.DryRun)
	}
	a, inst, _, err := c.app(in.Name)
	switch {
	case err != nil:
		return answer{}, err
	case inst >= 0:
		return answer{}, invalid("an instance cannot be deleted", "config_set changes={\"instances\": N}")
	case in.DryRun:
		return doneOut{Success: true}.answer("would stop and forget " + described(a, inst) + "; log files stay, and for 24 hours velos undelete brings it back"), nil
	}
	if q := c.confirm("Stop and forget " + described(a, inst) + "?"); q != nil {
		return answer{ask: q}, nil
	}
	if !c.confirmed() {
		return answer{}, &velos.Error{Code: velos.Denied, Message: "delete " + a.Spec.Name + ": the user said no", Hint: "ask what to do instead"}
	}
	ctx, stop := c.within(0, longest)
	defer stop()
	if _, err := c.give(ctx, verb.Deleting(a)); err != nil {
		return answer{}, c.stands(err, "delete", a)
	}
	return doneOut{Success: true}.answer(view.Text(a.Spec.Name) + " deleted; its log files stay, and for 24 hours velos undelete brings it back"), nil
}

// startWithin is how long a start is waited for.
const startWithin = 30 * time.Second
