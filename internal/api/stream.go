package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const (
	fewLines  = 100    // the newest ones, where nothing says how many
	mostLines = 10_000 // in one answer
	// flushEvery is how long a line of a stream may wait for others.
	flushEvery = 50 * time.Millisecond
	// aliveEvery is when a quiet stream has an empty line, so that neither
	// side takes the other for dead.
	aliveEvery = 15 * time.Second
)

// A query is the part of an address behind the question mark. The first
// mistake is kept.
type query struct {
	q      *request
	values url.Values
	err    error
}

// query refuses keys that nobody would look at.
func (q *request) query() *query {
	values, err := url.ParseQuery(q.r.URL.RawQuery)
	v := &query{q: q, values: values}
	if err != nil {
		v.err = invalid("query: "+view.Text(err.Error()), "the address must be encoded, such as %20 for a space")
		return v
	}
	for key, list := range values {
		if !slices.Contains(q.keys, key) || len(list) > 1 {
			v.err = invalid("query: "+view.Text(key)+" is unknown, or there twice", "/v1/openapi.yaml says what may be asked")
		}
	}
	return v
}

func (v *query) number(key string, or, most uint64) uint64 {
	text := v.values.Get(key)
	if text == "" {
		return or
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		v.err = invalid(key+": must be a number from 0 to "+strconv.FormatUint(most, 10), "")
	}
	return n
}

func (v *query) moment(key string) (t velos.Time) {
	if text := v.values.Get(key); text != "" {
		var err error
		if t, err = v.q.Moment(text); err != nil {
			v.err = err
		}
	}
	return t
}

func (v *query) truth(key string) bool {
	switch v.values.Get(key) {
	case "", "false":
		return false
	case "true":
		return true
	}
	v.err = invalid(key+": must be true or false", "")
	return false
}

// mostSeq is the highest number that JSON carries exactly everywhere.
const mostSeq = 1<<53 - 1

func (v *query) logs(inst int) velos.Query {
	l := velos.Query{Inst: inst, After: v.number("after", 0, mostSeq), Since: v.moment("since"), Until: v.moment("until"),
		Last: int(v.number("lines", fewLines, mostLines)), Grep: v.values.Get("grep"), Follow: v.truth("follow")}
	var err error
	if l.Src, err = source(v.values.Get("src")); err != nil {
		v.err = err
	}
	if word := v.values.Get("level"); word != "" {
		var ok bool
		if l.Level, ok = velos.ParseLevel(word); !ok {
			v.err = invalid("level: "+view.Text(word)+" is no level", "debug, info, warn, error or fatal")
		}
	}
	return l
}

func source(word string) (velos.Stream, error) {
	switch word {
	case "":
		return 0, nil
	case "stdout":
		return velos.Stdout, nil
	case "stderr":
		return velos.Stderr, nil
	}
	return 0, invalid("src: must be stdout or stderr", "")
}

func logs(q *request) error {
	v := q.query()
	l := v.logs(-1)
	if v.err != nil {
		return v.err
	}
	t, err := q.target()
	if err != nil {
		return err
	}
	l.Inst = t.inst
	if q.r.Method == http.MethodHead {
		l.Follow = false
	}
	brief, done := q.briefly()
	defer done()
	hidden, err := newSecrets(brief, q, t.app)
	if err != nil {
		return err
	}
	out := q.stream(l.Follow)
	defer out.end()
	e := view.NewEntries(out, []velos.App{*t.app}, view.LogOptions{Options: q.options(), Lines: l.Follow, Hidden: true})
	ctx, stop := out.context()
	defer stop()
	for en, err := range q.sought(ctx, t.app, l, hidden) {
		if err != nil {
			_ = e.Flush()
			return out.why(err)
		}
		e.Add(&en)
		if l.Follow {
			if err := e.Flush(); err != nil {
				return nil // the client has gone
			}
		}
	}
	return e.Close()
}

// sought is the lines that are asked for, without their secrets. What is hidden
// cannot be asked for, letter by letter: the newest so many are counted when
// that is known.
func (q *request) sought(ctx context.Context, a *velos.App, l velos.Query, hidden *secrets) iter.Seq2[velos.Entry, error] {
	return func(yield func(velos.Entry, error) bool) {
		if l.Grep != "" && l.Last > 0 {
			list, err := q.newest(ctx, a, l, hidden)
			if err != nil {
				yield(velos.Entry{}, err)
				return
			}
			for i := range list {
				if l.After = max(l.After, list[i].Seq); !yield(list[i], nil) {
					return
				}
			}
			if !l.Follow {
				return
			}
			l.After, l.Last = max(l.After, a.Log.Seq), 0
		}
		for en, err := range q.c.Logs(ctx, a.ID, l) {
			if err == nil && l.Follow {
				hidden.look(ctx, en.PID)
			}
			if err == nil && !hidden.shows(&en, l.Grep) {
				continue
			}
			if !yield(en, err) || err != nil {
				return
			}
		}
	}
}

// shows hides what is secret in an entry, and reports whether what is sought is
// in the rest.
func (s *secrets) shows(e *velos.Entry, text string) bool {
	e.Msg = s.Hide(e)
	return e.Missed > 0 || text == "" || bytes.Contains(e.Msg, []byte(text))
}

