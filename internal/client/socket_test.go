//go:build linux || darwin

package client

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// answering is a daemon that answers pings, and streams without an end.
func answering(t testing.TB) (path string) {
	dir, err := os.MkdirTemp("", "velos")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s")
	l, err := wire.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); os.RemoveAll(dir) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return path
}

func answer(c *wire.Conn) {
	defer c.Close()
	r := wire.NewReader(c)
	var b []byte
	for {
		p, err := r.Next()
		if err != nil {
			return
		}
		req, err := wire.ParseRequest(p)
		if err != nil {
			return
		}
		b = b[:0]
		switch req.Command {
		case wire.DaemonPing:
			b = wire.AppendResponse(b, req.ID, wire.OK, &wire.Pong{Version: "1", PID: 1})
		case wire.CancelStream:
			b = wire.AppendResponse(b, req.ID, wire.OK, nil)
		default:
			for range 20 { // more than a Client keeps, and fits with the socket's buffer
				b = wire.AppendResponse(b, req.ID, wire.Streaming, &flood)
			}
			go c.Write(append([]byte(nil), b...))
			b = b[:0]
		}
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

func TestStreamsOfOneClientDoNotStopEachOther(t *testing.T) {
	c, err := Dial(answering(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range c.Logs(t.Context(), 1, velos.Query{Follow: true}) {
		for range c.Logs(t.Context(), 2, velos.Query{Follow: true}) {
			for _, err := range c.Logs(t.Context(), 3, velos.Query{Follow: true}) {
				if err != nil {
					t.Error(err)
				}
				break
			}
			break
		}
		break
	}
	if _, err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsStreamsOnTheirOwnConnections(t *testing.T) {
	c, err := Dial(answering(t))
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for range c.Logs(t.Context(), 1, velos.Query{Follow: true}) {
		for _, err := range c.Logs(t.Context(), 2, velos.Query{Follow: true}) {
			last = err
			c.Close()
		}
		break
	}
	if !errors.Is(last, velos.ErrCancelled) {
		t.Errorf("got %v", last)
	}
}

func TestDaemonThatHangsUpAtOnceIsHeardFirst(t *testing.T) {
	dir, err := os.MkdirTemp("", "velos")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := wire.Listen(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, late := range []bool{false, true} {
		c, err := Dial(filepath.Join(dir, "s"))
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		hangUp := func() {
			_, _ = far.Write(wire.AppendResponse(nil, 0, wire.Failure, &velos.Error{Code: velos.Busy, Message: "full"}))
			far.Close()
		}
		if late {
			go hangUp()
		} else {
			hangUp()
		}
		if _, err := c.Ping(t.Context()); !errors.Is(err, velos.ErrBusy) {
			t.Errorf("got %v", err)
		}
		c.Close()
	}
}

func TestNobodyAnswering(t *testing.T) {
	if _, err := Dial(filepath.Join(t.TempDir(), "s")); !errors.Is(err, velos.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

func TestPingAllocatesLittle(t *testing.T) {
	c, err := Dial(answering(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := testing.AllocsPerRun(200, func() {
		if _, err := c.Ping(context.Background()); err != nil {
			t.Error(err)
		}
	})
	// Of both ends: call, channel, answer, envelopes, the version's text.
	if n > 12 {
		t.Errorf("a ping makes %v objects", n)
	}
}

func BenchmarkPing(b *testing.B) {
	c, err := Dial(answering(b))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Ping(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
