package channel

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestAMessageIsReadAsNodeWritesIt(t *testing.T) {
	var m Message
	line := `{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":{"ticketKeys":"ab01"},"address":null,"port":3000,"addressType":4,"path":"/a\"b\u00e9\n","x":{"a":[{}]},"seq":1}`
	if !m.parse([]byte(line)) {
		t.Fatal("it is not")
	}
	if m.Text("cmd") != "NODE_CLUSTER" || m.Text("act") != "queryServer" || m.Text("path") != "/a\"bé\n" || m.Text("address") != "" || m.Text("none") != "" {
		t.Error("texts are wrong")
	}
	if n, ok := m.Int("port"); n != 3000 || !ok {
		t.Error("numbers are wrong")
	}
	if _, ok := m.Int("address"); ok {
		t.Error("null is a number")
	}
	if string(m.Raw("x")) != `{"a":[{}]}` || string(m.Flat("data")) != `{"ticketKeys":"ab01"}` || m.Flat("x") != nil {
		t.Error("nested values are wrong")
	}
	for _, s := range []string{`"ready"`, "\x02\"ready\"", ` "ready" ` + "\r"} {
		if !m.parse([]byte(s)) || m.Bare() != "ready" {
			t.Errorf("%q is not ready", s)
		}
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	var m Message
	for _, s := range []string{"", "{", "}", "[", `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1}}`, `{"a":1,}`, `{a:1}`, `"a`, `"a" "b"`, `tru`, `1 2`, "{\"a\":\"\x01\"}", ",", `{"a":1 2}`,
		strings.Repeat("[", 100000), strings.Repeat(`{"a":`, 100000)} {
		if m.parse([]byte(s)) || m.Bare() != "" || m.Raw("a") != nil {
			t.Errorf("%.40q was taken", s)
		}
	}
	if deep := strings.Repeat("[", 30000) + strings.Repeat("]", 30000); !m.parse([]byte(deep)) {
		t.Error("depth alone is no fault")
	}
}

func FuzzMessage(f *testing.F) {
	for _, s := range []string{`{"cmd":"NODE_CLUSTER","act":"online","seq":0}`, `"ready"`, `{"a":{"b":[1,2,{"c":null}]},"d":-1.5e3}`, `[]`, `{"data":{"k":"v"}}`,
		"\x02{\"a\":1}", `{"a":"\u00e9\ud83d\ude00\\"}`, `{}`, `{"a":1,"a":2}`, "{\"a\" :\t1 }"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		ok := m.parse(b)
		valid := json.Valid(b)
		if valid && !ok && bytes.IndexByte(b, '\n') < 0 {
			t.Fatalf("%q is JSON and was refused", b)
		}
		_, _, _ = m.Bare(), m.Text("a"), m.Raw("cmd")
		if v := m.Flat("data"); v != nil && valid && !json.Valid(v) {
			t.Fatalf("%q would be repeated", v)
		}
		var want map[string]json.RawMessage
		if !valid || json.Unmarshal(b, &want) != nil || m.n == maxFields {
			return
		}
		for key, v := range want {
			if strings.ContainsAny(string(b), "\\\ufffd") {
				return // keys with escapes are nobody's
			}
			if got := m.Raw(key); !bytes.Equal(got, bytes.TrimSpace(v)) {
				t.Fatalf("%q: %q is %q; want %q", b, key, got, v)
			}
		}
	})
}
