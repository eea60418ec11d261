package guard

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
)

const (
	// TicketLife is how long a ticket may be used.
	TicketLife = 30 * time.Second
	// mostTickets bounds those that nobody has used yet.
	mostTickets = 4096
	// ticketWord is how a ticket is named among the protocols of a WebSocket.
	ticketWord = "ticket."
)

// A Grant says on whose word a request is here.
type Grant struct {
	Token Token // without an ID where none is needed
}

// Control reports whether orders may be given.
func (g Grant) Control() bool { return g.Token.Scope == Control }

type grantKey struct{}

// GrantOf is what a request that has passed a Door may do.
func GrantOf(r *http.Request) Grant {
	g, _ := r.Context().Value(grantKey{}).(Grant)
	return g
}

func (g Grant) with(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), grantKey{}, g))
}

// Tickets open one WebSocket each, for browsers: those cannot send a token
// with it, and a token has no place in an address. They are in memory only.
type Tickets struct {
	Now func() time.Time

	mu   sync.Mutex
	open map[[32]byte]ticket
}

type ticket struct {
	grant Grant
	until time.Time
}

// Issue makes a ticket for whoever has g.
func (t *Tickets) Issue(g Grant) (string, error) {
	var random [secretSize]byte
	_, _ = rand.Read(random[:]) // never fails
	secret := base64.RawURLEncoding.EncodeToString(random[:])
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.Now()
	for h, old := range t.open {
		if !now.Before(old.until) {
			delete(t.open, h)
		}
	}
	if len(t.open) >= mostTickets {
		return "", &velos.Error{Code: velos.Busy, Message: "too many tickets are waiting to be used", Hint: "try again in a moment"}
	}
	if t.open == nil {
		t.open = map[[32]byte]ticket{}
	}
	t.open[sum(secret)] = ticket{g, now.Add(TicketLife)}
	return secret, nil
}

// take uses a ticket up. It is looked up by its hash, so that how long that
// takes says nothing of the ticket.
func (t *Tickets) take(secret string) (Grant, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := sum(secret)
	k, ok := t.open[h]
	delete(t.open, h)
	if !ok || !t.Now().Before(k.until) {
		return Grant{}, denied("this ticket is not valid, was used, or is too old", "POST /v1/tickets makes another; it is good for one connection within 30 seconds")
	}
	return k.grant, nil
}

// IsSocket reports whether a request wants to become a WebSocket.
func IsSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// ticketIn is the ticket that a WebSocket's handshake brings along.
func ticketIn(r *http.Request) (string, bool) {
	if !IsSocket(r) {
		return "", false
	}
	for _, list := range r.Header.Values("Sec-WebSocket-Protocol") {
		for word := range strings.SplitSeq(list, ",") {
			if secret, ok := strings.CutPrefix(strings.TrimSpace(word), ticketWord); ok {
				return secret, true
			}
		}
	}
	if r.URL.Query().Has("ticket") {
		return r.URL.Query().Get("ticket"), true
	}
	return "", false
}
