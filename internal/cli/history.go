package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const historyLong = `Shows the configurations that an app had, the newest last: since when, who brought it, and what changed with it.
The last 10 are kept, without the values of env files; velos undo goes back to one of them.` + targetsHelp

const undoLong = `Gives an app the configuration that it had before the last command changed it, in the gentlest way: it is reloaded
where that can be done, changed in place or restarted. Without a name, every app that the last command changed goes back
with it (apps that it added stay, those that it deleted do not come back). Undoing is a change, too: a second undo undoes the first.` + targetsHelp

func setupHistory(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		t, err := s.oneApp(ctx, "history", args[0])
		if err != nil {
			return err
		}
		formers, err := s.formers(ctx, wire.History{ID: t.app.ID})
		if err != nil {
			return err
		}
		return view.Generations(s.Out, generations(t.app, formers), s.options())
	}
}

// oneApp finds the one app that a word means.
func (s *session) oneApp(ctx context.Context, verb, word string) (target, error) {
	list, err := s.targets(ctx, verb, []string{word})
	switch {
	case err != nil:
		return target{}, err
	case len(list) > 1:
		return target{}, invalid(verb+" "+quote(word)+": that is more than one app", "name one of them")
	case list[0].inst >= 0:
		return target{}, invalid(verb+" "+quote(word)+": that is one instance", "all instances of an app have one configuration: "+list[0].app.Spec.Name)
	}
	return list[0], nil
}

func (s *session) formers(ctx context.Context, h wire.History) ([]velos.Former, error) {
	ctx, stop := briefly(ctx)
	defer stop()
	answer, err := s.conn.History(ctx, h)
	return answer.List, late(err, patience)
}

// generations are the Specs of an app with what changed from each to the next.
func generations(a *velos.App, formers []velos.Former) []view.Generation {
	list := make([]view.Generation, 0, len(formers)+1)
	add := func(g view.Generation, now *velos.Spec) {
		if n := len(list); n > 0 {
			f := &formers[n-1]
			g.Since, g.Cause, g.By = f.Until, f.Cause, f.By
			g.Changes = view.HideAll(shownChanges(config.Changes(&f.Spec, now)), &f.Spec, now, &a.Spec)
		}
		if g.Changes == nil {
			g.Changes = []view.Change{}
		}
		list = append(list, g)
	}
	for i := range formers {
		f := &formers[i]
		add(view.Generation{Number: f.Generation, Since: f.Since}, &f.Spec)
	}
	now := a.Spec
	now.FileEnv = nil // of former Specs it is not known
	add(view.Generation{Number: a.Generation, Since: a.Created, Current: true}, &now)
	return list
}

func setupUndo(s *session, f *pflag.FlagSet) handler {
	var o struct {
		to  int
		dry bool
	}
	f.IntVar(&o.to, "to", 0, "go back to this generation of the app: see velos history")
	f.BoolVar(&o.dry, "dry-run", false, "show what would be done, and do nothing")
	timeout := f.String("timeout", "", "wait no longer than this (such as 5m), then exit with 5; the orders stand")
	return func(ctx context.Context, args []string) error {
		w := waiting{timeout: *timeout}
		limit, err := w.limit()
		if err != nil {
			return err
		}
		if len(args) == 0 && f.Changed("to") {
			return invalid("--to: generations are of one app", "velos undo NAME --to "+strconv.Itoa(o.to))
		}
		var list []velos.Former
		if len(args) > 0 {
			list, err = s.oneBefore(ctx, args[0], o.to)
		} else {
			list, err = s.lastCommand(ctx)
		}
		if err != nil {
			return err
		}
		a, err := s.goBack(ctx, list)
		if err != nil {
			return err
		}
		if o.dry || len(a.tasks) == 0 && s.human() {
			return a.show()
		}
		return a.carryOut(ctx, 1, limit)
	}
}

