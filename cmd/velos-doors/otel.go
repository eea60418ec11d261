package main

import (
	"context"

	"github.com/velospm/velos/internal/cli"
	"github.com/velospm/velos/internal/otel"
)

func send(ctx context.Context, t cli.Telemetry) error {
	return otel.Run(ctx, otel.Options{Dial: t.Dial, Home: t.Home, Config: t.Config, Endpoint: t.Endpoint, Interval: t.Interval, Once: t.Once,
		Vars: t.Vars, Notice: t.Notice})
}
