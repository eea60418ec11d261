package verb

import (
	"context"
	"slices"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// A vigil is the wait for one app.
type vigil struct {
	job     *job
	app     velos.App // as it was last seen
	veil    *view.Veil
	left    []Condition
	cursor  Cursor
	lines   velos.Query   // what is read of the log, and from where on
	silence time.Duration // of quiet
	timer   *time.Timer
	out     Outcome
}

// newVigil looks at an app after the job has noted the newest event: what
// happens from then on is heard.
func newVigil(ctx context.Context, j *job, a *velos.App) (*vigil, error) {
	now, err := j.conn.Info(ctx, wire.All(a.ID))
	if err != nil {
		return nil, err
	}
	veil, err := Veil(ctx, j.conn, &now)
	if err != nil {
		return nil, err
	}
	v := &vigil{job: j, app: now, veil: veil, left: slices.Clone(j.Until)}
	v.cursor = Cursor{App: now.Spec.Name, Line: now.Log.Seq, Event: j.first, ID: now.ID}
	if c, ok := j.From[now.ID]; ok && c.Of(&now) {
		v.cursor.Line = c.Line
		if c.Event > 0 {
			v.cursor.Event = min(c.Event, j.first)
		}
	}
	for _, c := range v.left {
		if c.kind == "healthy" && now.Spec.Health == nil {
			return nil, &velos.Error{Code: velos.Invalid, Message: "wait for " + now.Spec.Name + ": it has no health probe",
				Hint: "wait for ready, or give it a health probe in velos.toml"}
		}
		if c.kind == "quiet" {
			v.silence = c.quiet
		}
	}
	v.look(true)
	return v, nil
}

// rests reports an app that nobody wants to run and that does not.
func rests(a *velos.App) bool {
	return !slices.ContainsFunc(a.Instances, func(i velos.Instance) bool {
		return i.Wanted && i.Status != velos.Errored || i.PID != 0 || i.Status == velos.Starting || i.Status == velos.WaitingRestart
	})
}

// ready reports whether every instance that should run is online, and one is.
func ready(list []velos.Instance) bool {
	any := false
	for i := range list {
		online := list[i].Status == velos.Online
		if list[i].Wanted && !online {
			return false
		}
		any = any || online
	}
	return any
}

// look judges the app as it is now.
func (v *vigil) look(begin bool) {
	a := &v.app
	if ready(a.Instances) {
		v.meet("ready", readyBy(&a.Spec))
	}
	v.measure(a.Instances)
	if v.out.Outcome != "" || !begin || !rests(a) {
		return
	}
	_, resumed := v.job.From[a.ID]
	x := latest(a)
	v.out.Exit = x
	switch {
	case resumed && (v.wants("exit") || v.wants("crash")): // the events tell
	case x != nil && v.meet("exit", ""):
	case a.Status == velos.Errored:
		if !v.meet("crash", "") {
			v.end(Crashed)
		}
	default:
		v.end(Stopped)
	}
}

// latest is the end of the run that ended last.
func latest(a *velos.App) *velos.Exit {
	var x *velos.Exit
	for i := range a.Instances {
		if e := a.Instances[i].LastExit; e != nil && (x == nil || e.Time > x.Time) {
			x = e
		}
	}
	return x
}

// measure judges ports and health.
func (v *vigil) measure(list []velos.Instance) {
	for _, c := range slices.Clone(v.left) {
		switch c.kind {
		case "port":
			if at, ok := listens(list, c.port); ok {
				v.met(c, at)
			}
		case "healthy":
			if len(list) > 0 && !slices.ContainsFunc(list, func(i velos.Instance) bool { return i.Health != velos.Healthy }) {
				v.met(c, "health probe")
			}
		}
	}
}

func (v *vigil) wants(kind string) bool {
	return slices.ContainsFunc(v.left, func(c Condition) bool { return c.kind == kind })
}

// meet ticks off the conditions of a kind.
func (v *vigil) meet(kind, by string) bool {
	found := false
	for _, c := range slices.Clone(v.left) {
		if c.kind == kind && v.out.Outcome == "" {
			v.met(c, by)
			found = true
		}
	}
	return found
}

// met ticks off a condition; the wait is over with the first, or with all.
func (v *vigil) met(c Condition, by string) {
	v.left = slices.DeleteFunc(v.left, func(o Condition) bool { return o.Text == c.Text })
	v.out.Condition, v.out.By = c.Text, by
	if !v.job.All || len(v.left) == 0 {
		v.end(Met)
	}
}

func (v *vigil) end(outcome string) { v.out.Outcome = outcome }

// query is what has to be read of the log, if anything. A text that every
// match has is looked for by the daemon.
func (v *vigil) query() (velos.Query, bool) {
	q := velos.Query{Inst: -1, Follow: true, After: v.app.Log.Seq}
	wanted := v.silence > 0
	for _, c := range v.left {
		if c.kind != "log" {
			continue
		}
		if len(v.left) == 1 {
			q.Grep = c.literal
		}
		wanted = true
		if _, ok := v.job.From[v.app.ID]; ok {
			q.After = v.cursor.Line
			continue
		}
		q.After = 0
		for i := range v.app.Instances {
			if in := &v.app.Instances[i]; in.PID != 0 && (q.Since == 0 || in.Started < q.Since) {
				q.Since = in.Started
			}
		}
		if q.Since == 0 {
			q.After = v.app.Log.Seq
		}
	}
	return q, wanted
}

// hear judges one fact.
func (v *vigil) hear(ctx context.Context, f fact) error {
	switch {
	case f.event != nil:
		return v.happened(ctx, f.event)
	case f.figures != nil:
		v.app.Instances = f.figures
		v.measure(f.figures)
	case f.quiet:
		v.meet("quiet", "")
	case f.line != nil:
		v.read(f.line)
	}
	return nil
}

func (v *vigil) read(e *velos.Entry) {
	v.lines.After = max(v.lines.After, e.Seq)
	if e.Seq > v.cursor.Line {
		v.cursor.Line = e.Seq
	}
	if v.timer != nil && e.Seq > v.app.Log.Seq {
		v.timer.Reset(v.silence)
	}
	for _, c := range slices.Clone(v.left) {
		if c.kind != "log" || e.Missed > 0 || !c.re.Match(e.Msg) {
			continue
		}
		// What is hidden cannot be waited for, letter by letter.
		if hidden := v.veil.Alone(e); c.re.Match(hidden) {
			v.out.Line = view.Clean(hidden, false)
			v.cursor.Line = e.Seq // what comes behind has not been looked at
			v.met(c, "line "+Cursor{App: v.app.Spec.Name, Line: e.Seq, Event: v.cursor.Event, ID: v.app.ID}.String())
			return
		}
	}
}

// happened judges an event. One from before the wait can only be what exit
// and crash go on waiting for.
func (v *vigil) happened(ctx context.Context, e *velos.Event) error {
	if e.ID != v.app.ID || e.Seq <= v.cursor.Event {
		return nil
	}
	v.cursor.Event = e.Seq
	live := e.Seq > v.job.first
	switch {
	case e.Kind == velos.KindExit && e.Exit != nil:
		return v.ended(ctx, e.Exit, live)
	case !live:
	case e.Kind == velos.KindConfig && e.Cause == "deleted":
		v.end(Deleted)
	case e.Kind == velos.KindState && e.To == velos.Online:
		return v.again(ctx)
	case e.Kind == velos.KindState && (e.To == velos.Stopped || e.To == velos.Errored):
		if err := v.again(ctx); err != nil || v.out.Outcome != "" || !rests(&v.app) {
			return err
		}
		if err := v.catchUp(ctx); err != nil || v.out.Outcome != "" {
			return err
		}
		v.out.Exit = latest(&v.app)
		if e.To == velos.Errored {
			v.end(Crashed)
		} else {
			v.end(Stopped)
		}
	}
	return nil
}

// again looks at the app anew.
func (v *vigil) again(ctx context.Context) error {
	a, err := v.job.conn.Info(ctx, wire.All(v.app.ID))
	if err != nil {
		return err
	}
	seq := v.app.Log.Seq
	v.app = a
	v.app.Log.Seq = seq // quiet and query count from the beginning
	v.look(false)
	return nil
}

// ended judges the end of a run. A crash ends every other wait: what it waits
// for will not come from this run.
func (v *vigil) ended(ctx context.Context, x *velos.Exit, live bool) error {
	bad := !x.Asked && (x.Code != 0 || x.Signal != "" || x.Error != "" || x.Unknown)
	v.out.Exit = x
	defer func() {
		if v.out.Outcome != "" { // nobody knows yet what becomes of it
			v.app.Status, v.app.Instances = "", nil
		}
	}()
	v.meet("exit", "")
	if bad {
		v.meet("crash", "")
	}
	if v.out.Outcome != "" || !live || x.Asked {
		return nil
	}
	if err := v.catchUp(ctx); err != nil || v.out.Outcome != "" {
		return err
	}
	if slices.ContainsFunc(v.left, func(c Condition) bool { return c.kind != "exit" && c.kind != "crash" }) {
		if bad {
			v.end(Crashed)
		} else {
			v.end(Ended)
		}
	}
	return nil
}

// catchUp reads what the log has and its stream has not brought yet: events
// come on a stream of their own, and a run may have written what is waited for
// before it ended.
func (v *vigil) catchUp(ctx context.Context) error {
	if !v.wants("log") {
		return nil
	}
	q := v.lines
	q.Follow = false
	for e, err := range v.job.conn.Logs(ctx, v.app.ID, q) {
		if err != nil {
			return err
		}
		if v.read(&e); v.out.Outcome != "" {
			v.out.Exit = nil
			break
		}
	}
	return nil
}
