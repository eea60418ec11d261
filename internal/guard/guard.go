// Package guard stands before every door that speaks HTTP: where it may listen, which Host and Origin it answers to, whose
// token it takes, how much and how long anybody may ask. It knows no route and asks no daemon.
package guard

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

const (
	// AnswerWithin is how long a request may take, unless its handler moves
	// the deadline.
	AnswerWithin = 30 * time.Second
	// largestBody is more than any request needs.
	largestBody = 64 << 10
)

// A Door is a handler behind its guard. Every request passes all checks before
// it is routed, so that no route can be without them. What reads (GET and HEAD)
// needs a token of either scope, anything else one that may control.
type Door struct {
	// Next answers what has passed.
	Next http.Handler
	// Hosts are names that the Host header may have besides those of
	// loopback: a page of somebody else's that resolves its own name to our
	// address is not among them.
	Hosts []string
	// Anywhere admits every IP address in the Host header: nobody can make
	// one mean another machine. For doors that listen beyond loopback.
	Anywhere bool
	// Tokens are asked whose token it is. Nil: none is needed, because the
	// permissions of a socket or the user have decided who may ask.
	Tokens *Tokens
	// Secret is the one token of a door that has a file of its own for it; it
	// may do everything. Empty: Tokens decide.
	Secret string
	// Port, when not 0, must be the one in the Host header.
	Port int
	// AtOnce bounds the requests that are being answered; 0 is 64.
	AtOnce int
	// Slow reports whether an answer may take its time: a stream, a wait, an
	// order. Those have slots of their own beside the others, half as many, so
	// that however long they last, what is asked is answered. Nil: none is.
	Slow func(*http.Request) bool
	// Fair leaves no client more than half of the slots of any kind.
	Fair bool
	// Sockets bounds the WebSockets that are open beside them; 0 allows none.
	Sockets int
	// Tickets let a WebSocket in without a token. Nil: none does.
	Tickets *Tickets
	// Origins are those of other sites whose pages may ask, exactly.
	Origins []string
	// Open reports whether anybody may have what a request asks for, without a
	// token: files that hold nothing but a page. Nil: nothing is open.
	Open func(*http.Request) bool
	// Reads reports whether a request changes nothing, so that a token that
	// may only read is enough for it. Nil: GET and HEAD.
	Reads func(*http.Request) bool
	// Rate is how many requests a second a client may send, and Burst how many
	// at once; 0 is no limit.
	Rate  float64
	Burst int
	// Largest bounds a body; 0 is 64 KiB.
	Largest int64

	quick, slow, sockets *slots
	rates                *rates
}

// Handler is the door, ready to be served.
func (d Door) Handler() http.Handler {
	if d.AtOnce == 0 {
		d.AtOnce = 64
	}
	if d.Reads == nil {
		d.Reads = func(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }
	}
	if d.Largest == 0 {
		d.Largest = largestBody
	}
	d.quick, d.slow = newSlots("requests", d.AtOnce, d.Fair), newSlots("streams, waits and orders", (d.AtOnce+1)/2, d.Fair)
	d.sockets = newSlots("WebSockets", d.Sockets, d.Fair)
	d.rates = &rates{each: rate.Limit(d.Rate), burst: max(1, d.Burst), now: time.Now}
	return http.HandlerFunc(d.serve)
}

func (d *Door) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	defer rescue(w)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(AnswerWithin))
	for _, check := range [...]func(*http.Request) error{d.host, d.origin} {
		if err := check(r); err != nil {
			Fail(w, err)
			return
		}
	}
	if d.crossing(w, r) {
		return
	}
	grant, err := d.grant(r)
	who := client(r, grant)
	if !d.file(r) {
		if often := d.rates.check(who); often != nil {
			err = often
		}
	}
	if err == nil {
		err = d.content(r)
	}
	if err != nil {
		Fail(w, err)
		return
	}
	leave, err := d.kind(r).enter(who)
	if err != nil {
		Fail(w, err)
		return
	}
	defer leave()
	r.Body = http.MaxBytesReader(w, r.Body, d.Largest)
	d.Next.ServeHTTP(w, grant.with(r))
}

