package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/view"
)

const (
	// Dialect is the protocol that is spoken over a WebSocket.
	Dialect = "velos.v1"
	// largestMessage bounds what a client sends.
	largestMessage = 64 << 10
	// writeWithin is how long one message may take to be written.
	writeWithin = 10 * time.Second
	// checkEvery is when a connection is looked at: whether it lives, and
	// whether its token is good still.
	checkEvery = 15 * time.Second
	// pongWithin is how long a sign of life may take: what was written before it
	// is read first, and a reader may be slow.
	pongWithin = time.Minute
	// aboutMessage is how large messages to a client become, about.
	aboutMessage  = 256 << 10
	mostSubs      = 64  // of one connection
	mostReplies   = 256 // that a client has not read
	opsEach       = 20  // that a client may send a second, after
	opsAtOnce     = 200 // so many
	longestSubID  = 64
	mostNamedApps = 64
)

type ticketAnswer struct {
	Ticket  string       `json:"ticket"`
	Expires velos.Millis `json:"expires_ms"`
	Scope   guard.Scope  `json:"scope"`
}

func ticket(q *request) error {
	if err := q.body(&struct{}{}); err != nil {
		return err
	}
	g := guard.GrantOf(q.r)
	secret, err := q.Tickets.Issue(g)
	if err != nil {
		return err
	}
	return q.value(ticketAnswer{secret, velos.MillisOf(guard.TicketLife), g.Token.Scope})
}

// A socket is one connection. Its reader takes orders, its writer writes, and
// nobody else does either.
type socket struct {
	q     *request
	ws    *websocket.Conn
	woken chan struct{} // there is something to write

	mu      sync.Mutex
	replies [][]byte
	subs    map[string]*subscription
	order   []*subscription
}

// socketed answers a WebSocket until it ends.
func socketed(q *request) error {
	if !guard.IsSocket(q.r) {
		return guard.As(http.StatusUpgradeRequired, invalid("this route is a WebSocket", "connect with ws://"))
	}
	ws, err := q.upgrade()
	if err != nil {
		return err
	}
	ws.SetReadLimit(largestMessage)
	s := &socket{q: q, ws: ws, woken: make(chan struct{}, 1), subs: map[string]*subscription{}}
	s.serve(q.r.Context())
	return nil
}

// serve returns when the connection is over and nothing of it is left.
func (s *socket) serve(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer s.leave()
	guest, here := s.q.hub.Join(func(here bool) { s.say(presence(here)) })
	defer guest.Leave()
	s.say(s.hello(here))
	var group sync.WaitGroup
	group.Go(func() { s.write(ctx); stop() })
	group.Go(func() { s.check(ctx); stop() })
	reads := make(chan error, 1)
	// Reading has no context: one that ends would end the connection without a
	// word.
	go func() { reads <- s.read(ctx) }()
	var err error
	select {
	case err = <-reads:
		stop()
	case <-ctx.Done():
	}
	group.Wait()
	switch {
	case s.q.r.Context().Err() != nil:
		_ = s.ws.Close(websocket.StatusGoingAway, "velos api ends")
	case err != nil && websocket.CloseStatus(err) == -1:
		_ = s.ws.Close(closing(err), reason(err))
	}
	_ = s.ws.CloseNow()
	if err == nil {
		<-reads
	}
}

// errNoText is what a text frame must not be.
var errNoText = errors.New("a message is no UTF-8")

// closing is the code with which an error of the reader ends a connection.
func closing(err error) websocket.StatusCode {
	switch {
	case errors.Is(err, errNoText):
		return websocket.StatusInvalidFramePayloadData
	case velos.CodeOf(err) == velos.Invalid:
		return websocket.StatusPolicyViolation
	}
	return websocket.StatusProtocolError
}

// reason is an error as a close frame has room for it.
func reason(err error) string {
	text := view.Text(err.Error())
	return strings.ToValidUTF8(text[:min(len(text), 120)], "")
}

