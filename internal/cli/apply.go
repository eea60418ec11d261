package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/foreign"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const applyLong = `Makes what runs what a configuration file says (velos.toml, if none is named): starts apps that are missing or
down, gives those that differ their new configuration, and leaves the others alone. Where the change allows it the
app is reloaded without a gap, or changed in place; otherwise it is restarted. A new configuration that does not come
up is taken back. What was changed is a generation: velos history shows it, velos undo goes back.

The environment is what the file and its profile say, whatever the app had before. Apps that came from the file
and are no longer in it are left running, unless --prune is given. With no difference nothing is done at all.`

const diffLong = `Shows what velos apply would do: app by app, key by key. Secrets are masked. Nothing is changed.`

// applyFlags are the flags of diff and apply.
type applyFlags struct {
	only     []string
	env      []string // profiles
	prune    bool
	dry      bool
	exitCode bool
	parallel int
	timeout  string
}

func (o *applyFlags) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.only, "only", nil, "only these apps of the file")
	profileFlag(f, &o.env)
	f.BoolVar(&o.prune, "prune", false, "delete apps that came from the file and are no longer in it")
}

func setupDiff(s *session, f *pflag.FlagSet) handler {
	var o applyFlags
	o.flags(f)
	f.BoolVar(&o.exitCode, "exit-code", false, "exit with 1 when there is a difference")
	return func(ctx context.Context, args []string) error {
		a, err := s.compare(ctx, "diff", &o, args)
		if err != nil {
			return err
		}
		if err := a.show(); err != nil {
			return err
		}
		if o.exitCode && len(a.tasks) > 0 {
			return exitCode(1)
		}
		return nil
	}
}

func setupApply(s *session, f *pflag.FlagSet) handler {
	var o applyFlags
	o.flags(f)
	s.trustFlag(f)
	f.BoolVar(&o.dry, "dry-run", false, "show what would be done, and do nothing")
	f.IntVar(&o.parallel, "parallel", 1, "instances of an app that are replaced at the same time")
	f.StringVar(&o.timeout, "timeout", "", "wait no longer than this (such as 5m), then exit with 5; the orders stand")
	return func(ctx context.Context, args []string) error {
		w := waiting{timeout: o.timeout}
		limit, err := w.limit()
		if err != nil {
			return err
		}
		if o.parallel < 1 {
			return invalid("--parallel: must be 1 or more", "such as --parallel 2")
		}
		a, err := s.compare(ctx, "apply", &o, args)
		if err != nil {
			return err
		}
		idle := !slices.ContainsFunc(a.tasks, func(t task) bool { return t.do != leave })
		if o.dry || idle && s.human() {
			return a.show()
		}
		err = a.carryOut(ctx, o.parallel, limit)
		if err == nil && s.human() && a.unchanged > 0 {
			s.notice(a.rest())
		}
		return err
	}
}

// What is done with an app.
const (
	begin  = "start"  // it is new, or down
	renew  = "reload" // its runs are replaced
	adapt  = "change" // in place
	remove = "delete"
	regain = "undelete"
	leave  = "leave" // it is not in the file any more, and stays
)

// A task is what apply does with one app.
type task struct {
	do      string
	why     string
	spec    *velos.Spec // nil for what is not in the file
	app     *velos.App  // nil for what is not known
	gone    *velos.Trashed
	changes []config.Change
}

func (t *task) name() string {
	if t.spec != nil {
		return t.spec.Name
	}
	return t.app.Spec.Name
}

// An applying is a file compared with what there is.
type applying struct {
	*session
	file      string // as it was named
	tasks     []task
	unchanged int
}

// compare reads the file and finds out what is different.
func (s *session) compare(ctx context.Context, verb string, o *applyFlags, args []string) (*applying, error) {
	a := &applying{session: s, file: "velos.toml"}
	if len(args) > 0 {
		a.file = args[0]
	} else if _, err := os.Stat(filepath.Join(s.Dir, a.file)); os.IsNotExist(err) {
		return nil, invalid(verb+": no velos.toml is here", "velos init writes one, velos import makes one of another manager's file")
	}
	switch {
	case foreign.Is(a.file):
		return nil, invalid(verb+" "+quote(a.file)+": is another manager's file", "velos import "+quote(a.file)+" makes a velos.toml of it; velos reload "+quote(a.file)+" reloads its apps")
	case !config.IsConfig(a.file):
		return nil, invalid(verb+" "+quote(a.file)+": is no configuration file", "name a .toml file")
	case o.prune && len(o.only) > 0:
		return nil, invalid("--prune: cannot be used with --only", "leave one of them out")
	}
	if err := checkFile(verb, o.env, o.only, true); err != nil {
		return nil, err
	}
	p := &plan{open: s.opener(ctx, verb == "apply" && !o.dry)}
	var err error
	if p.apps, err = s.apps(ctx); err != nil {
		return nil, err
	}
	specs, err := s.described(p, a.file, o.only, o.env)
	if err != nil {
		return nil, err
	}
	for i := range specs {
		known, ok := p.twin(specs[i].Name)
		if !ok {
			a.tasks = append(a.tasks, task{do: begin, why: "new", spec: &specs[i]})
			continue
		}
		a.weigh(&specs[i], known.app)
	}
	if len(o.only) == 0 {
		a.absent(p, specs, o.prune)
	}
	return a, nil
}

// weigh decides what an app needs that is known.
func (a *applying) weigh(sp *velos.Spec, app *velos.App) {
	t := task{spec: sp, app: app, changes: config.Changes(&app.Spec, sp)}
	down := app.Status == velos.Stopped || app.Status == velos.Errored
	switch {
	case down && sp.Autostart && (len(t.changes) > 0 || !finished(app) && !resting(app)):
		t.do, t.why = begin, "is "+string(app.Status)
	case len(t.changes) == 0:
		a.unchanged++
		return
	case down, !slices.ContainsFunc(t.changes, func(c config.Change) bool { return !c.Live }):
		t.do = adapt
	default:
		t.do = renew
	}
	a.tasks = append(a.tasks, t)
}

// finished reports whether an app has done its work: it ended by itself, and
// its policy says that this was all.
func finished(a *velos.App) bool {
	return a.Status == velos.Stopped && !slices.ContainsFunc(a.Instances, func(in velos.Instance) bool {
		return in.Status != velos.Stopped || in.LastExit == nil || in.LastExit.Asked
	})
}

// resting reports whether a job waits for its next time: it runs as its file
// says, only not now.
func resting(a *velos.App) bool {
	return a.Spec.Schedule != "" && !slices.ContainsFunc(a.Instances, func(in velos.Instance) bool {
		return in.Status != velos.Stopped || !in.Wanted
	})
}

// absent finds apps that came from the file and are not in it any more.
func (a *applying) absent(p *plan, specs []velos.Spec, prune bool) {
	path := a.file
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.Dir, path)
	}
	for i := range p.apps {
		app := &p.apps[i]
		if app.Spec.Source != path || slices.ContainsFunc(specs, func(sp velos.Spec) bool { return strings.EqualFold(sp.Name, app.Spec.Name) }) {
			continue
		}
		t := task{do: leave, why: "it is not in the file any more; --prune deletes it", app: app}
		if prune {
			t.do, t.why = remove, "it is not in the file any more"
		}
		a.tasks = append(a.tasks, t)
	}
}

// show tells what would be done.
func (a *applying) show() error {
	plans := make([]view.Plan, len(a.tasks))
	for i := range a.tasks {
		t := &a.tasks[i]
		plans[i] = view.Plan{Name: t.name(), Action: t.do, Why: t.why}
		if t.app != nil && t.spec != nil {
			plans[i].Changes = view.HideAll(shownChanges(t.changes), &t.app.Spec, t.spec)
		}
	}
	return view.Plans(a.Out, a.file, plans, a.unchanged, a.options())
}

func shownChanges(list []config.Change) []view.Change {
	out := make([]view.Change, len(list))
	for i, c := range list {
		out[i] = view.Change{Key: c.Key, From: c.From, To: c.To}
	}
	return out
}

// rest says how many apps needed nothing.
func (a *applying) rest() string {
	verb := " were"
	if a.unchanged == 1 {
		verb = " was"
	}
	return countApps(a.unchanged) + verb + " as " + quote(a.file) + " says, and left alone"
}

// carryOut does the tasks and tells what it did.
func (a *applying) carryOut(ctx context.Context, parallel int, limit time.Duration) error {
	r := &reload{session: a.session, flags: &reloadFlags{parallel: parallel}, apart: map[string][]string{}}
	defer r.explain()
	return a.session.carryOut(ctx, a.orders(r), limit)
}

// orders are the tasks as calls.
func (a *applying) orders(r *reload) []order {
	var orders []order
	var gone []target
	for i := range a.tasks {
		switch t := &a.tasks[i]; t.do {
		case regain:
			orders = append(orders, a.undelete(t.gone, true))
		case leave:
			a.notice(t.name(), ": ", t.why)
		case remove:
			gone = append(gone, target{t.app, -1})
		default:
			orders = append(orders, r.become(t))
		}
	}
	return append(orders, a.deleteOrders(gone)...)
}

// become is the order that gives an app its Spec, in the gentlest way.
func (r *reload) become(t *task) order {
	switch {
	case t.app == nil:
		return r.startOrder(step{spec: t.spec, inst: -1}, true)
	case t.do == begin && len(t.changes) == 0:
		return r.startOrder(step{app: t.app, inst: -1}, true)
	case t.do == begin:
		return r.startOrder(step{app: t.app, spec: t.spec, inst: -1, note: said(t.changes)}, true)
	case t.do == renew:
		o := r.order(target{t.app, -1}, t.spec.Name, wire.Reload{Target: wire.All(t.app.ID), Parallel: r.flags.parallel, Spec: t.spec})
		o.behind = dependencies(t.spec)
		return told(o, t.changes)
	}
	o := target{t.app, -1}.about("change")
	o.gives(r.session, func() verb.Order { return verb.Updating(t.app, wire.Update{ID: t.app.ID, Spec: *t.spec}) }, func(verb.Given) string { return "changed in place" })
	return told(o, t.changes)
}

// told adds to the outcome of an order what has changed.
func told(o order, changes []config.Change) order {
	return o.around(func(ctx context.Context, do doing) (string, *velos.App, error) {
		did, app, err := do(ctx)
		if err == nil {
			did += said(changes)
		}
		return did, app, err
	})
}

// mostSaid is how many keys a line names.
const mostSaid = 5

func said(changes []config.Change) string {
	var keys []string
	for i, c := range changes {
		if i == mostSaid {
			keys = append(keys, "…")
			break
		}
		keys = append(keys, c.Key)
	}
	return ": " + strings.Join(keys, ", ")
}