// file reports whether a request is for a file that anybody may have. Those cost
// next to nothing, a page has many of them, and whoever guesses tokens at the same
// address must not use up what others need to open it.
func (d *Door) file(r *http.Request) bool {
	return d.Open != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) && d.Open(r)
}

// kind is the slots that a request needs one of.
func (d *Door) kind(r *http.Request) *slots {
	switch {
	case IsSocket(r):
		return d.sockets
	case d.Slow != nil && d.Slow(r):
		return d.slow
	}
	return d.quick
}

// host defends against names that were made to mean our address (DNS
// rebinding).
func (d *Door) host(r *http.Request) error { return d.hostname(r.Host) }

func (d *Door) hostname(text string) error {
	name, port := text, ""
	if h, p, err := net.SplitHostPort(text); err == nil {
		name, port = h, p
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	ip := net.ParseIP(name)
	switch {
	case strings.Trim(port, "0123456789") != "", d.Port != 0 && port != strconv.Itoa(d.Port):
	case name == "localhost", ip != nil && (ip.IsLoopback() || d.Anywhere):
		return nil
	case name != "":
		for _, n := range d.Hosts {
			if strings.EqualFold(n, name) {
				return nil
			}
		}
	}
	hint := "use localhost or an IP address"
	if d.Secret == "" {
		hint += ", or name it with --allow-host"
	}
	return denied("this name is not ours: "+view.Text(text), hint)
}

// content refuses bodies that a form of any page could send.
func (d *Door) content(r *http.Request) error {
	if r.ContentLength == 0 && len(r.TransferEncoding) == 0 {
		return nil
	}
	if r.ContentLength > d.Largest {
		return &velos.Error{Code: velos.TooLarge, Message: "the body is larger than a request may be"}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return &velos.Error{Code: velos.Invalid, Message: "a body must be plain, not " + view.Text(e), Hint: "send it without Content-Encoding"}
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return &velos.Error{Code: velos.Invalid, Message: "a body must be JSON", Hint: "send Content-Type: application/json"}
	}
	return nil
}

// errAnonymous is the one refusal with a status of its own, 401.
type errAnonymous struct{ error }

func (e errAnonymous) Unwrap() error { return e.error }

// grant finds out on whose word a request is here.
func (d *Door) grant(r *http.Request) (Grant, error) {
	all := Grant{Token: Token{Scope: Control}}
	if d.Tokens == nil && d.Secret == "" {
		return all, nil
	}
	if d.Open != nil && d.Open(r) {
		return Grant{}, nil
	}
	if secret, ok := ticketIn(r); ok && d.Tickets != nil && r.Header.Get("Authorization") == "" {
		g, err := d.Tickets.take(secret)
		if err == nil {
			err = d.Tokens.Valid(g.Token)
		}
		if err != nil {
			return Grant{}, errAnonymous{err}
		}
		return g, nil
	}
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		hint := "velos token create makes one"
		if d.Secret != "" {
			hint = "it is in the file that was named when this was started"
		}
		return Grant{}, errAnonymous{denied("a token is needed", "send Authorization: Bearer TOKEN; "+hint)}
	}
	if d.Secret != "" {
		got, want := sum(strings.TrimSpace(secret)), sum(d.Secret)
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return Grant{}, errAnonymous{denied("this token is not valid", "")}
		}
		return all, nil
	}
	t, err := d.Tokens.Check(strings.TrimSpace(secret))
	switch {
	case err != nil:
		return Grant{}, errAnonymous{err}
	case t.Scope != Control && !d.Reads(r):
		return Grant{Token: t}, denied("this token may only read", "velos token create --scope control makes one that may do more")
	}
	return Grant{Token: t}, nil
}

