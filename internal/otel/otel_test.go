package otel

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	traces "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/velospm/velos"
)

func withCancel() (context.Context, func()) { return context.WithCancel(context.Background()) }

// begunAt reports that the cursors of all that is sent are on disk.
func begunAt(path string, o *Options) bool {
	b, _ := os.ReadFile(path)
	return (!o.Config.Traces || strings.Contains(string(b), `"events"`)) && (!o.Config.Logs || strings.Contains(string(b), `"lines":{`))
}

// crash is the journal of a run of app 1 that is restarted and then crashes.
func crash() []velos.Event {
	e := velos.Event{ID: 1, App: "api", Gen: 1, Actor: velos.Policy}
	state := func(at velos.Time, pid int, from, to velos.Status, cause string) velos.Event {
		x := e
		x.Time, x.Kind, x.PID, x.From, x.To, x.Cause = noon+at, velos.KindState, pid, from, to, cause
		return x
	}
	exit := func(at velos.Time, x velos.Exit) velos.Event {
		y := e
		x.Time = noon + at
		y.Time, y.Kind, y.PID, y.Cause, y.Exit = noon+at, velos.KindExit, x.PID, x.String(), &x
		return y
	}
	return []velos.Event{
		state(0, 0, velos.Stopped, velos.Starting, "start"),
		state(1000, 7, velos.Starting, velos.Online, "lived through min_uptime"),
		state(5000, 7, velos.Online, velos.Stopping, "restart"),
		exit(5010, velos.Exit{PID: 7, Signal: "SIGTERM", Asked: true, Uptime: 5010}),
		state(5010, 0, velos.Stopping, velos.Starting, "restart"),
		state(6010, 8, velos.Starting, velos.Online, "said that it is ready"),
		exit(9010, velos.Exit{PID: 8, Code: 3, Uptime: 4000}),
		state(9010, 0, velos.Online, velos.Starting, "exited with code 3 after 4s"),
	}
}

func spanNames(s *traces.Span) (list []string) {
	for _, e := range s.Events {
		list = append(list, e.Name)
	}
	return list
}

func TestARunBecomesASpanWithWhatHappenedToIt(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 8)
	start(t, f.options(c.URL))
	f.write(1, velos.Err, "ERROR connect ECONNREFUSED with sk-live-0123456789")
	f.happen(crash()...)
	c.until(t, "two spans", func() bool { return len(c.spans) == 2 })
	first, second := c.spans[0], c.spans[1]
	if first.Name != "velos.process.lifecycle" || first.StartTimeUnixNano != uint64(noon)*1e6 || first.EndTimeUnixNano != uint64(noon+5010)*1e6 {
		t.Errorf("the first is %v", first)
	}
	if got := spanNames(first); !slices.Equal(got, []string{"process.started", "process.ready", "process.state", "process.exit"}) {
		t.Errorf("the first run: %v", got)
	}
	if got := spanNames(second); !slices.Equal(got, []string{"process.started", "process.restart", "process.ready", "process.crash", "process.error"}) {
		t.Errorf("the second run: %v", got)
	}
	if first.Status.GetCode() != traces.Status_STATUS_CODE_UNSET || second.Status.GetCode() != traces.Status_STATUS_CODE_ERROR ||
		second.Status.Message != "exited with code 3 after 4s" {
		t.Errorf("%v, %v", first.Status, second.Status)
	}
	if m := plain(second.Events[4].Attributes)["message"]; m != "ERROR connect ECONNREFUSED with [masked]" {
		t.Errorf("its last error is %q", m)
	}
	if len(first.Links) != 0 || len(second.Links) != 1 || string(second.Links[0].SpanId) != string(first.SpanId) || plain(second.Links[0].Attributes)["velos.link"] != "restart" {
		t.Errorf("links: %v", second.Links)
	}
	got := plain(second.Attributes)
	for k, want := range map[string]string{"name": "api", "status": "online", "process.pid": "8ms", "process.restart_count": "3ms", "process.memory_bytes": velos.Millis(45 << 20).String(),
		"process.cpu_percent": "double", "process.exit.code": "3ms", "velos.namespace": "shop"} {
		if got[k] != want {
			t.Errorf("%s is %q; want %q", k, got[k], want)
		}
	}
	if c.span["service.name"] != "velos" || c.span["service.version"] != velos.Version || c.span["host.name"] == "" {
		t.Errorf("the resource is %v", c.span)
	}
}

func TestASuccessorOfAReloadIsLinkedToWhomItReplaced(t *testing.T) {
	d := ended{run: run{start: noon + 5000}, before: &run{start: noon, end: noon + 6000, exit: velos.Event{ID: 1, PID: 7}}}
	l := d.link("h")
	_, s := d.before.id("h")
	if l.SpanContext.SpanID() != s || l.Attributes[0].Value.AsString() != "reload" {
		t.Errorf("%v", l)
	}
}

