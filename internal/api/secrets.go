package api

import (
	"context"
	"slices"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fan"
	"github.com/velospm/velos/internal/view"
)

// lookEvery is how old what is known of an app's secrets may be.
const lookEvery = time.Second

// secrets are those of an app while its log is followed: they change with its
// configuration. Those of before stay hidden, since runs of before may still
// write.
type secrets struct {
	q      *request
	app    velos.App
	all    []*velos.App // what it is and was
	mask   view.Mask
	runs   fan.Runs
	looked time.Time
}

func newSecrets(ctx context.Context, q *request, a *velos.App) (*secrets, error) {
	all, err := q.c.Selves(ctx, a)
	if err != nil {
		return nil, err
	}
	return &secrets{q: q, app: *a, all: all, mask: view.MaskOf(all...), runs: fan.RunsOf(a), looked: time.Now()}, nil
}

// look finds out what has changed, at the first line of a run and now and
// then. All who follow share what the daemon says.
func (s *secrets) look(ctx context.Context, pid int) {
	met := s.runs.Meet(pid)
	if !met && time.Since(s.looked) < lookEvery {
		return
	}
	apps, err := s.q.hub.Apps(ctx, func(apps []velos.App) bool {
		a := s.among(apps)
		return a != nil && (!met || !fan.RunsOf(a).Meet(pid))
	})
	s.looked = time.Now()
	now := s.among(apps)
	if err != nil || now == nil || now.Generation == s.app.Generation && now.Coming == nil {
		return
	}
	s.app = *now
	s.all = append(slices.Clip(s.all[max(0, len(s.all)-velos.MaxFormer):]), now)
	s.mask = view.MaskOf(s.all...)
}

func (s *secrets) among(apps []velos.App) *velos.App {
	i := slices.IndexFunc(apps, func(a velos.App) bool { return a.ID == s.app.ID })
	if i < 0 {
		return nil
	}
	return &apps[i]
}
