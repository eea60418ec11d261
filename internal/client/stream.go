package client

import (
	"context"
	"iter"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
	"github.com/velospm/velos/internal/wire"
)

const (
	// enough is how many bytes of a stream wait here for its consumer before
	// the reader pauses. From then on the socket fills, and the daemon drops.
	enough = 256 << 10
	// tooMuch is how many may wait when the reader must not pause because
	// somebody else needs the connection.
	tooMuch = 16 << 20
)

// A queue holds what has arrived of a stream and was not consumed. The
// Client's mu guards it.
type queue struct {
	frames [][]byte
	bytes  int
	grown  chan struct{} // holds one token when the consumer should look again
}

func (q *queue) wake() {
	select {
	case q.grown <- struct{}{}:
	default:
	}
}

func (q *queue) drop() (bytes int) {
	bytes = q.bytes
	q.frames, q.bytes = nil, 0
	return bytes
}

// full reports whether enough waits. On the connection of a Spread nobody reads
// one stream to get on with another: there, what waits of all of them counts, and
// who waits for a line of one does not keep the reader going.
func (c *Client) full(q *queue) bool {
	if c.together {
		return c.queued >= enough
	}
	return q.bytes >= enough
}

// queue keeps one frame of k's stream, and pauses the reader while there is
// enough of it and nobody else waits for an answer. With mu held, which is
// released meanwhile.
func (c *Client) queue(k *call, payload []byte) {
	q := k.stream
	for c.full(q) && c.waiting == 0 && !k.abandoned && c.err == nil {
		c.moved.Wait()
	}
	if k.abandoned || k.err != nil || c.err != nil {
		return
	}
	if q.bytes >= tooMuch {
		k.err = &velos.Error{
			Code:    velos.TooLarge,
			Message: k.command.String() + ": more has arrived than was read",
			Hint:    "read the stream faster, or use a connection of its own for it",
		}
		c.needs(k, false)
		q.wake()
		return
	}
	q.frames = append(q.frames, append([]byte(nil), payload...))
	q.bytes += len(payload)
	c.queued += len(payload)
	c.needs(k, false)
	q.wake()
}

// lane is where a new stream runs: on this connection when it is the only one
// there, else on one of its own. A stream that is not read stops everything
// behind it on its connection, and who merges two streams would wait for the
// one while the other is in the way.
func (c *Client) lane() (lane *Client, leave func(), err error) {
	c.mu.Lock()
	shared := c.path == "" || c.together || c.streams == 0
	if err = c.err; err == nil && shared {
		c.streams++
	}
	c.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	if shared {
		return c, c.leave, nil
	}
	if lane, err = Dial(c.path); err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		_ = lane.Close()
		return nil, nil, c.err
	}
	if c.lanes == nil {
		c.lanes = map[*Client]struct{}{}
	}
	c.lanes[lane] = struct{}{}
	return lane, func() {
		c.mu.Lock()
		delete(c.lanes, lane)
		c.mu.Unlock()
		_ = lane.Close()
	}, nil
}

// leave counts a stream that has ended here.
func (c *Client) leave() {
	c.mu.Lock()
	c.streams--
	c.mu.Unlock()
}

// next is the payload of the next frame of k. ok is false at the end of the
// stream and with every error.
func (c *Client) next(ctx context.Context, k *call) (p []byte, ok bool, err error) {
	for {
		c.mu.Lock()
		if q := k.stream; len(q.frames) > 0 && ctx.Err() == nil {
			p = q.frames[0]
			q.frames[0] = nil
			q.frames = q.frames[1:]
			q.bytes -= len(p)
			c.queued -= len(p)
			c.moved.Broadcast()
			c.mu.Unlock()
			return p, true, nil
		}
		over, err := k.over, k.err
		c.needs(k, !c.together && !over && err == nil && ctx.Err() == nil)
		c.mu.Unlock()
		if over || err != nil {
			return nil, false, err
		}
		select {
		case <-k.stream.grown:
		case <-ctx.Done():
			return nil, false, gaveUp(ctx) // cancel follows, and nobody waits
		}
	}
}

// frames is a stream of payloads, each decoded into a fresh T.
func frames[T any, P interface {
	*T
	velos.Record
}](c *Client, ctx context.Context, command wire.Command, payload velos.Record) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if ctx.Err() != nil {
			yield(none, gaveUp(ctx))
			return
		}
		by := c.caller(ctx)
		c, leave, err := c.lane()
		if err != nil {
			yield(none, err)
			return
		}
		defer leave()
		k := &call{command: command, by: by, stream: &queue{grown: make(chan struct{}, 1)}}
		if err := c.begin(k, payload); err != nil {
			yield(none, err)
			return
		}
		defer c.cancel(k) // nothing, when the last response has come
		for {
			p, ok, err := c.next(ctx, k)
			if err != nil {
				yield(none, err)
				return
			}
			if !ok {
				return
			}
			var v T
			if err := understood(command, record.ViewMsgpack(p, P(&v))); err != nil {
				yield(none, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// each is a stream of the elements of what frames carry.
func each[F, T any](s iter.Seq2[F, error], elements func(*F) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for f, err := range s {
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, v := range elements(&f) {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}