func (s *socket) hello(here bool) []byte {
	scope := guard.GrantOf(s.q.r).Token.Scope
	return message(struct {
		Type     string      `json:"type"`
		Protocol string      `json:"protocol"`
		Version  string      `json:"version"`
		Scope    guard.Scope `json:"scope"`
		Daemon   string      `json:"daemon"`
		History  bool        `json:"history"` // recorded figures are answered
	}{"hello", Dialect, velos.Version, scope, map[bool]string{true: "here", false: "gone"}[here], s.q.Verbs.Past != nil})
}

func presence(here bool) []byte {
	return message(map[string]string{"type": "daemon", "daemon": map[bool]string{true: "back", false: "gone"}[here]})
}

func message(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"type":"error","error":{"code":"failed","message":"internal error","retryable":false,"hints":[]}}`)
	}
	return b
}

// say puts a reply where the writer finds it. Who lets too many wait loses
// them: it does not read.
func (s *socket) say(b []byte) {
	s.mu.Lock()
	if len(s.replies) < mostReplies {
		s.replies = append(s.replies, b)
	}
	s.mu.Unlock()
	s.wake()
}

func (s *socket) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// fail tells what was wrong with an order.
func (s *socket) fail(id string, err error) {
	s.say(message(struct {
		ID    string         `json:"id,omitempty"`
		Type  string         `json:"type"`
		Error view.ErrorJSON `json:"error"`
	}{id, "error", view.ErrorOf(err)}))
}

// read takes orders until the connection ends.
func (s *socket) read(ctx context.Context) error {
	limit := rate.NewLimiter(opsEach, opsAtOnce)
	for {
		kind, b, err := s.ws.Read(context.Background())
		if err != nil {
			return err
		}
		if err := limit.Wait(ctx); err != nil {
			return err
		}
		if kind != websocket.MessageText {
			return invalid("a message is text", "")
		}
		if !utf8.Valid(b) {
			return errNoText
		}
		var o op
		if over, err := understand(b, &o); over {
			return err
		} else if err != nil {
			s.fail(o.ID[:min(len(o.ID), longestSubID)], err)
			continue
		}
		s.do(ctx, &o)
	}
}

// check looks now and then whether somebody is there who may be.
func (s *socket) check(ctx context.Context) {
	t := time.NewTicker(checkEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := s.q.valid(); err != nil {
			_ = s.ws.Close(websocket.StatusPolicyViolation, reason(err))
			return
		}
		ping, stop := context.WithTimeout(ctx, pongWithin)
		err := s.ws.Ping(ping)
		stop()
		if err != nil {
			return
		}
	}
}

// write writes what there is to write, each subscription in turn.
func (s *socket) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		}
		for more := true; more; {
			s.mu.Lock()
			replies, subs := s.replies, append([]*subscription{}, s.order...)
			s.replies = nil
			s.mu.Unlock()
			more = false
			for _, b := range replies {
				if !s.send(ctx, b) {
					return
				}
			}
			for _, sub := range subs {
				b, ok, over := sub.take()
				if over {
					s.drop(sub, "deleted")
				}
				if ok && !s.send(ctx, b) {
					return
				}
				more = more || ok
			}
		}
	}
}

func (s *socket) send(ctx context.Context, b []byte) bool {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer stop()
	return s.ws.Write(ctx, websocket.MessageText, b) == nil
}

// drop ends a subscription, and says so behind its last message.
func (s *socket) drop(sub *subscription, why string) {
	s.mu.Lock()
	there := s.subs[sub.id] == sub
	if there {
		delete(s.subs, sub.id)
		for i := range s.order {
			if s.order[i] == sub {
				s.order = append(s.order[:i:i], s.order[i+1:]...)
				break
			}
		}
	}
	s.mu.Unlock()
	if there {
		sub.leave()
		s.say(message(map[string]string{"id": sub.id, "type": "end", "reason": why}))
	}
}

// leave ends all subscriptions. No lock is held then: who tells of the daemon
// while one is ended wants it too.
func (s *socket) leave() {
	s.mu.Lock()
	subs := s.subs
	s.subs, s.order = map[string]*subscription{}, nil
	s.mu.Unlock()
	for _, sub := range subs {
		sub.leave()
	}
}