func TestALineBecomesARecordWithoutSecretsAndControlCharacters(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	f.write(1, velos.Info, "written before the exporter began")
	o := f.options(c.URL)
	o.Config.Compression, o.Config.Headers = "gzip", map[string]string{"x-key": "k1"}
	o.Config.Resource = map[string]string{"deployment.environment.name": "test"}
	start(t, o)
	f.write(1, velos.Warn, "\x1b[31mslow\x1b[0m sk-live-0123456789", `{"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","msg":"x"}`)
	c.until(t, "two lines", func() bool { return len(c.lines) == 2 })
	l := c.lines[0]
	if l.Body.GetStringValue() != "slow [masked]" || l.SeverityText != "warn" || l.SeverityNumber != 13 || l.TimeUnixNano != uint64(noon+2)*1e6 {
		t.Errorf("%v", l)
	}
	if a := plain(l.Attributes); a["process.pid"] != "7ms" || a["log.iostream"] != "stderr" || a["log.record.uid"] != "1-2" {
		t.Errorf("%v", a)
	}
	if r := l.resource; r["service.name"] != "api" || r["service.namespace"] != "shop" || r["deployment.environment.name"] != "test" {
		t.Errorf("%v", r)
	}
	if hex.EncodeToString(c.lines[1].TraceId) != "0af7651916cd43dd8448eb211c80319c" || hex.EncodeToString(c.lines[1].SpanId) != "b7ad6b7169203331" {
		t.Errorf("%v", c.lines[1])
	}
	if len(l.TraceId) != 0 {
		t.Error("a line without a trace has one")
	}
	if c.headers.Get("x-key") != "k1" || c.headers.Get("Content-Encoding") != "gzip" {
		t.Errorf("%v", c.headers)
	}
}

