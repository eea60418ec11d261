package mcp

import (
	"context"
	"sync"
)

// sessions are those of HTTP that have calls under way. The protocol's library
// waits for these before it ends a session; nobody waits for them any more.
type sessions struct {
	mu    sync.Mutex
	calls map[string]map[*byte]context.CancelFunc
}

// begin ties a call to its session. over takes it off again.
func (s *sessions) begin(ctx context.Context, id string) (tied context.Context, over func()) {
	tied, stop := context.WithCancel(ctx)
	if id == "" {
		return tied, stop
	}
	key := new(byte)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = map[string]map[*byte]context.CancelFunc{}
	}
	if s.calls[id] == nil {
		s.calls[id] = map[*byte]context.CancelFunc{}
	}
	s.calls[id][key] = stop
	return tied, func() {
		stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.calls[id], key); len(s.calls[id]) == 0 {
			delete(s.calls, id)
		}
	}
}

// end cancels what is under way in a session.
func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stop := range s.calls[id] {
		stop()
	}
}
