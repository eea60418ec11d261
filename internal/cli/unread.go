package cli

import (
	"context"
	"time"
)

// unreadPause is how often a follower looks whether it is still read.
const unreadPause = 200 * time.Millisecond

// whileRead ends with ctx, and when nobody reads our output any longer: a
// quiet app would let a follower wait for ever to find that out by writing.
func (s *session) whileRead(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	if s.Unread == nil {
		return ctx, stop
	}
	go func() {
		t := time.NewTicker(unreadPause)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			if s.Unread() {
				stop()
				return
			}
		}
	}()
	return ctx, stop
}
