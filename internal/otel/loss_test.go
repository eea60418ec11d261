package otel

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/metrics"
)

// vars gives the exporter variables, and the SDK the same.
func vars(t *testing.T, o *Options, list ...string) {
	o.Vars = map[string]string{}
	for _, s := range list {
		k, v, _ := strings.Cut(s, "=")
		o.Vars[k] = v
		t.Setenv(k, v)
	}
}

func TestWhatIsTooLargeGoesInHalves(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	c.most = 7
	f.app("api", 7)
	s := start(t, f.options(c.URL))
	var texts []string
	for i := range 50 {
		texts = append(texts, "line "+strconv.Itoa(i))
	}
	f.write(1, velos.Info, texts...)
	c.until(t, "all lines", func() bool { return len(c.lines) == 50 })
	if got := c.bodies(); !slices.Equal(got, texts) || s.heard("dropped") {
		t.Errorf("%q, %q", got, s.said)
	}
}

func TestWhatACollectorDoesNotTakeOfABatchIsCounted(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	c.refuse = 2
	f.app("api", 7)
	s := start(t, f.options(c.URL))
	f.write(1, velos.Info, "1", "2", "3")
	counted := func(name string, n float64) func() bool {
		return func() bool {
			for _, p := range c.metrics[name].GetSum().GetDataPoints() {
				if plain(p.Attributes)["signal"] == "logs" && p.GetAsDouble() >= n {
					return true
				}
			}
			return false
		}
	}
	c.until(t, "the count of those dropped", counted("velos_otel_dropped_total", 2))
	c.until(t, "the count of those sent", counted("velos_otel_sent_total", 1))
	if len(c.lines) != 3 || !s.heard("logs: 2 dropped:") || !s.heard("too old") || s.heard("\x1b") {
		t.Errorf("%d lines, %q", len(c.lines), s.said)
	}
}

func TestSpansThatAreNotSampledHoldNothingUp(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	o := f.options(c.URL)
	vars(t, &o, "OTEL_TRACES_SAMPLER=always_off")
	start(t, o)
	f.happen(crash()...)
	c.until(t, "the end of the journal", func() bool {
		b, _ := os.ReadFile(filepath.Join(f.home.Dir, "otel.json"))
		return strings.Contains(string(b), `"events":8`)
	})
	if len(c.spans) != 0 {
		t.Errorf("%d spans", len(c.spans))
	}
}

// What is missing of the journal and was never to be sent was once counted as
// 18446744073709551615 spans that are lost.
func TestAGapInWhatIsOldIsNoLoss(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	f.happen(crash()...)
	f.mu.Lock()
	f.events = slices.Delete(f.events, 1, 4) // the numbers of the others stay
	f.mu.Unlock()
	f.past = 3
	s := start(t, f.options(c.URL))
	f.happen(crash()...)
	c.until(t, "a span", func() bool { return len(c.spans) > 0 })
	if s.heard("dropped") {
		t.Errorf("%q", s.said)
	}
}

// alone is a lane of an exporter that has nothing else.
func alone(o Options) (*lane, *[]string) {
	said := &[]string{}
	o.Notice, o.pause = func(s string) { *said = append(*said, s) }, pauseFirst
	return &lane{name: "logs", x: &Exporter{o: o, hard: context.Background()}}, said
}

func TestWhatCannotBeSentAtAllIsDropped(t *testing.T) {
	l, said := alone(Options{})
	if !l.send(t.Context(), 0, 3, func(context.Context, int, int) error { return errors.New("no such encoding") }) || l.dropped.Load() != 3 ||
		!slices.Equal(*said, []string{"logs: 3 dropped: they cannot be sent: no such encoding"}) {
		t.Errorf("%d, %q", l.dropped.Load(), *said)
	}
}

