package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/home"
)

var listening = regexp.MustCompile(`listening on (\S+)`)

// behind runs a command that serves until the test is over, and returns where.
func behind(t *testing.T, d *fake, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var out, errs locked
	code := make(chan int, 1)
	w := World{Out: &out, Err: &errs, Dir: d.home, Vars: map[string]string{"VELOS_HOME": d.home}, Now: time.Now, Loc: time.UTC}
	go func() { code <- Run(ctx, w, args) }()
	t.Cleanup(func() {
		stop()
		if c := <-code; c != 0 {
			t.Errorf("it ended with %d: %s", c, errs.String())
		}
	})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if m := listening.FindStringSubmatch(errs.String()); m != nil {
			return m[1]
		}
	}
	t.Fatalf("nobody listens: %s", errs.String())
	return ""
}

// get is one request, and what came back.
func get(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(b)
}

func TestMetricsAreServedOverTheLifeOfADaemon(t *testing.T) {
	d := newFake(t, "api")
	url := behind(t, d, "metrics", "--port", "0")
	if code, text := get(t, "GET", url, "", ""); code != 200 || !strings.Contains(text, "\nvelos_up 1\n") || !strings.Contains(text, `velos_process_status{name="api",instance="0"} 1`) {
		t.Errorf("%d %s", code, text)
	}
	d.die()
	if code, text := get(t, "GET", url, "", ""); code != 200 || !strings.Contains(text, "\nvelos_up 0\n") || strings.Contains(text, "velos_process") {
		t.Errorf("%d %s", code, text)
	}
	d.listen(t)
	if code, text := get(t, "GET", url, "", ""); code != 200 || !strings.Contains(text, "\nvelos_up 1\n") {
		t.Errorf("%d %s", code, text)
	}
}

func TestMetricsAreWrittenOnce(t *testing.T) {
	d := newFake(t, "api")
	out, e, code := d.run(t, "metrics", "--once", "--openmetrics")
	if code != 0 || e != "" || !strings.HasSuffix(out, "# EOF\n") || !strings.Contains(out, "\nvelos_up 1\n") {
		t.Errorf("%d %s%s", code, out, e)
	}
}

func TestMetricsBeyondThisMachineNeedAToken(t *testing.T) {
	d := newFake(t)
	for _, args := range [][]string{{"--host", "0.0.0.0"}, {"--host", "0.0.0.0", "--plain-http"}, {"--host", "0.0.0.0", "--plain-http", "--token"}} {
		if _, e, code := d.run(t, append([]string{"metrics", "--port", "0"}, args...)...); code != 8 || !strings.Contains(e, "hint:") {
			t.Errorf("%v: %d %s", args, code, e)
		}
	}
}

func TestATokenIsMadeListedAndRevoked(t *testing.T) {
	d := newFake(t, "api")
	secret, e, code := d.run(t, "token", "create", "--name", "ci", "--expires", "30d")
	secret = strings.TrimSpace(secret)
	if code != 0 || !strings.HasPrefix(secret, "velos_") || !strings.Contains(e, "not shown again") {
		t.Fatalf("%d %s%s", code, secret, e)
	}
	id := strings.Split(secret, "_")[1]
	if out, _, _ := d.run(t, "token", "list"); !strings.Contains(out, id+"  read  until 2026-03-31") || strings.Contains(out, secret) {
		t.Error(out)
	}
	if out, e, code := d.run(t, "token", "revoke", id); code != 0 || out != "revoked "+id+"\n" {
		t.Errorf("%d %s%s", code, out, e)
	}
	if out, _, _ := d.run(t, "token", "list", "--json"); out != "[]\n" {
		t.Error(out)
	}
	for _, args := range [][]string{{"create", "--scope", "all"}, {"create", "--expires", "soon"}, {"burn"}, {"revoke"}, {"list", "x"}} {
		if _, _, code := d.run(t, append([]string{"token"}, args...)...); code != velos.Invalid.Exit() {
			t.Errorf("%v: %d", args, code)
		}
	}
	if _, _, code := d.run(t, "token", "revoke", id); code != velos.NotFound.Exit() {
		t.Errorf("revoked twice: %d", code)
	}
}

