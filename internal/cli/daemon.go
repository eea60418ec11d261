package cli

import (
	"context"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const daemonLong = `velos daemon upgrade [PATH] replaces the running velosd by another one, in the same process: apps go on under
their pids, no line of their output is lost, and the next command talks to the new program. PATH is a velosd; without
it, the one that velos would start. A program that is no velosd, that cannot go on with the present state or fails its
own check is refused before anything changes. Commands that follow logs or events go on.`

type upgradeAnswer struct {
	Upgraded bool   `json:"upgraded"`
	From     string `json:"from"`
	To       string `json:"to"`
	PID      int    `json:"pid"`
}

func setupDaemon(s *session, f *pflag.FlagSet) handler {
	w := waiting{timeout: "1m"}
	f.StringVar(&w.timeout, "timeout", w.timeout, "wait no longer than this, then exit with 5")
	return func(ctx context.Context, args []string) error {
		if args[0] != "upgrade" {
			return &velos.Error{Code: velos.Invalid, Message: "daemon: no such command: " + view.Text(args[0]), Hint: "velos daemon upgrade [PATH]"}
		}
		limit, err := w.limit()
		if err != nil {
			return err
		}
		path, err := s.successor(args[1:])
		if err != nil {
			return err
		}
		ctx, stop := context.WithTimeout(ctx, limit)
		defer stop()
		if err := s.dial(); err != nil {
			return err
		}
		a, err := s.upgrade(ctx, path)
		if err != nil {
			return late(err, limit)
		}
		return s.answer(a, "velosd "+view.Text(a.To)+" took over from "+view.Text(a.From)+", pid "+strconv.Itoa(a.PID)+"; apps ran on\n")
	}
}

// successor is the velosd to become, as an absolute path.
func (s *session) successor(args []string) (string, error) {
	if len(args) == 0 {
		return s.velosd()
	}
	if filepath.IsAbs(args[0]) {
		return filepath.Clean(args[0]), nil
	}
	return filepath.Join(s.Dir, args[0]), nil
}

// upgrade returns when the new program answers: its uptime begins anew.
func (s *session) upgrade(ctx context.Context, path string) (a upgradeAnswer, err error) {
	before, err := s.conn.Ping(ctx)
	if err != nil {
		return a, err
	}
	asked := time.Now()
	if _, err := s.conn.Upgrade(ctx, wire.Upgrade{Path: path}); err != nil {
		return a, err
	}
	_ = s.conn.Close() // the old program's end of it is about to close
	s.conn = nil
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if s.dial() == nil {
			if p, err := s.conn.Ping(ctx); err == nil && p.Uptime.Std() <= time.Since(asked) {
				return upgradeAnswer{true, before.Version, p.Version, p.PID}, nil
			}
			_ = s.conn.Close()
			s.conn = nil
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(pause):
		}
	}
}
