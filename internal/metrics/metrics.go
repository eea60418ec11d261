// Package metrics is the figures of apps and of the daemon as Prometheus and OpenMetrics want them. All it remembers is how
// long its own requests took. It measures nothing: the daemon does.
package metrics

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
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

// facts are what one scrape is made from.
type facts struct {
	up   bool
	pong wire.Pong
	apps []velos.App
	now  velos.Time
}

// Page is one scrape. It is there whatever becomes of the daemon: velos_up
// says whether it has answered.
func (x *Exporter) Page(ctx context.Context, f Format) []byte {
	var p page
	p.open = f == OpenMetrics
	w := x.ask(ctx)
	x.self(&p, &w)
	if w.up {
		own(&p, &w.pong, w.apps)
		perInstance(&p, &w)
		perApp(&p, w.apps)
	}
	return p.end()
}

// ask is one ping and one list.
func (x *Exporter) ask(ctx context.Context) (w facts) {
	ctx, stop := context.WithTimeout(ctx, askWithin)
	defer stop()
	c, err := x.dial()
	if err != nil {
		return w
	}
	defer c.Close()
	if w.pong, err = timed(&x.latency, func() (wire.Pong, error) { return c.Ping(ctx) }); err != nil {
		return w
	}
	list, err := timed(&x.latency, func() (wire.Apps, error) { return c.List(ctx) })
	w.apps, w.up, w.now = list.Apps, err == nil, velos.TimeOf(time.Now())
	return w
}

func timed[T any](h *histogram, call func() (T, error)) (T, error) {
	began := time.Now()
	v, err := call()
	if err == nil {
		h.observe(time.Since(began))
	}
	return v, err
}

func (x *Exporter) self(p *page, w *facts) {
	p.family("velos_up", gauge, "1 if the daemon has answered this scrape, 0 if not")
	p.sample("velos_up", number(w.up))
	p.family("velos_build_info", gauge, "Versions of the programs; the value is 1")
	p.sample("velos_build_info", 1, "version", velos.Version, "daemon_version", w.pong.Version, "goversion", runtime.Version())
	p.histogram("velos_daemon_ipc_latency_seconds", "Round trips of this exporter's requests on the daemon's socket", &x.latency)
}

// own is the daemon itself.
func own(p *page, d *wire.Pong, apps []velos.App) {
	n := 0
	for i := range apps {
		n += len(apps[i].Instances)
	}
	p.family("velos_daemon_uptime_seconds", gauge, "Time since the daemon started")
	p.sample("velos_daemon_uptime_seconds", d.Uptime.Std().Seconds())
	p.family("velos_daemon_processes_total", gauge, "Instances that the daemon manages, running or not")
	p.sample("velos_daemon_processes_total", float64(n))
	p.family("velos_daemon_memory_bytes", gauge, "Resident memory of the daemon")
	p.sample("velos_daemon_memory_bytes", float64(d.RSS))
	p.family("velos_daemon_ipc_requests_total", counter, "Requests that the daemon has taken on its socket")
	p.sample("velos_daemon_ipc_requests_total", float64(d.Requests))
}

// statuses are the numbers of velos_process_status.
var statuses = map[velos.Status]float64{velos.Stopped: 0, velos.Online: 1, velos.Errored: 2, velos.Starting: 3, velos.Stopping: 4, velos.WaitingRestart: 5}

func perInstance(p *page, w *facts) {
	for _, m := range [...]struct {
		name, kind, help string
		value            func(*velos.Instance) float64
	}{
		{"velos_process_cpu_percent", gauge, "CPU usage of the process tree, in percent of one core", func(i *velos.Instance) float64 { return i.Usage.CPU }},
		{"velos_process_memory_bytes", gauge, "Resident memory of the process tree", func(i *velos.Instance) float64 { return float64(i.Usage.Memory) }},
		{"velos_process_memory_peak_bytes", gauge, "Highest resident memory of the process tree", func(i *velos.Instance) float64 { return float64(i.Usage.Peak) }},
		{"velos_process_uptime_seconds", gauge, "Time since the process started, 0 when it does not run", w.uptime},
		{"velos_process_restart_total", counter, "Restarts of the instance", func(i *velos.Instance) float64 { return float64(i.Restarts) }},
		{"velos_process_status", gauge, "0 stopped, 1 online, 2 errored, 3 starting, 4 stopping, 5 waiting for a restart",
			func(i *velos.Instance) float64 { return statuses[i.Status] }},
	} {
		p.family(m.name, m.kind, m.help)
		for a := range w.apps {
			app := &w.apps[a]
			for i := range app.Instances {
				in := &app.Instances[i]
				p.sample(m.name, m.value(in), "name", app.Spec.Name, "instance", strconv.Itoa(in.Inst))
			}
		}
	}
}

func (w *facts) uptime(i *velos.Instance) float64 {
	if i.PID == 0 || i.Started == 0 {
		return 0
	}
	return max(0, float64(w.now-i.Started)/1000)
}

// perApp is what is counted for an app as a whole. On each instance it would
// be counted several times in a sum.
func perApp(p *page, apps []velos.App) {
	p.family("velos_process_log_lines_total", counter, "Lines that the app has written, all instances together")
	for i := range apps {
		p.sample("velos_process_log_lines_total", float64(apps[i].Log.Lines), "name", apps[i].Spec.Name)
	}
	p.family("velos_process_log_errors_total", counter, "Lines of level error and above that the app has written")
	for i := range apps {
		p.sample("velos_process_log_errors_total", float64(apps[i].Log.Errors), "name", apps[i].Spec.Name)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
