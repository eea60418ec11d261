package daemon

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// Limits of one connection and of all of them.
const (
	maxConns    = 512
	maxInFlight = 512
	firstWord   = time.Minute      // a client that connects and never speaks is let go
	answerLimit = 30 * time.Second // to take an answer
	streamLimit = 10 * time.Minute // to take a piece of a stream: a pager may pause
)

// conns knows the open connections, to bound and to close them.
type conns struct {
	mu     sync.Mutex
	open   map[*session]struct{}
	closed bool
}

func (c *conns) add(s *session) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.open) >= maxConns {
		return &velos.Error{Code: velos.Busy, Message: "velosd has " + itoa(len(c.open)) + " connections open and takes no more"}
	}
	if c.open == nil {
		c.open = map[*session]struct{}{}
	}
	c.open[s] = struct{}{}
	return nil
}

func (c *conns) remove(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, s)
}

func (c *conns) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

func (c *conns) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for s := range c.open {
		s.cancel()
		_ = s.conn.Close()
	}
}

// accept takes connections until the listener is closed.
func (d *Daemon) accept(l *wire.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			d.sessions.Add(1)
			go d.serve(c)
		case errors.Is(err, os.ErrClosed):
			return
		default: // out of descriptors, say: whoever waits will be served later
			say("velosd: accept: " + err.Error())
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// A pending request is one that is not answered yet.
type pending struct {
	cancel context.CancelFunc
	order  bool // it ends by itself: no stream
}

// transport is what a session needs of a connection; net.Pipe has it too.
type transport interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// A session is one connection: frames in, each handled by a goroutine of its
// own, frames out one at a time.
type session struct {
	d      *Daemon
	conn   transport
	peer   wire.Peer
	who    seen
	holds  holder
	ctx    context.Context
	cancel context.CancelFunc

	write sync.Mutex

	mu       sync.Mutex
	inFlight map[uint32]pending
	adds     []uint32 // apps that it has added
	handlers sync.WaitGroup

	answering atomic.Int32 // requests whose last response is not out
}

func (d *Daemon) serve(c *wire.Conn) {
	defer d.sessions.Done()
	s := d.session(c)
	defer s.close()
	peer, err := c.Peer()
	if err == nil {
		err = admit(peer, os.Geteuid())
	}
	if err == nil {
		err = d.conns.add(s)
	}
	if err != nil {
		_ = s.respond(0, wire.Failure, asError(err), answerLimit)
		return
	}
	defer d.conns.remove(s)
	s.peer = peer
	s.read()
}

func (d *Daemon) session(c transport) *session {
	s := &session{d: d, conn: c, inFlight: map[uint32]pending{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// admit lets in our own user and root. File modes say the same; this is for
// the day they do not.
func admit(p wire.Peer, us int) error {
	if p.UID == us || p.UID == 0 {
		return nil
	}
	return &velos.Error{Code: velos.Denied, Message: "user " + itoa(p.UID) + " may not use the daemon of user " + itoa(us)}
}

func (s *session) close() {
	s.cancel()
	_ = s.conn.Close()
	s.handlers.Wait()
}

// read takes frames until the peer hangs up or sends what is no frame.
func (s *session) read() {
	_ = s.conn.SetReadDeadline(time.Now().Add(firstWord))
	frames := wire.NewReader(s.conn)
	for first := true; ; first = false {
		p, err := frames.Next()
		if err == nil {
			var req wire.Request
			if req, err = wire.ParseRequest(p); err == nil {
				s.take(req)
			}
		}
		if err != nil {
			if code := velos.CodeOf(err); code == velos.BadFrame || code == velos.TooLarge {
				// Nothing after a bad frame can be trusted: say so and hang up.
				_ = s.respond(0, wire.Failure, asError(err), time.Second)
			}
			return
		}
		if first {
			_ = s.conn.SetReadDeadline(time.Time{})
		}
	}
}

// take starts the handler of one request, or ends a stream.
func (s *session) take(req wire.Request) {
	if req.Command == wire.CancelStream {
		s.mu.Lock()
		if p, ok := s.inFlight[req.ID]; ok {
			p.cancel()
		}
		s.mu.Unlock()
		return // the stream's own last response is the answer
	}
	c := &call{session: s, id: req.ID, command: req.Command, said: req.By, payload: append([]byte(nil), req.Payload...)}
	ctx, cancel := context.WithCancel(s.ctx)
	s.mu.Lock()
	_, twice := s.inFlight[req.ID]
	full := len(s.inFlight) >= maxInFlight
	if !twice && !full {
		s.inFlight[req.ID] = pending{cancel, !req.Command.Streams()}
	}
	s.mu.Unlock()
	switch {
	case twice: // answering would end the other request
		cancel()
		return
	case full:
		cancel()
		_ = s.respond(req.ID, wire.Failure, &velos.Error{Code: velos.Busy,
			Message: "more than " + itoa(maxInFlight) + " requests at once on one connection"}, answerLimit)
		return
	}
	s.d.requests.Add(1)
	s.handlers.Add(1)
	s.answering.Add(1)
	go func() {
		defer s.handlers.Done()
		defer s.answering.Add(-1)
		defer cancel()
		c.answer(ctx)
	}()
}

// orders counts the requests in flight that end by themselves.
func (s *session) orders() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, p := range s.inFlight {
		if p.order {
			n++
		}
	}
	return n
}

// added reports whether this connection has added an app.
func (s *session) added(id uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.adds, id)
}

// maxAdds bounds what a connection remembers.
const maxAdds = 64

func (s *session) adding(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.adds) == maxAdds {
		s.adds = s.adds[1:]
	}
	s.adds = append(s.adds, id)
}

// finished frees a request's id, just before its last response.
func (s *session) finished(id uint32) {
	s.mu.Lock()
	delete(s.inFlight, id)
	s.mu.Unlock()
}

// papers are what responses are written on. Most connections carry one
// request, and would each let their paper grow anew.
var papers = sync.Pool{New: func() any { return new([]byte) }}

// respond writes one response. A peer that does not take it in time loses the
// connection: half a frame may be out.
func (s *session) respond(id uint32, st wire.Status, payload velos.Record, limit time.Duration) error {
	s.write.Lock()
	defer s.write.Unlock()
	b := papers.Get().(*[]byte)
	*b = wire.AppendResponse((*b)[:0], id, st, payload)
	_ = s.conn.SetWriteDeadline(time.Now().Add(limit))
	_, err := s.conn.Write(*b)
	if cap(*b) <= 64<<10 {
		papers.Put(b)
	}
	if err != nil {
		s.cancel()
		_ = s.conn.Close()
	}
	return err
}

// asError gives any error the shape of the wire.
func asError(err error) *velos.Error {
	var e *velos.Error
	if errors.As(err, &e) && e.Message == err.Error() {
		return e
	}
	return &velos.Error{Code: velos.CodeOf(err), Message: err.Error(), Hint: velos.HintOf(err)}
}
