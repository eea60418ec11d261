package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/velospm/velos"
)

// A word is a message of the server.
type word struct {
	ID, Type, Daemon, Scope, Cursor, Reason, App, Topic string
	Missed                                              uint64
	Lines                                               []struct {
		Seq uint64
		Msg string
	}
	Events []struct {
		Seq  uint64
		Kind string
	}
	Apps []struct {
		ID   uint32
		Name string
	}
	Gone  []uint32
	Error *struct{ Code, Message string }
}

// A talk is a WebSocket that was opened with a ticket.
type talk struct {
	t  *testing.T
	ws *websocket.Conn
}

func (c *contract) ticket(t *testing.T) string {
	t.Helper()
	code, text := get(t, "POST", c.url+"/v1/tickets", c.token, "")
	var a struct{ Ticket string }
	if code != 200 || json.Unmarshal([]byte(text), &a) != nil || a.Ticket == "" {
		t.Fatalf("%d %s", code, text)
	}
	return a.Ticket
}

func (c *contract) dial(t *testing.T, protocols []string, h http.Header) (*websocket.Conn, int, error) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ws, a, err := websocket.Dial(ctx, strings.Replace(c.url, "http", "ws", 1)+"/v1/stream", &websocket.DialOptions{Subprotocols: protocols, HTTPHeader: h})
	if a == nil {
		return nil, 0, err
	}
	if ws != nil {
		ws.SetReadLimit(16 << 20)
		t.Cleanup(func() { _ = ws.CloseNow() })
	}
	return ws, a.StatusCode, err
}

// talk opens a WebSocket, and hears the first word.
func (c *contract) talk(t *testing.T) *talk {
	t.Helper()
	ws, _, err := c.dial(t, []string{"velos.v1", "ticket." + c.ticket(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{t, ws}
	if w := k.next(); w.Type != "hello" || w.Scope != "read" || w.Daemon != "here" {
		t.Fatalf("%+v", w)
	}
	return k
}

func (k *talk) say(text string) {
	k.t.Helper()
	if err := k.ws.Write(k.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		k.t.Fatal(err)
	}
}

func (k *talk) next() (w word) {
	k.t.Helper()
	ctx, stop := context.WithTimeout(k.t.Context(), time.Minute)
	defer stop()
	_, b, err := k.ws.Read(ctx)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := json.Unmarshal(b, &w); err != nil {
		k.t.Fatalf("%s: %v", b, err)
	}
	return w
}

// until is the next word of a type; others are passed over.
func (k *talk) until(kind string) word {
	k.t.Helper()
	for range 100 {
		if w := k.next(); w.Type == kind {
			return w
		}
	}
	k.t.Fatalf("there was no %s", kind)
	return word{}
}

// count is how often the daemon was asked for something.
func (d *fake) count(call string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, c := range d.calls {
		if c == call {
			n++
		}
	}
	return n
}

// followed returns when somebody follows a log.
func (d *fake) followed(t *testing.T) {
	t.Helper()
	d.followedBy(t, 1)
}

// followedBy returns when so many do.
func (d *fake) followedBy(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); d.count("LOG_STREAM") < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("fewer than %d follow", n)
		}
	}
}

func (d *fake) write(seq int, text string) {
	d.happen(velos.Event{Kind: velos.KindState, ID: 1, App: "api", To: velos.Online}, velos.Entry{Seq: uint64(seq), Time: velos.TimeOf(now), App: 1, Level: velos.Info, Src: velos.Stdout, Msg: []byte(text)})
}

