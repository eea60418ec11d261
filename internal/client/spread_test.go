package client

import (
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

func TestManyStreamsTakeFewConnections(t *testing.T) {
	var ends []net.Conn
	s := Spread{Dial: func() (*Client, error) {
		ours, theirs := net.Pipe()
		ends = append(ends, theirs)
		return New(ours), nil
	}}
	users := map[*Client]int{}
	var leaves []func()
	take := func() *Client {
		t.Helper()
		c, leave, err := s.Take()
		if err != nil {
			t.Fatal(err)
		}
		users[c]++
		leaves = append(leaves, leave)
		return c
	}
	for range 10 * mostSpread {
		take()
	}
	if len(ends) != mostSpread {
		t.Errorf("%d connections", len(ends))
	}
	for _, n := range users {
		if n != 10 {
			t.Errorf("they are not spread evenly: %v", users)
		}
	}
	// What has ended is not used again: another daemon's streams are spread as evenly
	// while those of the last one have not left yet.
	for _, t := range s.all {
		t.c.conn.Close()
		<-t.c.Done()
	}
	clear(users)
	for range 10 * mostSpread {
		take()
	}
	if len(users) != mostSpread {
		t.Errorf("they are on %d connections", len(users))
	}
	for c, n := range users {
		if n != 10 || c.err != nil {
			t.Errorf("%d on one, which has ended with %v", n, c.err)
		}
	}
	for _, leave := range leaves {
		leave()
		leave() // twice is once
	}
	if len(s.all) != 0 {
		t.Errorf("%d connections are left", len(s.all))
	}
	for range mostSpread * mostStreams {
		take()
	}
	if _, _, err := s.Take(); velos.CodeOf(err) != velos.Busy {
		t.Errorf("there is no bound: %v", err)
	}
	gone := errors.New("gone")
	none := Spread{Dial: func() (*Client, error) { return nil, gone }}
	if _, _, err := none.Take(); !errors.Is(err, gone) || len(none.all) != 0 {
		t.Errorf("%v", err)
	}
}

// Whoever shows many logs may be stopped altogether, by a pager say, while each
// stream's consumer waits for its next line.
func TestStreamsOfASpreadStopTheirConnectionTogether(t *testing.T) {
	const frames = 2 * tooMuch / (64 << 10)
	pair(t, func(t *testing.T, c *Client, s *server) {
		c.together = true
		var read, quiet int
		stopped := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			for _, err := range c.Logs(t.Context(), 1, velos.Query{Follow: true}) {
				if err != nil {
					t.Error(err)
				}
				read++
				<-stopped
			}
		})
		busy := s.next().ID
		group.Go(func() {
			for _, err := range c.Logs(t.Context(), 2, velos.Query{Follow: true}) {
				if err != nil {
					t.Error(err)
				}
				quiet++
			}
		})
		other := s.next().ID
		sent := 0
		group.Go(func() {
			for range frames {
				s.send(busy, wire.Streaming, &wire.Entries{Entries: []velos.Entry{{Seq: 1, Msg: make([]byte, 64<<10)}}})
				sent++
			}
			s.send(other, wire.Streaming, &wire.Entries{Entries: []velos.Entry{{Seq: 1}}})
			s.send(busy, wire.OK, nil)
			s.send(other, wire.OK, nil)
		})
		synctest.Wait()
		if most := enough/(64<<10) + 2; sent > most {
			t.Errorf("%d frames were taken from the daemon while none is read, want %d at most", sent, most)
		}
		close(stopped)
		group.Wait()
		if read != frames || quiet != 1 || c.queued != 0 {
			t.Errorf("%d of %d lines were read, and %d of the other; %d bytes wait", read, frames, quiet, c.queued)
		}
	})
}
