//go:build unix

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// receive is a server that hands on what it gets.
func receive(t *testing.T, got chan<- string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		select {
		case got <- string(b):
		default:
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}