func denied(message, hint string) error {
	return &velos.Error{Code: velos.Denied, Message: message, Hint: hint}
}

// rescue answers for a handler that has panicked; the others go on.
func rescue(w http.ResponseWriter) {
	r := recover()
	if r == nil {
		return
	}
	if r == http.ErrAbortHandler {
		panic(r)
	}
	Fail(w, &velos.Error{Code: velos.Failed, Message: fmt.Sprint("internal error: ", r), Hint: "this is a bug in velos"})
}

// statuses are those of HTTP for what went wrong.
var statuses = map[velos.Code]int{
	velos.Invalid: 400, velos.Denied: 403, velos.NeedsApproval: 403, velos.NotFound: 404, velos.NotRunning: 409, velos.Conflict: 409, velos.Cancelled: 409,
	velos.TooLarge: 413, velos.NotYet: 501, velos.Unsupported: 501, velos.Crashed: 502, velos.BadFrame: 502,
	velos.Unreachable: 503, velos.Busy: 503, velos.Timeout: 504,
}

// Status is the status of HTTP for an error; 500 where there is no better one.
func Status(err error) int {
	switch err.(type) {
	case errAnonymous:
		return http.StatusUnauthorized
	case errTooMany:
		return http.StatusTooManyRequests
	}
	if e, ok := err.(errStatus); ok {
		return e.status
	}
	if s, ok := statuses[velos.CodeOf(err)]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Fail answers with an error, in the one shape that errors have everywhere.
func Fail(w http.ResponseWriter, err error) { FailAs(w, Status(err), err) }

// An errStatus is an error with a status of its own.
type errStatus struct {
	error
	status int
}

func (e errStatus) Unwrap() error { return e.error }

// As gives an error a status of its own.
func As(status int, err error) error { return errStatus{err, status} }

// FailAs is Fail with a status of its own.
func FailAs(w http.ResponseWriter, status int, err error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if _, ok := err.(errAnonymous); ok {
		h.Set("WWW-Authenticate", `Bearer realm="velos"`)
	}
	if velos.CodeOf(err) == velos.Busy {
		h.Set("Retry-After", "1")
	}
	if many, ok := err.(errTooMany); ok {
		h.Set("Retry-After", retryAfter(many.wait))
	}
	var b bytes.Buffer
	_ = view.Error(&b, err, view.Options{Format: view.JSON})
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// Extend gives an answer more time, from now on. What the client has to send
// has been read by then.
func Extend(w http.ResponseWriter, by time.Duration) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Now().Add(by))
}

// Unbounded lets an answer take as long as it takes.
func Unbounded(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Time{})
}

// errClosing is why requests end with their door.
var errClosing = &velos.Error{Code: velos.Unreachable, Message: "this door is closing", Hint: "ask again in a moment"}

// Closing reports whether a request has ended because its door does, and not
// because the client has gone.
func Closing(r *http.Request) (error, bool) {
	return errClosing, errors.Is(context.Cause(r.Context()), errClosing)
}

// endWithin is how long a door that ends waits for answers under way.
const endWithin = 5 * time.Second

// Serve answers on l until the context ends; then nothing new is taken, streams
// end, and what is under way has a moment. The error is nil after such an end.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	base, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	defer context.AfterFunc(ctx, func() { end(errClosing) })()
	var open sync.WaitGroup // WebSockets are no longer the server's to wait for
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Done()
		h.ServeHTTP(w, r)
	})
	s := &http.Server{
		Handler: answer, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: quiet(), BaseContext: func(net.Listener) context.Context { return base },
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer stop()
	if err := s.Shutdown(last); err != nil {
		_ = s.Close()
	}
	<-ended
	all := make(chan struct{})
	go func() { open.Wait(); close(all) }()
	select {
	case <-all:
	case <-last.Done():
	}
	return nil
}
