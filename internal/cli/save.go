package cli

import (
	"context"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

type savedAnswer struct {
	Path  string `json:"path"`
	Count int    `json:"count"`
	Kept  bool   `json:"kept,omitempty"` // nothing was written
}

func setupSave(s *session, f *pflag.FlagSet) handler {
	force := f.BoolP("force", "f", false, "write it down also when there are no apps")
	return func(ctx context.Context, _ []string) error {
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		h, err := s.home()
		if err != nil {
			return err
		}
		if _, err := os.Stat(h.SavedFile()); err == nil && len(apps) == 0 && !*force {
			// A fresh daemon must not make the last snapshot worthless.
			return s.answer(savedAnswer{Path: h.SavedFile(), Kept: true}, "nothing saved: there are no apps, and "+view.Text(h.SavedFile())+" stays as it was; --force replaces it\n")
		}
		ctx, stop := briefly(ctx)
		defer stop()
		p, err := s.conn.Save(ctx)
		if err != nil {
			return late(err, patience)
		}
		return s.answer(savedAnswer{Path: p.Path, Count: p.Count}, "saved "+countApps(p.Count)+" in "+view.Text(p.Path)+"\n")
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
		return s.answer(savedAnswer{Path: p.Path, Count: p.Count}, "brought back "+countApps(p.Count)+" from "+view.Text(p.Path)+"\n")
	}
}

func countApps(n int) string {
	if n == 1 {
		return "1 app"
	}
	return strconv.Itoa(n) + " apps"
}
