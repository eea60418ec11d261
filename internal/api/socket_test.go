package api

import (
	"testing"
	"time"
)

func TestAConnectionThatEndsDoesNotBlockWhoTellsOfTheDaemon(t *testing.T) {
	s := &socket{woken: make(chan struct{}, 1)}
	told := make(chan struct{})
	// Leaving needs what the teller holds while it tells.
	s.subs = map[string]*subscription{"a": {id: "a", leave: func() {
		go func() { s.say(presence(false)); close(told) }()
		select {
		case <-told:
		case <-time.After(time.Minute):
			t.Error("who tells waits for who leaves")
		}
	}}}
	s.leave()
}
