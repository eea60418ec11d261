// Package client asks the daemon: typed calls and streams over one connection.
// It starts no daemon and shows nothing.
package client

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

const (
	// patience is how long the daemon may take to read one request.
	patience = 30 * time.Second
	// keptBuffer is how large the buffer for requests may stay.
	keptBuffer = 64 << 10
)

// A Client is one connection to the daemon, shared by any number of
// goroutines. Calls do not wait for each other.
//
// Every error is a *velos.Error: what the daemon answered, or with the code
// velos.Unreachable when the connection is lost, velos.BadFrame when the other
// side speaks another protocol, velos.Timeout or velos.Cancelled when the
// context ended first. A context that ends does not take an order back.
type Client struct {
	conn     io.ReadWriteCloser
	path     string         // where more connections can be had; may be empty
	together bool           // all streams run on this connection, see Spread
	by       wire.Caller    // what is said of us beside each request
	ended    chan struct{}  // closed when the reader has returned
	aside    sync.WaitGroup // goroutines that send cancels
	writes   sync.Mutex     // held around a write, before mu
	buf      []byte         // guarded by writes

	mu      sync.Mutex
	moved   sync.Cond // something the reader may be waiting for has changed
	pending map[uint32]*call
	last    uint32 // the newest id
	waiting int    // calls that need the reader to go on
	streams int    // streams on this connection
	queued  int    // bytes in the queues of all of them
	lanes   map[*Client]struct{}
	err     error // why there are no more calls
}

// Dial connects to the daemon whose socket is at path. The error has the code
// velos.Unreachable when nobody answers there.
func Dial(path string) (*Client, error) {
	conn, err := wire.Dial(path)
	if err != nil {
		return nil, err
	}
	c := New(conn)
	c.path = path
	return c, nil
}

// Announce says who asks over this connection from now on. It is called before
// the first call.
func (c *Client) Announce(by wire.Caller) { c.by = by }

type byKey struct{}

// As is a context whose calls are announced as those of somebody else: a door
// asks for many.
func As(ctx context.Context, by wire.Caller) context.Context {
	return context.WithValue(ctx, byKey{}, &by)
}

// caller is what is announced with a call.
func (c *Client) caller(ctx context.Context) *wire.Caller {
	if by, ok := ctx.Value(byKey{}).(*wire.Caller); ok {
		return by
	}
	return &c.by
}

// New is a Client of the daemon at the other end of conn. The Client closes it.
func New(conn io.ReadWriteCloser) *Client {
	c := &Client{conn: conn, ended: make(chan struct{}), pending: map[uint32]*call{}}
	c.moved.L = &c.mu
	go c.read()
	return c
}

// Close ends the connection, and every call with the code velos.Cancelled. No
// goroutine of the Client is left when it returns.
func (c *Client) Close() error {
	c.fail(&velos.Error{Code: velos.Cancelled, Message: "the connection to the daemon was closed here", Cause: os.ErrClosed})
	<-c.ended
	c.aside.Wait()
	c.mu.Lock()
	lanes := c.lanes
	c.lanes = nil
	c.mu.Unlock()
	for lane := range lanes {
		_ = lane.Close()
	}
	return nil
}

// Done is closed when the connection has ended, from whichever side.
func (c *Client) Done() <-chan struct{} { return c.ended }

// A call is one request from its frame to its last response.
type call struct {
	id      uint32
	command wire.Command
	by      *wire.Caller

	// answer is where the reader puts the payload of an OK response to a
	// request without a stream, before it closes done. Nobody else touches
	// it until then.
	answer velos.Record
	done   chan struct{}

	// The rest is guarded by the Client's mu.
	waited    bool // somebody waits, and is counted in waiting
	abandoned bool // nobody will; the id is taken until the last response
	over      bool // the last response has come
	err       error
	stream    *queue // nil for a request without a stream
}

