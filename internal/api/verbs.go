package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Verbs are commands that read files or compare what is with what should be.
// Each writes what the command answers with --json, over a connection to the
// daemon.
type Verbs struct {
	// Apply makes what runs what a file says, or says what that would change.
	Apply func(ctx context.Context, out io.Writer, c *client.Client, a Apply) error
	// Undo takes back what the last command has changed or deleted, of one app or
	// of all.
	Undo func(ctx context.Context, out io.Writer, c *client.Client, u Undo) error
	// History is the configurations that an app had.
	History func(ctx context.Context, out io.Writer, c *client.Client, app string) error
	// Settings are those of an app, or those of one key.
	Settings func(ctx context.Context, out io.Writer, c *client.Client, app, key string) error
	// Change gives an app other settings.
	Change func(ctx context.Context, out io.Writer, c *client.Client, app string, ch Change) error
	// Study says what the lines of apps come to: summary, patterns, anomalies.
	Study func(ctx context.Context, out io.Writer, c *client.Client, s Study) error
	// Past is what an app took over time, or what each of Apps did where App
	// is empty. Nil: that is not answered here.
	Past func(ctx context.Context, out io.Writer, p Past) error
	// Audit is the record of orders.
	Audit func(out io.Writer, a Audit) error
}

// Past is a stretch of time until now.
type Past struct {
	App    string
	Apps   []string
	Inst   int // -1: all, added up
	Span   string
	Points int // about so many
}

// Audit says which orders of the record somebody wants. What is zero does not
// count.
type Audit struct {
	Since                 velos.Time
	App, Agent, Actor, Op string
	Last                  int
}

// Apply is what may be said of a file.
type Apply struct {
	File     string       `json:"file"`
	Only     []string     `json:"only"`
	Profiles []string     `json:"profiles"`
	Prune    bool         `json:"prune"`
	Dry      bool         `json:"dry_run"`
	Parallel int          `json:"parallel"`
	Timeout  velos.Millis `json:"timeout_ms"`
}

// Undo is how far back to go.
type Undo struct {
	App     string       `json:"-"` // empty: every app that the last command has changed
	To      int          `json:"to"`
	Dry     bool         `json:"dry_run"`
	Timeout velos.Millis `json:"timeout_ms"`
}

// Change is settings as KEY=VALUE.
type Change struct {
	Set     []string     `json:"set"`
	Dry     bool         `json:"dry_run"`
	Later   bool         `json:"no_restart"`
	Timeout velos.Millis `json:"timeout_ms"`
}

// Study is which lines are meant.
type Study struct {
	What         string // summary, patterns, anomalies
	App          string // empty: all
	Since, Until velos.Time
}

// limit is how long an order is waited for.
func limit(asked velos.Millis) (time.Duration, error) {
	d := settleWithin
	if asked != 0 {
		d = asked.Std()
	}
	if d <= 0 || d > mostWait {
		return 0, invalid("timeout_ms: must be from 1 to "+strconv.FormatInt(mostWait.Milliseconds(), 10), "")
	}
	return d, nil
}

// carry answers with what a verb writes. It may take so long; when it has
// failed and written something, that is the answer.
func (q *request) carry(within time.Duration, do func(ctx context.Context, out io.Writer) error) error {
	guard.Extend(q.w, within+guard.AnswerWithin)
	ctx, stop := context.WithTimeout(q.r.Context(), within+askWithin)
	defer stop()
	var out bytes.Buffer
	err := do(ctx, &out)
	if err != nil && out.Len() == 0 {
		return err
	}
	q.w.Header().Set("Content-Type", "application/json")
	q.begun = true
	if err != nil {
		q.w.WriteHeader(guard.Status(err))
		_, _ = q.w.Write(out.Bytes())
		return nil
	}
	q.send(out.Bytes())
	return nil
}

func (q *request) applied(dry bool) error {
	var a Apply
	if err := q.body(&a); err != nil {
		return err
	}
	within, err := limit(a.Timeout)
	switch {
	case err != nil:
		return err
	case !filepath.IsAbs(a.File):
		return invalid("file: must be an absolute path on the machine of velos api", `such as {"file": "/srv/app/velos.toml"}`)
	case a.Parallel < 0:
		return invalid("parallel: must be 1 or more", "")
	case dry && (q.given["dry_run"] || q.given["parallel"]):
		return invalid("diff takes neither dry_run nor parallel", "/v1/openapi.yaml says what may be in the body")
	}
	a.Dry, a.Parallel, a.Timeout = a.Dry || dry, max(1, a.Parallel), velos.MillisOf(within)
	return q.carry(within, func(ctx context.Context, out io.Writer) error { return q.Verbs.Apply(ctx, out, q.c, a) })
}

func diff(q *request) error  { return q.applied(true) }
func apply(q *request) error { return q.applied(false) }

