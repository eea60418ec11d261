package probe

import (
	"bytes"
	"strings"
	"testing"
)

func TestAnAnswerIsReadHoweverItArrives(t *testing.T) {
	for _, c := range []struct {
		text   string
		status int
		fault  string
		done   bool
	}{
		{"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", 200, "", true},
		{"HTTP/1.0 204\r\n\r\n", 204, "", true},
		{"HTTP/1.1 503 Service Unavailable\nA: b\n\n", 503, "", true},
		{"HTTP/1.1 404 \r\n\r\n", 404, "", true},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 302 Found\r\n\r\n", 302, "", true},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, "", true},
		{"HTTP/1.1 200 OK\r\nA: b\r\n", 200, "", false},
		{"HTTP/1.1 20", 20, "", false},
		{"", 0, "", false},
		{"HTTP/1.1 20\r\n\r\n", 20, "not HTTP", true},
		{"HTTP/1.1 2000 OK\r\n", 200, "not HTTP", true},
		{"HTTP/1.1 000 OK\r\n", 0, "not HTTP", true},
		{"HTTP/2 200\r\n\r\n", 0, "not HTTP", true},
		{"SSH-2.0-OpenSSH_9.2\r\n", 0, "not HTTP", true},
		{"\r\n", 0, "not HTTP", true},
		{"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 2000), 200, "8 KiB", true},
		{"HTTP/1.1 200 " + strings.Repeat("x", 9000), 200, "8 KiB", true},
		{strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000), 0, "8 KiB", true},
	} {
		for _, size := range []int{1, 2, 7, 512, 1 << 20} {
			a, done := readAnswer([]byte(c.text), size)
			if a.status != c.status && c.status != 0 || done != c.done || !strings.Contains(a.fault, c.fault) || c.fault == "" && a.fault != "" {
				t.Errorf("%.40q by %d: got %+v, done %v", c.text, size, a, done)
			}
		}
	}
}

func readAnswer(b []byte, size int) (a answer, done bool) {
	for len(b) > 0 && !done {
		n := min(size, len(b))
		done = a.feed(b[:n])
		b = b[n:]
	}
	return a, done
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, done := readAnswer(b, len(b))
		part, again := readAnswer(b, 3)
		if whole != part || done != again {
			t.Fatalf("got %+v, %v at once and %+v, %v in parts", whole, done, part, again)
		}
		if whole.read > headerMax+1 || whole.fault == "" && done && (whole.status < 101 || whole.status > 999) {
			t.Fatalf("got %+v", whole)
		}
		if done && whole.well() && whole.fault == "" && !bytes.Contains(b, []byte("HTTP/1.")) {
			t.Fatalf("%q is no answer", b)
		}
	})
}
