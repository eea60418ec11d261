// Package api is the daemon over HTTP: one route for each thing that can be asked or ordered, with the same facts in the same
// words as --json. It is a client of the socket and remembers nothing. Who may ask is decided before (see guard).
package api

import (
	"bytes"
	"cmp"
	"context"
	_ "embed" // for the description
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/fan"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/view"
)

// askWithin is how long the daemon may take to answer what needs no waiting.
const askWithin = 10 * time.Second

// Description is the OpenAPI document of the routes.
//
//go:embed openapi.yaml
var Description []byte

// Ways are what the api needs from whoever opens it.
type Ways struct {
	// Dial connects to the daemon. Every request has a connection of its
	// own: when it ends, so does all that was asked, and a daemon that was
	// away is found by the next one.
	Dial func() (*client.Client, error)
	// Await connects to the daemon that follows one that was lost under a
	// request.
	Await func(ctx context.Context) (*client.Client, error)
	// Signal is the number of a signal on this system.
	Signal func(name string) (int, error)
	// Moment reads a point in time.
	Moment func(text string) (velos.Time, error)
	Now    func() time.Time
	// Tickets are those that the door takes.
	Tickets *guard.Tickets
	// Valid says whether a token that was good is so still. Nil: tokens are not
	// asked for.
	Valid func(guard.Token) error
	// Origins are other sites whose pages may ask.
	Origins []string
	// Verbs are what takes more than the daemon: files, and what several apps
	// come to.
	Verbs Verbs
	// SignIn exchanges the code of a link for a token. Nil: nobody has one.
	SignIn func(code string) (token string, err error)
	// Page answers for the files of a page, see Page. Nil: there is none.
	Page http.Handler
}

// A Route is one row of the table.
type Route struct {
	Method, Path string
	answer       func(*request) error
	alone        bool   // needs no daemon, or says itself that there is none
	reads        bool   // changes nothing, whatever the method
	Keys         string // that the address may have behind the question mark
}

// Reads reports whether nothing is changed, so that a token that may only read
// is enough.
func (r *Route) Reads() bool { return r.Method == http.MethodGet || r.reads }

// Routes is all that can be asked.
func Routes() []Route {
	return []Route{
		{"GET", "/v1/health", health, true, false, ""},
		{"GET", "/v1/openapi.yaml", describe, true, false, ""},
		{"POST", "/v1/tickets", ticket, true, true, ""},
		{"POST", sessionPath, signIn, true, true, ""},
		{"GET", "/v1/stream", socketed, true, false, "ticket"},
		{"GET", "/v1/usage", ownUsage, false, false, ""},
		{"GET", "/v1/metrics", allFigures, false, false, ""},
		{"GET", "/v1/history/figures", allRecorded, false, false, "span points"},
		{"GET", "/v1/events", events, false, false, "after since lines app follow"},
		{"GET", "/v1/changes", changes, false, false, "since lines app"},
		{"GET", "/v1/audit", audited, true, false, "since lines app agent actor op"},
		{"GET", "/v1/ports", ports, false, false, "port"},
		{"GET", "/v1/summary", studied("summary"), false, false, "app since until"},
		{"GET", "/v1/patterns", studied("patterns"), false, false, "app since until"},
		{"GET", "/v1/anomalies", studied("anomalies"), false, false, "app since until"},
		{"GET", "/v1/logs/search", lookup, false, false, "q app since until lines src level limit cursor newest"},
		{"POST", "/v1/diff", diff, false, false, ""},
		{"POST", "/v1/apply", apply, false, false, ""},
		{"POST", "/v1/undo", undoLast, false, false, ""},
		{"POST", "/v1/save", save, false, false, ""},
		{"GET", "/v1/apps", list, false, false, ""},
		{"GET", "/v1/apps/{app}", info, false, false, ""},
		{"DELETE", "/v1/apps/{app}", remove, false, false, ""},
		{"GET", "/v1/apps/{app}/why", why, false, false, ""},
		{"GET", "/v1/apps/{app}/crash", crashed, false, false, ""},
		{"GET", "/v1/apps/{app}/usage", usage, false, false, ""},
		{"GET", "/v1/apps/{app}/logs", logs, false, false, "after since until lines grep src level follow"},
		{"GET", "/v1/apps/{app}/wait", wait, false, false, "until all since timeout_ms"},
		{"GET", "/v1/apps/{app}/history", history, false, false, ""},
		{"GET", "/v1/apps/{app}/history/figures", recorded, false, false, "span points"},
		{"GET", "/v1/apps/{app}/config", settings, false, false, "key"},
		{"POST", "/v1/apps/{app}/config", change, false, false, ""},
		{"POST", "/v1/apps/{app}/undo", undo, false, false, ""},
		{"POST", "/v1/apps/{app}/start", start, false, false, ""},
		{"POST", "/v1/apps/{app}/stop", stop, false, false, ""},
		{"POST", "/v1/apps/{app}/restart", restart, false, false, ""},
		{"POST", "/v1/apps/{app}/reload", reload, false, false, ""},
		{"POST", "/v1/apps/{app}/scale", scale, false, false, ""},
		{"POST", "/v1/apps/{app}/signal", signal, false, false, ""},
		{"POST", "/v1/apps/{app}/reset", reset, false, false, ""},
		{"POST", "/v1/apps/{app}/flush", flush, false, false, ""},
	}
}