func TestASocketTellsOfEverything(t *testing.T) {
	d := newFake(t, "api", "db")
	d.apps[0].Spec.Env = map[string]string{"API_TOKEN": "hunter2hunter2"}
	d.happen(velos.Event{Kind: velos.KindDaemon})
	c := served(t, d, "read")
	k := c.talk(t)
	k.say(`{"op":"subscribe","id":"s","topic":"state"}`)
	if w := k.until("snapshot"); w.ID != "s" || len(w.Apps) != 2 || w.Apps[0].Name != "api" {
		t.Errorf("%+v", w)
	}
	k.say(`{"op":"subscribe","id":"m","topic":"metrics","apps":["db"]}`)
	if w := k.until("metrics"); w.ID != "m" || len(w.Apps) != 1 || w.Apps[0].Name != "db" {
		t.Errorf("%+v", w)
	}
	k.say(`{"op":"subscribe","id":"e","topic":"events","lines":1}`)
	if w := k.until("event"); w.ID != "e" || len(w.Events) != 1 || w.Events[0].Kind != "daemon" || w.Cursor != "1" {
		t.Errorf("%+v", w)
	}
	k.say(`{"op":"subscribe","id":"l","topic":"logs","apps":["api"]}`)
	k.until("subscribed")
	d.followed(t)
	d.write(1, "\x1b]0;x\x07<img onerror=1> hunter2hunter2")
	seen := map[string]word{}
	for range 50 {
		w := k.next()
		seen[w.Type] = w
		if _, ok := seen["entry"]; ok && seen["event"].ID != "" && seen["state"].ID != "" {
			break
		}
	}
	l := seen["entry"]
	if l.ID != "l" || l.App != "api" || l.Cursor != "api#1.0.1" || len(l.Lines) != 1 || strings.ContainsAny(l.Lines[0].Msg, "\x1b\x07") || strings.Contains(l.Lines[0].Msg, "hunter2") || !strings.Contains(l.Lines[0].Msg, "<img") {
		t.Errorf("%+v", l)
	}
	if e := seen["event"]; len(e.Events) != 1 || e.Cursor != "2" {
		t.Errorf("%+v", e)
	}
	if s := seen["state"]; len(s.Apps) != 1 || s.Apps[0].Name != "api" {
		t.Errorf("%+v", s)
	}
	k.say(`{"op":"unsubscribe","id":"l"}`)
	if w := k.until("end"); w.ID != "l" || w.Reason != "unsubscribed" {
		t.Errorf("%+v", w)
	}
	k.say(`{"op":"ping"}`)
	k.until("pong")
}

func TestManySubscribersAreOneStreamOfTheDaemon(t *testing.T) {
	d := newFake(t, "api")
	c := served(t, d, "read")
	talks := make([]*talk, 20)
	for i := range talks {
		talks[i] = c.talk(t)
		for n := range 5 {
			talks[i].say(`{"op":"subscribe","id":"` + strconv.Itoa(n) + `","topic":"logs","apps":["api"]}`)
			talks[i].until("subscribed")
		}
		talks[i].say(`{"op":"subscribe","id":"e","topic":"events"}`)
		talks[i].until("subscribed")
	}
	d.followed(t)
	if n := d.count("LOG_STREAM"); n != 1 {
		t.Errorf("100 readers of a log are %d streams", n)
	}
	if n := d.count("EVENT_LIST"); n != 1 {
		t.Errorf("20 readers of events are %d streams", n)
	}
	d.write(1, "to all")
	for _, k := range talks {
		got := 0
		for got < 5 {
			if w := k.until("entry"); len(w.Lines) != 1 || w.Lines[0].Msg != "to all" {
				t.Fatalf("%+v", w)
			}
			got++
		}
	}
}

func TestSubscriptionsGoOnWithAnotherDaemon(t *testing.T) {
	d := newFake(t, "api")
	d.live = []velos.Entry{{Seq: 1, Time: velos.TimeOf(now), App: 1, Msg: []byte("before")}}
	c := served(t, d, "read")
	k := c.talk(t)
	k.say(`{"op":"subscribe","id":"l","topic":"logs","apps":["api"]}`)
	d.followed(t)
	d.write(2, "two")
	first := k.until("entry")
	d.die()
	if w := k.until("daemon"); w.Daemon != "gone" {
		t.Errorf("%+v", w)
	}
	d.write(3, "while it was away")
	d.listen(t)
	if w := k.until("daemon"); w.Daemon != "back" {
		t.Errorf("%+v", w)
	}
	if w := k.until("entry"); len(w.Lines) != 1 || w.Lines[0].Seq != 3 || w.Cursor != "api#3.0.1" {
		t.Errorf("%+v", w)
	}
	// And so does one on another connection, with its cursor.
	d.mu.Lock()
	d.lines, d.apps[0].Log.Seq = slices.Clone(d.live), 3
	d.mu.Unlock()
	other := c.talk(t)
	other.say(`{"op":"subscribe","id":"l","topic":"logs","apps":["api"],"cursor":"` + first.Cursor + `"}`)
	if w := other.until("entry"); len(w.Lines) != 1 || w.Lines[0].Seq != 3 || w.Missed != 0 {
		t.Errorf("behind %s: %+v", first.Cursor, w)
	}
}