func TestFiguresAreThoseOfVelosMetrics(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	start(t, f.options(c.URL))
	c.until(t, "figures", func() bool {
		return c.metrics["velos_process_cpu_percent"] != nil && c.metrics["velos_otel_sent_total"] != nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range []string{"velos_process_cpu_percent", "velos_process_memory_bytes", "velos_process_memory_peak_bytes", "velos_process_uptime_seconds",
		"velos_process_restart_total", "velos_process_status", "velos_process_log_lines_total", "velos_process_log_errors_total", "velos_daemon_uptime_seconds",
		"velos_daemon_processes_total", "velos_daemon_memory_bytes", "velos_daemon_ipc_requests_total", "velos_daemon_ipc_latency_seconds"} {
		if c.metrics[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	p := c.metrics["velos_process_cpu_percent"].GetGauge().DataPoints[0]
	if p.GetAsDouble() != 2.5 || plain(p.Attributes)["name"] != "api" || plain(p.Attributes)["instance"] != "0" {
		t.Errorf("%v", p)
	}
	s := c.metrics["velos_process_restart_total"].GetSum()
	if !s.IsMonotonic || s.DataPoints[0].GetAsDouble() != 3 || s.DataPoints[0].StartTimeUnixNano != uint64(noon)*1e6 || c.metrics["velos_process_memory_bytes"].Unit != "By" {
		t.Errorf("%v", s)
	}
	if h := c.metrics["velos_daemon_ipc_latency_seconds"].GetHistogram().DataPoints[0]; h.Count == 0 || len(h.BucketCounts) != len(h.ExplicitBounds)+1 {
		t.Errorf("%v", h)
	}
}

func TestABusyCollectorGetsEveryLineOnceAfterThePauseItAskedFor(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	s := start(t, f.options(c.URL))
	c.answer("/v1/logs", answer{429, "1"}, answer{503, ""})
	f.write(1, velos.Info, "one", "two")
	c.until(t, "lines", func() bool { return len(c.lines) == 2 })
	if got := c.bodies(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("%q", got)
	}
	c.mu.Lock()
	at := c.asked["/v1/logs"]
	c.mu.Unlock()
	if d := at[1].Sub(at[0]); d < 900*time.Millisecond {
		t.Errorf("it was asked again after %v", d)
	}
	c.until(t, "a word about both", func() bool { return s.heard("429") && s.heard("takes them again") })
}

func TestWhatIsRefusedForGoodIsCountedAndTheNextGoesOn(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	s := start(t, f.options(c.URL))
	c.answer("/v1/logs", answer{500, ""})
	f.write(1, velos.Info, "poison")
	c.until(t, "a refusal", func() bool { return len(c.asked["/v1/logs"]) == 1 })
	f.write(1, velos.Info, "fine")
	c.until(t, "the next line", func() bool { return len(c.lines) == 1 })
	if got := c.bodies(); got[0] != "fine" || !s.heard("logs: 1 dropped: the collector refused them for good") {
		t.Errorf("%q, %q", got, s.said)
	}
	c.until(t, "the count", func() bool {
		for _, p := range c.metrics["velos_otel_dropped_total"].GetSum().GetDataPoints() {
			if plain(p.Attributes)["signal"] == "logs" && p.GetAsDouble() == 1 {
				return true
			}
		}
		return false
	})
}

func TestACollectorThatComesBackGetsWhatWasWrittenMeanwhile(t *testing.T) {
	f := newFleet(t)
	f.app("api", 7)
	c := newCollector(t)
	var there atomic.Bool
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !there.Load() {
			panic(http.ErrAbortHandler) // the port stays ours, and nobody answers
		}
		c.ServeHTTP(w, r)
	}))
	t.Cleanup(door.Close)
	s := start(t, f.options(door.URL))
	f.write(1, velos.Info, "while it was away")
	f.happen(crash()...)
	deadline := time.Now().Add(time.Minute)
	for !s.heard("logs: ") || !s.heard("traces: ") {
		if time.Now().After(deadline) {
			t.Fatalf("nobody said that it is away: %q", s.said)
		}
		time.Sleep(2 * time.Millisecond)
	}
	there.Store(true)
	c.until(t, "all of it", func() bool { return len(c.lines) == 1 && len(c.spans) == 2 && c.rounds > 0 })
}

func TestNothingIsSentTwiceOverRestartsOfBothSides(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	s := start(t, f.options(c.URL))
	f.write(1, velos.Info, "1", "2")
	f.happen(crash()[:4]...)
	c.until(t, "the first half", func() bool { return len(c.lines) == 2 && len(c.spans) == 1 })
	f.end() // the daemon dies
	f.begin(t)
	f.write(1, velos.Info, "3")
	c.until(t, "the line after the daemon's death", func() bool { return len(c.lines) == 3 })
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	f.write(1, velos.Info, "4")
	f.happen(crash()[4:]...)
	if st, err := os.Stat(filepath.Join(f.home.Dir, "otel.json")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	start(t, f.options(c.URL))
	c.until(t, "the rest", func() bool { return len(c.lines) == 4 && len(c.spans) == 2 })
	if got := c.bodies(); !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		t.Errorf("%q", got)
	}
	if len(c.spans[1].Links) != 1 || string(c.spans[1].Links[0].SpanId) != string(c.spans[0].SpanId) {
		t.Error("the second exporter does not know the run before")
	}
}

func TestManyLinesCrossInBatchesAndInOrder(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	f.app("web", 9)
	start(t, f.options(c.URL))
	var texts []string
	for i := range 3500 {
		texts = append(texts, "line "+strconv.Itoa(i))
	}
	f.write(1, velos.Info, texts...)
	f.write(2, velos.Info, "from the quiet one")
	c.until(t, "all lines", func() bool { return len(c.lines) == 3501 })
	got := slices.DeleteFunc(c.bodies(), func(s string) bool { return s == "from the quiet one" })
	if !slices.Equal(got, texts) {
		t.Error("they are not in order")
	}
}

func TestLinesThatWereDeletedBeforeTheyWereReadAreCounted(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	s := start(t, f.options(c.URL))
	f.mu.Lock()
	f.apps[0].Log.Seq = 10
	f.mu.Unlock()
	f.write(1, velos.Info, "the eleventh")
	c.until(t, "a line", func() bool { return len(c.lines) == 1 })
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if !s.heard("logs: 10 could not be delivered") {
		t.Errorf("%q", s.said)
	}
}

func TestWhatIsLeftIsSentWhenTheEndIsAskedFor(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	o := f.options(c.URL)
	s := start(t, o)
	o.tick = time.Hour
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	before := c.rounds
	c.mu.Unlock()
	s = start(t, o) // looks once, and then not for an hour
	c.until(t, "the first look", func() bool { return c.rounds > before })
	f.write(1, velos.Info, "last words")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if got := c.bodies(); !slices.Equal(got, []string{"last words"}) {
		t.Errorf("%q", got)
	}
}

func TestOnceSendsWhatThereIsOrSaysWhyNot(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	o := f.options(c.URL)
	o.Once, o.Notice = true, func(string) {}
	for range 2 { // the first says from where on
		if err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		f.write(1, velos.Info, "hello")
	}
	if c.rounds != 2 || len(c.lines) != 1 {
		t.Errorf("%d rounds, %d lines", c.rounds, len(c.lines))
	}
	c.Close()
	if err := Run(t.Context(), o); velos.CodeOf(err) != velos.Unreachable {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestOneExporterServesAHome(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	start(t, f.options(c.URL))
	o := f.options(c.URL)
	o.Notice = func(string) {}
	if err := Run(t.Context(), o); !errors.Is(err, velos.ErrConflict) {
		t.Errorf("the second: %v", err)
	}
}

func TestOnlyAppsThatAreNamedAreSent(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	f.app("web", 9)
	o := f.options(c.URL)
	o.Config.Apps = []string{"web"}
	start(t, o)
	f.happen(crash()...)
	f.write(1, velos.Info, "no")
	f.write(2, velos.Info, "yes")
	c.until(t, "a line and figures", func() bool { return len(c.lines) == 1 && c.metrics["velos_process_status"] != nil })
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.metrics["velos_process_status"].GetGauge().DataPoints) != 1 || len(c.spans) != 0 || c.lines[0].Body.GetStringValue() != "yes" {
		t.Errorf("%v", c.metrics["velos_process_status"])
	}
}

func TestTheEnvironmentWinsOverTheFileAndTheFlagOverBoth(t *testing.T) {
	o := Options{Vars: map[string]string{}}
	o.Config.Endpoint, o.Config.Interval, o.Config.Timeout = "http://file:1", 5*time.Second, 3*time.Second
	at := func() string {
		tg, err := o.target("LOGS", "/v1/logs")
		if err != nil {
			return err.Error()
		}
		return tg.url
	}
	if at() != "http://file:1/v1/logs" {
		t.Error(at())
	}
	o.Vars["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://env:2/"
	if at() != "http://env:2/v1/logs" {
		t.Error(at())
	}
	o.Vars["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"] = "http://own:3/x"
	if at() != "http://own:3/x" {
		t.Error(at())
	}
	o.Endpoint = "https://flag:4"
	if at() != "https://flag:4/v1/logs" {
		t.Error(at())
	}
	o.Vars["OTEL_METRIC_EXPORT_INTERVAL"] = "7000"
	if d, err := o.interval(); d != 7*time.Second || err != nil {
		t.Error(d, err)
	}
	for k, v := range map[string]string{"OTEL_METRIC_EXPORT_INTERVAL": "x", "OTEL_SDK_DISABLED": "true"} {
		bad := Options{Vars: map[string]string{k: v}}
		if _, err := bad.interval(); velos.CodeOf(err) != velos.Invalid || err == nil {
			t.Errorf("%s=%s: %v", k, v, err)
		}
	}
	for k, v := range map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "-1", "OTEL_EXPORTER_OTLP_ENDPOINT": "x:1",
		"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such/file", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/no/such/file"} {
		bad := Options{Vars: map[string]string{k: v}}
		if _, err := bad.target("LOGS", "/v1/logs"); velos.CodeOf(err) != velos.Invalid || err == nil {
			t.Errorf("%s=%s: %v", k, v, err)
		}
	}
	o.Vars["OTEL_LOGS_EXPORTER"] = "none"
	if on, err := o.on("LOGS", true); on || err != nil {
		t.Error(on, err)
	}
	o.Vars["OTEL_LOGS_EXPORTER"] = "console"
	if _, err := o.on("LOGS", true); err == nil {
		t.Error("there is no console")
	}
}

func TestATraceIsFoundInALine(t *testing.T) {
	const tr, sp = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for text, want := range map[string]string{
		"traceparent: 00-" + tr + "-" + sp + "-01 done":             tr + sp + "01",
		`{"headers":{"traceparent":"00-` + tr + "-" + sp + `-00"}}`: tr + sp + "00",
		"level=info trace_id=" + tr + " span_id=" + sp + " msg=x":   tr + sp + "00",
		`{"traceId":"` + tr + `","spanId":"` + sp + `"}`:            tr + sp + "00",
		`{"trace.id": "` + tr + `"}`:                                tr + "000000000000000000",
		"[trace_id=" + tr + "]":                                     tr + "000000000000000000",
		"trace_id=" + tr + "ff too long":                            "",
		"trace_id=00000000000000000000000000000000":                 "",
		"trace_id=xyz": "",
		"no trace_id here, but later trace_id=" + tr: tr + "000000000000000000",
		"traceparent=00-" + tr:                       "",
		"traceparent=ff-" + tr + "-" + sp + "-01":    "",
		"nothing": "",
		"traceparent=00-00000000000000000000000000000000-" + sp + "-01 trace_id=" + tr: tr + "000000000000000000",
	} {
		sc := traceOf([]byte(text))
		got := ""
		if sc.HasTraceID() {
			tid, sid := sc.TraceID(), sc.SpanID()
			got = hex.EncodeToString(tid[:]) + hex.EncodeToString(sid[:]) + sc.TraceFlags().String()
		}
		if got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func FuzzTraceOf(f *testing.F) {
	f.Add([]byte(`{"trace_id":"0af7651916cd43dd8448eb211c80319c"}`))
	f.Add([]byte("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if sc := traceOf(b); sc.HasSpanID() && !sc.HasTraceID() {
			t.Errorf("%q", b)
		}
	})
}
