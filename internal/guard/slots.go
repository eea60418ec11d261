package guard

import (
	"sync"
	"time"

	"github.com/velospm/velos"
)

// slots are those of one kind of request. Whoever finds none is turned away
// and not made to wait: what waits would hold a connection.
type slots struct {
	what string
	all  int
	each int // of one client

	mu      sync.Mutex
	taken   int
	clients map[string]int
}

func newSlots(what string, all int, fair bool) *slots {
	s := &slots{what: what, all: all, each: all, clients: map[string]int{}}
	if fair {
		s.each = (all + 1) / 2
	}
	return s
}

// enter takes a slot for a client, until leave is called.
func (s *slots) enter(client string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.clients[client] >= s.each && s.each < s.all:
		return nil, errTooMany{&velos.Error{Code: velos.Busy, Message: "too many " + s.what + " of this client at the same time", Hint: "end some, or try again in a moment"}, time.Second}
	case s.taken >= s.all:
		return nil, &velos.Error{Code: velos.Busy, Message: "too many " + s.what + " at the same time", Hint: "try again in a moment"}
	}
	s.taken++
	s.clients[client]++
	return func() { s.leave(client) }, nil
}

func (s *slots) leave(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.clients[client]--; s.clients[client] == 0 {
		delete(s.clients, client)
	}
}
