package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/metrics"
)

const metricsLong = `Answers GET /metrics for Prometheus until it is interrupted: CPU, memory, uptime, restarts, status and log
lines of each app, and the daemon's own figures. It asks the daemon and never starts it; while there is none, velos_up is 0.
Only this machine can ask, unless --host says otherwise. Names and meanings: docs/METRICS.md. With --history it also records them
in VELOS_HOME/metrics/history.db, for velos info NAME --history 24h: docs/HISTORY.md.

    velos metrics --port 9615
    velos metrics --once
    velos metrics --history
    velos metrics --host 0.0.0.0 --token --tls-cert cert.pem --tls-key key.pem`

func setupMetrics(s *session, f *pflag.FlagSet) handler {
	var o doorFlags
	o.flags(f, 9615)
	f.BoolVar(&o.token, "token", false, "ask for a token, here too; velos token create makes one")
	once := f.Bool("once", false, "write the figures to stdout and end")
	open := f.Bool("openmetrics", false, "with --once: in the format of OpenMetrics")
	history := f.Bool("history", false, "record the figures as well; velos info --history shows them")
	return func(ctx context.Context, _ []string) error {
		switch {
		case *history && *once:
			return invalid("--history and --once exclude each other", "leave one of them out")
		case *history && RecordFigures == nil:
			return s.handOver("velos-doors", "metrics --history")
		}
		dial, err := s.dialer()
		if err != nil {
			return err
		}
		x := metrics.New(dial)
		if *once {
			format := metrics.Text
			if *open {
				format = metrics.OpenMetrics
			}
			_, err := s.Out.Write(x.Page(ctx, format))
			return err
		}
		var tokens *guard.Tokens
		if o.token {
			if tokens, err = s.tokens(); err != nil {
				return err
			}
		}
		if *history {
			ctx, stop := context.WithCancel(ctx)
			wait, err := s.record(ctx, dial)
			if err != nil {
				stop()
				return err
			}
			defer wait()
			defer stop()
		}
		return s.open(ctx, &o, "/metrics", guard.Door{Next: x.Handler(), Tokens: tokens})
	}
}
