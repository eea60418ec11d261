package client

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// A server is the other end of a Client: it hands over requests and sends what
// it is told to.
type server struct {
	t    *testing.T
	conn net.Conn
	r    *wire.Reader
}

// pair is a Client and its server, inside a bubble that proves that nothing of
// the Client is left.
func pair(t *testing.T, f func(t *testing.T, c *Client, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := New(near)
		defer c.Close()
		defer far.Close()
		f(t, c, &server{t, far, wire.NewReader(far)})
	})
}

func (s *server) next() wire.Request {
	s.t.Helper()
	p, err := s.r.Next()
	if err != nil {
		s.t.Fatalf("the server reads: %v", err)
	}
	req, err := wire.ParseRequest(p)
	if err != nil {
		s.t.Fatalf("the server reads: %v", err)
	}
	req.Payload = append([]byte(nil), req.Payload...)
	return req
}

func (s *server) send(id uint32, status wire.Status, payload velos.Record) {
	s.t.Helper()
	if _, err := s.conn.Write(wire.AppendResponse(nil, id, status, payload)); err != nil {
		s.t.Errorf("the server writes: %v", err)
	}
}

// later runs f and gives its result.
func later[T any](f func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- f() }()
	return c
}

func TestAnswersFindTheirCallsInAnyOrder(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		var calls sync.WaitGroup
		for i := range uint32(20) {
			calls.Go(func() {
				app, err := c.Info(t.Context(), wire.All(i+1))
				if err != nil || app.ID != i+1 {
					t.Errorf("asked for %d, got %d, %v", i+1, app.ID, err)
				}
			})
		}
		var reqs []wire.Request
		for range 20 {
			reqs = append(reqs, s.next())
		}
		for i := range reqs {
			req := reqs[len(reqs)-1-i]
			var target wire.Target
			if err := wire.Decode(req.Payload, &target); err != nil || target.Inst != -1 || req.Command != wire.ProcessInfo {
				t.Errorf("%v %+v, %v", req.Command, target, err)
			}
			s.send(req.ID, wire.OK, &velos.App{ID: target.ID})
		}
		calls.Wait()
	})
}

func TestEveryMethodSendsItsCommand(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		ctx := t.Context()
		for command, call := range map[wire.Command]func() error{
			wire.DaemonPing:     func() error { _, err := c.Ping(ctx); return err },
			wire.ProcessStart:   func() error { _, err := c.Start(ctx, wire.Start{}); return err },
			wire.ProcessStop:    func() error { _, err := c.Stop(ctx, wire.Stop{}); return err },
			wire.ProcessRestart: func() error { _, err := c.Restart(ctx, wire.Restart{}); return err },
			wire.ProcessReload:  func() error { _, err := c.Reload(ctx, wire.Reload{}); return err },
			wire.ProcessScale:   func() error { _, err := c.Scale(ctx, wire.Scale{}); return err },
			wire.ProcessDelete:  func() error { _, err := c.Delete(ctx, wire.Target{}); return err },
			wire.ProcessList:    func() error { _, err := c.List(ctx); return err },
			wire.ProcessInfo:    func() error { _, err := c.Info(ctx, wire.Target{}); return err },
			wire.ProcessRename:  func() error { _, err := c.Rename(ctx, wire.Rename{}); return err },
			wire.ProcessSignal:  func() error { _, err := c.Signal(ctx, wire.Signal{}); return err },
			wire.ProcessReset:   func() error { _, err := c.Reset(ctx, wire.Target{}); return err },
			wire.ProcessUpdate:  func() error { _, err := c.Update(ctx, wire.Update{}); return err },
			wire.LogFlush:       func() error { _, err := c.Flush(ctx, wire.Target{}); return err },
			wire.LogReopen:      func() error { _, err := c.Reopen(ctx); return err },
			wire.StateSave:      func() error { _, err := c.Save(ctx); return err },
			wire.StateLoad:      func() error { _, err := c.Load(ctx, wire.StatePath{}); return err },
			wire.DaemonUpgrade:  func() error { _, err := c.Upgrade(ctx, wire.Upgrade{}); return err },
			wire.DaemonShutdown: func() error { _, err := c.Shutdown(ctx, wire.Shutdown{}); return err },
			wire.MetricsGet:     func() error { _, err := c.Metrics(ctx, wire.MetricsQuery{}); return err },
		} {
			done := later(call)
			req := s.next()
			if req.Command != command {
				t.Errorf("got %v, want %v", req.Command, command)
			}
			s.send(req.ID, wire.OK, nil)
			if err := <-done; err != nil {
				t.Errorf("%v: %v", command, err)
			}
		}
	})
}

