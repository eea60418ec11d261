package cli

import (
	"context"
	"errors"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
)

// completeWithin bounds what a shell waits for when it completes a name.
const completeWithin = 150 * time.Millisecond

func (s *session) home() (home.Home, error) {
	return home.Find(func(k string) string { return s.Vars[k] })
}

// dial connects to the daemon if there is one.
func (s *session) dial() error {
	if s.conn != nil {
		return nil
	}
	h, err := s.home()
	if err != nil {
		return err
	}
	s.conn, err = client.Dial(h.Socket())
	if err != nil {
		s.conn = nil
	}
	return err
}

// connect connects to the daemon and starts it where there is none.
func (s *session) connect(ctx context.Context) error {
	err := s.dial()
	if err == nil {
		s.offer(ctx)
		return nil
	}
	if velos.CodeOf(err) != velos.Unreachable {
		return err
	}
	h, err := s.home()
	if err != nil {
		return err
	}
	if err := h.Prepare(); err != nil {
		return err
	}
	return s.raise(ctx, h)
}

// offer says once, on stderr, that the daemon is of another version and how to
// bring it up to date. It costs one round trip.
func (s *session) offer(ctx context.Context) {
	if s.offered {
		return
	}
	s.offered = true
	ctx, stop := briefly(ctx)
	defer stop()
	if p, err := s.conn.Ping(ctx); err == nil {
		s.skew(p.Version)
	}
}

// briefly bounds a call that the daemon can answer at once.
func briefly(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}

// apps connects and asks for all apps.
func (s *session) apps(ctx context.Context) ([]velos.App, error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	ctx, stop := briefly(ctx)
	defer stop()
	list, err := s.conn.List(ctx)
	return list.Apps, late(err, patience)
}

// late puts an expired deadline into words.
func late(err error, limit time.Duration) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &velos.Error{Code: velos.Timeout, Message: "no answer from the daemon within " + velos.MillisOf(limit).String(),
		Hint: "look at it with: velos ping", Cause: err}
}
