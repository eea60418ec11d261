package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// noMessages are lines that no session may end at, and what is said to them.
var noMessages = []struct {
	line, id string
	code     float64
}{
	{"garbage", "null", parseError},
	{"{", "null", parseError},
	{`{"jsonrpc":"2.0","id":7,"method":"ping"} {}`, "null", parseError},
	{`{"jsonrpc":"2.0","id":7,"method":"ping","params":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}", "null", parseError},
	{"{}", "null", invalidRequest},
	{"[]", "null", invalidRequest},
	{"[5]", "null", invalidRequest},
	{"null", "null", invalidRequest},
	{"5", "null", invalidRequest},
	{`{"id":7,"method":"ping"}`, "7", invalidRequest},
	{`{"jsonrpc":"1.0","id":"a","method":"ping"}`, `"a"`, invalidRequest},
	{`{"JSONRPC":"2.0","ID":7,"Method":"ping"}`, "null", invalidRequest},
	{`{"jsonrpc":"2.0","id":7}`, "7", invalidRequest},
	{`{"jsonrpc":"2.0","id":7,"method":5}`, "7", invalidRequest},
	{`{"jsonrpc":"2.0","id":7,"method":""}`, "7", invalidRequest},
	{`{"jsonrpc":"2.0","id":null,"method":"ping"}`, "null", invalidRequest},
	{`{"jsonrpc":"2.0","id":true,"method":"ping"}`, "null", invalidRequest},
	{`{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, "null", invalidRequest},
	{`{"jsonrpc":"2.0","id":1e3,"method":"ping"}`, "null", invalidRequest},
	{`{"jsonrpc":"2.0","id":{},"method":"ping"}`, "null", invalidRequest},
	{`{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"}`, "null", invalidRequest},
	{`{"jsonrpc":"2.0","id":9007199254740994,"method":"ping"}`, "null", invalidRequest},
	{`[{"jsonrpc":"2.0","id":7,"method":"ping"},{"id":8}]`, "8", invalidRequest},
}

// goodMessages are lines that are answered under these ids.
var goodMessages = []struct{ line, id string }{
	{`{"jsonrpc":"2.0","id":-5,"method":"ping"}`, "-5"},
	{`{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}`, "9007199254740992"},
	{`{"jsonrpc":"2.0","id":"a\u0000\"ü","method":"ping"}` + "\r", `"a\u0000\"ü"`},
	{`{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 1<<20) + `","method":"ping"}`, `"` + strings.Repeat("x", 1<<20) + `"`},
	{`[{"jsonrpc":"2.0","id":31,"method":"ping"}]`, "31"},
	{`[{"jsonrpc":"2.0","id":32,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":99,"result":{}}]`, "32"},
	{"\n\n" + `{"jsonrpc":"2.0","method":"notifications/unknown"}` + "\n" + `{"jsonrpc":"2.0","id":33,"method":"ping"}`, "33"},
	{`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}` + "\n" + `{"jsonrpc":"2.0","id":34,"method":"ping"}`, "34"},
}

type anyAnswer struct {
	ID    json.RawMessage
	Error struct{ Code float64 }
}

func TestALineThatIsNoMessageIsAnsweredAndTheSessionGoesOn(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in, to := io.Pipe()
	from, out := io.Pipe()
	ended := make(chan error, 1)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	go func() { ended <- s.Stdio(ctx, in, out) }()
	answers := bufio.NewReader(from)
	ask := func(line string) (a anyAnswer) {
		t.Helper()
		go io.WriteString(to, line+"\n")
		text, err := answers.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		if err != nil {
			t.Fatalf("%.100q: %v", line, err)
		}
		return a
	}
	ask(hello)
	for _, c := range noMessages {
		if a := ask(c.line); string(a.ID) != c.id || a.Error.Code != c.code {
			t.Errorf("%.100q: id %s, code %v; want %s, %v", c.line, a.ID, a.Error.Code, c.id, c.code)
		}
	}
	if a := ask(`{"jsonrpc":"2.0","id":8,"method":"ping","params":{"x":"` + strings.Repeat("x", mostBody) + `"}}`); a.Error.Code != invalidRequest {
		t.Errorf("a message that is too long: %+v", a)
	}
	for _, c := range goodMessages {
		var want, got any
		a := ask(c.line)
		if json.Unmarshal([]byte(c.id), &want) != nil || json.Unmarshal(a.ID, &got) != nil || got != want || a.Error.Code != 0 {
			t.Errorf("%.100q: %.100s, %+v", c.line, a.ID, a.Error)
		}
	}
	_ = to.Close()
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("it does not end with its input")
	}
}

func TestAnIDComesBackAsItWasGivenOverHTTP(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := s.Handler(testPort, testToken)
	for _, c := range noMessages {
		r := httptest.NewRequest(http.MethodPost, "http://"+testHost+Path, strings.NewReader(c.line))
		for k, v := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": "Bearer " + testToken} {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var a anyAnswer
		if err := json.Unmarshal(w.Body.Bytes(), &a); w.Code != http.StatusBadRequest || err != nil || string(a.ID) != c.id || a.Error.Code != c.code {
			t.Errorf("%.100q: %d %.200s", c.line, w.Code, w.Body)
		}
	}
}

func FuzzParted(f *testing.F) {
	for _, c := range noMessages {
		f.Add([]byte(c.line))
	}
	for _, c := range goodMessages {
		f.Add([]byte(c.line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if line = []byte(strings.TrimSpace(strings.ReplaceAll(string(line), "\n", " "))); len(line) == 0 {
			return
		}
		list, refusal := parted(line)
		if refusal != nil && len(list) > 0 || refusal != nil && !json.Valid(refusal) {
			t.Errorf("%q: %d messages, %s", line, len(list), refusal)
		}
	})
}