func TestErrorsKeepTheirCodeAndHint(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		done := later(func() error { _, err := c.Stop(t.Context(), wire.Stop{}); return err })
		s.send(s.next().ID, wire.Failure, &velos.Error{Code: velos.NotFound, Message: "no app 0", Hint: "velos list"})
		err := <-done
		if !errors.Is(err, velos.ErrNotFound) || err.Error() != "no app 0" || velos.HintOf(err) != "velos list" {
			t.Errorf("got %v", err)
		}
		done = later(func() error { _, err := c.Stop(t.Context(), wire.Stop{}); return err })
		s.send(s.next().ID, wire.Failure, nil)
		if err := <-done; velos.CodeOf(err) != velos.Failed || err.Error() == "" {
			t.Errorf("an empty failure: %v", err)
		}
	})
}

func TestLostConnectionEndsEveryCall(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		var calls []<-chan error
		for range 3 {
			calls = append(calls, later(func() error { _, err := c.Ping(t.Context()); return err }))
			s.next()
		}
		calls = append(calls, later(func() error {
			for _, err := range c.Logs(t.Context(), 1, velos.Query{Follow: true}) {
				return err
			}
			return nil
		}))
		s.next()
		s.conn.Close()
		for _, done := range calls {
			if err := <-done; !errors.Is(err, velos.ErrUnreachable) {
				t.Errorf("got %v", err)
			}
		}
		if _, err := c.Ping(t.Context()); !errors.Is(err, velos.ErrUnreachable) {
			t.Errorf("a call on a lost connection: %v", err)
		}
		<-c.Done()
	})
}

func TestCloseEndsEveryCall(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		done := later(func() error { _, err := c.Ping(t.Context()); return err })
		s.next()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, velos.ErrCancelled) {
			t.Errorf("got %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCancelledCallKeepsItsIDUntilTheLastResponse(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := later(func() error { _, err := c.Start(ctx, wire.Start{Wait: true}); return err })
		first := s.next()
		if err := <-done; !errors.Is(err, velos.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if req := s.next(); req.Command != wire.CancelStream || req.ID != first.ID {
			t.Errorf("got %v for %d, want a cancel for %d", req.Command, req.ID, first.ID)
		}
		c.mu.Lock()
		c.last = first.ID - 1 // as after four billion calls
		c.mu.Unlock()
		done = later(func() error { _, err := c.Ping(t.Context()); return err })
		second := s.next()
		if second.ID == first.ID {
			t.Error("the id was used again too early")
		}
		s.send(first.ID, wire.OK, &wire.Started{ID: 1})
		s.send(second.ID, wire.OK, &wire.Pong{})
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.pending) > 0 {
			t.Errorf("%d calls are left", len(c.pending))
		}
	})
}

func TestLogsStreamInOrderAndEnd(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		go func() {
			req := s.next()
			var q wire.Logs
			if err := wire.Decode(req.Payload, &q); err != nil || req.Command != wire.LogSearch || q.ID != 7 || q.Query.Grep != "x" || q.Query.Inst != -1 {
				t.Errorf("%v %+v %v", req.Command, q, err)
			}
			for i := range uint64(10) {
				s.send(req.ID, wire.Streaming, &wire.Entries{Entries: []velos.Entry{{Seq: 2*i + 1}, {Seq: 2*i + 2, Msg: []byte("line")}}})
			}
			s.send(req.ID, wire.OK, nil)
		}()
		want := uint64(1)
		for e, err := range c.Logs(t.Context(), 7, velos.Query{Inst: -1, Grep: "x"}) {
			if err != nil || e.Seq != want {
				t.Fatalf("got %d, %v; want %d", e.Seq, err, want)
			}
			want++
		}
		if want != 21 {
			t.Errorf("%d lines", want-1)
		}
	})
}

