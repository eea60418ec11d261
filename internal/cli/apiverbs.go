package cli

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/api"
	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/digest"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// verbs are commands as the api gives them: the same code, with --json.
func (s *session) verbs() api.Verbs {
	return api.Verbs{Apply: s.apiApply, Undo: s.apiUndo, History: s.apiHistory, Settings: s.apiSettings, Change: s.apiChange, Study: s.apiStudy, Audit: s.apiAudit}
}

// aside is a session for one request: nobody watches it, and what it has to
// say is its answer.
func (s *session) aside(out io.Writer, c *client.Client) *session {
	w := s.World
	w.Out, w.Err, w.In, w.OutTTY, w.ErrTTY, w.Unread = out, io.Discard, nil, false, false, nil
	return &session{World: w, conn: c, offered: true, json: true, silent: true, door: true}
}

// hangUp gives back what a request has connected to after its own daemon was
// lost.
func (s *session) hangUp(its *client.Client) {
	if s.conn != nil && s.conn != its {
		_ = s.conn.Close()
	}
}

// told is an error as a request gets it. What some of several orders came to
// is written like the command writes it.
func (s *session) told(err error) error {
	if p, ok := err.(*partial); ok {
		_ = view.Failure(s.Out, p.err, p.results, s.options())
	}
	if err == nil {
		return nil
	}
	return view.Split(err)[0]
}

func (s *session) apiAudit(out io.Writer, a api.Audit) error {
	h, err := s.home()
	if err != nil {
		return err
	}
	list, err := audit.Read(h.AuditFile(), audit.Query{Since: a.Since, App: a.App, Agent: a.Agent, Actor: a.Actor, Op: a.Op, Last: a.Last})
	if err != nil {
		return err
	}
	return view.Audit(out, list, view.Options{Format: view.JSON, Loc: s.Loc})
}

func (s *session) apiApply(ctx context.Context, out io.Writer, c *client.Client, a api.Apply) error {
	b := s.aside(out, c)
	defer b.hangUp(c)
	b.Dir, b.Lost = filepath.Dir(a.File), nil
	verb := "apply"
	if a.Dry {
		verb = "diff"
	}
	o := applyFlags{only: a.Only, env: a.Profiles, prune: a.Prune}
	plan, err := b.compare(ctx, verb, &o, []string{filepath.Clean(a.File)})
	switch {
	case err != nil:
	case a.Dry:
		err = plan.show()
	default:
		err = plan.carryOut(ctx, a.Parallel, a.Timeout.Std())
	}
	return b.told(err)
}

func (s *session) apiUndo(ctx context.Context, out io.Writer, c *client.Client, u api.Undo) error {
	b := s.aside(out, c)
	defer b.hangUp(c)
	plan, err := b.undoRequest(ctx, u.App, u.To)
	switch {
	case err != nil:
	case u.Dry:
		err = plan.show()
	default:
		err = plan.carryOut(ctx, 1, u.Timeout.Std())
	}
	return b.told(err)
}

// requestWithin is how far apart the changes of one request may be.
const requestWithin = velos.Millis(60_000)

// undoRequest is what has to be done to take back the last request or command,
// or what was last done to one app.
func (s *session) undoRequest(ctx context.Context, app string, to int) (*applying, error) {
	switch {
	case app == "":
		return s.undoLast(ctx, func(ctx context.Context) ([]velos.Former, velos.Former, error) { return s.lastRequest(ctx, 0) })
	case to != 0:
		return s.undoing(ctx, []string{app}, to)
	}
	t, err := s.oneApp(ctx, "undo", app)
	if velos.CodeOf(err) == velos.NotFound {
		return s.undoing(ctx, []string{app}, 0) // it may have been deleted
	}
	if err != nil {
		return nil, err
	}
	list, newest, err := s.lastRequest(ctx, t.app.ID)
	if err == nil && newest.By.PID != os.Getpid() {
		list, err = s.oneBefore(ctx, app, 0)
	}
	if err != nil {
		return nil, err
	}
	return s.goBack(ctx, list)
}

// lastRequest is what apps were before the last change of all, or of one app
// (0 is all), and the newest change. A command is told from others by its
// process; what was asked here was always asked by this one, and is told by its
// time.
func (s *session) lastRequest(ctx context.Context, id uint32) (list []velos.Former, newest velos.Former, err error) {
	all, err := s.formers(ctx, wire.History{ID: id, Last: 1})
	if err != nil {
		return nil, newest, err
	}
	if len(all) == 0 {
		return nil, newest, nothingBefore("undo: no configuration has changed")
	}
	newest = slices.MaxFunc(all, func(a, b velos.Former) int { return cmp.Compare(a.Until, b.Until) })
	switch {
	case newest.By.PID == os.Getpid():
		return slices.DeleteFunc(all, func(f velos.Former) bool {
			return f.By.PID != newest.By.PID || velos.Millis(newest.Until-f.Until) > requestWithin
		}), newest, nil
	case id != 0:
		return all, newest, nil
	}
	return s.lastCommand(ctx)
}

func (s *session) apiHistory(ctx context.Context, out io.Writer, c *client.Client, app string) error {
	b := s.aside(out, c)
	return b.told(setupHistory(b, nil)(ctx, []string{app}))
}

func (s *session) apiSettings(ctx context.Context, out io.Writer, c *client.Client, app, key string) error {
	b := s.aside(out, c)
	t, err := b.oneApp(ctx, "config get", app)
	if err != nil {
		return b.told(err)
	}
	var keys []string
	if key != "" {
		keys = []string{key}
	}
	return b.told(b.getSetting(t.app, keys))
}

func (s *session) apiChange(ctx context.Context, out io.Writer, c *client.Client, app string, ch api.Change) error {
	b := s.aside(out, c)
	defer b.hangUp(c)
	t, err := b.oneApp(ctx, "config set", app)
	if err != nil {
		return b.told(err)
	}
	env, err := b.environ()
	if err != nil {
		return err
	}
	sp, err := config.Set(&t.app.Spec, ch.Set, env)
	if err != nil {
		return b.told(err)
	}
	plan := &applying{session: b, file: "the request"}
	plan.turn(&sp, t.app)
	for i := range plan.tasks {
		if ch.Later {
			plan.tasks[i].do = adapt
		}
	}
	if ch.Dry {
		return b.told(plan.show())
	}
	return b.told(plan.carryOut(ctx, 1, ch.Timeout.Std()))
}

func (s *session) apiStudy(ctx context.Context, out io.Writer, c *client.Client, st api.Study) error {
	b := s.aside(out, c)
	f := pflag.NewFlagSet("logs", pflag.ContinueOnError)
	var o logFlags
	o.flags(f)
	d := digestFlags{similarity: digest.Similarity, sigma: digest.WarningSigma,
		summary: st.What == "summary", patterns: st.What == "patterns", anomalies: st.What == "anomalies"}
	var args []string
	if st.App != "" {
		args = []string{st.App}
	}
	base := velos.Query{Inst: -1, Since: st.Since, Until: st.Until}
	if st.Since != 0 {
		o.since = "the request" // says when, in other words
	}
	return b.told(b.digest(ctx, f, &o, &d, base, args))
}
