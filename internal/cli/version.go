package cli

import (
	"context"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

type versionAnswer struct {
	Velos    string  `json:"velos"`
	Protocol int     `json:"protocol"`
	Daemon   *string `json:"daemon"`
	PID      int     `json:"daemon_pid"`
}

func setupVersion(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, _ []string) error {
		a := versionAnswer{Velos: velos.Version, Protocol: velos.Protocol}
		text := "velos " + velos.Version + "\n"
		// A daemon that does not answer is no reason to hide our own version.
		if s.dial() == nil {
			ctx, stop := context.WithTimeout(ctx, patience/10)
			defer stop()
			if p, err := s.conn.Ping(ctx); err == nil {
				a.Daemon, a.PID = &p.Version, p.PID
				text += "velosd " + view.Text(p.Version) + ", pid " + strconv.Itoa(p.PID) + "\n"
				s.skew(p.Version)
			}
		}
		return s.answer(a, text)
	}
}
