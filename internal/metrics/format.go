package metrics

import (
	"math"
	"mime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Format is how figures are written.
type Format uint8

// The formats.
const (
	Text        Format = iota // Prometheus, 0.0.4
	OpenMetrics               // 1.0.0
)

func (f Format) contentType() string {
	if f == OpenMetrics {
		return "application/openmetrics-text; version=1.0.0; charset=utf-8"
	}
	return "text/plain; version=0.0.4; charset=utf-8"
}

// formatOf picks what a client likes best; Text where it does not matter.
func formatOf(accept []string) Format {
	open, text := 0.0, 0.0
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		t, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if v, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				continue
			}
		}
		switch v := params["version"]; {
		case t == "application/openmetrics-text" && (v == "" || v == "1.0.0" || v == "0.0.1"):
			open = max(open, q)
		case t == "text/plain", t == "text/*", t == "*/*":
			text = max(text, q)
		}
	}
	if open > 0 && open >= text {
		return OpenMetrics
	}
	return Text
}

// A page is being written. The formats differ in how counters are named where
// they are described, and in how a page ends.
type page struct {
	b    []byte
	open bool
}

func (p *page) str(parts ...string) {
	for _, s := range parts {
		p.b = append(p.b, s...)
	}
}

// write is the figures as a page.
func write(list []Family, f Format) []byte {
	p := page{open: f == OpenMetrics}
	for i := range list {
		m := &list[i]
		p.family(m.Name, m.Kind, m.Help)
		for _, v := range m.Samples {
			p.sample(m.Name, v.Value, v.Labels...)
		}
		if m.Buckets != nil {
			p.buckets(m.Name, m.Buckets)
		}
	}
	return p.end()
}

func (p *page) family(name string, k Kind, help string) {
	if p.open && k == Counter {
		name = strings.TrimSuffix(name, "_total")
	}
	p.str("# HELP ", name, " ", help, "\n# TYPE ", name, " ", string(k), "\n")
}

// sample is one line; labels are names and values in turn.
func (p *page) sample(name string, value float64, labels ...string) {
	p.str(name)
	for i := 0; i+1 < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		p.str(sep, labels[i], `="`, escape(labels[i+1]), `"`)
	}
	if len(labels) > 0 {
		p.str("}")
	}
	p.b = append(p.b, ' ')
	p.b = append(strconv.AppendFloat(p.b, value, 'g', -1, 64), '\n')
}

func (p *page) end() []byte {
	if p.open {
		p.str("# EOF\n")
	}
	return p.b
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func escape(s string) string { return escapes.Replace(strings.ToValidUTF8(s, "\ufffd")) }

// bounds of the histogram, in seconds: a round trip takes some 100 µs.
var bounds = [...]float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// A histogram counts durations. It is safe for use by several goroutines.
type histogram struct {
	mu     sync.Mutex
	counts [len(bounds) + 1]uint64
	sum    float64
}

func (h *histogram) observe(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, i := d.Seconds(), 0
	for i < len(bounds) && s > bounds[i] {
		i++
	}
	h.counts[i]++
	h.sum += s
}

// bound is a number as a label. OpenMetrics tells one from a whole number by
// its point.
func (p *page) bound(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if p.open && !strings.ContainsAny(s, ".eI") {
		s += ".0"
	}
	return s
}

func (p *page) buckets(name string, h *Buckets) {
	n := uint64(0)
	for i, c := range h.Counts {
		n += c
		le := math.Inf(1)
		if i < len(h.Bounds) {
			le = h.Bounds[i]
		}
		p.sample(name+"_bucket", float64(n), "le", p.bound(le))
	}
	p.sample(name+"_sum", h.Sum)
	p.sample(name+"_count", float64(n))
}
