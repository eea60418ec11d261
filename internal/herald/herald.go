// Package herald is notifications: which events are news, what the messages
// say, grouping, limits, and the ways out: webhook, Slack, Telegram, e-mail. It
// is a program that the daemon starts when there may be news, and that ends
// when it has told them. It gives no orders and never talks to the daemon
// while it sends.
package herald

import (
	"context"
	"os"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/trust"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Bounds of one run.
const (
	life      = 10 * time.Minute
	patience  = 20 * time.Second // for what the daemon is asked at a time
	mostAtOne = 5000             // events that are read at a time
)

// A Herald is one run.
type Herald struct {
	Home   home.Home
	After  uint64        // the newest event when the daemon started it, for one that has no state yet
	Stable time.Duration // how long an app must be online to be called recovered
	Look   time.Duration // between two looks at the daemon
	Host   string
	// Pause waits between two attempts to send; tests do not.
	Pause func(ctx context.Context, d time.Duration) error

	state   *State
	sinks   []*sink
	apps    []velos.App
	problem map[string]string // of files, by path
}

// A sink is a notice of a file that is in force.
type sink struct {
	config.Notice
	*Sink
	source string // the file whose apps it is about; empty: the home's
	failed bool   // in this run: it is not tried again
}

// New is a Herald with the usual times.
func New(h home.Home, after uint64) *Herald {
	host, _ := os.Hostname()
	return &Herald{Home: h, After: after, Stable: 30 * time.Second, Look: time.Second, Host: host, Pause: pause}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run tells what there is to tell. Another Herald of the same home that is at
// work makes it end at once: that one looks at the daemon until nothing is
// left.
func (h *Herald) Run(ctx context.Context) error {
	done, err := home.Turn(h.Home.NoticesFile(), false)
	if velos.CodeOf(err) == velos.Conflict {
		return nil
	}
	if err != nil {
		return err
	}
	defer done()
	ctx, stop := context.WithTimeout(ctx, life)
	defer stop()
	if h.state, err = Load(h.Home); err != nil {
		return err
	}
	if h.state.Cursor == 0 {
		h.state.Cursor = h.After
	}
	for {
		again, err := h.round(ctx)
		if e := h.state.save(h.Home); err == nil {
			err = e
		}
		if err != nil || !again {
			return err
		}
		if h.Pause(ctx, h.Look) != nil {
			return nil // what is left is in the state
		}
	}
}

// round is one look at the daemon, and the messages that are due after it.
func (h *Herald) round(ctx context.Context) (again bool, err error) {
	watching, err := h.look(ctx)
	gone := err != nil
	if gone && velos.CodeOf(err) != velos.Unreachable {
		return false, err
	}
	waiting := false
	for _, s := range h.sinks {
		if len(s.Unsent) == 0 || s.failed {
			continue
		}
		if wait := time.Until(s.due()); wait > 0 && !gone {
			waiting = true
			continue
		}
		h.tell(ctx, s)
		if err := h.state.save(h.Home); err != nil {
			return false, err
		}
	}
	return !gone && (waiting || watching), nil
}

// due is when the first of what is unsent has waited long enough for others.
func (s *sink) due() time.Time {
	return s.Unsent[0].Time.Std().Add(s.Group.Std())
}

// look reads new events and hands them to the sinks. It reports whether some
// app is about to be called recovered.
func (h *Herald) look(ctx context.Context) (watching bool, err error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	c, err := client.Dial(h.Home.Socket())
	if err != nil {
		return false, err
	}
	defer c.Close()
	list, err := c.List(ctx)
	if err != nil {
		return false, err
	}
	h.apps = list.Apps
	h.find()
	now, err := c.Metrics(ctx, wire.MetricsQuery{})
	if err != nil {
		return false, err
	}
	h.resume(now.Daemon.Events)
	var events []velos.Event
	for e, err := range c.Events(ctx, wire.EventsQuery{After: h.state.Cursor}) {
		if err != nil {
			return false, err
		}
		if events = append(events, e); len(events) == mostAtOne {
			break
		}
	}
	for i := range events {
		e := &events[i]
		if n, ok := h.newsOf(e); ok {
			h.explain(ctx, c, &n)
			h.hand(n)
		}
		h.state.Cursor = e.Seq
	}
	return h.recovered(), nil
}

// resume begins anew where the journal has: one that somebody has removed
// counts from 1 again, and its news would be taken for old ones.
func (h *Herald) resume(newest uint64) {
	if newest < h.state.Cursor {
		h.state.Cursor = min(h.After, newest)
	}
}

// app is an app by its id: names change.
func (h *Herald) app(id uint32) *velos.App {
	for i := range h.apps {
		if h.apps[i].ID == id {
			return &h.apps[i]
		}
	}
	return nil
}

// explain adds what the program said last, and what it came to.
func (h *Herald) explain(ctx context.Context, c *client.Client, n *News) {
	a := h.app(n.ID)
	if a == nil || n.Kind != "crash" && n.Kind != "gave_up" || !h.wanted(n, a) {
		return
	}
	r, err := verb.Crash(ctx, c, a, n.Inst)
	if err != nil || r.Exit == nil {
		return
	}
	n.Cause, n.Restarts = string(r.Cause), r.Restarts
	n.Line = short(r.Message, longestLine)
	if n.Kind == "gave_up" && n.Exit == "" {
		n.Exit = view.MaskOf(a).String(view.Text(r.Exit.String()))
	}
}

func (h *Herald) wanted(n *News, a *velos.App) bool {
	for _, s := range h.sinks {
		if s.wants(n, a) {
			return true
		}
	}
	return false
}

// hand gives a news to those sinks that want it.
func (h *Herald) hand(n News) {
	a := h.app(n.ID)
	for _, s := range h.sinks {
		if !s.wants(&n, a) {
			continue
		}
		if len(s.Unsent) >= mostUnsent {
			s.Unsent, s.Left = s.Unsent[1:], s.Left+1
		}
		s.Unsent = append(s.Unsent, n)
	}
}

func (s *sink) wants(n *News, a *velos.App) bool {
	namespace := ""
	if a != nil {
		namespace = a.Spec.Namespace
	}
	if s.source != "" && (a == nil || a.Spec.Source != s.source) {
		return false
	}
	for _, on := range s.On {
		if on == n.Kind {
			return s.About(n.App, namespace)
		}
	}
	return false
}

// find reads the tables that are in force: those of the home, and those of the
// files that apps came from, as far as somebody has trusted them.
func (h *Herald) find() {
	h.problem = map[string]string{}
	found := h.sinks[:0:0]
	take := func(source string, list []config.Notice) {
		for _, n := range list {
			s := h.state.sink(n)
			k := &sink{Notice: n, Sink: s, source: source}
			for _, old := range h.sinks {
				k.failed = k.failed || old.Sink == s && old.failed
			}
			found = append(found, k)
		}
	}
	list, err := global(h.Home, variables(nil))
	if err != nil {
		h.problem[h.Home.ConfigFile()] = err.Error()
	}
	take("", list)
	seen := map[string]bool{}
	for i := range h.apps {
		sp := &h.apps[i].Spec
		if !sp.Notify || seen[sp.Source] {
			continue
		}
		seen[sp.Source] = true
		list, err := Trusted(h.Home, sp)
		if err != nil {
			h.problem[sp.Source] = err.Error()
		}
		take(sp.Source, list)
	}
	h.sinks = found
	h.state.Problems = h.problem
}

func global(hm home.Home, vars map[string]string) ([]config.Notice, error) {
	if _, err := os.Lstat(hm.ConfigFile()); os.IsNotExist(err) {
		return nil, nil
	}
	g, err := config.LoadGlobal(hm.ConfigFile(), config.Environ{Dir: hm.Dir, Vars: vars})
	if err != nil {
		return nil, err
	}
	return g.Notices, nil
}

// Trusted are the tables of the file that an app came from, unless they have
// changed since somebody trusted it: news hold what programs wrote, and would
// go elsewhere.
func Trusted(hm home.Home, sp *velos.Spec) ([]config.Notice, error) {
	list, err := config.Notices(sp.Source, config.Environ{Dir: sp.Cwd, Vars: variables(sp)})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	r, known, err := trust.Store{Home: hm}.Find(sp.Source)
	if err != nil {
		return nil, err
	}
	want := config.NoticesCommand(list).Sum
	for _, c := range r.Commands {
		if known && c.App == "" && c.Sum == want {
			return list, nil
		}
	}
	return nil, &velos.Error{Code: velos.Denied, Message: sp.Source + ": its [[notify]] tables have changed since it was trusted", Hint: "velos apply, or velos trust " + sp.Source}
}

// variables are what ${NAME} stands for: the app's, and those of this process
// that the app lacks.
func variables(sp *velos.Spec) map[string]string {
	env, _ := config.Current()
	vars := env.Vars
	if sp != nil {
		for _, from := range []map[string]string{sp.FileEnv, sp.Env} {
			for k, v := range from {
				vars[k] = v
			}
		}
	}
	return vars
}
