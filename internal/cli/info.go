package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

func setupInfo(s *session, f *pflag.FlagSet) handler {
	env := f.Bool("env", false, "show each variable of its environment and where it is from; secrets are masked")
	history := f.String("history", "", "draw CPU and memory of this long, such as 1h or 7d; velos api --history records them")
	return func(ctx context.Context, args []string) error {
		if *history != "" {
			return s.past(ctx, args, *history)
		}
		list, err := s.targets(ctx, "info", args)
		if err != nil {
			return err
		}
		apps := only(list)
		if *env {
			if len(apps) > 1 {
				return invalid("info --env: that is more than one app", "name one of them")
			}
			return view.Variables(s.Out, s.variables(&apps[0]), s.options())
		}
		o := s.options()
		o.All = true
		if len(apps) > 1 && o.Format != view.Human {
			return view.List(s.Out, apps, o)
		}
		for i := range apps {
			if i > 0 {
				s.Out.Write([]byte("\n"))
			}
			order, err := s.lastOrder(ctx, apps[i].ID)
			if err != nil {
				return err
			}
			if err := view.Ordered(s.Out, &apps[i], order, o); err != nil {
				return err
			}
		}
		return nil
	}
}

// lastOrder is the newest order about an app that is in the journal, or nil.
func (s *session) lastOrder(ctx context.Context, id uint32) (*velos.Event, error) {
	ctx, stop := briefly(ctx)
	defer stop()
	var list []velos.Event
	for e, err := range s.conn.Events(ctx, wire.EventsQuery{ID: id, Last: 100}) {
		if err != nil {
			return nil, late(err, patience)
		}
		list = append(list, e)
	}
	return view.LastOrder(list), nil
}