func (q *request) undone(app string) error {
	var u Undo
	if err := q.body(&u); err != nil {
		return err
	}
	within, err := limit(u.Timeout)
	if err != nil {
		return err
	}
	if app == "" && q.given["to"] {
		return invalid("to: generations are of one app", "/v1/apps/{app}/undo goes back to one")
	}
	u.App, u.Timeout = app, velos.MillisOf(within)
	return q.carry(within, func(ctx context.Context, out io.Writer) error { return q.Verbs.Undo(ctx, out, q.c, u) })
}

func undoLast(q *request) error { return q.undone("") }

func undo(q *request) error {
	t, err := q.whole("all instances of an app have one configuration")
	if velos.CodeOf(err) == velos.NotFound { // one that was deleted comes back
		return q.undone(q.r.PathValue("app"))
	}
	if err != nil {
		return err
	}
	return q.undone(t.app.Spec.Name)
}

func history(q *request) error {
	t, err := q.whole("all instances of an app have one configuration")
	if err != nil {
		return err
	}
	return q.carry(askWithin, func(ctx context.Context, out io.Writer) error { return q.Verbs.History(ctx, out, q.c, t.app.Spec.Name) })
}

const (
	fewPoints  = 120
	mostPoints = 2000
)

// past is which figures a request wants.
func (q *request) past(most int) (Past, error) {
	v := q.query()
	p := Past{Inst: -1, Span: cmp.Or(v.values.Get("span"), "1h"), Points: int(v.number("points", uint64(min(fewPoints, most)), uint64(most)))}
	switch {
	case v.err != nil:
		return p, v.err
	case p.Points == 0:
		return p, invalid("points: must be from 1 to "+strconv.Itoa(most), "")
	case q.Verbs.Past == nil:
		return p, &velos.Error{Code: velos.Unsupported, Message: "recorded figures are not answered here", Hint: "begin it with: velos api --history"}
	}
	return p, nil
}

// recorded answers with the figures that were recorded of an app.
func recorded(q *request) error {
	p, err := q.past(mostPoints)
	if err != nil {
		return err
	}
	t, err := q.target()
	if err != nil {
		return err
	}
	p.App, p.Inst = t.app.Spec.Name, t.inst
	return q.figures(p)
}

// allRecorded answers with those of every app that there is, for a page that
// draws them all.
func allRecorded(q *request) error {
	p, err := q.past(fewPoints)
	if err != nil {
		return err
	}
	ctx, stop := q.briefly()
	defer stop()
	apps, err := q.c.List(ctx)
	if err != nil {
		return err
	}
	for i := range apps.Apps {
		p.Apps = append(p.Apps, apps.Apps[i].Spec.Name)
	}
	return q.figures(p)
}

// figures are the same until the next step begins.
func (q *request) figures(p Past) error {
	ctx, stop := q.briefly()
	defer stop()
	var out bytes.Buffer
	if err := q.Verbs.Past(ctx, &out, p); err != nil {
		return err
	}
	if q.unchanged(sha256.Sum256(out.Bytes())) {
		return nil
	}
	return q.reply(func(w io.Writer) error {
		_, err := w.Write(out.Bytes())
		return err
	})
}

func settings(q *request) error {
	v := q.query()
	if v.err != nil {
		return v.err
	}
	t, err := q.whole("all instances of an app have one configuration")
	if err != nil {
		return err
	}
	return q.carry(askWithin, func(ctx context.Context, out io.Writer) error {
		return q.Verbs.Settings(ctx, out, q.c, t.app.Spec.Name, v.values.Get("key"))
	})
}

func change(q *request) error {
	var ch Change
	if err := q.body(&ch); err != nil {
		return err
	}
	within, err := limit(ch.Timeout)
	if err != nil {
		return err
	}
	if len(ch.Set) == 0 {
		return invalid("set: something is needed", `such as {"set": ["kill_timeout=10s"]}`)
	}
	t, err := q.whole("all instances of an app have one configuration")
	if err != nil {
		return err
	}
	ch.Timeout = velos.MillisOf(within)
	return q.carry(within, func(ctx context.Context, out io.Writer) error {
		return q.Verbs.Change(ctx, out, q.c, t.app.Spec.Name, ch)
	})
}

// studied answers what the lines of apps come to.
func studied(what string) func(*request) error {
	return func(q *request) error {
		v := q.query()
		s := Study{What: what, App: v.values.Get("app"), Since: v.moment("since"), Until: v.moment("until")}
		if v.err != nil {
			return v.err
		}
		if s.App != "" {
			list, err := q.apps(s.App)
			if err != nil {
				return err
			}
			s.App = list[0].String()
		}
		return q.carry(guard.AnswerWithin, func(ctx context.Context, out io.Writer) error { return q.Verbs.Study(ctx, out, q.c, s) })
	}
}

