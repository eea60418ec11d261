package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const undoLong = `Gives an app the configuration that it had before the last command changed it, in the gentlest way: it is reloaded
where that can be done, changed in place or restarted. An app that was deleted in the last 24 hours is brought back, as
velos undelete does. Without a name, every app that the last command changed goes back with it, and those that it deleted come
back (apps that it added stay). Undoing a change is a change, too: a second undo undoes the first.` + targetsHelp

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
		a, err := s.undoing(ctx, args, o.to)
		if err != nil {
			return err
		}
		if o.dry || len(a.tasks) == 0 && s.human() {
			return a.show()
		}
		return a.carryOut(ctx, 1, limit)
	}
}

// undoing is what has to be done to take back the last command, or what was
// last done to one app.
func (s *session) undoing(ctx context.Context, args []string, to int) (*applying, error) {
	if len(args) == 0 {
		return s.undoLast(ctx, s.lastCommand)
	}
	list, err := s.oneBefore(ctx, args[0], to)
	if velos.CodeOf(err) != velos.NotFound {
		if err != nil {
			return nil, err
		}
		return s.goBack(ctx, list)
	}
	trash, err2 := s.conn.Trash(ctx)
	if err2 != nil {
		return nil, err2
	}
	t := trashed(trash.Apps, args[0])
	live := slices.IndexFunc(s.known, func(a velos.App) bool { return t != nil && strings.EqualFold(a.Spec.Name, t.Spec.Name) })
	switch {
	case t == nil && s.isKnown(args[0]):
		return nil, err // it has not changed
	case t == nil:
		return nil, neverWas(err, args[0], trash.Apps)
	case live >= 0:
		return nil, taken(err, t, &s.known[live])
	case to != 0:
		return nil, invalid("--to: "+t.Spec.Name+" is deleted", "velos undelete "+t.Spec.Name+" brings it back with its history")
	}
	a := &applying{session: s, file: "history"}
	a.regain(t)
	return a, nil
}

// isKnown reports whether a word means an app that there is.
func (s *session) isKnown(word string) bool {
	found, err := match(s.known, word)
	return err == nil && len(found) > 0
}

// neverWas says of an app that there is not that it cannot be brought back either.
func neverWas(err error, word string, trash []velos.Trashed) error {
	names := make([]string, len(trash))
	for i := range trash {
		names[i] = trash[i].Spec.Name
	}
	e := &velos.Error{Code: velos.NotFound, Message: err.Error() + ", and none of this name was deleted in the last 24 hours", Hint: velos.HintOf(err)}
	if near := nearest(word, names); near != "" {
		e.Hint = "did you mean " + near + ", which was deleted?"
	}
	return e
}

// taken says that an app was deleted whose name another one has by now.
func taken(err error, t *velos.Trashed, now *velos.App) error {
	id := strconv.FormatUint(uint64(t.ID), 10)
	return &velos.Error{Code: velos.NotFound, Message: err.Error() + "; the " + t.Spec.Name + " with id " + id + " was deleted, and another app has its name by now",
		Hint: "to have that one back: velos restart " + now.Spec.Name + " --name OTHER, then velos undelete " + id}
}

// regain is the task that brings a deleted app back.
func (a *applying) regain(t *velos.Trashed) {
	now := velos.TimeOf(a.Now())
	a.tasks = append(a.tasks, task{do: regain, why: "deleted " + view.Span(velos.Millis(now-t.Deleted)) + " ago", spec: &t.Spec, gone: t})
}

// deletedWithin is how far apart what one command has deleted may be, and what
// it has changed before: who goes on, such as the server of an agent, does
// many things.
const deletedWithin = velos.Millis(time.Minute / time.Millisecond)

// undoLast takes back the last command: what it has changed, as changed tells,
// and what it has deleted.
func (s *session) undoLast(ctx context.Context, changed func(context.Context) ([]velos.Former, velos.Former, error)) (*applying, error) {
	if _, err := s.apps(ctx); err != nil {
		return nil, err
	}
	trash, err := s.conn.Trash(ctx)
	if err != nil {
		return nil, err
	}
	list, newest, err := changed(ctx)
	if velos.CodeOf(err) == velos.NotFound && len(trash.Apps) > 0 {
		list, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	last := velos.Former{Until: newest.Until, By: newest.By}
	if len(trash.Apps) > 0 && trash.Apps[0].Deleted > last.Until {
		last = velos.Former{Until: trash.Apps[0].Deleted, By: trash.Apps[0].By}
		if last.By.PID == 0 || !sameCommand(&newest, &last) || velos.Millis(last.Until-newest.Until) >= deletedWithin {
			list = nil
		}
	}
	a, err := s.goBack(ctx, list)
	if err != nil {
		return nil, err
	}
	for i := range trash.Apps {
		t := &trash.Apps[i]
		f := velos.Former{Until: t.Deleted, By: t.By}
		if t.Deleted == last.Until || last.By.PID != 0 && sameCommand(&f, &last) && velos.Millis(last.Until-t.Deleted) < deletedWithin {
			a.regain(t)
		}
	}
	return a, nil
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

// lastCommand is what the apps were that the last command has changed, and the
// newest of its changes.
func (s *session) lastCommand(ctx context.Context) (list []velos.Former, newest velos.Former, err error) {
	all, err := s.formers(ctx, wire.History{Last: 3})
	if err != nil {
		return nil, newest, err
	}
	if len(all) == 0 {
		return nil, newest, nothingBefore("undo: no configuration has changed")
	}
	newest = slices.MaxFunc(all, func(a, b velos.Former) int { return cmp.Compare(a.Until, b.Until) })
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
	return list, newest, nil
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