func TestTheEntryBeforeOneIsLookedForNearbyAndThenFurtherAway(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		var after []uint64
		go func() {
			for {
				p, err := s.r.Next()
				if err != nil {
					return
				}
				req, err := wire.ParseRequest(p)
				if err != nil || req.Command != wire.LogRead {
					continue // it may tell that it has enough
				}
				var q wire.Logs
				if err := wire.Decode(req.Payload, &q); err != nil || q.ID != 7 || q.Query.Inst != 2 || q.Query.Src != velos.Stderr || q.Query.Follow {
					t.Errorf("%+v, %v", q, err)
				}
				list := []velos.Entry{{Seq: 3, Msg: []byte("older")}, {Seq: 90, Msg: []byte("before")}, {Seq: 200}, {Seq: 201}}
				if after = append(after, q.Query.After); q.Query.After > 90 {
					list = list[2:]
				}
				s.send(req.ID, wire.Streaming, &wire.Entries{Entries: list})
				s.send(req.ID, wire.OK, nil)
			}
		}()
		b, err := c.Before(t.Context(), &velos.Entry{Seq: 200, App: 7, Inst: 2, Src: velos.Stderr})
		if err != nil || b.Seq != 90 || string(b.Msg) != "before" {
			t.Errorf("%+v, %v", b, err)
		}
		synctest.Wait()
		if len(after) != 2 || after[0] != 135 || after[1] != 0 {
			t.Errorf("asked for what is behind %v", after)
		}
	})
}

func TestLeavingALoopCancelsTheStream(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		left := later(func() int {
			n := 0
			for _, err := range c.Events(t.Context(), wire.EventsQuery{Follow: true}) {
				if err != nil {
					t.Error(err)
				}
				if n++; n == 2 {
					break
				}
			}
			return n
		})
		req := s.next()
		s.send(req.ID, wire.Streaming, &wire.Events{Events: []velos.Event{{Seq: 1}, {Seq: 2}, {Seq: 3}}})
		<-left
		if cancel := s.next(); cancel.Command != wire.CancelStream || cancel.ID != req.ID {
			t.Errorf("got %v %d", cancel.Command, cancel.ID)
		}
		// What was on its way is ignored, and the connection is as good as ever.
		s.send(req.ID, wire.Streaming, &wire.Events{Events: []velos.Event{{Seq: 4}}})
		s.send(req.ID, wire.OK, nil)
		done := later(func() error { _, err := c.Ping(t.Context()); return err })
		s.send(s.next().ID, wire.OK, nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestFailureEndsAStreamAfterItsLines(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		go func() {
			req := s.next()
			s.send(req.ID, wire.Streaming, &wire.Metrics{ID: 1})
			s.send(req.ID, wire.Failure, &velos.Error{Code: velos.NotFound, Message: "gone"})
		}()
		var got []error
		for _, err := range c.MetricsStream(t.Context(), wire.MetricsQuery{}) {
			got = append(got, err)
		}
		if len(got) != 2 || got[0] != nil || !errors.Is(got[1], velos.ErrNotFound) {
			t.Errorf("got %v", got)
		}
	})
}

// flood is one frame of a stream that a consumer does not read.
var flood = wire.Entries{Entries: []velos.Entry{{Seq: 1, Msg: []byte(strings.Repeat("x", 64<<10))}}}

// stuck opens a stream whose consumer has taken one line and takes no more
// until it is released.
func stuck(t *testing.T, c *Client, s *server) (id uint32, release func() error) {
	open := make(chan struct{})
	result := later(func() error {
		for _, err := range c.Logs(t.Context(), 1, velos.Query{Follow: true}) {
			if err != nil {
				return err
			}
			<-open
		}
		return nil
	})
	id = s.next().ID
	return id, func() error { close(open); return <-result }
}

