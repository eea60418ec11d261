// Package metrics is the figures of apps and of the daemon, and how Prometheus and OpenMetrics want them written. All it remembers is how
// long its own requests took. It measures nothing: the daemon does.
package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/velospm/velos/internal/client"
)

// askWithin is how long the daemon may take; Prometheus waits for 10 s.
const askWithin = 5 * time.Second

// An Exporter answers scrapes. Each one connects anew, so that a daemon that
// was away is found again by the next.
type Exporter struct {
	dial    func() (*client.Client, error)
	latency histogram
}

// New is an Exporter of the daemon that dial reaches.
func New(dial func() (*client.Client, error)) *Exporter { return &Exporter{dial: dial} }

// Handler answers GET /metrics, and with a pointer to it on /.
func (x *Exporter) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", x.serve)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("velos metrics: the figures are at /metrics\n"))
	})
	return mux
}

func (x *Exporter) serve(w http.ResponseWriter, r *http.Request) {
	f := formatOf(r.Header.Values("Accept"))
	w.Header().Set("Content-Type", f.contentType())
	w.Header().Set("Vary", "Accept")
	_, _ = w.Write(x.Page(r.Context(), f))
}

// Page is one scrape.
func (x *Exporter) Page(ctx context.Context, f Format) []byte {
	list, _ := x.Gather(ctx)
	return write(list, f)
}

func timed[T any](h *histogram, call func() (T, error)) (T, error) {
	began := time.Now()
	v, err := call()
	if err == nil {
		h.observe(time.Since(began))
	}
	return v, err
}