// newest is the newest entries that still have the text when they are hidden.
// Mostly that is what the daemon finds; else it is asked for more.
func (q *request) newest(ctx context.Context, a *velos.App, l velos.Query, hidden *secrets) ([]velos.Entry, error) {
	want := l.Last
	for l.Follow = false; ; l.Last *= 8 {
		var list []velos.Entry
		found := 0
		for en, err := range q.c.Logs(ctx, a.ID, l) {
			if err != nil {
				return nil, err
			}
			if found++; hidden.shows(&en, l.Grep) {
				en.Msg = bytes.Clone(en.Msg)
				list = append(list, en)
				if len(list) >= 2*want { // the older ones are not wanted
					list = slices.Delete(list, 0, len(list)-want)
				}
			}
		}
		if len(list) >= want || found < l.Last || l.Last > 8*mostLines {
			return list[max(0, len(list)-want):], nil
		}
	}
}

func events(q *request) error {
	v := q.query()
	ask := wire.EventsQuery{After: v.number("after", 0, mostSeq), Since: v.moment("since"), Last: int(v.number("lines", fewLines, mostLines)), Follow: v.truth("follow")}
	if v.err != nil {
		return v.err
	}
	brief, stop := q.briefly()
	defer stop()
	apps, err := q.c.List(brief)
	if err != nil {
		return err
	}
	former, err := q.c.Formers(brief, apps.Apps)
	if err != nil {
		return err
	}
	if name := v.values.Get("app"); name != "" {
		a := find(apps.Apps, name)
		if a == nil {
			return &velos.Error{Code: velos.NotFound, Message: "no such app: " + view.Text(name), Hint: "/v1/apps lists them"}
		}
		ask.ID = a.ID
	}
	if q.r.Method == http.MethodHead {
		ask.Follow = false
	}
	out := q.stream(ask.Follow)
	defer out.end()
	e := view.NewEvents(out, apps.Apps, ask.Follow, q.options(), former...)
	ctx, stop := out.context()
	defer stop()
	for ev, err := range q.c.Events(ctx, ask) {
		if err != nil {
			return out.why(err)
		}
		if err := e.Add(ev); err != nil {
			return nil
		}
	}
	return e.Close()
}

// A stream writes an answer that may be long, or without an end. Its lines are
// sent soon, and many at a time when there are many.
type stream struct {
	q      *request
	follow bool
	ctx    context.Context // of one without an end; its cause says why there is one
	cancel context.CancelCauseFunc
	stop   chan struct{}
	ended  sync.WaitGroup
	packed *gzip.Writer // nil: it is not compressed

	mu     sync.Mutex
	sent   time.Time
	unsent bool
}

func (q *request) stream(follow bool) *stream {
	s := &stream{q: q, follow: follow, stop: make(chan struct{}), sent: time.Now()}
	kind := "application/json"
	if follow {
		kind = "application/x-ndjson"
		guard.Extend(q.w, guard.AnswerWithin)
	}
	q.w.Header().Set("Content-Type", kind)
	q.w.Header().Add("Vary", "Accept-Encoding")
	if follow {
		q.begun = true
		s.ctx, s.cancel = context.WithCancelCause(q.r.Context())
		_ = http.NewResponseController(q.w).Flush() // the client sees that it has begun
		s.ended.Go(s.flush)
	}
	return s
}

// context is bounded when the answer has an end.
func (s *stream) context() (context.Context, context.CancelFunc) {
	if s.follow {
		return context.WithCancel(s.ctx)
	}
	return s.q.briefly()
}

// why is the reason for which a stream was ended here, if it was; else err.
func (s *stream) why(err error) error {
	if s.follow && s.q.r.Context().Err() == nil && s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	return err
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if !s.q.begun && !s.follow && accepts(s.q.r, "gzip") { // not earlier: an error is plain
		s.q.w.Header().Set("Content-Encoding", "gzip")
		s.packed, _ = gzip.NewWriterLevel(s.q.w, gzip.BestSpeed) // a level that there is
	}
	s.q.begun, s.unsent = true, true
	if s.packed != nil {
		return s.packed.Write(p)
	}
	return s.q.w.Write(p)
}

func (s *stream) flush() {
	tick, check := time.NewTicker(flushEvery), time.NewTicker(checkEvery)
	defer tick.Stop()
	defer check.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-check.C:
			if err := s.q.valid(); err != nil {
				s.cancel(err)
			}
			continue
		case <-tick.C:
		}
		s.mu.Lock()
		quiet := time.Since(s.sent) > aliveEvery
		if quiet {
			_, _ = io.WriteString(s.q.w, "\n")
		}
		if s.unsent || quiet {
			guard.Extend(s.q.w, guard.AnswerWithin)
			_ = http.NewResponseController(s.q.w).Flush()
			s.sent, s.unsent = time.Now(), false
		}
		s.mu.Unlock()
	}
}

// end returns when nothing of the stream writes any more.
func (s *stream) end() {
	close(s.stop)
	s.ended.Wait()
	if s.follow {
		s.cancel(nil)
	}
	if s.packed != nil {
		_ = s.packed.Close()
	}
}
