package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/api"
	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// A contract is a door of the api, and its description to hold it to.
type contract struct {
	url, token string
	router     routers.Router
}

// served opens the api of a fake with a token of a scope.
func served(t *testing.T, d *fake, scope string, flags ...string) *contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Description)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	secret, e, code := d.run(t, "token", "create", "--scope", scope)
	if code != 0 {
		t.Fatal(e)
	}
	c := &contract{url: strings.TrimSuffix(behind(t, d, append([]string{"api", "--port", "0", "--rate", "0"}, flags...)...), "/v1"), token: strings.TrimSpace(secret)}
	doc.Servers = openapi3.Servers{{URL: c.url}}
	if c.router, err = legacy.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask is one request whose answer must be as described.
func (c *contract) ask(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		t.Fatalf("%s %s is not described: %v", method, path, err)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	if a.StatusCode == 200 {
		r.Body = io.NopCloser(strings.NewReader(body))
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s %s was answered and is described as wrong: %v", method, path, err)
		}
	}
	if strings.HasSuffix(path, ".yaml") {
		return a.StatusCode, string(text)
	}
	if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.StatusCode,
		Header: a.Header, Body: io.NopCloser(bytes.NewReader(text)), Options: options}); err != nil {
		t.Errorf("%s %s: %v in %s", method, path, err, text)
	}
	return a.StatusCode, string(text)
}

func TestTheDescriptionAndTheRoutesAreTheSame(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Description)
	if err != nil {
		t.Fatal(err)
	}
	var described, there []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			var keys []string
			for _, p := range slices.Concat(item.Parameters, item.Operations()[method].Parameters) {
				if p.Value.In == "query" {
					keys = append(keys, p.Value.Name)
				}
			}
			slices.Sort(keys)
			described = append(described, method+" "+path+" "+strings.Join(keys, " "))
		}
	}
	for _, r := range api.Routes() {
		keys := strings.Fields(r.Keys)
		slices.Sort(keys)
		there = append(there, r.Method+" "+r.Path+" "+strings.Join(keys, " "))
	}
	slices.Sort(described)
	slices.Sort(there)
	if !slices.Equal(described, there) {
		t.Errorf("described:\n%s\nthere:\n%s", strings.Join(described, "\n"), strings.Join(there, "\n"))
	}
}

// TestTheDescriptionHasEveryFieldOfTheNouns holds the schemas to the types behind
// them, so that a field that is seldom there is described as well.
func TestTheDescriptionHasEveryFieldOfTheNouns(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Description)
	if err != nil {
		t.Fatal(err)
	}
	change := doc.Components.Schemas["Changes"].Value.Properties["changes"].Value.Items.Value
	for name, noun := range map[string]any{"Event": velos.Event{}, "Exit": velos.Exit{}, "Actor": velos.Actor{}, "Usage": velos.Usage{}, "Order": audit.Record{},
		"Waited": verb.Answer{}, "Port": verb.Port{}, "Difference": view.Change{}, "changes": verb.Change{}} {
		schema := change
		if ref := doc.Components.Schemas[name]; ref != nil {
			schema = ref.Value
		}
		fields := map[string]bool{}
		for f := range reflect.TypeOf(noun).Fields() {
			key, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
			if key == "" || key == "-" {
				continue
			}
			fields[key] = true
			if schema.Properties[key] == nil {
				t.Errorf("%s: %s is not described", name, key)
			}
			if !strings.Contains(rest, "omitempty") && !slices.Contains(schema.Required, key) {
				t.Errorf("%s: %s is always there, and not said to be", name, key)
			}
		}
		for _, key := range slices.Concat(schema.Required, slices.Collect(maps.Keys(schema.Properties))) {
			if !fields[key] {
				t.Errorf("%s: %s is described, and there is none", name, key)
			}
		}
	}
}

