package mcp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
)

const (
	testPort  = 4999
	testToken = "0123456789abcdef0123456789abcdef"
	testHost  = "127.0.0.1:4999"
	hello     = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
)

// TestTheGuardStandsBeforeEveryRoute sends what a page of somebody else, or a
// program without the token, could send.
func TestTheGuardStandsBeforeEveryRoute(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := s.Handler(testPort, testToken)
	type change func(r *http.Request)
	set := func(key, value string) change { return func(r *http.Request) { r.Header.Set(key, value) } }
	host := func(name string) change { return func(r *http.Request) { r.Host = name } }
	for name, c := range map[string]struct {
		method string
		change change
		want   int
	}{
		"all is well":          {"POST", nil, 200},
		"own origin":           {"POST", set("Origin", "http://localhost:4999"), 200},
		"charset":              {"POST", set("Content-Type", "application/json; charset=utf-8"), 200},
		"localhost":            {"POST", host("localhost:4999"), 200},
		"foreign host":         {"POST", host("evil.example:4999"), 403},
		"rebound host":         {"POST", host("127.0.0.1.evil.example:4999"), 403},
		"host without port":    {"POST", host("127.0.0.1"), 403},
		"host with a dot":      {"POST", host("localhost.:4999"), 200},
		"other port":           {"POST", host("127.0.0.1:80"), 403},
		"foreign origin":       {"POST", set("Origin", "http://evil.example"), 403},
		"null origin":          {"POST", set("Origin", "null"), 403},
		"empty origin":         {"POST", set("Origin", ""), 403},
		"https origin":         {"POST", set("Origin", "https://localhost:4999"), 403},
		"two origins":          {"POST", func(r *http.Request) { r.Header["Origin"] = []string{"http://localhost:4999", "http://evil.example"} }, 403},
		"cross site":           {"POST", set("Sec-Fetch-Site", "cross-site"), 403},
		"same site":            {"POST", set("Sec-Fetch-Site", "same-site"), 403},
		"no token":             {"POST", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"wrong token":          {"POST", set("Authorization", "Bearer "+strings.Repeat("0", 32)), 401},
		"token without scheme": {"POST", set("Authorization", testToken), 401},
		"token in the query": {"POST", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "token=" + testToken
		}, 401},
		"text body":         {"POST", set("Content-Type", "text/plain"), 400},
		"form body":         {"POST", set("Content-Type", "application/x-www-form-urlencoded"), 400},
		"no type":           {"POST", func(r *http.Request) { r.Header.Del("Content-Type") }, 400},
		"get does nothing":  {"GET", nil, 400},
		"options":           {"OPTIONS", nil, 405},
		"put":               {"PUT", nil, 405},
		"get without token": {"GET", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
	} {
		for _, path := range []string{Path, "/", "/mcp/x", "/token"} {
			r := httptest.NewRequest(c.method, "http://"+testHost+path, strings.NewReader(hello))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "application/json, text/event-stream")
			r.Header.Set("Authorization", "Bearer "+testToken)
			if c.change != nil {
				c.change(r)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			want := c.want
			if path != Path && (want == 200 || want == 405 || name == "get does nothing") {
				want = 404
			}
			if w.Code != want {
				t.Errorf("%s, %s %s: %d; want %d: %s", name, c.method, path, w.Code, want, w.Body)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: other origins are let in", name)
			}
		}
	}
}

// TestNothingIsDoneForWhomTheGuardRefuses calls a tool that changes things, in
// both eras: whoever is refused must not even have the daemon asked.
func TestNothingIsDoneForWhomTheGuardRefuses(t *testing.T) {
	var asked atomic.Int32
	s, err := New(Options{Connect: func(context.Context) (*client.Client, error) {
		asked.Add(1)
		return nil, &velos.Error{Code: velos.Unreachable, Message: "there is no daemon in this test"}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := s.Handler(testPort, testToken)
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}},`
	send := func(method, body string, change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://"+testHost+Path, strings.NewReader(body))
		for key, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": "Bearer " + testToken,
			"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "process_stop"} {
			r.Header.Set(key, value)
		}
		change(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{` + meta + `"name":"process_stop","arguments":{"name_or_id":"api"}}}`
	for name, change := range map[string]func(*http.Request){
		"foreign host": func(r *http.Request) { r.Host = "evil.example:4999" },
		"rebound host": func(r *http.Request) {
			r.Host = "evil.example:4999"
			r.Header.Set("Origin", "http://evil.example:4999")
		},
		"foreign origin": func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"null origin":    func(r *http.Request) { r.Header.Set("Origin", "null") },
		"cross site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"text":           func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"form":           func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"no token":       func(r *http.Request) { r.Header.Del("Authorization") },
		"wrong token":    func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("0", 32)) },
		"half a token":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+testToken[:16]) },
		"in the address": func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "token=" + testToken },
		"in a cookie":    func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("Cookie", "token="+testToken) },
		"get":            func(r *http.Request) { r.Method = http.MethodGet },
		"another method": func(r *http.Request) { r.Method = http.MethodPut },
		"too large": func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(call+strings.Repeat(" ", mostBody))), int64(len(call)+mostBody)
		},
		"large and silent": func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(call+strings.Repeat(" ", mostBody))), -1
			r.TransferEncoding = []string{"chunked"}
		},
	} {
		w := send(http.MethodPost, call, change)
		if w.Code < 400 || w.Header().Get("Set-Cookie") != "" || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the daemon was asked %d times", n)
	}
	if w := send(http.MethodPost, call, func(*http.Request) {}); w.Code != 200 || asked.Load() == 0 {
		t.Errorf("whoever may: %d %s", w.Code, w.Body)
	}
}

func TestErasAreToldApart(t *testing.T) {
	for _, c := range []struct {
		header, body string
		want         bool
	}{
		{"", hello, false}, {"2025-11-25", "", false}, {"2026-07-28", "", true}, {"2027-01-01", "", true}, {"", "[]", false}, {"", "{", false},
		{"", `{"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`, true},
		{"", `{"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}}`, false},
	} {
		if got := modern(c.header, []byte(c.body)); got != c.want {
			t.Errorf("%q %s: %v", c.header, c.body, got)
		}
	}
}

func TestTheTokenIsMadeOnceAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mcp.token")
	first, err := Token(path)
	if err != nil || len(first) != 64 {
		t.Fatalf("%q, %v", first, err)
	}
	if second, err := Token(path); err != nil || second != first {
		t.Errorf("%q, %v", second, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Token(path); err == nil {
		t.Error("a token that others may read is used")
	}
}