func TestWhatIsNotUnderstoodIsAnError(t *testing.T) {
	d := newFake(t, "api")
	c := served(t, d, "read")
	k := c.talk(t)
	k.say(`{"op":"subscribe","id":"taken","topic":"state"}`)
	for say, part := range map[string]string{
		`{"op":"restart","id":"1"}`:                                                            "is unknown",
		`{"op":"subscribe","topic":"state"}`:                                                   "id:",
		`{"op":"subscribe","id":"taken","topic":"state"}`:                                      "already",
		`{"op":"subscribe","id":"1","topic":"secrets"}`:                                        "topic:",
		`{"op":"subscribe","id":"1","topic":"logs"}`:                                           "apps:",
		`{"op":"subscribe","id":"1","topic":"logs","apps":["nobody"]}`:                         "no such app",
		`{"op":"subscribe","id":"1","topic":"logs","apps":["api"],"grep":"["}`:                 "grep:",
		`{"op":"subscribe","id":"1","topic":"logs","apps":["api"],"level":"loud"}`:             "level:",
		`{"op":"subscribe","id":"1","topic":"logs","apps":["api"],"src":"x"}`:                  "src:",
		`{"op":"subscribe","id":"1","topic":"logs","apps":["api"],"cursor":"db#1.0.2"}`:        "none of these apps",
		`{"op":"subscribe","id":"1","topic":"logs","apps":["api"],"cursor":"?"}`:               "cursor",
		`{"op":"subscribe","id":"1","topic":"logs","apps":["api"],"lines":-1}`:                 "lines:",
		`{"op":"subscribe","id":"1","topic":"logs","apps":["api"],"lines":1,"cursor":"api#1"}`: "lines:",
		`{"op":"subscribe","id":"1","topic":"state","apps":["api"]}`:                           "takes no apps",
		`{"op":"subscribe","id":"1","topic":"events","apps":["api:0"]}`:                        "one instance",
		`{"op":"ping","secret":1}`:                                                             "secret: unknown",
		`{"op":"subscribe","id":"1","topic":"events","cursor":"x"}`:                            "cursor:",
		`{"op":"subscribe","id":"1","topic":"metrics","interval_ms":5}`:                        "interval_ms",
		`{"op":"unsubscribe","id":"nobody"}`:                                                   "no subscription",
	} {
		k.say(say)
		if w := k.until("error"); w.Error == nil || !strings.Contains(w.Error.Message, part) {
			t.Errorf("%s: %+v", say, w.Error)
		}
	}
	for _, say := range []string{`{"op":"ping"`, `[]`, `null`, `{"op":"ping"} {}`} {
		k := c.talk(t)
		k.say(say)
		if _, _, err := k.ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%s: %v", say, err)
		}
	}
	large := c.talk(t)
	large.say(`{"op":"` + strings.Repeat("x", 70<<10) + `"}`)
	if _, _, err := large.ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("70 KiB: %v", err)
	}
}

func TestASocketIsOnlyForWhoMayHaveIt(t *testing.T) {
	d := newFake(t, "api")
	c := served(t, d, "read")
	used := c.ticket(t)
	bearer := http.Header{"Authorization": {"Bearer " + c.token}}
	for _, x := range []struct {
		name      string
		protocols []string
		header    http.Header
		want      int
	}{
		{"with a ticket", []string{"velos.v1", "ticket." + used}, nil, 101},
		{"with one that was used", []string{"velos.v1", "ticket." + used}, nil, 401},
		{"with a wrong one", []string{"velos.v1", "ticket.abc"}, nil, 401},
		{"with the token as a ticket", []string{"velos.v1", "ticket." + c.token}, nil, 401},
		{"with nothing", []string{"velos.v1"}, nil, 401},
		{"with a token", nil, bearer, 101},
		{"from our page", []string{"ticket." + c.ticket(t)}, http.Header{"Origin": {c.url}}, 101},
		{"from another page", []string{"ticket." + c.ticket(t)}, http.Header{"Origin": {"http://evil.example"}}, 403},
		{"from no page", []string{"ticket." + c.ticket(t)}, http.Header{"Origin": {"null"}}, 403},
		{"across sites", nil, http.Header{"Authorization": bearer["Authorization"], "Sec-Fetch-Site": {"cross-site"}}, 403},
	} {
		if _, got, _ := c.dial(t, x.protocols, x.header); got != x.want {
			t.Errorf("%s: %d, want %d", x.name, got, x.want)
		}
	}
}

func TestAHandshakeThatIsNoneIsAnErrorLikeAllOthers(t *testing.T) {
	d := newFake(t, "api")
	c := served(t, d, "read")
	good := map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
	for _, x := range []struct {
		header, value string
		status        int
		part          string
	}{
		{"Sec-WebSocket-Version", "8", 400, "version"},
		{"Sec-WebSocket-Key", "short", 400, "Sec-WebSocket-Key"},
		{"Sec-WebSocket-Key", "", 400, "Sec-WebSocket-Key"},
		{"Connection", "close", 426, "Connection"},
	} {
		r, err := http.NewRequest("GET", c.url+"/v1/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		for k, v := range good {
			r.Header.Set(k, v)
		}
		if r.Header.Set(x.header, x.value); x.value == "" {
			r.Header.Del(x.header)
		}
		a, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(a.Body)
		a.Body.Close()
		var e struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(b, &e); err != nil || a.StatusCode != x.status || a.Header.Get("Content-Type") != "application/json" ||
			e.Error.Code != "invalid" || !strings.Contains(e.Error.Message, x.part) {
			t.Errorf("%s %s: %d %s %s", x.header, x.value, a.StatusCode, a.Header.Get("Content-Type"), b)
		}
	}
}

