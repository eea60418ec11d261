package mcp

import (
	"context"
	"testing"
)

func TestTheEndOfASessionEndsItsCallsAndNoOthers(t *testing.T) {
	var s sessions
	one, overOne := s.begin(t.Context(), "a")
	two, overTwo := s.begin(t.Context(), "a")
	other, overOther := s.begin(t.Context(), "b")
	none, overNone := s.begin(t.Context(), "")
	s.end("a")
	s.end("") // of those without a session
	if one.Err() == nil || two.Err() == nil || other.Err() != nil || none.Err() != nil {
		t.Errorf("%v, %v, %v, %v; want the first two cancelled", one.Err(), two.Err(), other.Err(), none.Err())
	}
	for _, over := range []context.CancelFunc{overOne, overTwo, overOther, overNone} {
		over()
	}
	if len(s.calls) > 0 {
		t.Errorf("%d sessions are still held", len(s.calls))
	}
}
