package cli

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// completeWithin bounds what a shell waits for when it completes a name.
var completeWithin = 150 * time.Millisecond

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
		return err
	}
	by := wire.Caller{Channel: "cli", TTY: s.OutTTY || s.ErrTTY}
	if s.door {
		by = doorman
	}
	s.conn.Announce(by)
	return nil
}

// mostDeaths bounds how many daemons a command sees die before it asks one.
const mostDeaths = 10

// connect connects to the daemon and starts it where there is none.
func (s *session) connect(ctx context.Context) error {
	// A daemon that dies at this very moment has accepted, and never answers.
	for try := 0; ; try++ {
		err := s.dial()
		if err == nil && (s.offer(ctx) || try == mostDeaths) {
			return nil
		}
		if err != nil && velos.CodeOf(err) != velos.Unreachable {
			return err
		}
		if err != nil {
			break
		}
		_ = s.conn.Close()
		s.conn = nil
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

// returnWithin is how long a daemon may be away of which nobody says that it
// will come back: a service that is restarted ends whole, and begins anew.
const returnWithin = 2 * time.Second

// reconnect waits for the daemon that follows the one that was lost: killed and
// started again by its keeper, upgraded or restarted. It starts none: somebody
// may have wanted its end.
func (s *session) reconnect(ctx context.Context) error {
	_ = s.conn.Close()
	s.conn = nil
	return s.redial(ctx)
}

// again is reconnect for who goes on over the connection.
func (s *session) again(ctx context.Context) (*client.Client, error) {
	err := s.reconnect(ctx)
	return s.conn, err
}

// redial connects to the daemon that is to come.
func (s *session) redial(ctx context.Context) error {
	h, err := s.home()
	if err != nil {
		return err
	}
	hoped := time.Now() // when it was last to be expected
	pause := time.Millisecond
	for end := hoped.Add(patience); time.Now().Before(end) && time.Since(hoped) < returnWithin; {
		if err := s.dial(); err == nil {
			within, stop := briefly(ctx)
			p, err := s.conn.Ping(within)
			stop()
			if err == nil {
				s.notice("velosd was away; going on with pid ", strconv.Itoa(p.PID))
				return nil
			}
			_ = s.conn.Close()
			s.conn = nil
		} else if velos.CodeOf(err) != velos.Unreachable {
			return err
		}
		if h.Kept() {
			hoped = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(pause*3/2, 50*time.Millisecond)
		}
	}
	return &velos.Error{Code: velos.Unreachable, Message: "velosd has ended", Hint: "velos list starts it again"}
}

// offer says once, on stderr, that the daemon is of another version and how to
// bring it up to date. It costs one round trip. False: the connection is lost.
func (s *session) offer(ctx context.Context) bool {
	if s.offered {
		return true
	}
	ctx, stop := briefly(ctx)
	defer stop()
	p, err := s.conn.Ping(ctx)
	if err == nil {
		s.offered = true
		s.skew(p.Version)
	}
	return velos.CodeOf(err) != velos.Unreachable || err == nil
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
	get := s.conn.List
	if s.mine {
		get = s.conn.Own
	}
	list, err := get(ctx)
	s.known = list.Apps
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
