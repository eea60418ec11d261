package otel

import (
	"context"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdk "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// A batch of lines ends at so many of them, or bytes.
const (
	batchLines = 1000
	batchBytes = 1 << 20
)

// gone is why something was dropped that waited for too long.
const gone = "they were removed before they could be sent"

// lines is the lane of what apps wrote. It asks for the lines of each app that
// has new ones, from where the last delivery ended: the log files hold what
// waits, so that nothing grows here while a collector is away.
type lines struct {
	*lane
	exporter *otlploghttp.Exporter
	makers   map[uint32]*maker
	turn     int // where the next pass begins, so that a loud app starves nobody
	batch    []sdk.Record
	bytes    int
}

// A maker makes the records of one app.
type maker struct {
	generation int
	name       string
	logger     log.Logger
}

func newLines(ctx context.Context, x *Exporter) (*lane, error) {
	if on, err := x.o.on("LOGS", x.o.Config.Logs); err != nil || !on {
		return nil, err
	}
	t, err := x.o.target("LOGS", "/v1/logs")
	if err != nil {
		return nil, err
	}
	o := []otlploghttp.Option{otlploghttp.WithHTTPClient(t.http), otlploghttp.WithTimeout(t.timeout), otlploghttp.WithRetry(otlploghttp.RetryConfig{})}
	if t.set != "" {
		o = append(o, otlploghttp.WithEndpointURL(t.set))
	}
	if t.headers != nil {
		o = append(o, otlploghttp.WithHeaders(t.headers))
	}
	pack := otlploghttp.NoCompression
	if t.gzip {
		pack = otlploghttp.GzipCompression
	}
	o = append(o, otlploghttp.WithCompression(pack))
	l := &lines{makers: map[uint32]*maker{}}
	if l.exporter, err = otlploghttp.New(ctx, o...); err != nil {
		return nil, invalid(err.Error(), "")
	}
	l.lane = &lane{name: "logs", url: t.url, x: x, every: x.o.tick, pass: l.pass, end: l.exporter.Shutdown}
	return l.lane, nil
}

// pass sends one batch. The cursors move when it has arrived.
func (l *lines) pass(ctx context.Context, c *client.Client) (more bool, err error) {
	asking, stop := context.WithTimeout(ctx, askWithin)
	defer stop()
	apps, err := l.x.apps(asking, c)
	if err != nil {
		return false, err
	}
	at, first := l.x.cursors.lines(apps, l.x.wanted)
	if first { // from here on, whatever becomes of this process
		return false, l.x.cursors.save()
	}
	l.forget(apps)
	moved := map[uint32]uint64{}
	l.turn++
	for i := range apps {
		a := &apps[(i+l.turn)%len(apps)]
		if a.Log.Seq <= at[a.ID] || !l.x.wanted(a.Spec.Name) {
			continue
		}
		if l.full() {
			more = true
			break
		}
		last, err := l.read(asking, c, a, at[a.ID])
		if err != nil && velos.CodeOf(err) != velos.NotFound {
			l.clear()
			return false, err
		}
		moved[a.ID] = last
		more = more || last < a.Log.Seq && l.full()
	}
	defer l.clear()
	if !l.send(ctx, 0, len(l.batch), func(ctx context.Context, from, to int) error { return l.exporter.Export(ctx, l.batch[from:to]) }) {
		return false, nil
	}
	if len(moved) > 0 {
		err = l.x.cursors.setLines(moved)
	}
	return more, err
}

func (l *lines) full() bool { return len(l.batch) >= batchLines || l.bytes >= batchBytes }

func (l *lines) clear() {
	clear(l.batch)
	l.batch, l.bytes = l.batch[:0], 0
}

// read takes lines of an app into the batch, and says how far it came. Lines
// that were deleted before they were read are counted as dropped.
func (l *lines) read(ctx context.Context, c *client.Client, a *velos.App, from uint64) (last uint64, err error) {
	m, veil := l.maker(a), l.x.veilOf(a.ID)
	veil.Before = verb.Before(ctx, c)
	last = from
	for e, err := range c.Logs(ctx, a.ID, velos.Query{Inst: -1, After: from}) {
		if err != nil {
			return last, err
		}
		if l.full() || e.Seq > a.Log.Seq {
			return last, nil
		}
		if e.Missed > 0 {
			continue // plain from the numbers
		}
		if e.Seq > last+1 {
			l.lose(e.Seq-last-1, gone)
		}
		last = e.Seq
		l.bytes += len(e.Msg) + 200
		sc := traceOf(e.Msg)
		m.logger.Emit(trace.ContextWithSpanContext(ctx, sc), recordOf(&e, veil))
	}
	if last < a.Log.Seq { // no line is left up to there
		l.lose(a.Log.Seq-last, gone)
		last = a.Log.Seq
	}
	return last, nil
}

// severities are those of OpenTelemetry for our levels.
var severities = [...]log.Severity{velos.LevelNone: log.SeverityUndefined, velos.Debug: log.SeverityDebug, velos.Info: log.SeverityInfo,
	velos.Warn: log.SeverityWarn, velos.Err: log.SeverityError, velos.Fatal: log.SeverityFatal}

// recordOf is a line without its secrets and without what could harm whoever
// reads it in a terminal.
func recordOf(e *velos.Entry, veil *view.Veil) log.Record {
	var r log.Record
	r.SetTimestamp(e.Time.Std())
	r.SetObservedTimestamp(e.Time.Std())
	if int(e.Level) < len(severities) {
		r.SetSeverity(severities[e.Level])
		r.SetSeverityText(e.Level.String())
	}
	r.SetBody(attribute.StringValue(veil.Text(e)))
	r.AddAttributes(
		attribute.String("log.iostream", e.Src.String()),
		attribute.String("log.record.uid", strconv.Itoa(int(e.App))+"-"+strconv.FormatUint(e.Seq, 10)),
		attribute.Int("process.pid", e.PID),
		attribute.Int("velos.instance", e.Inst))
	if e.More {
		r.AddAttributes(attribute.Bool("velos.log.continues", true)) // in the next record
	}
	return r
}

// maker is the one of an app, made anew when the app has changed.
func (l *lines) maker(a *velos.App) *maker {
	m := l.makers[a.ID]
	if m == nil || m.generation != a.Generation || m.name != a.Spec.Name {
		p := sdk.NewLoggerProvider(sdk.WithResource(l.x.base.app(a)), sdk.WithProcessor((*catcher)(l)))
		m = &maker{a.Generation, a.Spec.Name, p.Logger("velos", log.WithInstrumentationVersion(velos.Version))}
		l.makers[a.ID] = m
	}
	return m
}

// forget drops the makers of apps that are gone.
func (l *lines) forget(apps []velos.App) {
	if len(l.makers) <= len(apps) {
		return
	}
	there := make(map[uint32]bool, len(apps))
	for i := range apps {
		there[apps[i].ID] = true
	}
	for id := range l.makers {
		if !there[id] {
			delete(l.makers, id)
		}
	}
}

// A catcher takes the records that the SDK has made into the batch.
type catcher lines

func (c *catcher) Enabled(context.Context, sdk.EnabledParameters) bool { return true }

func (c *catcher) OnEmit(_ context.Context, r *sdk.Record) error {
	c.batch = append(c.batch, r.Clone())
	return nil
}

func (c *catcher) Shutdown(context.Context) error   { return nil }
func (c *catcher) ForceFlush(context.Context) error { return nil }
