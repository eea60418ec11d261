package herald

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/trust"
)

// A receiver is a server that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	paths   []string
	headers []http.Header
	bodies  []string
	answers []int // codes of the next answers; then 200
}

func newReceiver(t *testing.T, answers ...int) *receiver {
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.paths, r.headers, r.bodies = append(r.paths, req.Method+" "+req.URL.Path), append(r.headers, req.Header), append(r.bodies, string(b))
		if len(r.answers) > 0 {
			code := r.answers[0]
			r.answers = r.answers[1:]
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "no: "+req.URL.Path+" "+req.Header.Get("Authorization"))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// noticesOf reads tables as a velos.toml has them.
func noticesOf(t *testing.T, tables string) []config.Notice {
	t.Helper()
	file := filepath.Join(t.TempDir(), "velos.toml")
	if err := os.WriteFile(file, []byte("[apps.api]\nscript = \"sleep 9\"\n[apps.prod-web]\nscript = \"sleep 9\"\nnamespace = \"web\"\n"+tables), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := config.Notices(file, config.Environ{Dir: filepath.Dir(file)})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// bench is a herald with one sink and no daemon.
func bench(t *testing.T, n config.Notice) (*Herald, *sink, *[]time.Duration) {
	var pauses []time.Duration
	h := New(home.Home{Dir: t.TempDir()}, 0)
	h.Host = "box"
	h.Pause = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	h.state = &State{Version: 1, Sinks: map[string]*Sink{}, Down: map[string]Down{}}
	s := &sink{Notice: n, Sink: h.state.sink(n)}
	h.sinks = []*sink{s}
	h.apps = []velos.App{{ID: 1, Spec: velos.Spec{Name: "api", Namespace: "default", Env: map[string]string{"API_KEY": "sk-live-12345678", "HOOK": "hook-secret-77"}}}}
	return h, s, &pauses
}

func crashAt(seq uint64) velos.Event {
	return velos.Event{Seq: seq, Time: velos.TimeOf(time.Now()), Kind: velos.KindExit, App: "api", ID: 1, Actor: velos.Policy,
		Exit: &velos.Exit{Code: 1, Uptime: 2000, Error: ""}}
}

func (h *Herald) hear(t *testing.T, list ...velos.Event) {
	t.Helper()
	for i := range list {
		n, ok := h.newsOf(&list[i])
		if !ok {
			t.Fatalf("no news: %+v", list[i])
		}
		h.hand(n)
	}
}

func TestAWebhookGetsNewsAsJSON(t *testing.T) {
	r := newReceiver(t)
	h, s, _ := bench(t, noticesOf(t, "[[notify]]\ntype = \"webhook\"\nurl = \""+r.URL+"/in\"\nheaders = { Authorization = \"Bearer ${HOOK}\" }\n")[0])
	h.hear(t, crashAt(5), crashAt(6), velos.Event{Seq: 7, Time: 1000, Kind: velos.KindState, App: "api", ID: 1, To: velos.Errored, Cause: "gave up: with sk-live-12345678 \x1b[2J"})
	h.tell(t.Context(), s)
	if len(r.bodies) != 1 || r.paths[0] != "POST /in" || r.headers[0].Get("Authorization") != "Bearer hook-secret-77" || r.headers[0].Get("Content-Type") != "application/json" {
		t.Fatalf("%v %v", r.paths, r.headers)
	}
	var m message
	if err := json.Unmarshal([]byte(r.bodies[0]), &m); err != nil {
		t.Fatal(err)
	}
	if m.Version != 1 || m.Host != "box" || m.Title != "api crashed 2 times and 1 more on box" || len(m.News) != 2 || m.News[0].Count != 2 || m.News[0].Exit != "exited with code 1 after 2s" || m.News[0].Seq != 6 {
		t.Errorf("%+v", m)
	}
	if want := "api crashed 2 times: exited with code 1 after 2s\napi gave up: with [masked]"; !strings.HasPrefix(m.Text, want) || strings.Contains(r.bodies[0], "sk-live") || strings.Contains(m.Text, "\x1b") {
		t.Errorf("%q", m.Text)
	}
	if len(s.Unsent) != 0 || s.Sent != 1 || s.Error != "" {
		t.Errorf("%+v", s.Sink)
	}
}

func TestSlackGetsTextWithoutCommands(t *testing.T) {
	r := newReceiver(t)
	h, s, _ := bench(t, noticesOf(t, "[[notify]]\ntype = \"slack\"\nurl = \""+r.URL+"/services/T0/B0/key\"\n")[0])
	n, _ := h.newsOf(ptr(crashAt(5)))
	n.Line = "Error <!channel> & *co*"
	h.hand(n)
	h.tell(t.Context(), s)
	const want = `{"text":"*api crashed on box*\napi crashed: exited with code 1 after 2s\n\u003eError \u0026lt;!channel\u0026gt; \u0026amp; *co*"}`
	if len(r.bodies) != 1 || r.bodies[0] != want {
		t.Errorf("got  %s\nwant %s", r.bodies, want)
	}
}

func TestTelegramGetsAMessageOfTheBot(t *testing.T) {
	r := newReceiver(t)
	h, s, _ := bench(t, noticesOf(t, "[[notify]]\ntype = \"telegram\"\ntoken = \"12:abc\"\nchat = -100\nserver = \""+r.URL+"/\"\n")[0])
	h.hear(t, crashAt(5))
	h.tell(t.Context(), s)
	const want = `{"chat_id":"-100","link_preview_options":{"is_disabled":true},"text":"api crashed on box\napi crashed: exited with code 1 after 2s"}`
	if len(r.bodies) != 1 || r.bodies[0] != want || r.paths[0] != "POST /bot12:abc/sendMessage" {
		t.Errorf("%s %v\nwant %s", r.paths, r.bodies, want)
	}
}

func TestAFailureIsTriedAgainWithPauses(t *testing.T) {
	r := newReceiver(t, 500, 503)
	h, s, pauses := bench(t, noticesOf(t, "[[notify]]\ntype = \"webhook\"\nurl = \""+r.URL+"\"\n")[0])
	h.hear(t, crashAt(5))
	h.tell(t.Context(), s)
	if len(r.bodies) != 3 || s.Sent != 1 || len(*pauses) != 2 || (*pauses)[0] != time.Second || (*pauses)[1] != 4*time.Second {
		t.Errorf("%d requests, %v, %+v", len(r.bodies), *pauses, s.Sink)
	}
}

func TestWhatIsRefusedIsKeptAndNoSecretIsSaid(t *testing.T) {
	r := newReceiver(t, 404, 500, 500, 500, 500, 302)
	h, s, pauses := bench(t, noticesOf(t, "[[notify]]\ntype = \"webhook\"\nurl = \""+r.URL+"/secret-path-1\"\nheaders = { Authorization = \"env:HOOK\" }\n")[0])
	h.hear(t, crashAt(5))
	for i, c := range []struct{ requests, pauses int }{{1, 0}, {5, 3}, {6, 3}} {
		h.tell(t.Context(), s)
		if len(r.bodies) != c.requests || len(*pauses) != c.pauses || len(s.Unsent) != 1 || s.Failed != i+1 || s.Error == "" {
			t.Errorf("%d: %d requests, %v, %+v", i, len(r.bodies), *pauses, s.Sink)
		}
	}
	if err := h.state.save(h.Home); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(h.Home.NoticesFile())
	if err != nil || strings.Contains(string(b), "hook-secret") || strings.Contains(string(b), "secret-path") || !strings.Contains(string(b), "answered 302") {
		t.Errorf("%v %s", err, b)
	}
	if st, err := os.Stat(h.Home.NoticesFile()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	again, err := Load(h.Home)
	if err != nil || again.Sinks[s.ID] == nil || len(again.Sinks[s.ID].Unsent) != 1 {
		t.Errorf("%v %+v", err, again)
	}
	h.tell(t.Context(), s)
	if s.Sent != 1 || len(s.Unsent) != 0 || s.Error != "" {
		t.Errorf("%+v", s.Sink)
	}
	r.Close()
	h.hear(t, crashAt(9))
	h.tell(t.Context(), s)
	if strings.Contains(s.Error, "secret-path") || !strings.Contains(s.Error, "connect") {
		t.Errorf("%q", s.Error)
	}
}

func TestBeyondTheRateNewsAreCounted(t *testing.T) {
	r := newReceiver(t)
	h, s, _ := bench(t, noticesOf(t, "[[notify]]\ntype = \"webhook\"\nurl = \""+r.URL+"\"\nrate = 2\n")[0])
	for i := range 5 {
		h.hear(t, crashAt(uint64(i+1)))
		h.tell(t.Context(), s)
	}
	if len(r.bodies) != 2 || s.Left != 3 {
		t.Errorf("%d messages, %+v", len(r.bodies), s.Sink)
	}
	s.Hour[0], s.Hour[1] = s.Hour[0]-3_600_000, s.Hour[1]-3_600_000 // an hour passes
	h.hear(t, crashAt(9))
	h.tell(t.Context(), s)
	if len(r.bodies) != 3 || !strings.Contains(r.bodies[2], `"left_out":3`) || !strings.Contains(r.bodies[2], "3 more left out") || s.Left != 0 {
		t.Errorf("%s", r.bodies[len(r.bodies)-1])
	}
}

func TestNewsGoWhereTheyAreWanted(t *testing.T) {
	tables := noticesOf(t, "[[notify]]\ntype = \"webhook\"\nurl = \"http://x\"\napps = [\"ns:web\"]\n[[notify]]\ntype = \"webhook\"\nurl = \"http://y\"\napps = [\"prod-*\"]\non = [\"memory\", \"hook\"]\n"+
		"[[notify]]\ntype = \"webhook\"\nurl = \"http://z\"\n")
	h, _, _ := bench(t, tables[0])
	h.sinks = nil
	for _, n := range tables {
		h.sinks = append(h.sinks, &sink{Notice: n, Sink: h.state.sink(n), source: "/x/velos.toml"})
	}
	h.apps = []velos.App{{ID: 1, Spec: velos.Spec{Name: "api", Source: "/x/velos.toml"}}, {ID: 2, Spec: velos.Spec{Name: "prod-web", Namespace: "web", Source: "/x/velos.toml"}}, {ID: 3, Spec: velos.Spec{Name: "prod-web", Source: "/other"}}}
	web := crashAt(2)
	web.App, web.ID = "prod-web", 2
	other := web
	other.ID = 3
	h.hear(t, crashAt(1), web, other,
		velos.Event{Seq: 4, Kind: velos.KindWarning, App: "prod-web", ID: 2, Cause: "memory: 95 MB, 95% of max_memory 100 MB"},
		velos.Event{Seq: 5, Kind: velos.KindWarning, App: "prod-web", ID: 2, Cause: "pre_stop failed after 2s: exit code 1"},
		velos.Event{Seq: 6, Kind: velos.KindWarning, App: "api", ID: 1, Cause: "something odd"})
	var got []string
	for _, s := range h.sinks {
		text := ""
		for _, n := range s.Unsent {
			text += n.App + " " + n.Kind + ","
		}
		got = append(got, text)
	}
	want := []string{"prod-web crash,prod-web memory,", "prod-web memory,prod-web hook,", "api crash,prod-web crash,prod-web memory,"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestWhatIsNoNews(t *testing.T) {
	h, _, _ := bench(t, noticesOf(t, "[[notify]]\ntype = \"webhook\"\nurl = \"http://x\"\n")[0])
	h.apps[0].Spec.StopExitCodes = []int64{3}
	for _, e := range []velos.Event{
		{Kind: velos.KindExit, App: "api", ID: 1, Exit: &velos.Exit{}},
		{Kind: velos.KindExit, App: "api", ID: 1, Exit: &velos.Exit{Code: 3}},
		{Kind: velos.KindExit, App: "api", ID: 1, Exit: &velos.Exit{Signal: "SIGTERM", Asked: true}},
		{Kind: velos.KindState, App: "api", ID: 1, To: velos.Online},
		{Kind: velos.KindState, App: "api", ID: 1, To: velos.Stopping, Cause: "ended, but left processes behind", Actor: velos.Policy},
		{Kind: velos.KindDaemon, Cause: "velosd started"},
		{Kind: velos.KindOrder, App: "api", ID: 1, Cause: "restart, watch: a.js", Actor: velos.Policy},
	} {
		if n, ok := h.newsOf(&e); ok {
			t.Errorf("%+v", n)
		}
	}
	if n, ok := h.newsOf(&velos.Event{Kind: velos.KindAlarm, App: "api", ID: 1, Cause: "errors: 40/min, normal 1"}); !ok || n.Kind != "anomaly" {
		t.Errorf("%+v", n)
	}
	for cause, kind := range map[string]string{"its health probe failed: 503": "crash", "no sign of life for 5s (watchdog)": "crash"} {
		if n, ok := h.newsOf(&velos.Event{Kind: velos.KindState, App: "api", ID: 1, To: velos.Stopping, Cause: cause, Actor: velos.Policy}); !ok || n.Kind != kind {
			t.Errorf("%s: %+v", cause, n)
		}
	}
}

func TestAnAppHasRecoveredWhenItStaysUp(t *testing.T) {
	h, s, _ := bench(t, noticesOf(t, "[[notify]]\ntype = \"webhook\"\nurl = \"http://x\"\n")[0])
	h.hear(t, crashAt(1))
	s.Unsent = nil
	ago := func(d time.Duration) velos.Time { return velos.TimeOf(time.Now().Add(-d)) }
	h.apps[0].Status, h.apps[0].Instances = velos.Online, []velos.Instance{{Status: velos.Online, Wanted: true, Since: ago(time.Second)}}
	if !h.recovered() || len(s.Unsent) != 0 {
		t.Error("too early")
	}
	h.apps[0].Instances[0].Since = ago(time.Minute)
	if !h.recovered() || len(s.Unsent) != 1 || s.Unsent[0].Kind != "recovered" {
		t.Errorf("%+v", s.Unsent)
	}
	if h.recovered() || len(s.Unsent) != 1 {
		t.Error("twice")
	}
	h.hear(t, crashAt(2))
	h.apps[0].Status, h.apps[0].Instances[0] = velos.Stopped, velos.Instance{Status: velos.Stopped}
	if h.recovered() || len(h.state.Down) != 0 {
		t.Error("who stops an app knows that it is down")
	}
}

func TestChangedTablesSendNothingBeforeTheyAreTrusted(t *testing.T) {
	hm := home.Home{Dir: t.TempDir()}
	file := filepath.Join(t.TempDir(), "velos.toml")
	put := func(url string) {
		text := "[apps.api]\nscript = \"sleep 9\"\n[[notify]]\ntype = \"webhook\"\nurl = \"" + url + "\"\nheaders = { X = \"file:/etc/hostname\" }\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sp := &velos.Spec{Name: "api", Source: file, Cwd: "/"}
	put("http://a")
	if _, err := Trusted(hm, sp); velos.CodeOf(err) != velos.Denied {
		t.Error(err)
	}
	_, err := config.Load(file, config.Environ{Dir: "/", Vars: map[string]string{"PATH": os.Getenv("PATH")}, Trust: func(c config.Claim) error { return trust.Store{Home: hm}.Remember(c, "asked", 1) }})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := Trusted(hm, sp); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	put("http://evil")
	if _, err := Trusted(hm, sp); velos.CodeOf(err) != velos.Denied {
		t.Error(err)
	}
}

func TestADamagedStateIsAsGoodAsNone(t *testing.T) {
	h := home.Home{Dir: t.TempDir()}
	if err := os.WriteFile(h.NoticesFile(), []byte("{\"cursor\": "), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Load(h); err != nil || s.Cursor != 0 || s.Sinks == nil {
		t.Error(s, err)
	}
}

func TestAJournalThatBeginsAnewIsReadFromThere(t *testing.T) {
	for _, c := range []struct{ cursor, after, newest, want uint64 }{
		{10, 4, 12, 10}, // as usual: more was read than the daemon has told of
		{10, 4, 10, 10},
		{9000, 4, 6, 4},
		{9000, 8000, 6, 6}, // told of before the journal was lost
	} {
		h := &Herald{After: c.after, state: &State{Cursor: c.cursor}}
		if h.resume(c.newest); h.state.Cursor != c.want {
			t.Errorf("%+v: goes on after %d", c, h.state.Cursor)
		}
	}
}

func ptr(e velos.Event) *velos.Event { return &e }
