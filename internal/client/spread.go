package client

import (
	"slices"
	"strconv"
	"sync"

	"github.com/velospm/velos"
)

const (
	// mostSpread bounds the connections of a Spread: the daemon has 512 for all.
	mostSpread = 16
	// mostStreams is how many streams one of them carries, with some requests to
	// spare: the daemon answers 512 at a time on one.
	mostStreams = 500
)

// A Spread has any number of streams on few connections. It is for whoever reads
// all of them, or none for a while: one that is not read stops those beside it, and
// the daemon counts what it leaves out meanwhile. The first sixteen have a
// connection each, later ones go where there are fewest.
type Spread struct {
	Dial func() (*Client, error)

	mu  sync.Mutex
	all []*strand
}

// A strand is a connection and how many use it.
type strand struct {
	c     *Client
	users int
}

// Take finds a connection for one more stream, and for what is asked beside it.
// leave gives it back; the last to leave closes it.
func (s *Spread) Take() (c *Client, leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Those of a daemon that is gone take no room from the next one's.
	s.all = slices.DeleteFunc(s.all, func(t *strand) bool { return !t.lives() })
	var least *strand
	for _, t := range s.all {
		if least == nil || t.users < least.users {
			least = t
		}
	}
	switch {
	case least == nil || len(s.all) < mostSpread:
		if c, err = s.Dial(); err != nil {
			return nil, nil, err
		}
		c.together = true
		least = &strand{c: c}
		s.all = append(s.all, least)
	case least.users >= mostStreams:
		return nil, nil, &velos.Error{Code: velos.Busy, Message: "more than " + strconv.Itoa(mostSpread*mostStreams) + " streams at once"}
	}
	least.users++
	return least.c, sync.OnceFunc(func() { s.leave(least) }), nil
}

// lives reports whether the connection has not ended.
func (t *strand) lives() bool {
	select {
	case <-t.c.Done():
		return false
	default:
		return true
	}
}

func (s *Spread) leave(t *strand) {
	s.mu.Lock()
	t.users--
	last := t.users == 0
	if last {
		s.all = slices.DeleteFunc(s.all, func(other *strand) bool { return other == t })
	}
	s.mu.Unlock()
	if last {
		_ = t.c.Close()
	}
}
