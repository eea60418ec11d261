package api

import (
	"context"
	"slices"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// lookEvery is how old what is known of an app's secrets may be.
const lookEvery = time.Second

// secrets are those of an app while its log is followed: they change with its
// configuration. It is a verb.Cover for which all who follow share what the
// daemon says.
type secrets struct {
	*view.Veil
	q      *request
	id     uint32
	runs   verb.Runs
	looked time.Time
}

// newSecrets asks within ctx; the log may be followed for longer.
func newSecrets(ctx context.Context, q *request, a *velos.App) (*secrets, error) {
	v, err := verb.Veil(ctx, q.c, a)
	if err != nil {
		return nil, err
	}
	v.Before = verb.Before(q.r.Context(), q.c)
	return &secrets{Veil: v, q: q, id: a.ID, runs: verb.RunsOf(a), looked: time.Now()}, nil
}

// look finds out what has changed, at the first line of a run and now and
// then.
func (s *secrets) look(ctx context.Context, pid int) {
	met := s.runs.Meet(pid)
	if !met && time.Since(s.looked) < lookEvery {
		return
	}
	apps, err := s.q.hub.Apps(ctx, func(apps []velos.App) bool {
		a := s.among(apps)
		return a != nil && (!met || !verb.RunsOf(a).Meet(pid))
	})
	s.looked = time.Now()
	if now := s.among(apps); err == nil && now != nil {
		s.Learn(now)
	}
}

func (s *secrets) among(apps []velos.App) *velos.App {
	i := slices.IndexFunc(apps, func(a velos.App) bool { return a.ID == s.id })
	if i < 0 {
		return nil
	}
	return &apps[i]
}
