// Package channel is the parent's end of Node's IPC channel: a socket pair on
// which messages travel as lines of JSON, some with a descriptor beside them.
// It owns the lines, their order and their bounds, and one goroutine for all
// channels; what the messages mean is for others to say.
//
// The other end is a program that may do anything. Lines may be garbage, of
// any length and depth, and may bring descriptors, which are closed. A
// program that never reads makes nobody wait: what it is sent is kept up to a
// bound and then refused.
package channel

import (
	"bytes"
	"sync"
	"time"

	"github.com/velospm/velos/internal/poll"
)

// Bounds of what is kept for one channel.
const (
	maxLine   = 64 << 10  // a longer line is passed over
	maxQueue  = 256       // messages that wait to be sent
	maxUnsent = 256 << 10 // and their bytes
)

// Pauses between attempts to send to a program that does not read.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// A Hub serves channels. Its goroutine is there while there are any.
type Hub struct {
	hear func(id uint64, m *Message)
	gone func(id uint64)

	mu       sync.Mutex // taken inside a channel's, never around it
	set      *poll.Set
	channels map[uint64]*Channel
	armed    bool // somebody's messages are to be tried again
	due      bool // now
	pause    time.Duration
	running  sync.WaitGroup
}

// NewHub makes a hub without channels. It calls hear for each message, which
// is valid until hear returns, and gone when the other end of a channel has
// been closed; both from the hub's own goroutine. Either may still come for a
// channel that is being closed on this side.
func NewHub(hear func(id uint64, m *Message), gone func(id uint64)) *Hub {
	return &Hub{hear: hear, gone: gone, channels: map[uint64]*Channel{}, pause: firstPause}
}

// Open takes over fd, our end of a channel, also when it fails. No two
// channels have the same id.
func (h *Hub) Open(id uint64, fd int) (*Channel, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.set == nil {
		set, err := poll.Open()
		if err != nil {
			closeFD(fd)
			return nil, err
		}
		h.set = set
		h.running.Go(func() { h.serve(set) })
	}
	c := &Channel{hub: h, id: id, fd: fd}
	if err := h.set.Add(fd, id); err != nil {
		closeFD(fd)
		h.set.Wake() // the goroutine may be without a channel
		return nil, err
	}
	h.channels[id] = c
	return c, nil
}

// Close closes all channels and waits for the goroutine. Nobody may open one
// meanwhile.
func (h *Hub) Close() {
	for _, c := range h.all() {
		c.Close()
	}
	h.running.Wait()
}

func (h *Hub) all() []*Channel {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*Channel, 0, len(h.channels))
	for _, c := range h.channels {
		list = append(list, c)
	}
	return list
}

// forget takes a channel out before its descriptor is closed.
func (h *Hub) forget(c *Channel) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.channels, c.id)
	_ = h.set.Remove(c.fd)
	if len(h.channels) == 0 {
		h.set.Wake()
	}
}

// serve is the hub's goroutine.
func (h *Hub) serve(set *poll.Set) {
	events := make([]poll.Event, 0, 32)
	r := newReader()
	for {
		list, err := set.Wait(events)
		for _, e := range list {
			h.mu.Lock()
			c := h.channels[e.Key]
			h.mu.Unlock()
			if c != nil && !h.read(c, r) {
				h.end(c)
			}
		}
		if err != nil { // it cannot be waited for any more
			for _, c := range h.all() {
				h.end(c)
			}
		}
		if h.over(set) {
			return
		}
		h.retry()
	}
}

func (h *Hub) end(c *Channel) {
	if c.Close() {
		h.gone(c.id)
	}
}

// over ends the goroutine when there is no channel left.
func (h *Hub) over(set *poll.Set) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.channels) > 0 {
		return false
	}
	h.set = nil
	_ = set.Close()
	return true
}

// later has unsent messages tried again: there is no telling when the other
// end will have read.
func (h *Hub) later() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.armed {
		return
	}
	h.armed = true
	time.AfterFunc(h.pause, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.armed, h.due = false, true
		if h.set != nil {
			h.set.Wake()
		}
	})
	h.pause = min(2*h.pause, lastPause)
}

func (h *Hub) retry() {
	h.mu.Lock()
	due := h.due
	h.due = false
	h.mu.Unlock()
	if !due {
		return
	}
	for _, c := range h.all() {
		c.again()
	}
}

// moved makes the next attempt come soon.
func (h *Hub) moved() {
	h.mu.Lock()
	h.pause = firstPause
	h.mu.Unlock()
}

// read takes once what a channel holds, so that none keeps the others
// waiting. False: it has ended.
func (h *Hub) read(c *Channel, r *reader) bool {
	b, ok := c.receive(r)
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			c.keep(b)
			break
		}
		h.line(c, r, b[:i])
		b = b[i+1:]
	}
	return ok
}

// line does the line that ends with b.
func (h *Hub) line(c *Channel, r *reader, b []byte) {
	if len(c.partial) > 0 || c.skipping {
		c.keep(b)
		b, c.partial = c.partial, nil
	}
	if c.skipping {
		c.skipping = false
		if c.skipped {
			_ = c.send(handleAck, -1, true)
		}
		return
	}
	m := &r.message
	if !m.parse(b) {
		return
	}
	switch m.Text("cmd") {
	case "NODE_HANDLE_ACK", "NODE_HANDLE_NACK":
		c.acknowledged()
		h.hear(c.id, m)
	case "NODE_HANDLE":
		// Its descriptor is closed already; the program waits for this.
		_ = c.send(handleAck, -1, true)
	default:
		h.hear(c.id, m)
	}
}

var (
	handleAck  = []byte(`{"cmd":"NODE_HANDLE_ACK"}`)
	handleHead = []byte(`{"cmd":"NODE_HANDLE",`)
)