// begin takes an id for a new call and sends its request.
func (c *Client) begin(k *call, payload velos.Record) error {
	c.writes.Lock()
	defer c.writes.Unlock()
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return c.err
	}
	k.id = c.freeID()
	c.pending[k.id] = k
	c.needs(k, k.stream == nil)
	c.mu.Unlock()

	c.buf = wire.AppendRequestBy(c.buf[:0], k.id, k.command, payload, k.by)
	if n := len(c.buf) - wire.HeaderSize; n > wire.MaxFrame {
		c.mu.Lock()
		delete(c.pending, k.id)
		c.needs(k, false)
		c.mu.Unlock()
		c.buf = nil
		return &velos.Error{Code: velos.TooLarge, Message: "the request is larger than a frame may be", Hint: "a very large environment or argument list is the usual reason"}
	}
	return c.write()
}

// freeID is the next id that no call has. With mu held.
func (c *Client) freeID() uint32 {
	for {
		c.last++
		if _, taken := c.pending[c.last]; c.last != 0 && !taken {
			return c.last
		}
	}
}

// write sends buf, with writes held. A request that is sent by half cannot be
// taken back: then the connection is lost.
func (c *Client) write() error {
	if d, ok := c.conn.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = d.SetWriteDeadline(time.Now().Add(patience))
	}
	_, err := c.conn.Write(c.buf)
	if cap(c.buf) > keptBuffer {
		c.buf = nil
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return c.fail(&velos.Error{Code: velos.Unreachable, Message: "the daemon does not read what it is asked", Cause: err})
	}
	// Before a daemon hangs up it says why, and the reader is the one to hear
	// it.
	select {
	case <-c.ended:
	case <-time.After(time.Second):
	}
	return c.fail(&velos.Error{Code: velos.Unreachable, Message: "the daemon closed the connection", Cause: err})
}

// cancel tells the daemon that nobody waits for k any more. A daemon that does
// not read must not hold up who gave up, so it is sent from aside.
func (c *Client) cancel(k *call) {
	c.mu.Lock()
	k.abandoned = true
	c.needs(k, false)
	if k.stream != nil {
		c.queued -= k.stream.drop()
	}
	gone := k.over || c.err != nil
	if !gone {
		c.aside.Add(1)
	}
	c.moved.Broadcast()
	c.mu.Unlock()
	if gone {
		return
	}
	go func() {
		defer c.aside.Done()
		c.writes.Lock()
		defer c.writes.Unlock()
		c.mu.Lock()
		gone := k.over || c.err != nil
		c.mu.Unlock()
		if !gone {
			c.buf = wire.AppendRequest(c.buf[:0], k.id, wire.CancelStream, nil)
			_ = c.write()
		}
	}()
}

// ask sends a request and waits for its one answer.
func (c *Client) ask(ctx context.Context, command wire.Command, payload, answer velos.Record) error {
	if err := ctx.Err(); err != nil {
		return gaveUp(ctx)
	}
	k := &call{command: command, by: c.caller(ctx), answer: answer, done: make(chan struct{})}
	if err := c.begin(k, payload); err != nil {
		return err
	}
	select {
	case <-k.done:
		return k.err
	case <-ctx.Done():
	}
	select {
	case <-k.done: // both: the answer is worth more
		return k.err
	default:
	}
	c.cancel(k)
	return gaveUp(ctx)
}

// needs says whether somebody waits for k, so that the reader must go on. Who
// hands out what was waited for says so at once, and does not leave it to a
// goroutine that has yet to wake up. With mu held.
func (c *Client) needs(k *call, yes bool) {
	switch {
	case yes && !k.waited:
		c.waiting++
		c.moved.Broadcast()
	case !yes && k.waited:
		c.waiting--
	}
	k.waited = yes
}

func gaveUp(ctx context.Context) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return &velos.Error{Code: velos.Timeout, Message: "the daemon did not answer in time", Cause: err}
	}
	return &velos.Error{Code: velos.Cancelled, Message: "cancelled", Cause: err}
}