// apps are those that words name; all without words.
func (q *request) apps(words ...string) ([]target, error) {
	ctx, stop := q.briefly()
	defer stop()
	apps, err := q.c.List(ctx)
	if err == nil && len(words) > 0 {
		return aims(apps.Apps, words)
	}
	list := make([]target, len(apps.Apps))
	for i := range apps.Apps {
		list[i] = target{&apps.Apps[i], -1}
	}
	return list, err
}

func crashed(q *request) error {
	t, err := q.target()
	if err != nil {
		return err
	}
	ctx, stop := q.briefly()
	defer stop()
	r, err := verb.Crash(ctx, q.c, t.app, t.inst)
	if err != nil {
		return err
	}
	return q.reply(func(w io.Writer) error { return view.Crash(w, &r, q.options()) })
}

func changes(q *request) error {
	v := q.query()
	most := int(v.number("lines", 20, mostLines))
	ask := wire.EventsQuery{}
	if since := v.values.Get("since"); strings.Contains(since, "#") {
		c, err := verb.ParseCursor(since)
		if err != nil {
			return err
		}
		ask.After = c.Event
	} else {
		ask.Since = v.moment("since")
	}
	if v.err != nil {
		return v.err
	}
	list, err := q.apps()
	if err != nil {
		return err
	}
	apps := make([]velos.App, len(list))
	for i := range list {
		apps[i] = *list[i].app
	}
	if name := v.values.Get("app"); name != "" {
		t, err := aim(apps, name)
		if err != nil {
			return err
		}
		ask.ID = t.app.ID
	}
	ctx, stop := q.briefly()
	defer stop()
	c, err := verb.Changes(ctx, q.c, apps, ask, most)
	if err != nil {
		return err
	}
	return q.value(map[string]any{"changes": append([]verb.Change{}, c.List...), "older": c.Older, "missed": c.Missed, "cursor": c.Cursor.String()})
}

func ports(q *request) error {
	v := q.query()
	port := int(v.number("port", 0, 65535))
	if v.err != nil {
		return v.err
	}
	list, err := q.apps()
	if err != nil {
		return err
	}
	apps := make([]velos.App, len(list))
	for i := range list {
		apps[i] = *list[i].app
	}
	ctx, stop := q.briefly()
	defer stop()
	verb.Look(ctx, q.c, apps)
	return q.value(append([]verb.Port{}, verb.Ports(apps, port)...))
}

// audited answers from the record itself, also while there is no daemon.
func audited(q *request) error {
	v := q.query()
	a := Audit{Since: v.moment("since"), Last: int(v.number("lines", fewLines, mostLines)),
		App: v.values.Get("app"), Agent: v.values.Get("agent"), Actor: v.values.Get("actor"), Op: v.values.Get("op")}
	if v.err != nil {
		return v.err
	}
	if q.Verbs.Audit == nil {
		return &velos.Error{Code: velos.Unsupported, Message: "there is no record of orders here"}
	}
	out := q.stream(false)
	defer out.end()
	return q.Verbs.Audit(out, a)
}

// wait answers when something has become so.
func wait(q *request) error {
	v := q.query()
	w := verb.Wait{All: v.truth("all")}
	asked := velos.Millis(v.number("timeout_ms", uint64(settleWithin.Milliseconds()), uint64(mostWait.Milliseconds())))
	if asked == 0 && v.err == nil {
		v.err = invalid("timeout_ms: must be from 1 to "+strconv.FormatInt(mostWait.Milliseconds(), 10), "")
	}
	if v.err != nil {
		return v.err
	}
	within, err := limit(asked)
	if err != nil {
		return err
	}
	until := v.values.Get("until")
	if until == "" {
		until = "ready"
	}
	for word := range strings.SplitSeq(until, ",") {
		c, err := verb.ParseCondition(word)
		if err != nil {
			return err
		}
		w.Until = append(w.Until, c)
	}
	t, err := q.whole("a wait is for an app")
	if err != nil {
		return err
	}
	w.Apps = []velos.App{*t.app}
	if since := v.values.Get("since"); since != "" {
		c, err := verb.ParseCursor(since)
		if err != nil {
			return err
		}
		w.From = map[uint32]verb.Cursor{t.app.ID: c}
	}
	guard.Extend(q.w, within+guard.AnswerWithin)
	ctx, stop := context.WithTimeout(q.r.Context(), within)
	defer stop()
	outcomes, err := w.Through(ctx, q.c, q.goOn)
	if err != nil {
		return err
	}
	answers := make([]verb.Answer, len(outcomes))
	for i := range outcomes {
		answers[i] = outcomes[i].Answer()
	}
	return q.value(answers)
}

type savedAnswer struct {
	Path  string `json:"path"`
	Count int    `json:"count"`
}

func save(q *request) error {
	if err := q.body(&struct{}{}); err != nil {
		return err
	}
	ctx, stop := q.briefly()
	defer stop()
	s, err := q.c.Save(ctx)
	if err != nil {
		return err
	}
	return q.value(savedAnswer{s.Path, s.Count})
}
