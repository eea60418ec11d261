package otel

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	logpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	figures "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// A collector takes what it is sent, and decodes it with the official
// protobufs. Answers to the next requests can be put before it.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]answer // by path
	asked   map[string][]time.Time
	headers http.Header
	lines   []line
	spans   []*traces.Span
	span    map[string]string // resource of the spans
	metrics map[string]*figures.Metric
	rounds  int
	most    int                    // records or spans in one request; more are too large
	refuse  int64                  // so many of each request of lines
	stuck   chan struct{}          // answers wait for it; nil: they do not
	held    atomic.Int32           // that wait
	names   map[string]http.Header // by path: headers of the newest request
}

type answer struct {
	status int
	after  string
}

type line struct {
	*logs.LogRecord
	resource map[string]string
}

func newCollector(t *testing.T) *collector {
	c := &collector{names: map[string]http.Header{}, answers: map[string][]answer{}, asked: map[string][]time.Time{}, metrics: map[string]*figures.Metric{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, err := io.ReadAll(body)
	if c.stuck != nil {
		c.held.Add(1)
		<-c.stuck
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[r.URL.Path] = append(c.asked[r.URL.Path], time.Now())
	c.headers = r.Header.Clone()
	c.names[r.URL.Path] = c.headers
	if list := c.answers[r.URL.Path]; len(list) > 0 {
		c.answers[r.URL.Path] = list[1:]
		if list[0].after != "" {
			w.Header().Set("Retry-After", list[0].after)
		}
		w.WriteHeader(list[0].status)
		return
	}
	if err == nil && c.most > 0 && c.size(r.URL.Path, b) > c.most {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if err == nil {
		err = c.take(r.URL.Path, b)
	}
	if err == nil && c.refuse > 0 && r.URL.Path == "/v1/logs" {
		b, _ := proto.Marshal(&logpb.ExportLogsServiceResponse{PartialSuccess: &logpb.ExportLogsPartialSuccess{RejectedLogRecords: c.refuse, ErrorMessage: "too old (said 9\x1b[31m times)"}})
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(b)
		return
	}
	if err != nil || r.Header.Get("Content-Type") != "application/x-protobuf" {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// size is how many items a request has.
func (c *collector) size(path string, b []byte) (n int) {
	before := []int{len(c.lines), len(c.spans)}
	if c.take(path, b) == nil {
		n = len(c.lines) - before[0] + len(c.spans) - before[1]
	}
	c.lines, c.spans = c.lines[:before[0]], c.spans[:before[1]]
	return n
}

func (c *collector) take(path string, b []byte) error {
	switch path {
	case "/v1/logs":
		var m logpb.ExportLogsServiceRequest
		if err := proto.Unmarshal(b, &m); err != nil {
			return err
		}
		for _, r := range m.ResourceLogs {
			for _, s := range r.ScopeLogs {
				for _, l := range s.LogRecords {
					c.lines = append(c.lines, line{l, attributesOf(r.Resource)})
				}
			}
		}
	case "/v1/traces":
		var m tracepb.ExportTraceServiceRequest
		if err := proto.Unmarshal(b, &m); err != nil {
			return err
		}
		for _, r := range m.ResourceSpans {
			c.span = attributesOf(r.Resource)
			for _, s := range r.ScopeSpans {
				c.spans = append(c.spans, s.Spans...)
			}
		}
	case "/v1/metrics":
		var m metricpb.ExportMetricsServiceRequest
		if err := proto.Unmarshal(b, &m); err != nil {
			return err
		}
		for _, r := range m.ResourceMetrics {
			for _, s := range r.ScopeMetrics {
				for _, x := range s.Metrics {
					c.metrics[x.Name] = x
				}
			}
		}
		c.rounds++
	}
	return nil
}

func attributesOf(r *resource.Resource) map[string]string { return plain(r.GetAttributes()) }

func plain(list []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range list {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[kv.Key] = velos.Millis(v.IntValue).String() // a number is told apart from a text
		case *common.AnyValue_DoubleValue:
			m[kv.Key] = "double"
		}
	}
	return m
}

func (c *collector) answer(path string, list ...answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[path] = list
}

func (c *collector) bodies() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, l := range c.lines {
		list = append(list, l.Body.GetStringValue())
	}
	return list
}

// until polls a condition of the collector.
func (c *collector) until(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		c.mu.Lock()
		ok := f()
		c.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal(what + ": it never was")
}

// A fleet is a daemon without processes.
type fleet struct {
	home    home.Home
	mu      sync.Mutex
	apps    []velos.App
	events  []velos.Event
	past    int // events that are in no file any more
	formers []velos.Former
	lines   map[uint32][]velos.Entry
	l       *wire.Listener
	open    map[*wire.Conn]bool
}

func newFleet(t *testing.T) *fleet {
	dir, err := os.MkdirTemp("", "velos-otel")
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{home: home.Home{Dir: dir}, lines: map[uint32][]velos.Entry{}, open: map[*wire.Conn]bool{}}
	f.begin(t)
	t.Cleanup(func() { f.end(); os.RemoveAll(dir) })
	return f
}

func (f *fleet) begin(t *testing.T) {
	l, err := wire.Listen(f.home.Socket())
	if err != nil {
		t.Fatal(err)
	}
	f.l = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.open[c] = true
			f.mu.Unlock()
			go f.serve(c)
		}
	}()
}

// end is a daemon that dies.
func (f *fleet) end() {
	f.l.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.open {
		c.Close()
	}
}

func (f *fleet) serve(c *wire.Conn) {
	defer func() {
		c.Close()
		f.mu.Lock()
		delete(f.open, c)
		f.mu.Unlock()
	}()
	r := wire.NewReader(c)
	for {
		p, err := r.Next()
		if err != nil {
			return
		}
		req, err := wire.ParseRequest(p)
		if err != nil {
			return
		}
		if _, err := c.Write(f.answer(req)); err != nil {
			return
		}
	}
}

func (f *fleet) answer(req wire.Request) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b []byte
	switch req.Command {
	case wire.DaemonPing:
		return wire.AppendResponse(nil, req.ID, wire.OK, &wire.Pong{Version: "9.9", Uptime: 1000, RSS: 1 << 20, Requests: 7})
	case wire.ProcessList:
		return wire.AppendResponse(nil, req.ID, wire.OK, &wire.Apps{Apps: f.apps})
	case wire.ProcessHistory:
		return wire.AppendResponse(nil, req.ID, wire.OK, &wire.Formers{List: f.formers})
	case wire.MetricsGet:
		return wire.AppendResponse(nil, req.ID, wire.OK, &wire.Metrics{Daemon: wire.DaemonMetrics{Events: uint64(len(f.events) + f.past)}})
	case wire.EventList:
		var q wire.EventsQuery
		_ = wire.Decode(req.Payload, &q)
		i := slices.IndexFunc(f.events, func(e velos.Event) bool { return e.Seq > q.After })
		if i < 0 {
			i = len(f.events)
		}
		b = wire.AppendResponse(b, req.ID, wire.Streaming, &wire.Events{Events: f.events[i:]})
	case wire.LogRead:
		var q wire.Logs
		_ = wire.Decode(req.Payload, &q)
		var list []velos.Entry
		for _, e := range f.lines[q.ID] {
			if e.Seq > q.Query.After && e.Level >= q.Query.Level {
				list = append(list, e)
			}
		}
		if n := q.Query.Last; n > 0 && len(list) > n {
			list = list[len(list)-n:]
		}
		for part := range slices.Chunk(list, 512) {
			b = wire.AppendResponse(b, req.ID, wire.Streaming, &wire.Entries{Entries: part})
		}
	}
	return wire.AppendResponse(b, req.ID, wire.OK, nil)
}

var noon = velos.TimeOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// app adds an app that runs with a pid.
func (f *fleet) app(name string, pid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sp := velos.NewSpec()
	sp.Name, sp.Script, sp.Namespace = name, "/srv/"+name, "shop"
	sp.Env = map[string]string{"API_TOKEN": "sk-live-0123456789"}
	f.apps = append(f.apps, velos.App{ID: uint32(len(f.apps) + 1), Spec: sp, Generation: 1, Created: noon, Instances: []velos.Instance{
		{Status: velos.Online, PID: pid, Started: noon, Restarts: 3, Usage: velos.Usage{CPU: 2.5, Memory: 45 << 20, Peak: 50 << 20}}}})
}

func (f *fleet) write(id uint32, level velos.Level, texts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := &f.apps[id-1]
	for _, s := range texts {
		a.Log.Seq++
		a.Log.Lines++
		f.lines[id] = append(f.lines[id], velos.Entry{Seq: a.Log.Seq, Time: noon + velos.Time(a.Log.Seq), Level: level, App: id, PID: a.Instances[0].PID, Src: velos.Stderr, Msg: []byte(s)})
	}
}

func (f *fleet) happen(list ...velos.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range list {
		e.Seq = uint64(len(f.events)+f.past) + 1
		f.events = append(f.events, e)
	}
}

// A sender is an exporter that runs in the background.
type sender struct {
	stop func() error
	mu   sync.Mutex
	said []string
}

func (s *sender) heard(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.said, "\n"), what)
}

func (f *fleet) options(endpoint string) Options {
	return Options{Home: f.home, Endpoint: endpoint, Config: config.OTel{Traces: true, Metrics: true, Logs: true},
		Dial:     func() (*client.Client, error) { return client.Dial(f.home.Socket()) },
		Interval: 20 * time.Millisecond, tick: 5 * time.Millisecond, pause: 10 * time.Millisecond}
}

func start(t *testing.T, o Options) *sender {
	t.Helper()
	s := &sender{}
	o.Notice = func(text string) {
		s.mu.Lock()
		s.said = append(s.said, text)
		s.mu.Unlock()
	}
	ctx, cancel := withCancel()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, o) }()
	s.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	deadline := time.Now().Add(2 * time.Minute)
	for !begunAt(filepath.Join(o.Home.Dir, "otel.json"), &o) {
		if time.Now().After(deadline) {
			t.Fatal("the exporter did not begin")
		}
		time.Sleep(2 * time.Millisecond)
	}
	return s
}
