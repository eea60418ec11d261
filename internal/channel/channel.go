package channel

import (
	"bytes"
	"sync"

	"github.com/velospm/velos"
)

// A Channel is our end of one channel. Its methods may be called from several
// goroutines.
type Channel struct {
	hub *Hub
	id  uint64
	fd  int

	// Only the hub's goroutine touches these.
	partial  []byte // a line whose end has not come
	skipping bool   // it is too long
	skipped  bool   // and it came with a descriptor

	mu      sync.Mutex
	closed  bool
	waiting bool // a descriptor was sent and not acknowledged
	unsent  int  // bytes in out
	out     []outgoing
}

// An outgoing message waits for the other end to read, or to acknowledge the
// descriptor before it.
type outgoing struct {
	line   []byte
	fd     int // -1: none
	ours   bool
	begun  bool
	urgent bool // it does not wait for an acknowledgement
}

// Send sends one line of JSON. It never waits: what the other end does not
// take yet is kept. An error of code Busy: too much is kept already.
func (c *Channel) Send(line []byte) error { return c.send(line, -1, false) }

// Pass is Send with a descriptor beside the line, which stays the caller's.
// What is sent later waits until the other end says that it has got it.
func (c *Channel) Pass(line []byte, fd int) error { return c.send(line, fd, false) }

func (c *Channel) send(line []byte, fd int, urgent bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &velos.Error{Code: velos.NotRunning, Message: "send a message: the channel is closed"}
	}
	if len(c.out) >= maxQueue || c.unsent+len(line) >= maxUnsent {
		return &velos.Error{Code: velos.Busy, Message: "send a message: the program does not read its channel"}
	}
	at := len(c.out)
	if urgent {
		if at = 0; len(c.out) > 0 && c.out[0].begun {
			at = 1
		}
	}
	m := outgoing{line: append(append(make([]byte, 0, len(line)+1), line...), '\n'), fd: fd, urgent: urgent}
	c.out = append(c.out, outgoing{})
	copy(c.out[at+1:], c.out[at:])
	c.out[at] = m
	c.unsent += len(m.line)
	c.pump()
	if fd < 0 || len(c.out) == 0 {
		return nil
	}
	return c.own(&c.out[len(c.out)-1]) // it came last and is not urgent
}

// own gives a message that has to wait a copy of its descriptor: the caller's
// may be another file by then.
func (c *Channel) own(m *outgoing) error {
	if m.fd < 0 {
		return nil
	}
	fd, err := duplicate(m.fd)
	if err != nil {
		c.unsent -= len(m.line)
		c.out = c.out[:len(c.out)-1]
		return &velos.Error{Code: velos.Busy, Message: "send a descriptor: " + err.Error(), Cause: err}
	}
	m.fd, m.ours = fd, true
	return nil
}

// pump sends what can be sent.
func (c *Channel) pump() {
	for len(c.out) > 0 {
		m := &c.out[0]
		if c.waiting && !m.urgent && !m.begun {
			return
		}
		n, err := transmit(c.fd, m.line, m.fd)
		if err != nil && again(err) {
			c.hub.later()
			return
		}
		if err != nil { // the reader will see why
			c.drop()
			return
		}
		if m.fd >= 0 {
			c.waiting = true
			m.release()
		}
		c.unsent -= n
		if m.line, m.begun = m.line[n:], true; len(m.line) > 0 {
			continue
		}
		if c.out = c.out[1:]; len(c.out) == 0 {
			c.out = nil
		}
	}
}

func (m *outgoing) release() {
	if m.ours {
		closeFD(m.fd)
	}
	m.fd, m.ours = -1, false
}

func (c *Channel) drop() {
	for i := range c.out {
		c.out[i].release()
	}
	c.out, c.unsent = nil, 0
}

// again tries to send what is left.
func (c *Channel) again() {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.unsent
	if !c.closed {
		c.pump()
	}
	if c.unsent < before {
		c.hub.moved()
	}
}

// acknowledged: the other end has dealt with the last descriptor.
func (c *Channel) acknowledged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	if !c.closed {
		c.pump()
	}
}

// Close closes our end; false: it was closed already.
func (c *Channel) Close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.closed = true
	c.hub.forget(c)
	closeFD(c.fd)
	c.drop()
	return true
}

// With calls f with our end's descriptor, unless it is closed.
func (c *Channel) With(f func(fd int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		f(c.fd)
	}
}

// receive reads once, unless the channel was closed meanwhile.
func (c *Channel) receive(r *reader) (b []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, true
	}
	return r.receive(c.fd)
}

// keep adds to the line whose end has not come.
func (c *Channel) keep(b []byte) {
	if c.skipping {
		return
	}
	if len(c.partial)+len(b) <= maxLine {
		c.partial = append(c.partial, b...)
		return
	}
	c.skipping, c.skipped = true, false
	if len(c.partial) < len(handleHead) {
		c.partial = append(c.partial, b[:min(len(b), len(handleHead))]...)
	}
	c.skipped = bytes.HasPrefix(c.partial, handleHead)
	c.partial = nil
}
