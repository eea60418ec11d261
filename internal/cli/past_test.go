package cli

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/view"
)

// recorded has figures of one app, as velos-doors would.
func recorded(t *testing.T, name string) (asked *[]view.Past) {
	t.Helper()
	asked = new([]view.Past)
	AskFigures = func(_ context.Context, _ home.Home, p *view.Past) error {
		*asked = append(*asked, *p)
		if p.Name == name {
			p.Points = []velos.Point{{Time: p.Since, Up: 1, CPU: 2, CPUMax: 3, Memory: 1 << 20, MemoryMax: 1 << 20}}
		}
		return nil
	}
	AskAllFigures = func(ctx context.Context, h home.Home, p view.Past) (map[string][]velos.Point, error) {
		*asked = append(*asked, p)
		return map[string][]velos.Point{name: {{Time: p.Since + 2*velos.Time(p.Step), Up: 1, CPU: 2.125, Memory: 1 << 20, Restarts: 1}}, "gone": {{Time: p.Since}}}, nil
	}
	RecordFigures = func(ctx context.Context, _ Recording) error {
		<-ctx.Done()
		return nil
	}
	t.Cleanup(func() { AskFigures, AskAllFigures, RecordFigures = nil, nil, nil })
	return asked
}

func TestInfoDrawsWhatWasRecorded(t *testing.T) {
	d := newFake(t, "api", "web")
	asked := recorded(t, "api")
	out, e, code := d.run(t, "info", "api", "--history", "24h")
	if code != 0 || !strings.Contains(out, "cpu      █") || !strings.Contains(out, "online 100%") {
		t.Errorf("%d, %s%s", code, out, e)
	}
	p := (*asked)[0]
	if p.Step != 20*60_000 || p.Until-p.Since != 24*3600_000 || p.Inst != -1 || p.Since%velos.Time(p.Step) != 0 {
		t.Errorf("%+v", p)
	}
	if out, _, code := d.run(t, "info", "api", "--history", "1h", "--json"); code != 0 || !strings.Contains(out, `"step_ms":60000,"points":[{"ts":`) {
		t.Errorf("%d, %s", code, out)
	}
	if _, e, code := d.run(t, "info", "api", "--history", "soon"); code != 2 || !strings.Contains(e, "--history") {
		t.Errorf("%d, %s", code, e)
	}
}

func TestAnAppThatIsGoneHasAPast(t *testing.T) {
	d := newFake(t, "web")
	recorded(t, "api")
	if out, e, code := d.run(t, "info", "api", "--history", "1h"); code != 0 || !strings.Contains(out, "online 100%") {
		t.Errorf("%d, %s%s", code, out, e)
	}
	if _, e, code := d.run(t, "info", "nobody", "--history", "1h"); code != 4 || !strings.Contains(e, "nobody") {
		t.Errorf("%d, %s", code, e)
	}
}

func TestTheAPIAnswersWithWhatWasRecorded(t *testing.T) {
	d := newFake(t, "api", "web")
	asked := recorded(t, "api")
	c := served(t, d, "read", "--history")
	for _, x := range []struct {
		path   string
		status int
		part   string
	}{
		{"/v1/apps/api/history/figures?span=24h&points=72", 200, `"step_ms":1200000,"points":[{"ts":`},
		{"/v1/apps/api:0/history/figures", 200, `"name":"api","instance":0`},
		{"/v1/apps/web/history/figures", 200, `"points":[]`},
		{"/v1/apps/nobody/history/figures", 404, "no such app"},
		{"/v1/apps/api/history/figures?span=soon", 400, "span"},
		{"/v1/apps/api/history/figures?points=0", 400, "points"},
		{"/v1/history/figures?span=3m&points=60", 200, `"step_ms":60000,"apps":[{"name":"api","cpu_percent":[null,null,2.13],"memory_bytes":[null,null,1048576],"restarts":[null,null,1]},{"name":"web","cpu_percent":[null,null,null]`},
		{"/v1/history/figures?points=121", 400, "points"},
		{"/v1/history/figures?span=soon", 400, "span"},
	} {
		if status, text := c.ask(t, "GET", x.path, ""); status != x.status || !strings.Contains(text, x.part) {
			t.Errorf("%s: %d %s", x.path, status, text)
		}
	}
	tag := func(old string) (int, string) {
		r, _ := http.NewRequest("GET", c.url+"/v1/history/figures?span=24h&points=24", nil)
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("If-None-Match", old)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		return a.StatusCode, a.Header.Get("ETag")
	}
	status, first := tag("")
	if again, _ := tag(first); status != 200 || first == "" || again != 304 {
		t.Errorf("%d, %q, then %d", status, first, again)
	}
	if p := (*asked)[0]; p.Until-p.Since != 24*3600_000 {
		t.Errorf("%+v", p)
	}
}

func TestMetricsRecordBesideServing(t *testing.T) {
	d := newFake(t, "api")
	if err := os.WriteFile(filepath.Join(d.home, "config.toml"), []byte("[history]\ninterval = \"5s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan Recording, 1)
	RecordFigures = func(ctx context.Context, r Recording) error {
		got <- r
		<-ctx.Done()
		return nil
	}
	t.Cleanup(func() { RecordFigures = nil })
	t.Run("serving", func(t *testing.T) {
		at := behind(t, d, "metrics", "--history", "--port", "0")
		if code, page := get(t, "GET", at, "", ""); code != 200 || !strings.Contains(page, "velos_up 1") {
			t.Errorf("%d, %s", code, page)
		}
		if r := <-got; r.Config.Interval != 5*time.Second || r.Home.Dir != d.home {
			t.Errorf("%+v", r)
		}
	})
	if _, e, code := d.run(t, "metrics", "--history", "--once"); code != 2 || !strings.Contains(e, "exclude each other") {
		t.Errorf("%d, %s", code, e)
	}
}

func TestOTelIsToldWhatTheFileAndTheFlagsSay(t *testing.T) {
	d := newFake(t, "api")
	if err := os.Chmod(d.home, 0o700); err != nil {
		t.Fatal(err)
	}
	var got Telemetry
	SendTelemetry = func(_ context.Context, o Telemetry) error { got = o; return nil }
	t.Cleanup(func() { SendTelemetry = nil })
	config := filepath.Join(d.home, "config.toml")
	if err := os.WriteFile(config, []byte("[otel]\nlogs = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, e, code := d.run(t, "otel", "--endpoint", "http://127.0.0.1:1", "--interval", "5s", "--once"); code != 0 || !got.Once || got.Interval != 5*time.Second ||
		got.Endpoint != "http://127.0.0.1:1" || got.Config.Logs || !got.Config.Traces || got.Home.Dir != d.home {
		t.Errorf("%d, %s: %+v", code, e, got)
	}
	if _, e, code := d.run(t, "otel", "--interval", "1ms"); code != 2 || !strings.Contains(e, "--interval") {
		t.Errorf("%d, %s", code, e)
	}
	if err := os.WriteFile(config, []byte("[otel]\nlgs = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, e, code := d.run(t, "otel"); code != 2 || !strings.Contains(e, "config.toml:2:1: otel.lgs: unknown key") || !strings.Contains(e, `"logs"`) {
		t.Errorf("%d, %s", code, e)
	}
}