func TestACollectorThatRefusesEverythingIsTalkedOfOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, said := alone(Options{})
		refuse := func(ctx context.Context, _, _ int) error {
			v := ctx.Value(verdictKey{}).(*verdict)
			v.asked, v.status = true, 400
			return errors.New("no")
		}
		for range 150 {
			l.send(t.Context(), 0, 10, refuse)
			time.Sleep(time.Second)
		}
		if l.dropped.Load() != 1500 || len(*said) != 3 || !strings.HasPrefix((*said)[1], "logs: 600 dropped") {
			t.Errorf("%d dropped, %q", l.dropped.Load(), *said)
		}
	})
}

func TestTheEndIsNotHeldUpByACollectorThatDoesNotAnswer(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	c.stuck = make(chan struct{})
	defer close(c.stuck)
	o := f.options(c.URL)
	vars(t, &o, "OTEL_EXPORTER_OTLP_TIMEOUT=3600000") // it is not this that ends it
	s := start(t, o)
	f.write(1, velos.Info, "stuck")
	c.until(t, "figures and a line", func() bool { return c.held.Load() == 2 })
	began := time.Now()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > lastWords+time.Minute {
		t.Errorf("the end took %v", took)
	}
}

func TestACounterThatIsSetBackBeginsAnew(t *testing.T) {
	var c counts
	round := func(now velos.Time, value float64, since velos.Time) velos.Time {
		list := []metrics.Family{{Name: "n", Kind: metrics.Counter, Samples: []metrics.Sample{{Value: value, Labels: []string{"name", "api"}, Since: since}}}}
		c.steady(list, now)
		return list[0].Samples[0].Since
	}
	for i, x := range []struct {
		value       float64
		since, want velos.Time
	}{
		{5, noon, noon},
		{7, noon + 3, noon},               // the same moment, told less exactly
		{1, noon, noon + 2000},            // set back
		{2, noon, noon + 2000},            // and still
		{0, noon + 60_000, noon + 60_000}, // another one
		{9, noon + 60_001, noon + 60_000},
	} {
		if got := round(noon+velos.Time(i)*1000, x.value, x.since); got != x.want {
			t.Errorf("%d: it began %d after noon, not %d", i, got-noon, x.want-noon)
		}
	}
	c.steady(nil, noon)
	if len(c) != 0 {
		t.Errorf("%v is left", c)
	}
}

func TestSecretsOfBeforeAreStillHidden(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	start(t, f.options(c.URL))
	f.write(1, velos.Info, "now sk-live-0123456789")
	c.until(t, "a line", func() bool { return len(c.lines) == 1 })
	f.mu.Lock()
	f.apps[0].Generation++
	f.apps[0].Spec.Env = map[string]string{"API_TOKEN": "sk-live-9876543210", "OTEL_SERVICE_NAME": "a\xff\x1b[2Jb"}
	f.mu.Unlock()
	f.write(1, velos.Info, "old sk-live-0123456789, new sk-live-9876543210")
	c.until(t, "both lines", func() bool { return len(c.lines) == 2 })
	if got := c.bodies(); !slices.Equal(got, []string{"now [masked]", "old [masked], new [masked]"}) {
		t.Errorf("%q", got)
	}
	if name := c.lines[1].resource["service.name"]; strings.Contains(name, "\x1b") || !utf8.ValidString(name) || name == "" {
		t.Errorf("%q", name)
	}
}

func TestSecretsOfATimeWhenNobodySentAreHidden(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	s := start(t, f.options(c.URL))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	f.write(1, velos.Info, "old sk-live-0123456789, older sk-live-older")
	f.mu.Lock()
	was := f.apps[0].Spec
	older := was
	older.Env = map[string]string{"API_TOKEN": "sk-live-older"}
	f.formers = []velos.Former{{ID: 1, Generation: 1, Spec: older}, {ID: 1, Generation: 2, Spec: was}}
	f.apps[0].Generation, f.apps[0].Spec.Env = 3, map[string]string{"API_TOKEN": "sk-live-9876543210"}
	f.mu.Unlock()
	start(t, f.options(c.URL))
	c.until(t, "the line", func() bool { return len(c.lines) == 1 })
	if got := c.bodies(); got[0] != "old [masked], older [masked]" {
		t.Errorf("%q", got)
	}
}

