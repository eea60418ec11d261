// Command velos-doors is velos with what people look through linked in: the
// terminal dashboard, the history of figures, OpenTelemetry. It is a program of its
// own because everything that is linked costs every command its start; the
// commands that need it become this one.
package main

import (
	"context"
	"os"

	"github.com/velospm/velos/internal/cli"
	"github.com/velospm/velos/internal/tui"
)

func main() {
	cli.Monitor = func(ctx context.Context, s cli.Screen) error { return tui.Run(ctx, tui.Options(s)) }
	cli.SendTelemetry = send
	cli.RecordFigures, cli.AskFigures = record, ask
	cli.AskAllFigures, cli.RecentFigures = askAll, recent
	os.Exit(cli.Main(os.Args[1:]))
}
