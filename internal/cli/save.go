package cli

import (
	"context"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

type savedAnswer struct {
	Path  string `json:"path"`
	Count int    `json:"count"`
}

func setupSave(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, _ []string) error {
		if err := s.connect(ctx); err != nil {
			return err
		}
		ctx, stop := briefly(ctx)
		defer stop()
		p, err := s.conn.Save(ctx)
		if err != nil {
			return late(err, patience)
		}
		return s.answer(savedAnswer{p.Path, p.Count}, "saved "+countApps(p.Count)+" in "+view.Text(p.Path)+"\n")
	}
}

func setupResurrect(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, _ []string) error {
		if err := s.connect(ctx); err != nil {
			return err
		}
		p, err := s.conn.Load(ctx, wire.StatePath{})
		if err != nil {
			return err
		}
		return s.answer(savedAnswer{p.Path, p.Count}, "brought back "+countApps(p.Count)+" from "+view.Text(p.Path)+"\n")
	}
}

func countApps(n int) string {
	if n == 1 {
		return "1 app"
	}
	return strconv.Itoa(n) + " apps"
}
