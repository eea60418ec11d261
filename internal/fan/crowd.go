package fan

import (
	"context"
	"sync"
)

// A crowd is all who read one stream. The stream ends with its last user.
type crowd[R comparable] struct {
	hub    *Hub
	users  int // the Hub's mu guards it
	stop   context.CancelFunc
	forget func() // with the Hub's mu held

	mu      sync.Mutex
	readers map[R]struct{}
}

// start begins a stream with one user. With the Hub's mu held.
func (c *crowd[R]) start(h *Hub, run func(context.Context), forget func()) {
	ctx, stop := context.WithCancel(h.ctx)
	c.hub, c.users, c.stop, c.forget, c.readers = h, 1, stop, forget, map[R]struct{}{}
	h.group.Go(func() { run(ctx) })
}

// detach gives a reader nothing more.
func (c *crowd[R]) detach(r R) {
	c.mu.Lock()
	delete(c.readers, r)
	c.mu.Unlock()
}

// leave is a reader's end, and that of one user.
func (c *crowd[R]) leave(r R) {
	c.detach(r)
	c.release()
}

// release takes one user away.
func (c *crowd[R]) release() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.users--; c.users == 0 {
		c.stop()
		c.forget()
	}
}