// oneBefore is what an app was before the last command, or at a generation.
func (s *session) oneBefore(ctx context.Context, word string, to int) ([]velos.Former, error) {
	t, err := s.oneApp(ctx, "undo", word)
	if err != nil {
		return nil, err
	}
	formers, err := s.formers(ctx, wire.History{ID: t.app.ID})
	if err != nil {
		return nil, err
	}
	if len(formers) == 0 {
		return nil, nothingBefore("undo " + t.app.Spec.Name + ": its configuration has not changed")
	}
	if to == 0 {
		return []velos.Former{beforeLast(formers)}, nil
	}
	for i := range formers {
		if formers[i].Generation == to {
			return formers[i : i+1], nil
		}
	}
	return nil, &velos.Error{Code: velos.NotFound, Message: "undo " + t.app.Spec.Name + ": there is no generation " + strconv.Itoa(to) + " to go back to",
		Hint: "velos history " + t.app.Spec.Name + " shows those that there are"}
}

func nothingBefore(message string) error {
	return &velos.Error{Code: velos.NotFound, Message: message, Hint: "velos history NAME shows what an app was"}
}

// together is how far apart the changes of one command may be, at most: it
// may have waited for apps to come up. Pids are used again.
const together = velos.Millis(time.Hour / time.Millisecond)

// sameCommand reports whether one command made both changes.
func sameCommand(a, b *velos.Former) bool {
	apart := a.Until - b.Until
	return a.By.PID == b.By.PID && a.By.UID == b.By.UID && a.By.Kind == b.By.Kind && velos.Millis(max(apart, -apart)) < together
}

// beforeLast is what was there before the command that made the last change:
// it may have made several.
func beforeLast(formers []velos.Former) velos.Former {
	i := len(formers) - 1
	for i > 0 && sameCommand(&formers[i-1], &formers[i]) && formers[i].By.PID != 0 {
		i--
	}
	return formers[i]
}

// lastCommand is what the apps were that the last command has changed.
func (s *session) lastCommand(ctx context.Context) ([]velos.Former, error) {
	if _, err := s.apps(ctx); err != nil {
		return nil, err
	}
	all, err := s.formers(ctx, wire.History{Last: 3})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, nothingBefore("undo: no configuration has changed")
	}
	newest := slices.MaxFunc(all, func(a, b velos.Former) int { return cmp.Compare(a.Until, b.Until) })
	var list []velos.Former
	for len(all) > 0 { // those of one app are together
		n := 1
		for n < len(all) && all[n].ID == all[0].ID {
			n++
		}
		if last := &all[n-1]; last.ID == newest.ID || newest.By.PID != 0 && sameCommand(last, &newest) {
			list = append(list, beforeLast(all[:n]))
		}
		all = all[n:]
	}
	return list, nil
}

// goBack compares what apps were with what they are.
func (s *session) goBack(ctx context.Context, list []velos.Former) (*applying, error) {
	apps, err := s.apps(ctx)
	if err != nil {
		return nil, err
	}
	a := &applying{session: s, file: "history"}
	for i := range list {
		at := slices.IndexFunc(apps, func(app velos.App) bool { return app.ID == list[i].ID })
		if at < 0 {
			continue // deleted meanwhile
		}
		sp := list[i].Spec
		if sp.FileEnv, err = fileEnv("undo", &sp); err != nil {
			return nil, err
		}
		a.turn(&sp, &apps[at])
	}
	return a, nil
}

// turn is weigh for an app that need not run: a change of its configuration
// starts nothing.
func (a *applying) turn(sp *velos.Spec, app *velos.App) {
	t := task{do: adapt, spec: sp, app: app, changes: config.Changes(&app.Spec, sp)}
	running := app.Status != velos.Stopped && app.Status != velos.Errored
	switch {
	case len(t.changes) == 0:
		a.unchanged++
		return
	case running && slices.ContainsFunc(t.changes, func(c config.Change) bool { return !c.Live && c.Key != "name" }):
		t.do = renew
	}
	a.tasks = append(a.tasks, t)
}
