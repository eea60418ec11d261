package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// parsed is a page as the official parser reads it: samples by name and
// labels.
func parsed(t *testing.T, text []byte) map[string]float64 {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	found := map[string]float64{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			key := name
			for _, l := range m.GetLabel() {
				key += "," + l.GetName() + "=" + l.GetValue()
			}
			switch {
			case m.GetGauge() != nil:
				found[key] = m.GetGauge().GetValue()
			case m.GetCounter() != nil:
				found[key] = m.GetCounter().GetValue()
			case m.GetHistogram() != nil:
				found[key] = float64(m.GetHistogram().GetSampleCount())
				if n := len(m.GetHistogram().GetBucket()); n != len(bounds)+1 {
					t.Errorf("%s has %d buckets", name, n)
				}
			default:
				t.Errorf("%s is of no kind that we have: %v", name, m)
			}
		}
	}
	return found
}

func fleet() Round {
	now := velos.TimeOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	sp := velos.NewSpec()
	sp.Name = "api"
	return Round{Up: true, Time: now, Pong: wire.Pong{Version: "9.9", Uptime: 61_000, RSS: 1572864, Requests: 42}, Apps: []velos.App{{ID: 1, Spec: sp,
		Instances: []velos.Instance{
			{Inst: 0, Status: velos.Online, PID: 7, Started: now - 90_000, Restarts: 3, Usage: velos.Usage{CPU: 2.15, Memory: 47185920, Peak: 50000000}},
			{Inst: 1, Status: velos.Errored, Started: now - 90_000},
		}, Log: velos.LogInfo{Lines: 100, Errors: 4}}}}
}

func pageOf(w Round, f Format) []byte {
	x := New(nil)
	x.latency.observe(120 * time.Microsecond)
	x.latency.observe(time.Minute)
	return write(x.families(&w), f)
}

func TestTheOfficialParserReadsEveryFigure(t *testing.T) {
	got := parsed(t, pageOf(fleet(), Text))
	for key, want := range map[string]float64{
		"velos_up": 1,
		"velos_process_cpu_percent,name=api,instance=0":       2.15,
		"velos_process_memory_bytes,name=api,instance=0":      47185920,
		"velos_process_memory_peak_bytes,name=api,instance=0": 50000000,
		"velos_process_uptime_seconds,name=api,instance=0":    90,
		"velos_process_uptime_seconds,name=api,instance=1":    0,
		"velos_process_restart_total,name=api,instance=0":     3,
		"velos_process_status,name=api,instance=0":            1,
		"velos_process_status,name=api,instance=1":            2,
		"velos_process_log_lines_total,name=api":              100,
		"velos_process_log_errors_total,name=api":             4,
		"velos_daemon_uptime_seconds":                         61,
		"velos_daemon_processes_total":                        2,
		"velos_daemon_memory_bytes":                           1572864,
		"velos_daemon_ipc_requests_total":                     42,
		"velos_daemon_ipc_latency_seconds":                    2,
	} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s is %v, %v; want %v", key, v, ok, want)
		}
	}
}

func TestOpenMetricsNamesCountersAndEnds(t *testing.T) {
	text := string(pageOf(fleet(), OpenMetrics))
	for _, want := range []string{"# TYPE velos_process_restart counter\n", "velos_process_restart_total{name=\"api\",instance=\"0\"} 3\n",
		"# TYPE velos_daemon_processes_total gauge\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "\n# EOF\n") || strings.Count(text, "# EOF") != 1 {
		t.Error("the end is missing")
	}
}

func TestBoundsOfBucketsAreWrittenAsTheFormatWantsThem(t *testing.T) {
	for f, want := range map[Format]string{Text: `_bucket{le="5"} 1`, OpenMetrics: `_bucket{le="5.0"} 1`} {
		text := string(pageOf(fleet(), f))
		for _, part := range []string{want + "\n", `{le="5e-05"} 0` + "\n", `{le="2.5"} 1` + "\n", `{le="+Inf"} 2` + "\n"} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is missing in\n%s", part, text)
			}
		}
	}
}

func TestPromtoolRemarksOnTheOneNameThatIsGiven(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool")
	}
	c := exec.Command(tool, "check", "metrics")
	c.Stdin = bytes.NewReader(pageOf(fleet(), Text))
	out, _ := c.CombinedOutput() // it ends with 3 when it remarks on something
	if got := strings.TrimSpace(string(out)); got != `velos_daemon_processes_total non-counter metrics should not have "_total" suffix` {
		t.Errorf("promtool: %s", got)
	}
}

func TestTheFormatIsTheOneThatIsLikedBest(t *testing.T) {
	for accept, want := range map[string]Format{
		"": Text, "*/*": Text, "text/plain;version=0.0.4": Text, "application/openmetrics-text": OpenMetrics, "nonsense;;": Text,
		"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1": OpenMetrics,
		"application/openmetrics-text;version=1.0.0;q=0.2, text/plain":                              Text,
		"application/openmetrics-text;version=9.0.0":                                                Text,
		"application/openmetrics-text;q=0":                                                          Text,
	} {
		if got := formatOf([]string{accept}); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}

func TestALabelCannotForgeALine(t *testing.T) {
	w := fleet()
	w.Apps[0].Spec.Name = "a\"} 1\nvelos_up 7\\\xff"
	if got := parsed(t, pageOf(w, Text)); got["velos_up"] != 1 {
		t.Errorf("velos_up is %v", got["velos_up"])
	}
}

func TestWithoutADaemonThePageAnswers(t *testing.T) {
	x := New(func() (*client.Client, error) { return nil, errors.New("nobody there") })
	r := httptest.NewRecorder()
	x.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := parsed(t, r.Body.Bytes()); r.Code != 200 || got["velos_up"] != 0 || len(got) != 3 {
		t.Errorf("%d, %v", r.Code, got)
	}
	r = httptest.NewRecorder()
	x.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if r.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", r.Code)
	}
}

func BenchmarkAThousandInstances(b *testing.B) {
	w := fleet()
	for i := range 999 {
		a := w.Apps[0]
		a.Spec.Name = "app" + strconv.Itoa(i)
		a.Instances = a.Instances[:1]
		w.Apps = append(w.Apps, a)
	}
	for b.Loop() {
		pageOf(w, Text)
	}
}

func TestAScrapeThatIsGivenUpEnds(t *testing.T) {
	x := New(func() (*client.Client, error) { return nil, context.Canceled })
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if p := x.Page(ctx, Text); !bytes.Contains(p, []byte("velos_up 0\n")) {
		t.Errorf("%s", p)
	}
}

var named = regexp.MustCompile(`\bvelos_[a-z_]+`)

func TestExamplesAndThePageNameWhatThereIs(t *testing.T) {
	text := string(pageOf(fleet(), Text))
	for _, path := range []string{"../../examples/grafana-dashboard.json", "../../examples/prometheus-alerts.yml", "../../docs/METRICS.md"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllString(string(b), -1) {
			if !strings.Contains(text, name) {
				t.Errorf("%s names %s, which is not there", path, name)
			}
		}
	}
	page, _ := os.ReadFile("../../docs/METRICS.md")
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(page), "`"+m[1]+"`") {
			t.Errorf("docs/METRICS.md does not name %s", m[1])
		}
	}
	var dashboard any
	if b, _ := os.ReadFile("../../examples/grafana-dashboard.json"); json.Unmarshal(b, &dashboard) != nil {
		t.Error("the dashboard is no JSON")
	}
}
