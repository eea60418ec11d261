package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

const killLong = `Stops all apps and the daemon, and waits until both are gone. The definitions of the apps stay: the next
daemon knows them as stopped and starts none of them; velos start all does. To come back with what ran,
end the daemon with SIGTERM instead, or use velos save before and velos resurrect after.`

type killAnswer struct {
	Stopped bool `json:"stopped"`
	PID     int  `json:"pid"`
}

func setupKill(s *session, f *pflag.FlagSet) handler {
	w := waiting{timeout: "2m"}
	f.StringVar(&w.timeout, "timeout", w.timeout, "wait no longer than this, then exit with 5")
	leave := f.Bool("leave", false, "end the daemon only: apps run on, and the next command takes them over")
	return func(ctx context.Context, _ []string) error {
		limit, err := w.limit()
		if err != nil {
			return err
		}
		ctx, stop := context.WithTimeout(ctx, limit)
		defer stop()
		switch err := s.dial(); {
		case velos.CodeOf(err) == velos.Unreachable && err != nil:
			return s.answer(killAnswer{}, "no daemon runs\n")
		case err != nil:
			return err
		}
		pid, err := s.shutDown(ctx, *leave)
		if errors.Is(err, context.DeadlineExceeded) {
			return &velos.Error{Code: velos.Timeout, Message: "kill: the daemon did not end within " + velos.MillisOf(limit).String(), Hint: "velos list shows what it waits for", Cause: err}
		}
		if err != nil {
			return err
		}
		if *leave {
			return s.answer(killAnswer{true, pid}, "ended velosd, pid "+strconv.Itoa(pid)+"; apps run on\n")
		}
		return s.answer(killAnswer{true, pid}, "stopped velosd, pid "+strconv.Itoa(pid)+", and all apps\n")
	}
}

// shutDown returns when the daemon's process has ended and its socket is gone.
func (s *session) shutDown(ctx context.Context, leave bool) (int, error) {
	p, err := s.conn.Ping(ctx)
	if err != nil {
		return 0, err
	}
	// A daemon that ends may close the connection before its answer arrived.
	if _, err := s.conn.Shutdown(ctx, wire.Shutdown{Leave: leave}); err != nil && velos.CodeOf(err) != velos.Unreachable {
		return 0, err
	}
	h, err := s.home()
	if err != nil {
		return 0, err
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		_, err := os.Lstat(h.Socket())
		if gone(p.PID) && errors.Is(err, fs.ErrNotExist) {
			return p.PID, nil
		}
		if gone(p.PID) {
			// It was killed before it could tidy up; nobody listens there.
			return p.PID, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pause):
		}
	}
}
