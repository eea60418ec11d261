package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

func setupWhy(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		list, err := s.targets(ctx, "why", args)
		if err != nil {
			return err
		}
		if len(list) > 1 {
			return invalid("why "+quote(args[0])+": that is more than one app", "name one of them")
		}
		t := list[0]
		ctx, stop := briefly(ctx)
		defer stop()
		r := view.Report{App: *t.app, Inst: t.inst}
		for e, err := range s.conn.Events(ctx, wire.EventsQuery{ID: t.app.ID, Last: 100}) {
			if err != nil {
				return late(err, patience)
			}
			r.Events = append(r.Events, e)
		}
		q := velos.Query{Inst: t.inst, Src: velos.Stderr, Last: 20}
		for e, err := range s.conn.Logs(ctx, t.app.ID, q) {
			if err != nil {
				return late(err, patience)
			}
			r.Stderr = append(r.Stderr, e)
		}
		return view.Why(s.Out, r, s.options())
	}
}
