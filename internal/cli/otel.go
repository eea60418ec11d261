package cli

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
)

const otelLong = `Sends to an OpenTelemetry collector over OTLP/HTTP until it is interrupted: a span for each run of a program, the figures of
velos metrics, and what apps write, without secrets. It goes on where it ended, waits for a collector or a daemon that is away, and
never holds either up. The collector is looked for at http://localhost:4318; --endpoint, OTEL_* variables and [otel] of the file
config.toml in VELOS_HOME say otherwise, in this order: docs/OTEL.md. What sends is the program velos-doors, beside velos.

    velos otel --endpoint http://127.0.0.1:4318
    velos start "velos otel" --name otel
    velos otel --once`

// SendTelemetry sends to a collector. Only velos-doors sets it; in velos the
// command becomes velos-doors.
var SendTelemetry func(context.Context, Telemetry) error

// Telemetry is what a sender gets to know of the command that started it.
type Telemetry struct {
	Dial     func() (*client.Client, error)
	Home     home.Home
	Config   config.OTel
	Endpoint string
	Interval time.Duration
	Once     bool
	Vars     map[string]string
	Notice   func(text string)
}

func setupOTel(s *session, f *pflag.FlagSet) handler {
	endpoint := f.String("endpoint", "", "address of the collector, such as http://127.0.0.1:4318")
	interval := f.String("interval", "", "how often figures are sent; 60s if nothing else says so")
	once := f.Bool("once", false, "send what there is, and end")
	return func(ctx context.Context, _ []string) error {
		every, err := lengthOf("--interval", *interval, time.Second)
		if err != nil {
			return err
		}
		if SendTelemetry == nil {
			return s.handOver("velos-doors", "otel")
		}
		dial, err := s.dialer()
		if err != nil {
			return err
		}
		h, err := s.home()
		if err != nil {
			return err
		}
		if err := h.Prepare(); err != nil {
			return err
		}
		c, err := config.ReadOTel(globalConfig(h), s.Vars)
		if err != nil {
			return err
		}
		return SendTelemetry(ctx, Telemetry{Dial: dial, Home: h, Config: c, Endpoint: *endpoint, Interval: every, Once: *once, Vars: s.Vars,
			Notice: func(text string) { s.notice(text) }})
	}
}

func globalConfig(h home.Home) string { return filepath.Join(h.Dir, "config.toml") }

// lengthOf reads the length of time that a flag has; 0 when it was not given.
func lengthOf(flag, text string, least time.Duration) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	m, err := config.Duration(text)
	if err != nil {
		return 0, invalid(flag+": "+err.Error(), "")
	}
	if m.Std() < least {
		return 0, invalid(flag+": must be at least "+velos.MillisOf(least).String(), "")
	}
	return m.Std(), nil
}