func TestEveryAnswerIsAsDescribed(t *testing.T) {
	d := newFake(t, "api", "db")
	d.happen(velos.Event{Time: velos.TimeOf(now), Kind: velos.KindState, ID: 1, App: "api", From: velos.Starting, To: velos.Online})
	d.lines = []velos.Entry{{Seq: 1, Time: velos.TimeOf(now), App: 1, PID: 7, Level: velos.Err, Src: velos.Stderr, Msg: []byte("boom \x1b[31m\xff")}, {Seq: 2, Time: velos.TimeOf(now), App: 1, Level: velos.Info, Src: velos.Stdout, Msg: []byte("fine")}}
	d.apps[0].Instances[0].LastExit = &velos.Exit{Time: velos.TimeOf(now), Code: 1, Uptime: 5}
	d.apps[0].Spec.Env = map[string]string{"API_TOKEN": "hunter2hunter2"}
	file := filepath.Join(t.TempDir(), "velos.toml")
	if err := os.WriteFile(file, []byte("[apps.web]\nscript = \"/bin/sh\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := served(t, d, "control")
	for _, x := range []struct {
		method, path, body string
		status             int
		part               string
	}{
		{"GET", "/v1/health", "", 200, `"ok":true`},
		{"GET", "/v1/openapi.yaml", "", 200, "openapi: 3"},
		{"GET", "/v1/apps", "", 200, `"name":"db"`},
		{"GET", "/v1/apps/api", "", 200, `"name":"api"`},
		{"GET", "/v1/apps/1", "", 200, `"name":"api"`},
		{"GET", "/v1/apps/nobody", "", 404, `"code":"not_found"`},
		{"GET", "/v1/apps/api:7", "", 404, "counted from 0"},
		{"GET", "/v1/apps/api:0", "", 400, "name the app alone"},
		{"GET", "/v1/apps/api/usage", "", 200, `"instances":[{"instance":0`},
		{"GET", "/v1/apps/api/why", "", 200, `"hints":[`},
		{"GET", "/v1/apps/api/logs", "", 200, `"msg":"fine"`},
		{"GET", "/v1/apps/api/logs?after=2", "", 200, "[]"},
		{"GET", "/v1/apps/api:0/logs?level=error&src=stderr&grep=boom&lines=1&since=2026-01-01", "", 200, `"seq":1`},
		{"GET", "/v1/apps/api/logs?level=loud", "", 400, "is no level"},
		{"GET", "/v1/apps/api/logs?lines=-1", "", 400, "lines:"},
		{"GET", "/v1/apps/api/logs?tail=1", "", 400, "tail is unknown"},
		{"GET", "/v1/apps/api/logs?since=whenever", "", 400, "no point in time"},
		{"GET", "/v1/events?app=api&lines=5", "", 200, `"kind":"state"`},
		{"GET", "/v1/events?app=nobody", "", 404, "no such app"},
		{"GET", "/v1/metrics", "", 200, `"name":"db"`},
		{"GET", "/v1/changes?lines=5", "", 200, `"cursor":"#`},
		{"GET", "/v1/audit?lines=5&agent=any", "", 200, `[`},
		{"GET", "/v1/audit?colour=red", "", 400, `colour`},
		{"GET", "/v1/ports", "", 200, "["},
		{"GET", "/v1/summary?app=api&since=2026-01-01", "", 200, `"process_name":"api"`},
		{"GET", "/v1/patterns?since=2026-01-01", "", 200, "["},
		{"GET", "/v1/anomalies", "", 200, "["},
		{"GET", "/v1/logs/search?q=^f.ne$&level=info", "", 200, `"msg":"fine"`},
		{"GET", "/v1/logs/search?q=[", "", 400, "q:"},
		{"GET", "/v1/logs/search", "", 400, "looked for"},
		{"GET", "/v1/apps/api/crash", "", 200, `"same_before"`},
		{"GET", "/v1/apps/api/wait?until=ready&timeout_ms=5000", "", 200, `"outcome":`},
		{"GET", "/v1/apps/api/wait?until=whatever", "", 400, "whatever"},
		{"GET", "/v1/apps/api/config?key=cwd", "", 200, "/srv"},
		{"GET", "/v1/apps/api/config?key=nope", "", 404, "no setting"},
		{"GET", "/v1/apps/api/history", "", 200, `"current":true`},
		{"GET", "/v1/apps/api/history/figures", "", 501, "velos api --history"},
		{"GET", "/v1/history/figures", "", 501, "velos api --history"},
		{"POST", "/v1/apps/api/config", `{"set":["kill_timeout=9s"],"dry_run":true}`, 200, `"key":"kill_timeout"`},
		{"POST", "/v1/apps/api/config", `{"set":[]}`, 400, "something is needed"},
		{"POST", "/v1/apps/api/undo", `{}`, 404, "has changed"},
		{"POST", "/v1/undo", `{"to":3}`, 400, "of one app"},
		{"POST", "/v1/diff", `{"file":"velos.toml"}`, 400, "absolute"},
		{"POST", "/v1/diff", `{"file":"/etc/passwd"}`, 400, "no configuration file"},
		{"POST", "/v1/diff", `{"file":"/nowhere/velos.toml"}`, 400, "no such file"},
		{"POST", "/v1/apply", `{"file":"FILE","dry_run":true}`, 200, `"action":"start"`},
		{"POST", "/v1/diff", `{"file":"FILE"}`, 200, `"name":"web"`},
		{"POST", "/v1/apply", `{"file":"FILE"}`, 200, `"verb":"start"`},
		{"POST", "/v1/save", "", 200, `"count":3`},
		{"POST", "/v1/tickets", "", 200, `"scope":"control"`},
		{"GET", "/v1/stream", "", 426, "WebSocket"},
		{"POST", "/v1/apps/api/flush", "", 200, `"did":"flushed"`},
		{"POST", "/v1/apps/api/stop", "", 200, `"did":"stopped"`},
		{"POST", "/v1/apps/api/start", `{"timeout_ms":5000}`, 200, `"did":"started"`},
		{"POST", "/v1/apps/api/start", `{"timeout_ms":5000000000}`, 400, "timeout_ms"},
		{"POST", "/v1/apps/api/start", `{"timout_ms":5}`, 400, "not understood"},
		{"POST", "/v1/apps/api/start", `{"timeout_ms":5,"timeout_ms":6}`, 400, "there twice"},
		{"POST", "/v1/apps/api/start", `{"Timeout_ms":5}`, 400, "unknown"},
		{"POST", "/v1/apps/api/start", `{"timeout_ms":0}`, 400, "must not be 0"},
		{"POST", "/v1/apps/api/start", `{"signal":""}`, 400, "start takes no signal"},
		{"POST", "/v1/save", `null`, 400, "an object is needed"},
		{"POST", "/v1/diff", `{"file":"FILE","dry_run":false}`, 400, "takes neither"},
		{"GET", "/v1/apps/api/wait?timeout_ms=0", "", 400, "timeout_ms"},
		{"POST", "/v1/apps/api/start", `{"instances":5}`, 400, "start takes no instances"},
		{"POST", "/v1/apps/api/start", `{} {}`, 400, "more than one"},
		{"POST", "/v1/apps/api:0/restart", "{}", 200, `"instance":0`},
		{"POST", "/v1/apps/api/reload", `{"parallel":2}`, 200, `"did":"reloaded"`},
		{"POST", "/v1/apps/api/reload", `{"parallel":0}`, 400, "parallel"},
		{"POST", "/v1/apps/api/scale", `{"instances":3}`, 200, "scaled from 1 to 3"},
		{"POST", "/v1/apps/api/scale", `{"by":-3}`, 400, "there would be"},
		{"POST", "/v1/apps/api/scale", `{}`, 400, "one of instances and by"},
		{"POST", "/v1/apps/api/signal", `{"signal":"HUP"}`, 200, `"did":"signalled"`},
		{"POST", "/v1/apps/api/signal", `{"signal":"HUPP"}`, 400, "no such signal"},
		{"POST", "/v1/apps/api/reset", "", 200, `"did":"reset"`},
		{"DELETE", "/v1/apps/db", "", 200, `"did":"deleted"`},
		{"GET", "/v1/apps/db", "", 404, "no such app"},
	} {
		status, text := c.ask(t, x.method, x.path, strings.ReplaceAll(x.body, "FILE", file))
		if status != x.status || !strings.Contains(text, x.part) {
			t.Errorf("%s %s %s: %d %s", x.method, x.path, x.body, status, text)
		}
		if strings.Contains(text, "hunter2") || strings.Contains(text, "\x1b") {
			t.Errorf("%s %s shows what it must not: %q", x.method, x.path, text)
		}
	}
	d.crash["api"] = "start api: it ended with code 1"
	if status, text := c.ask(t, "POST", "/v1/apps/api/start", ""); status != 502 || !strings.Contains(text, `"code":"crashed"`) {
		t.Errorf("%d %s", status, text)
	}
	d.die()
	for _, path := range []string{"/v1/health", "/v1/apps", "/v1/usage"} {
		if status, text := c.ask(t, "GET", path, ""); status != 503 || !strings.Contains(text, `"retryable":true`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	d.listen(t)
	if status, _ := c.ask(t, "GET", "/v1/health", ""); status != 200 {
		t.Errorf("the daemon is back: %d", status)
	}
}

// harmless are parts of the names of what changes nothing.
var harmless = []string{"LOG_MINUTES", "LIST", "PING", "READ", "SEARCH", "METRICS", "HISTORY", "INFO", "EVENT_LIST"}

func TestNoRouteIsWithoutItsGuard(t *testing.T) {
	d := newFake(t, "api")
	c := served(t, d, "read")
	control, e, code := d.run(t, "token", "create", "--scope", "control")
	if code != 0 {
		t.Fatal(e)
	}
	tokens := guard.Tokens{Home: home.Home{Dir: d.home}, Now: time.Now}
	over, _, err := tokens.Create("", guard.Control, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	revoked, gone, err := tokens.Create("", guard.Control, 0)
	if err == nil {
		err = tokens.Revoke(gone.ID)
	}
	former, rotated, e2 := tokens.Create("", guard.Control, 0)
	if e2 == nil {
		_, _, e2 = tokens.Rotate(rotated.ID)
	}
	if err = errors.Join(err, e2); err != nil {
		t.Fatal(err)
	}
	try := func(r *api.Route, body string, change func(*http.Request)) int {
		t.Helper()
		q, err := http.NewRequest(r.Method, c.url+strings.ReplaceAll(r.Path, "{app}", "api"), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+c.token)
		change(q)
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.Header.Get("Set-Cookie") != "" || a.Header.Get("Access-Control-Allow-Origin") != "" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %v", r.Method, r.Path, a.Header)
		}
		return a.StatusCode
	}
	bearer := func(secret string) func(*http.Request) {
		return func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(secret)) }
	}
	// The page holds no facts, and a session is there for who brings a code.
	openly := map[string]int{"/": 200, "/assets/x.js": 404, "/v1/session": 403}
	for _, r := range append(api.Routes(), api.Route{Method: "GET", Path: "/"}, api.Route{Method: "GET", Path: "/assets/x.js"}, api.Route{Method: "PATCH", Path: "/v1/apps"}) {
		for name, x := range map[string]struct {
			change func(*http.Request)
			want   int
		}{
			"without a token":                      {func(q *http.Request) { q.Header.Del("Authorization") }, 401},
			"with a wrong one":                     {bearer(c.token + "x"), 401},
			"with one that is over":                {bearer(over), 401},
			"with one that was revoked":            {bearer(revoked), 401},
			"with one that was rotated":            {bearer(former), 401},
			"by a name that is ours and more":      {func(q *http.Request) { q.Host = "localhost.evil.example" }, 403},
			"by a name at another port's page":     {func(q *http.Request) { q.Header.Set("Origin", "http://localhost:1") }, 403},
			"from a page by the same rebound name": {func(q *http.Request) { q.Host = "evil.example"; q.Header.Set("Origin", "http://evil.example") }, 403},
			"in the address":                       {func(q *http.Request) { q.Header.Del("Authorization"); q.URL.RawQuery = "token=" + c.token }, 401},
			"with a ticket":                        {func(q *http.Request) { q.Header.Del("Authorization"); q.URL.RawQuery = "ticket=" + c.token }, 401},
			"by another name":                      {func(q *http.Request) { q.Host = "evil.example" }, 403},
			"from another page":                    {func(q *http.Request) { q.Header.Set("Origin", "http://evil.example") }, 403},
			"from no page":                         {func(q *http.Request) { q.Header.Set("Origin", "null") }, 403},
			"across sites":                         {func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		} {
			want := x.want
			if status, open := openly[r.Path]; open && want == http.StatusUnauthorized {
				if want = status; r.Path == "/v1/session" && (name == "in the address" || name == "with a ticket") {
					want = http.StatusBadRequest
				}
			}
			if got := try(&r, "", x.change); got != want {
				t.Errorf("%s %s %s: %d, want %d", r.Method, r.Path, name, got, want)
			}
		}
		if r.Method == "GET" {
			try(&r, "", bearer(control)) // must not change anything, see below
			continue
		}
		if got := try(&r, "", bearer(c.token)); openly[r.Path] == 0 && (got != 403) != r.Reads() {
			t.Errorf("%s %s with a token to read: %d", r.Method, r.Path, got)
		}
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", ""} {
			if got := try(&r, "{}", func(q *http.Request) { bearer(control)(q); q.Header.Set("Content-Type", kind) }); got != 400 {
				t.Errorf("%s %s as %q: %d", r.Method, r.Path, kind, got)
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, call := range d.calls {
		if !slices.ContainsFunc(harmless, func(part string) bool { return strings.Contains(call, part) }) {
			t.Errorf("the daemon was asked for %s", call)
		}
	}
}

func TestWhatIsNowhereIsAnErrorInTheSameShape(t *testing.T) {
	d := newFake(t, "api")
	c := served(t, d, "control")
	for _, x := range []struct {
		method, path string
		want         int
	}{{"GET", "/index.html", 404}, {"GET", "/v2/apps", 404}, {"PUT", "/v1/apps", 405}, {"POST", "/v1/apps", 405}, {"GET", "/v1/apps/api/stop", 405}, {"OPTIONS", "/v1/apps", 405}, {"GET", "/v1/apps/..%2f..%2fetc", 404},
		{"GET", "//v1/apps", 404}, {"POST", "/v1/./undo", 404}, {"GET", "/v1/apps/", 404}, {"GET", "/v1/apps/api:00", 404}, {"GET", "/v1/apps?colour=red", 400},
		{"POST", "/v1/apps/api/stop?now=true", 400}, {"GET", "/v1/health?%zz", 400}} {
		code, text := get(t, x.method, c.url+x.path, c.token, "")
		var e struct{ Error struct{ Code string } }
		if json.Unmarshal([]byte(text), &e) != nil || e.Error.Code == "" || code != x.want {
			t.Errorf("%s %s: %d %s", x.method, x.path, code, text)
		}
	}
}

func TestAStreamGoesOnWithWhatComes(t *testing.T) {
	d := newFake(t, "api")
	d.lines = []velos.Entry{{Seq: 1, Time: velos.TimeOf(now), App: 1, Msg: []byte("first")}}
	c := served(t, d, "read")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	r, _ := http.NewRequestWithContext(ctx, "GET", c.url+"/v1/apps/api/logs?follow=true", nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	lines := bufio.NewScanner(a.Body)
	next := func() (line struct {
		Seq   int
		Msg   string
		Error *struct{ Code string }
	}) {
		t.Helper()
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &line) != nil {
			t.Fatalf("%q %v", lines.Text(), lines.Err())
		}
		return line
	}
	if l := next(); l.Msg != "first" {
		t.Error(l)
	}
	for i := 2; i < 5; i++ {
		d.happen(velos.Event{}, velos.Entry{Seq: uint64(i), Time: velos.TimeOf(now), App: 1, Msg: []byte("line " + strconv.Itoa(i))})
		if l := next(); l.Seq != i {
			t.Errorf("%d: %v", i, l)
		}
	}
	d.die()
	if l := next(); l.Error == nil || l.Error.Code != "unreachable" {
		t.Errorf("the daemon has died: %v", l)
	}
	if lines.Scan() {
		t.Errorf("after the end: %q", lines.Text())
	}
}

func TestTheSocketNeedsNoToken(t *testing.T) {
	d := newFake(t, "api")
	path := filepath.Join(d.home, "a.sock")
	if at := behind(t, d, "api", "--socket", path); at != "unix:"+path {
		t.Fatal(at)
	}
	h := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	defer h.CloseIdleConnections()
	a, err := h.Post("http://localhost/v1/apps/api/restart", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	if a.StatusCode != 200 || d.app(t, "api").Instances[0].Restarts != 1 {
		t.Error(a.StatusCode)
	}
	a, err = h.Get("http://evil.example/v1/apps")
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	if a.StatusCode != 403 {
		t.Errorf("by another name: %d", a.StatusCode)
	}
}