func TestASecretThatIsCutIsHiddenFromOneBatchToTheNext(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	s := start(t, f.options(c.URL))
	cut := func(text string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		a := &f.apps[0]
		a.Log.Seq++
		f.lines[1] = append(f.lines[1], velos.Entry{Seq: a.Log.Seq, Time: noon, App: 1, PID: 7, Src: velos.Stderr, Msg: []byte(text), More: strings.HasPrefix(text, "long")})
	}
	cut("long sk-live-01234")
	c.until(t, "a line", func() bool { return len(c.lines) == 1 })
	cut("56789 rest")
	c.until(t, "its rest", func() bool { return len(c.lines) == 2 })
	cut("long sk-live-0123")
	c.until(t, "a line", func() bool { return len(c.lines) == 3 })
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	cut("456789 of another time")
	start(t, f.options(c.URL))
	c.until(t, "its rest", func() bool { return len(c.lines) == 4 })
	if got := c.bodies(); !slices.Equal(got, []string{"long [masked]", "[masked] rest", "long [masked]", "[masked] of another time"}) {
		t.Errorf("%q", got)
	}
}

func TestADamagedFileOfCursorsIsSetAside(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	path := filepath.Join(f.home.Dir, "otel.json")
	if err := os.WriteFile(path, []byte{0, 0, 0}, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, f.options(c.URL))
	f.write(1, velos.Info, "goes on")
	c.until(t, "a line", func() bool { return len(c.lines) == 1 })
	if _, err := os.Stat(path + ".damaged"); err != nil || !s.heard("was damaged") {
		t.Errorf("%v, %q", err, s.said)
	}
}

