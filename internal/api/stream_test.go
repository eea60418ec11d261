package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/home"
)

func TestAStreamEndsWithTheTokenThatOpenedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &guard.Tokens{Home: home.Home{Dir: t.TempDir()}, Now: time.Now}
		secret, tok, err := tokens.Create("", guard.Read, 0)
		if err != nil {
			t.Fatal(err)
		}
		var s *stream
		door := guard.Door{Tokens: tokens, Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := &request{Ways: &Ways{Valid: tokens.Valid}, w: w, r: r}
			s = q.stream(true)
			defer s.end()
			ctx, stop := s.context()
			defer stop()
			time.Sleep(time.Minute)
			if ctx.Err() != nil {
				t.Errorf("a stream has ended by itself: %v", s.why(ctx.Err()))
			}
			if err := tokens.Revoke(tok.ID); err != nil {
				t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
				t.Fatal("the token was revoked, and the stream goes on")
			}
			if err := s.why(ctx.Err()); velos.CodeOf(err) != velos.Denied {
				t.Errorf("%v", err)
			}
		})}.Handler()
		r := httptest.NewRequest(http.MethodGet, "http://localhost/v1/events?follow=true", nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		door.ServeHTTP(httptest.NewRecorder(), r)
		if s == nil {
			t.Error("nothing was let in")
		}
	})
}
