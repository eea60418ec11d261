package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const historyLong = `Shows the configurations that an app had, the newest last: since when, who brought it, and what changed with it.
The last 10 are kept, without the values of env files; velos undo goes back to one of them.` + targetsHelp

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
