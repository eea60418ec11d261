package guard

import (
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/velospm/velos"
)

// mostClients bounds the clients that are remembered. Those that could send
// all that is allowed at once are forgotten first: nothing is lost with them.
const mostClients = 4096

// rates is how much each client may still ask.
type rates struct {
	each  rate.Limit // requests a second; 0 is no limit
	burst int
	now   func() time.Time

	mu      sync.Mutex
	clients map[string]*rate.Limiter
}

// errTooMany is a refusal that ends by itself.
type errTooMany struct {
	error
	wait time.Duration
}

func (e errTooMany) Unwrap() error { return e.error }

// check counts one request of a client.
func (r *rates) check(client string) error {
	if r.each == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	l := r.clients[client]
	if l == nil {
		r.forget(now)
		l = rate.NewLimiter(r.each, r.burst)
		r.clients[client] = l
	}
	res := l.ReserveN(now, 1)
	wait := res.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	res.CancelAt(now)
	return errTooMany{&velos.Error{Code: velos.Busy, Message: "too many requests", Hint: "at most " + strconv.FormatFloat(float64(r.each), 'g', -1, 64) + " a second; --rate allows more"}, wait}
}

// forget makes room for one more client. With mu held.
func (r *rates) forget(now time.Time) {
	if r.clients == nil {
		r.clients = map[string]*rate.Limiter{}
	}
	if len(r.clients) < mostClients {
		return
	}
	for name, l := range r.clients {
		if l.TokensAt(now) >= float64(r.burst) {
			delete(r.clients, name)
		}
	}
	for name := range r.clients { // all are busy: any
		if len(r.clients) < mostClients {
			return
		}
		delete(r.clients, name)
	}
}

// client is who a request counts for: its token, or where it comes from.
func client(r *http.Request, g Grant) string {
	if g.Token.ID != "" {
		return "token " + g.Token.ID
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr // a Unix socket
	}
	return host
}

func retryAfter(wait time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
}