func TestVariablesOfOpenTelemetryDoWhatTheySay(t *testing.T) {
	f, c, own := newFleet(t), newCollector(t), newCollector(t)
	f.app("api", 7)
	o := f.options("")
	vars(t, &o, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL+"/base/", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="+own.URL+"/v1/logs",
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20a%2Cb%3D, x-key = k1 ", "OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-trace=t", "OTEL_EXPORTER_OTLP_COMPRESSION=GZIP",
		"OTEL_EXPORTER_OTLP_METRICS_COMPRESSION=none", "OTEL_EXPORTER_OTLP_TIMEOUT=9000", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=a%2Cb,bad=%ff,service.name=other", "OTEL_SERVICE_NAME=shop", "OTEL_LOGS_EXPORTER= otlp ", "OTEL_SDK_DISABLED=FALSE")
	start(t, o)
	f.write(1, velos.Info, "hello")
	f.happen(crash()...)
	own.until(t, "a line at its own address", func() bool { return len(own.lines) == 1 })
	c.until(t, "the rest below the base", func() bool { return len(c.asked["/base/v1/traces"]) > 0 && len(c.asked["/base/v1/metrics"]) > 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	own.mu.Lock()
	defer own.mu.Unlock()
	logs, traces, figures := own.names["/v1/logs"], c.names["/base/v1/traces"], c.names["/base/v1/metrics"]
	if logs.Get("Authorization") != "Basic a,b=" || logs.Get("X-Key") != "k1" || logs.Get("Content-Encoding") != "gzip" {
		t.Errorf("lines: %v", logs)
	}
	if traces.Get("X-Trace") != "t" || traces.Get("Authorization") != "" || figures.Get("Content-Encoding") != "" || figures.Get("X-Key") != "k1" {
		t.Errorf("spans: %v, figures: %v", traces, figures)
	}
	if r := own.lines[0].resource; r["service.name"] != "api" || r["deployment.environment.name"] != "a,b" || r["bad"] != "\ufffd" {
		t.Errorf("%v", r)
	}
}

func TestACollectorBehindItsOwnAuthorityIsTrusted(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	s := httptest.NewTLSServer(c)
	defer s.Close()
	f.app("api", 7)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	o := f.options("")
	vars(t, &o, "OTEL_EXPORTER_OTLP_ENDPOINT="+s.URL, "OTEL_EXPORTER_OTLP_CERTIFICATE="+ca)
	start(t, o)
	f.write(1, velos.Info, "over TLS")
	c.until(t, "a line", func() bool { return len(c.lines) == 1 })
}

func TestWhatIsAskedForAndCannotBeDoneIsAnError(t *testing.T) {
	for v, part := range map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc":                                                            "not spoken here",
		"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/json":                                                  "not spoken here",
		"OTEL_EXPORTER_OTLP_COMPRESSION=zstd":                                                         "COMPRESSION",
		"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta":                                     "TEMPORALITY",
		"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram": "HISTOGRAM",
		"OTEL_EXPORTER_OTLP_HEADERS=secretword":                                                       "HEADERS",
		"OTEL_EXPORTER_OTLP_HEADERS=a=%zzsecretword":                                                  "HEADERS",
		"OTEL_EXPORTER_OTLP_HEADERS=a=b%0d%0asecretword":                                              "HEADERS",
		"OTEL_EXPORTER_OTLP_HEADERS=a b=secretword":                                                   "HEADERS",
		"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318":                                                  "no address",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:secretword@host":                                       "headers",
		"OTEL_EXPORTER_OTLP_ENDPOINT=ftp://me:secretword@host":                                        "no address",
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://host/v1/logs?key=secretword":                         "headers",
		"OTEL_EXPORTER_OTLP_CLIENT_KEY=/etc/key.pem":                                                  "needs its key",
		"OTEL_EXPORTER_OTLP_TIMEOUT=10s":                                                              "milliseconds",
	} {
		k, value, _ := strings.Cut(v, "=")
		o := Options{Vars: map[string]string{k: value}}
		_, err := o.target("LOGS", "/v1/logs")
		if velos.CodeOf(err) != velos.Invalid || err == nil || !strings.Contains(err.Error()+velos.HintOf(err), part) || strings.Contains(err.Error(), "secretword") {
			t.Errorf("%s: %v", v, err)
		}
	}
	if _, err := (&Options{Vars: map[string]string{"OTEL_SDK_DISABLED": "True"}}).interval(); err == nil {
		t.Error("OTEL_SDK_DISABLED=True says nothing")
	}
}

func TestAnAppGoesOnWithTheLogOfAnEarlierOneOfItsName(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("api", 7)
	start(t, f.options(c.URL))
	f.write(1, velos.Info, "of the first")
	c.until(t, "the first line", func() bool { return len(c.lines) == 1 })
	f.mu.Lock()
	f.lines[2] = f.lines[1] // it is the same file
	for _, s := range []string{"its last words", "of the second"} {
		f.lines[2] = append(f.lines[2], velos.Entry{Seq: uint64(len(f.lines[2])) + 1, Time: noon, App: 2, PID: 8, Src: velos.Stderr, Msg: []byte(s)})
	}
	f.apps[0].ID, f.apps[0].Log.Seq, f.apps[0].Log.Lines = 2, 3, 1
	f.mu.Unlock()
	c.until(t, "what is new", func() bool { return len(c.lines) >= 3 })
	if got := c.bodies(); !slices.Equal(got, []string{"of the first", "its last words", "of the second"}) {
		t.Errorf("%q", got)
	}
}

func TestAnAppBeginsWithItsOwnLinesWhereNobodyKnowsTheEarlierOne(t *testing.T) {
	f, c := newFleet(t), newCollector(t)
	f.app("worker", 7)
	start(t, f.options(c.URL))
	f.mu.Lock()
	f.lines[2] = []velos.Entry{{Seq: 1, App: 2, Msg: []byte("of before")}, {Seq: 2, App: 2, Msg: []byte("its own")}}
	a := f.apps[0]
	a.ID, a.Spec.Name, a.Log.Seq, a.Log.Lines = 2, "api", 2, 1
	f.apps = append(f.apps, a)
	f.mu.Unlock()
	c.until(t, "a line", func() bool { return len(c.lines) > 0 })
	if got := c.bodies(); !slices.Equal(got, []string{"its own"}) {
		t.Errorf("%q", got)
	}
}
