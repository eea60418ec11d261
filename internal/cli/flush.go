package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

func setupFlush(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		if len(args) == 0 && len(apps) == 0 {
			return view.Done(s.Out, nil, s.options())
		}
		if len(args) == 0 {
			args = []string{"all"}
		}
		list, err := s.resolve("flush", apps, args)
		if err != nil {
			return err
		}
		orders := make([]order, len(list))
		for i, t := range list {
			orders[i] = t.about("flush")
			orders[i].do = func(ctx context.Context) (string, *velos.App, error) {
				d, err := s.conn.Flush(ctx, t.wire())
				return done("flushed", d, err)
			}
		}
		return s.carryOut(ctx, orders, patience)
	}
}

func setupReloadLogs(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, _ []string) error {
		if err := s.connect(ctx); err != nil {
			return err
		}
		ctx, stop := briefly(ctx)
		defer stop()
		if _, err := s.conn.Reopen(ctx); err != nil {
			return late(err, patience)
		}
		return s.answer(map[string]any{"reopened": true}, "log files opened anew\n")
	}
}

// answer writes what is no noun: an object for programs, a line for people.
func (s *session) answer(v any, human string) error {
	text := []byte(human)
	if !s.human() {
		text = view.Value(v)
	}
	_, err := s.Out.Write(text)
	return err
}
