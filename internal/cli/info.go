package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/view"
)

func setupInfo(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		list, err := s.targets(ctx, "info", args)
		if err != nil {
			return err
		}
		apps := only(list)
		o := s.options()
		o.All = true
		if len(apps) > 1 && o.Format != view.Human {
			return view.List(s.Out, apps, o)
		}
		for i := range apps {
			if i > 0 {
				s.Out.Write([]byte("\n"))
			}
			if err := view.Info(s.Out, &apps[i], o); err != nil {
				return err
			}
		}
		return nil
	}
}