// A Server answers the routes; anything else is an error in the same shape.
type Server struct {
	ways Ways
	hub  *fan.Hub
	mux  *http.ServeMux
	all  []Route
}

// New makes a Server. Close ends its streams of the daemon.
func New(ways Ways) *Server {
	s := &Server{ways: ways, hub: fan.New(ways.Dial, ways.Now), mux: http.NewServeMux(), all: Routes()}
	for i := range s.all {
		route := &s.all[i]
		s.mux.HandleFunc(route.Method+" "+route.Path, func(w http.ResponseWriter, r *http.Request) {
			q := &request{Ways: &s.ways, hub: s.hub, w: w, r: r, keys: strings.Fields(route.Keys)}
			if err := q.do(route); err != nil {
				q.fail(err)
			}
		})
	}
	return s
}

// Close returns when nothing is left.
func (s *Server) Close() { s.hub.Close() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.ways.Page != nil && IsPage(r) {
		s.ways.Page.ServeHTTP(w, r)
		return
	}
	where := r.URL.EscapedPath()
	if path.Clean(where) != where {
		guard.Fail(w, nowhere(r)) // no redirection: what asks so is no client of ours
		return
	}
	if _, pattern := s.mux.Handler(r); pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	astray(w, r, s.mux)
}

func nowhere(r *http.Request) error {
	return &velos.Error{Code: velos.NotFound, Message: "there is nothing at " + view.Text(r.URL.Path), Hint: "/v1/openapi.yaml says what there is"}
}

// Open reports whether a request needs no token: one for the page, which
// anybody may have, and one that brings the code of a link; see guard.Door.
func (s *Server) Open(r *http.Request) bool {
	return s.ways.Page != nil && IsPage(r) || s.ways.SignIn != nil && r.Method == http.MethodPost && r.URL.Path == sessionPath
}

// Reads reports whether a request changes nothing; see guard.Door.
func (s *Server) Reads(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	_, pattern := s.mux.Handler(r)
	for i := range s.all {
		if route := &s.all[i]; route.Method+" "+route.Path == pattern {
			return route.Reads()
		}
	}
	return false
}

// Slow reports whether an answer may take its time; see guard.Door.
func (s *Server) Slow(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return strings.HasSuffix(r.URL.Path, "/wait") || r.URL.Query().Get("follow") == "true"
	}
	return !s.Reads(r)
}

