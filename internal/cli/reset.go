package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
)

func setupReset(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		list, err := s.targets(ctx, "reset", args)
		if err != nil {
			return err
		}
		orders := make([]order, len(list))
		for i, t := range list {
			orders[i] = t.about("reset")
			orders[i].do = func(ctx context.Context) (string, *velos.App, error) {
				d, err := s.conn.Reset(ctx, t.wire())
				return done("reset", d, err)
			}
		}
		return s.carryOut(ctx, orders, patience)
	}
}
