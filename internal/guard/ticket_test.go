package guard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// shake is the handshake of a WebSocket with a ticket among its protocols.
func shake(ticket string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Sec-WebSocket-Protocol", "velos.v1, ticket."+ticket)
	}
}

func TestATicketOpensOneSocketSoon(t *testing.T) {
	s := store(t)
	_, tok := create(t, s, Read, 0)
	clock := now
	tickets := &Tickets{Now: func() time.Time { return clock }}
	d := Door{Tokens: s, Tickets: tickets, Sockets: 1}
	issue := func() string {
		t.Helper()
		secret, err := tickets.Issue(Grant{tok})
		if err != nil || len(secret) < 43 {
			t.Fatal(secret, err)
		}
		return secret
	}
	first := issue()
	if w := asked(d, shake(first)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := asked(d, shake(first)); w.Code != 401 {
		t.Errorf("a second time: %d", w.Code)
	}
	if w := asked(d, func(r *http.Request) {
		shake("")(r)
		r.Header.Del("Sec-WebSocket-Protocol")
		r.URL.RawQuery = "ticket=" + issue()
	}); w.Code != 200 {
		t.Errorf("in the address: %d", w.Code)
	}
	if w := asked(d, shake(issue()+"x")); w.Code != 401 {
		t.Errorf("a wrong one: %d", w.Code)
	}
	plain := issue()
	if w := asked(d, func(r *http.Request) { r.URL.RawQuery = "ticket=" + plain }); w.Code != 401 {
		t.Errorf("for what is no WebSocket: %d", w.Code)
	}
	if w := asked(d, shake(plain)); w.Code != 200 {
		t.Errorf("it was used up where it is not taken: %d", w.Code)
	}
	late := issue()
	clock = clock.Add(TicketLife)
	if w := asked(d, shake(late)); w.Code != 401 {
		t.Errorf("too late: %d", w.Code)
	}
	revoked := issue()
	if err := s.Revoke(tok.ID); err != nil {
		t.Fatal(err)
	}
	if w := asked(d, shake(revoked)); w.Code != 401 {
		t.Errorf("of a token that was revoked: %d", w.Code)
	}
	if w := asked(Door{Tokens: s, Sockets: 1}, shake(first)); w.Code != 401 {
		t.Errorf("where none are taken: %d", w.Code)
	}
}

func TestTicketsThatNobodyUsesAreBounded(t *testing.T) {
	clock := now
	tickets := &Tickets{Now: func() time.Time { return clock }}
	for range mostTickets {
		if _, err := tickets.Issue(Grant{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tickets.Issue(Grant{}); err == nil {
		t.Error("one more than there may be")
	}
	clock = clock.Add(TicketLife)
	if _, err := tickets.Issue(Grant{}); err != nil || len(tickets.open) != 1 {
		t.Errorf("those that are too old are in the way: %v, %d", err, len(tickets.open))
	}
}

func TestARotatedTokenHasOneSecret(t *testing.T) {
	s := store(t)
	old, tok := create(t, s, Control, time.Hour)
	s.Now = func() time.Time { return now.Add(30 * time.Minute) }
	fresh, again, err := s.Rotate(tok.ID)
	if err != nil || again.ID != tok.ID || again.Scope != Control || again.Expires-again.Created != tok.Expires-tok.Created {
		t.Fatalf("%+v %v", again, err)
	}
	if _, err := s.Check(old); err == nil {
		t.Error("the former secret is still good")
	}
	if got, err := s.Check(fresh); err != nil || got != again {
		t.Errorf("%v %v", got, err)
	}
	if s.Valid(tok) == nil {
		t.Error("who came with the former secret may stay")
	}
	if err := s.Valid(again); err != nil {
		t.Error(err)
	}
	if list, err := s.List(); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if _, _, err := s.Rotate("0123456789"); err == nil {
		t.Error("a token that is not there was rotated")
	}
}

func TestPagesOfANamedOriginMayAsk(t *testing.T) {
	const board = "https://board.example:8443"
	from := func(origin, method string) *httptest.ResponseRecorder {
		return asked(Door{Origins: []string{board}, Tokens: store(t)}, func(r *http.Request) {
			r.Method = method
			r.Header.Set("Origin", origin)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Access-Control-Request-Method", "POST")
		})
	}
	w := from(board, http.MethodOptions)
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != board || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") ||
		w.Header().Get("Access-Control-Allow-Credentials") != "" || w.Header().Get("Vary") != "Origin" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := from(board, http.MethodGet); w.Code != 401 || w.Header().Get("Access-Control-Allow-Origin") != board {
		t.Errorf("it needs a token like everybody: %d %v", w.Code, w.Header())
	}
	for _, o := range []string{"http://board.example:8443", "https://board.example", "https://board.example:8443.evil", "https://xboard.example:8443", "null", ""} {
		if w := from(o, http.MethodOptions); w.Code != 403 || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%q: %d", o, w.Code)
		}
	}
	for text, ok := range map[string]bool{board: true, "http://localhost:5173": true, "*": false, "https://*.example": false, "board.example": false, "https://a.example/": false, "null": false, "file://x": false, "": false} {
		if (CheckOrigin(text) == nil) != ok {
			t.Errorf("%q: %v", text, CheckOrigin(text))
		}
	}
}

func TestAClientThatAsksTooOftenWaits(t *testing.T) {
	s := store(t)
	one, _ := create(t, s, Read, 0)
	two, _ := create(t, s, Read, 0)
	h := Door{Next: http.HandlerFunc(yes), Tokens: s, Rate: 0.001, Burst: 2}.Handler()
	ask := func(secret string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		if secret != "" {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for range 2 {
		if w := ask(one); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	if w := ask(one); w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"retryable":true`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := ask(two); w.Code != 200 {
		t.Errorf("another client: %d", w.Code)
	}
	for range 2 {
		if w := ask(""); w.Code != 401 {
			t.Error(w.Code)
		}
	}
	if w := ask(""); w.Code != 429 {
		t.Errorf("guessing: %d", w.Code)
	}
}

func TestFilesOfAPageAreThereForWhomeverAsksWhileSomebodyGuesses(t *testing.T) {
	isOpen := func(r *http.Request) bool { return r.URL.Path == "/" || r.URL.Path == "/session" }
	h := Door{Next: http.HandlerFunc(yes), Tokens: store(t), Rate: 0.001, Burst: 1, Open: isOpen}.Handler()
	ask := func(method, path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+path, nil))
		return w.Code
	}
	if code := ask("GET", "/v1"); code != 401 {
		t.Fatal(code)
	}
	if code := ask("GET", "/v1"); code != 429 {
		t.Fatal(code)
	}
	for range 5 {
		if code := ask("GET", "/"); code != 200 {
			t.Errorf("a file: %d", code)
		}
	}
	if code := ask("POST", "/session"); code != 429 {
		t.Errorf("codes can be guessed without a limit: %d", code)
	}
}

func TestClientsAreForgottenBeforeTheyAreTooMany(t *testing.T) {
	r := &rates{each: 1, burst: 1, now: func() time.Time { return now }}
	for i := range mostClients + 50 {
		_ = r.check(strings.Repeat("x", i))
	}
	if n := len(r.clients); n > mostClients {
		t.Errorf("%d are remembered", n)
	}
}

func TestALinkMayLeadToAPageAndNothingElse(t *testing.T) {
	d := Door{Tokens: store(t), Open: func(r *http.Request) bool { return r.URL.Path == "/" }}
	follow := func(path string) int {
		return asked(d, func(r *http.Request) {
			r.URL.Path = path
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
		}).Code
	}
	if follow("/") != 200 || follow("/v1/apps") != 403 {
		t.Error(follow("/"), follow("/v1/apps"))
	}
	if w := asked(d, func(r *http.Request) { r.Host = "evil.example" }); w.Code != 403 {
		t.Errorf("the page by another name: %d", w.Code)
	}
}
