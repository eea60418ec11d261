package guard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/velospm/velos"
)

func TestWhatTakesLongLeavesRoomForWhatIsAsked(t *testing.T) {
	s := store(t)
	mine, _ := create(t, s, Read, 0)
	other, _ := create(t, s, Read, 0)
	out := make(chan struct{})
	in := make(chan struct{}, 100)
	h := Door{Tokens: s, AtOnce: 8, Fair: true, Slow: func(r *http.Request) bool { return r.URL.Query().Has("follow") },
		Next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("follow") {
				in <- struct{}{}
				<-out
			}
		})}.Handler()
	ask := func(secret, query string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/?"+query, nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	var streams sync.WaitGroup
	open := func(secret string) {
		streams.Go(func() { ask(secret, "follow") })
		<-in
	}
	open(mine)
	open(mine)
	w := ask(mine, "follow")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"code":"busy"`) {
		t.Errorf("one client has all streams: %d %v %s", w.Code, w.Header(), w.Body)
	}
	open(other)
	open(other)
	third, _ := create(t, s, Read, 0)
	if w := ask(third, "follow"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
		t.Errorf("all streams are taken: %d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, secret := range []string{mine, other, third} {
		if w := ask(secret, ""); w.Code != http.StatusOK {
			t.Errorf("a short request beside them: %d %s", w.Code, w.Body)
		}
	}
	close(out)
	streams.Wait()
	if w := ask(mine, "follow"); w.Code != http.StatusOK {
		t.Errorf("their slots are not free again: %d %s", w.Code, w.Body)
	}
}

func TestSlotsOfAClientThatHasGoneAreForgotten(t *testing.T) {
	s := newSlots("requests", 2, true)
	leave, err := s.enter("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.enter("a"); velos.CodeOf(err) != velos.Busy {
		t.Errorf("a second one of two: %v", err)
	}
	leave()
	if len(s.clients) != 0 || s.taken != 0 {
		t.Errorf("%d taken, %v", s.taken, s.clients)
	}
}