// astray answers what no route does.
func astray(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	var allowed []string
	for _, m := range [...]string{"GET", "POST", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := mux.Handler(other); pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		guard.Fail(w, nowhere(r))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	guard.FailAs(w, http.StatusMethodNotAllowed, &velos.Error{Code: velos.Invalid, Message: view.Text(r.Method) + " is not for " + view.Text(r.URL.Path),
		Hint: "use " + strings.Join(allowed, " or ")})
}

// A request is one of them, on its way to an answer.
type request struct {
	*Ways
	hub   *fan.Hub
	w     http.ResponseWriter
	r     *http.Request
	c     *client.Client
	keys  []string
	given map[string]bool // keys of the body
	begun bool            // a part of the answer is sent
}

func (q *request) do(route *Route) error {
	if v := q.query(); v.err != nil {
		return v.err
	}
	if !route.alone {
		c, err := q.Dial()
		if err != nil {
			return err
		}
		q.c = c
		defer func() { _ = q.c.Close() }() // it may be another one by then
	}
	return route.answer(q)
}

// goOn has the request go on with the daemon that follows the one that it has
// lost.
func (q *request) goOn(ctx context.Context) (*client.Client, error) {
	c, err := q.Await(ctx)
	if err != nil {
		return nil, err
	}
	_ = q.c.Close()
	q.c = c
	return c, nil
}

// fail answers with an error. When a part of the answer is sent already, the
// error is the last line of a stream; an array is left open, so that nobody
// takes it for whole.
func (q *request) fail(err error) {
	if q.r.Context().Err() != nil {
		closing, ok := guard.Closing(q.r)
		if !ok && q.begun {
			return // nobody listens
		}
		if ok {
			err = closing
		}
	}
	if errors.Is(err, context.DeadlineExceeded) && velos.CodeOf(err) == velos.Timeout && velos.HintOf(err) == "" {
		err = &velos.Error{Code: velos.Timeout, Message: "the daemon did not answer in time", Hint: "look at it with: velos ping", Cause: err}
	}
	if !q.begun {
		guard.Fail(q.w, err)
		return
	}
	_ = view.Error(q.w, err, view.Options{Format: view.JSON})
}

// valid reports whether the token that a request came with is good still.
func (q *request) valid() error {
	if g := guard.GrantOf(q.r); q.Valid != nil && g.Token.ID != "" {
		return q.Valid(g.Token)
	}
	return nil
}

func (q *request) options() view.Options {
	return view.Options{Format: view.JSON, Now: velos.TimeOf(q.Now())}
}

// briefly is a context for what the daemon can answer at once.
func (q *request) briefly() (context.Context, context.CancelFunc) {
	return context.WithTimeout(q.r.Context(), askWithin)
}

// reply sends what show writes, once it is known to be whole.
func (q *request) reply(show func(io.Writer) error) error {
	var b bytes.Buffer
	if err := show(&b); err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "application/json")
	q.begun = true
	q.send(b.Bytes())
	return nil
}

func (q *request) value(v any) error {
	return q.reply(func(w io.Writer) error {
		_, err := w.Write(view.Value(v))
		return err
	})
}

// body reads the request's, which may be absent, and keeps which keys it had.
func (q *request) body(into any) error {
	b, err := io.ReadAll(q.r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &velos.Error{Code: velos.TooLarge, Message: "the body is larger than a request may be"}
	case err != nil:
		return invalid("the body did not come: "+view.Text(err.Error()), "")
	case len(bytes.TrimSpace(b)) == 0:
		return nil
	}
	if q.given, err = exactly(b, into); err != nil {
		return &velos.Error{Code: velos.Invalid, Message: "the body is not understood: " + err.Error(), Hint: cmp.Or(velos.HintOf(err), "/v1/openapi.yaml says what may be in it")}
	}
	return nil
}

func invalid(message, hint string) error {
	return &velos.Error{Code: velos.Invalid, Message: message, Hint: hint}
}

// A target is what {app} in a path means.
type target struct {
	app  *velos.App
	inst int // -1: all
}

func (t target) String() string {
	if t.inst < 0 {
		return t.app.Spec.Name
	}
	return t.app.Spec.Name + ":" + strconv.Itoa(t.inst)
}

// target finds the app by its name or id; NAME:N is one instance.
func (q *request) target() (t target, err error) {
	ctx, stop := q.briefly()
	defer stop()
	apps, err := q.c.List(ctx)
	if err != nil {
		return t, err
	}
	return aim(apps.Apps, q.r.PathValue("app"))
}

// aim finds the app that a word means.
func aim(apps []velos.App, word string) (t target, err error) {
	name, n, one := strings.Cut(word, ":")
	t.app, t.inst = find(apps, name), -1
	if t.app == nil {
		return t, &velos.Error{Code: velos.NotFound, Message: "no such app: " + view.Text(word), Hint: "/v1/apps lists them"}
	}
	if !one {
		return t, nil
	}
	t.inst, err = strconv.Atoi(n)
	for i := range t.app.Instances {
		if err == nil && t.app.Instances[i].Inst == t.inst && strconv.Itoa(t.inst) == n {
			return t, nil
		}
	}
	return t, &velos.Error{Code: velos.NotFound, Message: "no such instance: " + view.Text(word), Hint: t.app.Spec.Name + " has " + strconv.Itoa(len(t.app.Instances)) + ", counted from 0"}
}

func find(apps []velos.App, name string) *velos.App {
	for i := range apps {
		if apps[i].Spec.Name == name {
			return &apps[i]
		}
	}
	id, err := strconv.ParseUint(name, 10, 32)
	for i := range apps {
		if err == nil && uint64(apps[i].ID) == id {
			return &apps[i]
		}
	}
	return nil
}
