package otel

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// A run is one life of a process, as the event of its end tells it.
type run struct {
	exit  velos.Event
	start velos.Time
	end   velos.Time
}

// begins is how long before a process the event that orders it may stand.
const begins = 250

func runOf(e *velos.Event) run {
	end := e.Exit.Time
	if end == 0 {
		end = e.Time
	}
	return run{exit: *e, start: end - velos.Time(e.Exit.Uptime), end: end}
}

// tells reports whether an event belongs to the run.
func (r *run) tells(e *velos.Event) bool {
	switch {
	case e.Seq >= r.exit.Seq, e.Inst >= 0 && e.Inst != r.exit.Inst, e.Kind == velos.KindExit, e.Kind == velos.KindLog:
		return false
	case e.PID != 0:
		return e.PID == r.exit.PID && e.Time >= r.start-begins
	case e.Kind == velos.KindState && e.To == velos.Starting:
		return e.Time >= r.start-begins && e.Time <= r.start+begins
	}
	return e.Time >= r.start
}

// id is the same whenever and wherever the run is told, so that a span that
// was sent twice is one span, and a link leads to where it should.
func (r *run) id(host string) (t trace.TraceID, s trace.SpanID) {
	b := append([]byte("velos run\x00"), host...)
	b = append(b, 0)
	for _, n := range []int64{int64(r.exit.ID), int64(r.exit.Inst), int64(r.exit.PID), int64(r.start)} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	sum := sha256.Sum256(b)
	copy(t[:], sum[:])
	copy(s[:], sum[len(t):])
	return t, s
}

type idsKey struct{}

type pair struct {
	trace trace.TraceID
	span  trace.SpanID
}

// ids gives spans the ids that their context names.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	p, _ := ctx.Value(idsKey{}).(pair)
	return p.trace, p.span
}

func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	p, _ := ctx.Value(idsKey{}).(pair)
	return p.span
}

// crashed reports an end that nobody asked for and that was no success.
func crashed(e *velos.Exit) bool {
	return !e.Asked && !e.Unknown && (e.Error != "" || e.Signal != "" || e.Code != 0)
}

// tell makes the span of a run.
func (r *runs) tell(ctx context.Context, c *client.Client, a *velos.App, d *ended) {
	mask, host := r.x.veilOf(a.ID).Mask(), r.x.base.host
	e := mask.Event(d.exit)
	t, s := d.id(host)
	opts := []trace.SpanStartOption{trace.WithTimestamp(d.start.Std()), trace.WithNewRoot(), trace.WithAttributes(
		attribute.String("name", e.App),
		attribute.Int64("velos.app.id", int64(e.ID)),
		attribute.Int("velos.instance", e.Inst),
		attribute.Int("velos.generation", e.Gen),
		attribute.Int("process.pid", e.PID),
		attribute.Int("process.restart_count", d.usage.restarts),
		attribute.Int64("process.memory_bytes", d.usage.Memory),
		attribute.Int64("process.memory_peak_bytes", d.usage.Peak),
		attribute.Float64("process.cpu_percent", d.usage.CPU))}
	if a.Spec.Script != "" {
		opts = append(opts, trace.WithAttributes(attribute.String("process.executable.path", view.Text(mask.String(a.Spec.Script))), attribute.String("velos.namespace", view.Text(a.Spec.Namespace))))
	}
	if d.before != nil {
		opts = append(opts, trace.WithLinks(d.link(host)))
	}
	ctx = context.WithValue(ctx, idsKey{}, pair{t, s})
	_, span := r.tracer.Start(ctx, "velos.process.lifecycle", opts...)
	status := happened(span, d, mask)
	span.SetAttributes(attribute.String("status", string(status)), attribute.String("velos.exit", view.Text(e.Exit.String())))
	if x := e.Exit; x.Signal != "" {
		span.SetAttributes(attribute.String("process.exit.signal", x.Signal))
	} else if !x.Unknown && x.Error == "" {
		span.SetAttributes(attribute.Int("process.exit.code", x.Code))
	}
	if crashed(e.Exit) {
		words := view.Text(e.Exit.String())
		span.SetStatus(codes.Error, words)
		at := trace.WithTimestamp(d.end.Std())
		span.AddEvent("process.crash", at, trace.WithAttributes(attribute.String("message", words)))
		if last := r.lastError(ctx, c, d, r.x.veilOf(a.ID)); last != "" {
			span.AddEvent("process.error", at, trace.WithAttributes(attribute.String("message", last)))
		}
	} else {
		span.AddEvent("process.exit", trace.WithTimestamp(d.end.Std()), trace.WithAttributes(attribute.String("message", view.Text(e.Exit.String()))))
	}
	span.End(trace.WithTimestamp(d.end.Std()))
}

// link leads to the run before: a reload's predecessor was still there when
// its successor began.
func (d *ended) link(host string) trace.Link {
	why := "restart"
	if d.before.end > d.start {
		why = "reload"
	}
	t, s := d.before.id(host)
	return trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: trace.FlagsSampled}),
		Attributes: []attribute.KeyValue{attribute.String("velos.link", why), attribute.Int("process.pid", d.before.exit.PID)}}
}

// happened adds the events of a run, and says what it was before its end.
func happened(span trace.Span, d *ended, mask view.Mask) (status velos.Status) {
	status = velos.Starting
	span.AddEvent("process.started", trace.WithTimestamp(d.start.Std()))
	for i := range d.events {
		e := mask.Event(d.events[i])
		reason := attribute.String("reason", view.Text(e.Cause))
		name, kv := "process.state", []attribute.KeyValue{reason}
		switch {
		case e.Kind == velos.KindState && e.To == velos.Starting:
			if e.From == velos.Stopped {
				continue // that is the start
			}
			name = "process.restart"
		case e.Kind == velos.KindState:
			status = e.To
			kv = append(kv, attribute.String("from", string(e.From)), attribute.String("to", string(e.To)))
			if e.To == velos.Online {
				name = "process.ready"
			}
		case e.Kind == velos.KindOrder:
			name, kv = "process.order", []attribute.KeyValue{attribute.String("order", view.Text(e.Cause)), attribute.String("user", view.Text(e.Actor.User))}
		default:
			name = "process." + string(e.Kind)
		}
		span.AddEvent(name, trace.WithTimestamp(e.Time.Std()), trace.WithAttributes(kv...))
	}
	return status
}

const longestMessage = 1 << 10

// lastError is the last line of level error that the run has written; empty
// when there is none, or nobody knows any more.
func (r *runs) lastError(ctx context.Context, c *client.Client, d *ended, veil *view.Veil) string {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	veil = veil.Twin() // the other is at work
	veil.Before = verb.Before(ctx, c)
	text := ""
	q := velos.Query{Inst: d.exit.Inst, Level: velos.Err, Since: d.start, Until: d.end + 1000, Last: 8}
	for e, err := range c.Logs(ctx, d.exit.ID, q) {
		if err != nil {
			break
		}
		if e.PID == d.exit.PID {
			msg := veil.Hide(&e)
			text = view.Clean(msg[:min(len(msg), longestMessage)], false)
		}
	}
	return text
}
