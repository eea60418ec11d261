package metrics

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// A Kind is how a figure changes.
type Kind string

// The kinds.
const (
	Gauge     Kind = "gauge"
	Counter   Kind = "counter"
	Histogram Kind = "histogram"
)

// A Family is all samples of one name. A histogram has Buckets in their place.
type Family struct {
	Name    string
	Kind    Kind
	Help    string
	Samples []Sample
	Buckets *Buckets
}

// A Sample is one figure; labels are names and values in turn.
type Sample struct {
	Value  float64
	Labels []string
	// Since is when a counter began to count, where that is known.
	Since velos.Time
}

// Buckets count durations: Counts has one number more than there are Bounds,
// for what is above all of them.
type Buckets struct {
	Bounds []float64 // seconds
	Counts []uint64
	Sum    float64
}

// A Round is what one look at the daemon came to.
type Round struct {
	Up   bool
	Time velos.Time
	Pong wire.Pong
	Apps []velos.App
}

// Gather looks once, and makes figures of what it saw. They are there whatever
// becomes of the daemon: velos_up says whether it has answered.
func (x *Exporter) Gather(ctx context.Context) ([]Family, Round) {
	w := x.ask(ctx)
	return x.families(&w), w
}

func (x *Exporter) families(w *Round) []Family {
	list := x.self(w)
	if !w.Up {
		return list
	}
	list = append(list, own(w)...)
	list = append(list, perInstance(w)...)
	return append(list, perApp(w.Apps)...)
}

func one(name string, k Kind, help string, v float64, labels ...string) Family {
	return Family{Name: name, Kind: k, Help: help, Samples: []Sample{{Value: v, Labels: labels}}}
}

func (x *Exporter) self(w *Round) []Family {
	return []Family{
		one("velos_up", Gauge, "1 if the daemon has answered this scrape, 0 if not", number(w.Up)),
		one("velos_build_info", Gauge, "Versions of the programs; the value is 1", 1,
			"version", velos.Version, "daemon_version", w.Pong.Version, "goversion", runtime.Version()),
		{Name: "velos_daemon_ipc_latency_seconds", Kind: Histogram, Help: "Round trips of this exporter's requests on the daemon's socket",
			Buckets: x.latency.buckets()},
	}
}

// own is the daemon itself.
func own(w *Round) []Family {
	n := 0
	for i := range w.Apps {
		n += len(w.Apps[i].Instances)
	}
	d := &w.Pong
	requests := one("velos_daemon_ipc_requests_total", Counter, "Requests that the daemon has taken on its socket", float64(d.Requests))
	requests.Samples[0].Since = w.Time - velos.Time(d.Uptime)
	return []Family{
		one("velos_daemon_uptime_seconds", Gauge, "Time since the daemon started", d.Uptime.Std().Seconds()),
		one("velos_daemon_processes_total", Gauge, "Instances that the daemon manages, running or not", float64(n)),
		one("velos_daemon_memory_bytes", Gauge, "Resident memory of the daemon", float64(d.RSS)),
		requests,
	}
}

// statuses are the numbers of velos_process_status.
var statuses = map[velos.Status]float64{velos.Stopped: 0, velos.Online: 1, velos.Errored: 2, velos.Starting: 3, velos.Stopping: 4, velos.WaitingRestart: 5}

func perInstance(w *Round) []Family {
	n := 0
	for a := range w.Apps {
		n += len(w.Apps[a].Instances)
	}
	labels := make([][]string, 0, n) // shared by the families
	for a := range w.Apps {
		for i := range w.Apps[a].Instances {
			labels = append(labels, []string{"name", w.Apps[a].Spec.Name, "instance", strconv.Itoa(w.Apps[a].Instances[i].Inst)})
		}
	}
	var list []Family
	for _, m := range [...]struct {
		name  string
		kind  Kind
		help  string
		value func(*velos.Instance) float64
	}{
		{"velos_process_cpu_percent", Gauge, "CPU usage of the process tree, in percent of one core", func(i *velos.Instance) float64 { return i.Usage.CPU }},
		{"velos_process_memory_bytes", Gauge, "Resident memory of the process tree", func(i *velos.Instance) float64 { return float64(i.Usage.Memory) }},
		{"velos_process_memory_peak_bytes", Gauge, "Highest resident memory of the process tree", func(i *velos.Instance) float64 { return float64(i.Usage.Peak) }},
		{"velos_process_uptime_seconds", Gauge, "Time since the process started, 0 when it does not run", w.uptime},
		{"velos_process_restart_total", Counter, "Restarts of the instance", func(i *velos.Instance) float64 { return float64(i.Restarts) }},
		{"velos_process_status", Gauge, "0 stopped, 1 online, 2 errored, 3 starting, 4 stopping, 5 waiting for a restart",
			func(i *velos.Instance) float64 { return statuses[i.Status] }},
	} {
		f := Family{Name: m.name, Kind: m.kind, Help: m.help, Samples: make([]Sample, 0, n)}
		for a := range w.Apps {
			app := &w.Apps[a]
			for i := range app.Instances {
				f.Samples = append(f.Samples, Sample{Value: m.value(&app.Instances[i]), Labels: labels[len(f.Samples)], Since: app.Created})
			}
		}
		list = append(list, f)
	}
	return list
}

func (w *Round) uptime(i *velos.Instance) float64 {
	if i.PID == 0 || i.Started == 0 {
		return 0
	}
	return max(0, float64(w.Time-i.Started)/1000)
}

// perApp is what is counted for an app as a whole. On each instance it would
// be counted several times in a sum.
func perApp(apps []velos.App) []Family {
	lines := Family{Name: "velos_process_log_lines_total", Kind: Counter, Help: "Lines that the app has written, all instances together"}
	errors := Family{Name: "velos_process_log_errors_total", Kind: Counter, Help: "Lines of level error and above that the app has written"}
	for i := range apps {
		a := &apps[i]
		labels := []string{"name", a.Spec.Name}
		lines.Samples = append(lines.Samples, Sample{float64(a.Log.Lines), labels, a.Created})
		errors.Samples = append(errors.Samples, Sample{float64(a.Log.Errors), labels, a.Created})
	}
	return []Family{lines, errors}
}

func (h *histogram) buckets() *Buckets {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &Buckets{Bounds: bounds[:], Counts: slices.Clone(h.counts[:]), Sum: h.sum}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// ask is one ping and one list.
func (x *Exporter) ask(ctx context.Context) (w Round) {
	ctx, stop := context.WithTimeout(ctx, askWithin)
	defer stop()
	w.Time = velos.TimeOf(time.Now())
	c, err := x.dial()
	if err != nil {
		return w
	}
	defer c.Close()
	if w.Pong, err = timed(&x.latency, func() (wire.Pong, error) { return c.Ping(ctx) }); err != nil {
		return w
	}
	list, err := timed(&x.latency, func() (wire.Apps, error) { return c.List(ctx) })
	w.Apps, w.Up, w.Time = list.Apps, err == nil, velos.TimeOf(time.Now())
	return w
}