func TestSlowConsumerStopsTheReader(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		id, release := stuck(t, c, s)
		sent := 0
		_ = s.conn.SetWriteDeadline(time.Now().Add(time.Minute))
		for {
			if _, err := s.conn.Write(wire.AppendResponse(nil, id, wire.Streaming, &flood)); err != nil {
				break
			}
			sent++
		}
		if sent < 3 || sent > 10 {
			t.Errorf("%d frames of 64 KiB were taken, want about 5", sent)
		}
		c.Close()
		if err := release(); !errors.Is(err, velos.ErrCancelled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCallsGoPastASlowConsumer(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		id, release := stuck(t, c, s)
		done := later(func() error { _, err := c.Ping(t.Context()); return err })
		ping := s.next()
		for range 40 {
			s.send(id, wire.Streaming, &flood)
		}
		s.send(ping.ID, wire.OK, nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.send(id, wire.OK, nil)
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

func TestStreamThatIsNeverReadIsGivenUpBeforeItFillsMemory(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		id, release := stuck(t, c, s)
		done := later(func() error { _, err := c.Ping(t.Context()); return err })
		ping := s.next()
		for range 300 {
			s.send(id, wire.Streaming, &flood)
		}
		s.send(ping.ID, wire.OK, nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		ended := later(release)
		if req := s.next(); req.Command != wire.CancelStream || req.ID != id {
			t.Errorf("got %v", req.Command)
		}
		if err := <-ended; !errors.Is(err, velos.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		ctx, cancel := context.WithCancel(t.Context())
		done := later(func() error {
			for _, err := range c.Logs(ctx, 1, velos.Query{Follow: true}) {
				return err
			}
			return nil
		})
		id := s.next().ID
		cancel()
		if req := s.next(); req.Command != wire.CancelStream || req.ID != id {
			t.Errorf("got %v", req.Command)
		}
		if err := <-done; !errors.Is(err, velos.ErrCancelled) {
			t.Errorf("got %v", err)
		}
		if _, err := c.Ping(ctx); !errors.Is(err, velos.ErrCancelled) {
			t.Errorf("a call with a dead context: %v", err)
		}
	})
}

func TestDaemonThatDoesNotReadIsGivenUp(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		if _, err := c.Ping(t.Context()); !errors.Is(err, velos.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnotherVersionIsNamedWithAWayOut(t *testing.T) {
	for name, answer := range map[string]string{
		"version": "V\x10\x02\x00\x00\x00\x00",
		"garbage": "HTTP/1.1 400 Bad Request\r\n",
		"payload": "V\x10\x01\x01\x00\x00\x00\xc1",
	} {
		pair(t, func(t *testing.T, c *Client, s *server) {
			done := later(func() error { _, err := c.Ping(t.Context()); return err })
			s.next()
			go io.WriteString(s.conn, answer)
			err := <-done
			if !errors.Is(err, velos.ErrProtocol) {
				t.Errorf("%s: got %v", name, err)
			}
			if name == "version" && (!strings.Contains(err.Error(), "version 2") || !strings.Contains(velos.HintOf(err), "velos kill")) {
				t.Errorf("got %v (%s)", err, velos.HintOf(err))
			}
		})
	}
}

func TestTroubleWithTheConnectionIsToldToEveryCall(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		done := later(func() error { _, err := c.Ping(t.Context()); return err })
		s.next()
		s.send(0, wire.Failure, &velos.Error{Code: velos.Busy, Message: "too many connections"})
		if err := <-done; !errors.Is(err, velos.ErrBusy) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnswerOfAWrongShapeIsAnErrorOfThatCallOnly(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		for _, send := range []func(id uint32){
			func(id uint32) { s.send(id, wire.OK, &velos.Actor{User: "x"}) }, // no key in common: fine
			func(id uint32) { s.send(id, wire.OK, &wire.Events{Events: make([]velos.Event, 1)}) },
			func(id uint32) { s.send(id, wire.Streaming, nil); s.send(id, wire.OK, nil) },
		} {
			done := later(func() error { _, err := c.Ping(t.Context()); return err })
			send(s.next().ID)
			<-done
		}
		done := later(func() error { _, err := c.Metrics(t.Context(), wire.MetricsQuery{}); return err })
		s.send(s.next().ID, wire.OK, &wire.Events{}) // fine too
		if err := <-done; err != nil {
			t.Error(err)
		}
		done = later(func() error { _, err := c.Ping(t.Context()); return err })
		s.send(s.next().ID, wire.OK, &velos.LogInfo{}) // and this
		if err := <-done; err != nil {
			t.Error(err)
		}
		done = later(func() error { _, err := c.Save(t.Context()); return err })
		s.send(s.next().ID, wire.OK, wrong{})
		if err := <-done; !errors.Is(err, velos.ErrProtocol) || !strings.Contains(err.Error(), "STATE_SAVE") || !strings.Contains(err.Error(), "path") {
			t.Errorf("got %v", err)
		}
	})
}

// wrong has a number where there should be a path.
type wrong struct{}

func (wrong) Fields(f velos.Fields) { f.Number("path", 1) }

func TestRequestOverTheLimitIsNotSent(t *testing.T) {
	pair(t, func(t *testing.T, c *Client, s *server) {
		spec := velos.Spec{Name: strings.Repeat("x", wire.MaxFrame)}
		if _, err := c.Update(t.Context(), wire.Update{ID: 1, Spec: spec}); !errors.Is(err, velos.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	})
}
