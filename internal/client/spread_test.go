package client

import (
	"errors"
	"net"
	"testing"

	"github.com/velospm/velos"
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
	// What has ended is not used again, and has an end when all have left.
	first := take()
	first.conn.Close()
	<-first.Done()
	if again := take(); again == first {
		t.Error("a connection that has ended is used")
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
