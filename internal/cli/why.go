package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
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
		r, err := verb.Why(ctx, s.conn, t.app, t.inst)
		if err != nil {
			return late(err, patience)
		}
		return view.Why(s.Out, r, s.options())
	}
}
