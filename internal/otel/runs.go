package otel

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

const (
	batchSpans = 256
	mostHeard  = 64 // newest events of an app that a span may tell of
)

// runs is the lane of spans: one for each run of a program, when it has ended.
// They are made from the journal, which is read from its beginning at first,
// so that a run which began before this process did is told whole.
type runs struct {
	*lane
	exporter *otlptrace.Exporter
	tracer   trace.Tracer
	heard    uint64 // the newest event that was read
	begun    bool
	apps     map[uint32]*told
	waiting  []ended
	made     []sdk.ReadOnlySpan // by the SDK, of the batch
}

// told is what is known of an app's runs.
type told struct {
	events []velos.Event
	last   map[int]run     // by instance: the run that ended last
	usage  map[int]measure // by pid: the newest of a run that goes on
}

type measure struct {
	velos.Usage
	restarts int
	seen     bool
}

// ended is a run whose span is to be sent.
type ended struct {
	run
	events []velos.Event
	before *run // that of the same instance before it
	usage  measure
}

func newTraces(ctx context.Context, x *Exporter) (*lane, error) {
	if on, err := x.o.on("TRACES", x.o.Config.Traces); err != nil || !on {
		return nil, err
	}
	t, err := x.o.target("TRACES", "/v1/traces")
	if err != nil {
		return nil, err
	}
	o := []otlptracehttp.Option{otlptracehttp.WithHTTPClient(t.http), otlptracehttp.WithTimeout(t.timeout), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{})}
	if t.set != "" {
		o = append(o, otlptracehttp.WithEndpointURL(t.set))
	}
	if t.headers != nil {
		o = append(o, otlptracehttp.WithHeaders(t.headers))
	}
	pack := otlptracehttp.NoCompression
	if t.gzip {
		pack = otlptracehttp.GzipCompression
	}
	o = append(o, otlptracehttp.WithCompression(pack))
	r := &runs{apps: map[uint32]*told{}}
	if r.exporter, err = otlptracehttp.New(ctx, o...); err != nil {
		return nil, invalid(err.Error(), "")
	}
	p := sdk.NewTracerProvider(sdk.WithResource(x.base.velos), sdk.WithIDGenerator(ids{}), sdk.WithSpanProcessor((*keeper)(r)))
	r.tracer = p.Tracer("velos", trace.WithInstrumentationVersion(velos.Version))
	r.lane = &lane{name: "traces", url: t.url, x: x, every: x.o.tick, pass: r.pass, end: r.exporter.Shutdown}
	return r.lane, nil
}

// pass reads what has happened, and sends the spans of runs that have ended.
// While a batch waits for its collector nothing more is read.
func (r *runs) pass(ctx context.Context, c *client.Client) (more bool, err error) {
	asking, stop := context.WithTimeout(ctx, askWithin)
	defer stop()
	apps, err := r.x.apps(asking, c)
	if err != nil {
		return false, err
	}
	r.measure(apps)
	m, err := c.Metrics(asking, wire.MetricsQuery{})
	if err != nil {
		return false, err
	}
	sent := r.x.cursors.events(m.Daemon.Events)
	if r.heard > m.Daemon.Events { // the journal began anew
		r.heard, r.begun = 0, false
	}
	if r.begun && m.Daemon.Events == r.heard && len(r.waiting) == 0 {
		return false, nil
	}
	if more, err = r.listen(asking, c, sent); err != nil {
		return false, err
	}
	for len(r.waiting) > 0 {
		n := min(len(r.waiting), batchSpans)
		if !r.deliver(ctx, c, apps, r.waiting[:n]) {
			return false, nil
		}
		if err := r.x.cursors.setEvents(r.waiting[n-1].exit.Seq); err != nil {
			return false, err
		}
		r.waiting = r.waiting[n:]
	}
	r.waiting = nil
	return more, r.x.cursors.setEvents(r.heard)
}

// listen reads events until there are enough runs to send.
func (r *runs) listen(ctx context.Context, c *client.Client, sent uint64) (more bool, err error) {
	for e, err := range c.Events(ctx, wire.EventsQuery{After: r.heard}) {
		if err != nil {
			return false, err
		}
		// What is missing of those before it was sent long ago, or is too old.
		if last := max(r.heard, sent); e.Seq > last+1 && (r.begun || r.heard < sent) {
			r.lose(e.Seq-last-1, gone)
		}
		r.heard, r.begun = e.Seq, true
		if r.x.wanted(e.App) && e.ID != 0 {
			r.hear(&e, e.Seq > sent)
		}
		if len(r.waiting) >= batchSpans {
			return true, nil
		}
	}
	r.begun = true
	return false, nil
}

// hear keeps an event of an app; when it ends a run that run is complete.
func (r *runs) hear(e *velos.Event, unsent bool) {
	a := r.told(e.ID)
	if len(a.events) == mostHeard {
		a.events = append(a.events[:0], a.events[1:]...)
	}
	a.events = append(a.events, *e)
	if e.Kind != velos.KindExit || e.Exit == nil || e.Inst < 0 {
		return
	}
	now := ended{run: runOf(e), usage: a.usage[e.PID]}
	for _, o := range a.events {
		if now.tells(&o) {
			now.events = append(now.events, o)
		}
	}
	if before, ok := a.last[e.Inst]; ok {
		now.before = &before
	}
	a.last[e.Inst] = now.run
	if unsent {
		r.waiting = append(r.waiting, now)
	}
}

func (r *runs) told(id uint32) *told {
	a := r.apps[id]
	if a == nil {
		a = &told{last: map[int]run{}, usage: map[int]measure{}}
		r.apps[id] = a
	}
	return a
}

// measure keeps the figures of runs that go on: when one has ended there are
// none any more. Apps that are gone are forgotten.
func (r *runs) measure(apps []velos.App) {
	there := make(map[uint32]bool, len(apps))
	for i := range apps {
		a := &apps[i]
		there[a.ID] = true
		if !r.x.wanted(a.Spec.Name) {
			continue
		}
		t := r.told(a.ID)
		for pid, m := range t.usage { // kept for one more look: its end may not have been heard
			if m.seen = !m.seen; m.seen {
				delete(t.usage, pid)
			} else {
				t.usage[pid] = m
			}
		}
		for _, in := range slices.Concat(a.Instances, a.Leaving) {
			if in.PID != 0 {
				t.usage[in.PID] = measure{in.Usage, in.Restarts, true}
			}
		}
	}
	for id := range r.apps {
		if !there[id] && len(r.apps) > len(apps)+mostHeard {
			delete(r.apps, id)
		}
	}
}

// deliver makes spans of runs and sends them.
func (r *runs) deliver(ctx context.Context, c *client.Client, apps []velos.App, list []ended) bool {
	r.made = r.made[:0]
	for i := range list {
		r.tell(ctx, c, appOf(apps, list[i].exit.ID), &list[i])
	}
	return r.send(ctx, 0, len(r.made), func(ctx context.Context, from, to int) error { return r.exporter.ExportSpans(ctx, r.made[from:to]) })
}

func appOf(apps []velos.App, id uint32) *velos.App {
	for i := range apps {
		if apps[i].ID == id {
			return &apps[i]
		}
	}
	return &velos.App{ID: id}
}

// A keeper takes the spans that the SDK has made into the batch.
type keeper runs

func (*keeper) OnStart(context.Context, sdk.ReadWriteSpan) {}
func (k *keeper) OnEnd(s sdk.ReadOnlySpan)                 { k.made = append(k.made, s) }
func (*keeper) Shutdown(context.Context) error             { return nil }
func (*keeper) ForceFlush(context.Context) error           { return nil }
