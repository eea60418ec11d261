package otel

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/metrics"
)

// newFigures is the lane of the figures that velos metrics serves, by the same
// names. Those that could not be delivered until the next ones are due are
// dropped: newer ones say the same.
func newFigures(ctx context.Context, x *Exporter) (*lane, error) {
	if on, err := x.o.on("METRICS", x.o.Config.Metrics); err != nil || !on {
		return nil, err
	}
	t, err := x.o.target("METRICS", "/v1/metrics")
	if err != nil {
		return nil, err
	}
	o := []otlpmetrichttp.Option{otlpmetrichttp.WithHTTPClient(t.http), otlpmetrichttp.WithTimeout(t.timeout), otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{})}
	if t.set != "" {
		o = append(o, otlpmetrichttp.WithEndpointURL(t.set))
	}
	if t.headers != nil {
		o = append(o, otlpmetrichttp.WithHeaders(t.headers))
	}
	pack := otlpmetrichttp.NoCompression
	if t.gzip {
		pack = otlpmetrichttp.GzipCompression
	}
	o = append(o, otlpmetrichttp.WithCompression(pack))
	exporter, err := otlpmetrichttp.New(ctx, o...)
	if err != nil {
		return nil, invalid(err.Error(), "")
	}
	began := time.Now()
	l := &lane{name: "metrics", url: t.url, x: x, every: x.every, lifetime: x.every, whole: true, end: exporter.Shutdown}
	l.pass = func(ctx context.Context, _ *client.Client) (bool, error) {
		list, round := x.figures.Gather(ctx)
		list = append(list, x.own(velos.TimeOf(began))...)
		x.counts.steady(list, round.Time)
		data := x.metrics(list, round.Time.Std(), began)
		n := 0
		for i := range list {
			n += len(list[i].Samples)
		}
		l.send(ctx, 0, n, func(ctx context.Context, _, _ int) error { return exporter.Export(ctx, data) })
		return false, nil
	}
	return l, nil
}

// own is what this exporter says of itself.
func (x *Exporter) own(began velos.Time) []metrics.Family {
	sent := metrics.Family{Name: "velos_otel_sent_total", Kind: metrics.Counter, Help: "What the collector has taken"}
	dropped := metrics.Family{Name: "velos_otel_dropped_total", Kind: metrics.Counter, Help: "What was refused, or gone before it could be sent"}
	for _, l := range x.lanes {
		labels := []string{"signal", l.name}
		sent.Samples = append(sent.Samples, metrics.Sample{Value: float64(l.sent.Load()), Labels: labels, Since: began})
		dropped.Samples = append(dropped.Samples, metrics.Sample{Value: float64(l.dropped.Load()), Labels: labels, Since: began})
	}
	return []metrics.Family{sent, dropped}
}

func (x *Exporter) metrics(list []metrics.Family, now, began time.Time) *metricdata.ResourceMetrics {
	scope := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: "velos", Version: velos.Version}}
	for i := range list {
		f := &list[i]
		m := metricdata.Metrics{Name: f.Name, Description: f.Help, Unit: unitOf(f.Name)}
		switch f.Kind {
		case metrics.Gauge:
			m.Data = metricdata.Gauge[float64]{DataPoints: x.points(f, now)}
		case metrics.Counter:
			m.Data = metricdata.Sum[float64]{DataPoints: x.points(f, now), IsMonotonic: true, Temporality: metricdata.CumulativeTemporality}
		case metrics.Histogram:
			m.Data = histogram(f.Buckets, now, began)
		}
		scope.Metrics = append(scope.Metrics, m)
	}
	return &metricdata.ResourceMetrics{Resource: x.base.velos, ScopeMetrics: []metricdata.ScopeMetrics{scope}}
}

func (x *Exporter) points(f *metrics.Family, now time.Time) []metricdata.DataPoint[float64] {
	points := make([]metricdata.DataPoint[float64], 0, len(f.Samples))
	for _, s := range f.Samples {
		if len(s.Labels) > 1 && s.Labels[0] == "name" && !x.wanted(s.Labels[1]) {
			continue
		}
		p := metricdata.DataPoint[float64]{Time: now, Value: s.Value}
		if f.Kind == metrics.Counter {
			p.StartTime = s.Since.Std()
		}
		kv := make([]attribute.KeyValue, 0, len(s.Labels)/2)
		for i := 0; i+1 < len(s.Labels); i += 2 {
			kv = append(kv, attribute.String(s.Labels[i], s.Labels[i+1]))
		}
		p.Attributes = attribute.NewSet(kv...)
		points = append(points, p)
	}
	return points
}

func histogram(b *metrics.Buckets, now, began time.Time) metricdata.Histogram[float64] {
	n := uint64(0)
	for _, c := range b.Counts {
		n += c
	}
	return metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: []metricdata.HistogramDataPoint[float64]{{
		Attributes: *attribute.EmptySet(), StartTime: began, Time: now, Count: n, Sum: b.Sum, Bounds: b.Bounds, BucketCounts: b.Counts}}}
}

// unitOf is the unit that a name ends in, as OpenTelemetry writes it.
func unitOf(name string) string {
	switch {
	case strings.HasSuffix(name, "_bytes"):
		return "By"
	case strings.HasSuffix(name, "_seconds"):
		return "s"
	case strings.HasSuffix(name, "_percent"):
		return "%"
	}
	return "1"
}