func TestADoorThatEndsSaysSo(t *testing.T) {
	d := newFake(t, "api")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	secret, _, _ := d.run(t, "token", "create")
	var errs locked
	code := make(chan int, 1)
	go func() {
		code <- Run(ctx, World{Out: &errs, Err: &errs, Dir: d.home, Vars: map[string]string{"VELOS_HOME": d.home}, Now: time.Now, Loc: time.UTC}, []string{"api", "--port", "0"})
	}()
	var at []string
	for end := time.Now().Add(time.Minute); at == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		at = listening.FindStringSubmatch(errs.String())
	}
	if at == nil {
		t.Fatal(errs.String())
	}
	c := &contract{url: strings.TrimSuffix(at[1], "/v1"), token: strings.TrimSpace(secret)}
	k := c.talk(t)
	r, err := http.NewRequest("GET", c.url+"/v1/events?follow=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	stream, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	stop()
	if text, err := io.ReadAll(stream.Body); err != nil || !strings.Contains(string(text), `"message":"this door is closing","retryable":true`) {
		t.Errorf("the stream ended with %q, %v", text, err)
	}
	for err == nil {
		_, _, err = k.ws.Read(t.Context())
	}
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != websocket.StatusGoingAway || closed.Reason == "" {
		t.Error(err)
	}
	if n := <-code; n != 0 {
		t.Errorf("%d: %s", n, errs.String())
	}
}

// TestAClientOfAnotherMakeUnderstandsIt runs Node's own WebSocket, which
// speaks as browsers do.
func TestAClientOfAnotherMakeUnderstandsIt(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node here")
	}
	if exec.CommandContext(t.Context(), node, "--experimental-websocket", "-e", "WebSocket").Run() != nil {
		t.Skip("this Node has no WebSocket")
	}
	d := newFake(t, "api")
	c := served(t, d, "read")
	const client = `const [url, ticket] = process.argv.slice(1)
const ws = new WebSocket(url, ["velos.v1", "ticket." + ticket])
ws.onopen = () => ws.send(JSON.stringify({op: "subscribe", id: "s", topic: "state"}))
ws.onmessage = e => { const m = JSON.parse(e.data); if (m.type == "snapshot") { console.log(ws.protocol, m.apps[0].name); ws.close(1000) } }
ws.onclose = e => { console.log(e.code, e.wasClean); process.exit() }
setTimeout(() => { console.log("nothing came"); process.exit(1) }, 60000)`
	cmd := exec.CommandContext(t.Context(), node, "--experimental-websocket", "--no-warnings", "-e", client, strings.Replace(c.url, "http", "ws", 1)+"/v1/stream", c.ticket(t))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "velos.v1 api\n1000 true\n" {
		t.Errorf("%v %s", err, out)
	}
}

func TestASecretThatIsNewIsHiddenInAStreamThatGoesOn(t *testing.T) {
	d := newFake(t, "api")
	d.apps[0].Spec.Env = map[string]string{"API_TOKEN": "former-0123456789"}
	c := served(t, d, "read")
	k := c.talk(t)
	k.say(`{"op":"subscribe","id":"l","topic":"logs","apps":["api"]}`)
	k.until("subscribed")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	r, _ := http.NewRequestWithContext(ctx, "GET", c.url+"/v1/apps/api/logs?follow=true", nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	d.followedBy(t, 2)
	lines := bufio.NewScanner(a.Body)
	for i, pid := range []int{7, 7, 8} {
		if pid == 8 { // another run, with another configuration
			d.mu.Lock()
			d.apps[0].Generation++
			d.apps[0].Spec.Env = map[string]string{"API_TOKEN": "present-0123456789"}
			d.mu.Unlock()
		}
		d.happen(velos.Event{}, velos.Entry{Seq: uint64(i + 1), Time: velos.TimeOf(now), App: 1, PID: pid, Msg: []byte("former-0123456789 and present-0123456789")})
		want := map[int]string{7: "[masked] and present-0123456789", 8: "[masked] and [masked]"}[pid]
		var line struct{ Msg string }
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &line) != nil || line.Msg != want {
			t.Errorf("the stream has %q, not %q", lines.Text(), want)
		}
		if w := k.until("entry"); len(w.Lines) != 1 || w.Lines[0].Msg != want {
			t.Errorf("the WebSocket has %+v, not %q", w.Lines, want)
		}
	}
}