func TestAnAgentWithRulesMakesNoTokens(t *testing.T) {
	d := newFake(t, "api")
	create := func(vars map[string]string, args ...string) (int, string) {
		vars["VELOS_HOME"] = d.home
		w := World{Out: &locked{}, Err: &locked{}, Vars: vars, Now: time.Now, Loc: time.UTC}
		return Run(t.Context(), w, append([]string{"token"}, args...)), w.Out.(*locked).String() + w.Err.(*locked).String()
	}
	if code, text := create(map[string]string{"CLAUDECODE": "1"}, "create"); code != 0 {
		t.Errorf("without rules: %d %s", code, text)
	}
	for _, rules := range []string{"protect = [\"db\"]", "mode = \"confirm\"", "mode = 3"} {
		if err := os.WriteFile(filepath.Join(d.home, "config.toml"), []byte("[agents]\n"+rules+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		before, _ := filepath.Glob(filepath.Join(d.home, "tokens", "*"))
		id := strings.TrimSuffix(filepath.Base(before[0]), ".json")
		for _, args := range [][]string{{"create", "--scope", "control"}, {"create"}, {"rotate", id}} {
			if code, text := create(map[string]string{"CLAUDECODE": "1"}, args...); code != velos.Denied.Exit() || strings.Contains(text, "velos_") {
				t.Errorf("%s, %v: %d %s", rules, args, code, text)
			}
		}
		if after, _ := filepath.Glob(filepath.Join(d.home, "tokens", "*")); len(after) != len(before) {
			t.Errorf("%s: %v", rules, after)
		}
		if code, text := create(map[string]string{}, "list"); code != 0 {
			t.Errorf("a person: %d %s", code, text)
		}
	}
	if code, text := create(map[string]string{}, "create"); code != 0 {
		t.Errorf("a person: %d %s", code, text)
	}
}

func TestMetricsAskForATokenWhenTold(t *testing.T) {
	d := newFake(t, "api")
	w := World{Out: &locked{}, Err: &locked{}, Vars: map[string]string{"VELOS_HOME": d.home}, Now: time.Now, Loc: time.UTC}
	if code := Run(t.Context(), w, []string{"token", "create"}); code != 0 {
		t.Fatal(code)
	}
	url := behind(t, d, "metrics", "--port", "0", "--token")
	if code, _ := get(t, "GET", url, "", ""); code != 401 {
		t.Error(code)
	}
	if code, _ := get(t, "GET", url, strings.TrimSpace(w.Out.(*locked).String()), ""); code != 200 {
		t.Error(code)
	}
}

// TestFiguresAreForThoseWhoMayAsk is what TestNoRouteIsWithoutItsGuard is for
// the api: every way in, and neither an answer nor a question to the daemon.
func TestFiguresAreForThoseWhoMayAsk(t *testing.T) {
	d := newFake(t, "api")
	tokens := guard.Tokens{Home: home.Home{Dir: d.home}, Now: time.Now}
	good, _, e1 := tokens.Create("", guard.Read, 0)
	over, _, e2 := tokens.Create("", guard.Read, time.Nanosecond)
	revoked, gone, e3 := tokens.Create("", guard.Read, 0)
	if err := errors.Join(e1, e2, e3, tokens.Revoke(gone.ID)); err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSuffix(behind(t, d, "metrics", "--port", "0", "--token"), "/metrics")
	set := func(key, value string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(key, value) } }
	for name, x := range map[string]struct {
		method string
		change func(*http.Request)
		want   int
	}{
		"foreign host":         {"GET", func(r *http.Request) { r.Host = "evil.example" }, 403},
		"rebound":              {"GET", func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("Origin", "http://evil.example") }, 403},
		"foreign origin":       {"GET", set("Origin", "http://evil.example"), 403},
		"no origin":            {"GET", set("Origin", "null"), 403},
		"across sites":         {"GET", set("Sec-Fetch-Site", "cross-site"), 403},
		"no token":             {"GET", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"in the address":       {"GET", func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "token=" + good }, 401},
		"a wrong token":        {"GET", set("Authorization", "Bearer "+good+"x"), 401},
		"one that is over":     {"GET", set("Authorization", "Bearer "+over), 401},
		"one that was revoked": {"GET", set("Authorization", "Bearer "+revoked), 401},
		"text":                 {"POST", set("Content-Type", "text/plain"), 403}, // its token may only read
	} {
		for _, path := range []string{"/metrics", "/", "/metrics/x", "/debug/pprof/"} {
			r, err := http.NewRequest(x.method, url+path, strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+good)
			x.change(r)
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(a.Body)
			a.Body.Close()
			if a.StatusCode != x.want || strings.Contains(string(b), "velos_") || a.Header.Get("Set-Cookie") != "" || a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s, %s: %d %s", name, path, a.StatusCode, b)
			}
		}
	}
	d.mu.Lock()
	calls := len(d.calls)
	d.mu.Unlock()
	if calls > 0 {
		t.Errorf("the daemon was asked: %q", d.calls)
	}
	if code, text := get(t, "GET", url+"/metrics", good, ""); code != 200 || !strings.Contains(text, "velos_up 1") {
		t.Errorf("%d %s", code, text)
	}
}
