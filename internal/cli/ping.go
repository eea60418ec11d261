package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

type pingAnswer struct {
	Version   string       `json:"version"`
	Protocol  int          `json:"protocol"`
	PID       int          `json:"pid"`
	Uptime    velos.Millis `json:"uptime_ms"`
	Apps      int          `json:"apps"`
	RSS       int64        `json:"rss_bytes"`
	Anon      int64        `json:"anon_bytes"`
	Requests  uint64       `json:"requests"`
	RoundTrip int64        `json:"round_trip_us"`
}

func setupPing(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, _ []string) error {
		if err := s.dial(); err != nil {
			if velos.CodeOf(err) == velos.Unreachable && velos.HintOf(err) == "" {
				err = &velos.Error{Code: velos.Unreachable, Message: err.Error(), Hint: "any other command starts one, such as velos list", Cause: err}
			}
			return err
		}
		ctx, stop := briefly(ctx)
		defer stop()
		start := time.Now()
		p, err := s.conn.Ping(ctx)
		if err != nil {
			return late(err, patience)
		}
		trip := time.Since(start).Microseconds()
		s.skew(p.Version)
		return s.answer(pingAnswer{p.Version, p.Protocol, p.PID, p.Uptime, p.Apps, p.RSS, p.Anon, p.Requests, trip},
			"pong: velosd "+view.Text(p.Version)+", pid "+strconv.Itoa(p.PID)+", up "+view.Span(p.Uptime)+", "+countApps(p.Apps)+", "+view.Bytes(p.RSS)+
				", round trip "+strconv.FormatInt(trip, 10)+" µs\n")
	}
}

// skew says that client and daemon are of different versions.
func (s *session) skew(daemon string) {
	if daemon != velos.Version {
		s.notice("velos is ", velos.Version, " and velosd is ", daemon, "; velos daemon upgrade brings the running one up to date, apps go on")
	}
}
