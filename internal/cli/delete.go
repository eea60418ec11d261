package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/verb"
)

func setupDelete(s *session, f *pflag.FlagSet) handler {
	timeout := waiting{}
	f.StringVar(&timeout.timeout, "timeout", "", "wait no longer than this, then exit with 5; the order stands")
	only := f.StringSlice("only", nil, "only these apps of the configuration file")
	return func(ctx context.Context, args []string) error {
		limit, err := timeout.limit()
		if err != nil {
			return err
		}
		list, err := s.targets(ctx, "delete", args, *only...)
		if err != nil {
			return err
		}
		for _, t := range list {
			if t.inst >= 0 {
				return invalid("delete "+t.String()+": one instance cannot be deleted", "velos stop "+t.String()+" stops it")
			}
		}
		return s.carryOut(ctx, s.deleteOrders(list), limit)
	}
}

// deleteOrders stop apps and forget them, none before those that need it.
func (s *session) deleteOrders(list []target) []order {
	orders := make([]order, len(list))
	for i, t := range list {
		orders[i] = t.about("delete")
		orders[i].behind, orders[i].ended = dependents(list, t.app), true
		orders[i].gives(s, func() verb.Order { return verb.Deleting(t.app) }, func(verb.Given) string { return "deleted" })
	}
	return orders
}
