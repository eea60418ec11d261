package cli

import (
	"context"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/view"
)

const monitLong = `Shows apps in a full-screen view: a table with state, CPU, memory and their recent past, the instances of each app,
lines as they are written, events, why an app is as it is or crashed, and what velos metrics --history has recorded. It
restarts, reloads, stops, starts, scales, signals and deletes after a question, and shows the command that does the same.
? lists the keys, docs/MONIT.md too.

It starts no daemon. When the daemon is killed or upgraded it says so, and goes on with the next one. --read-only gives no
orders; --ascii draws with ASCII alone. What draws is the program velos-doors, beside velos.

    velos monit
    velos monit api worker
    velos monit ns:shop --read-only` + targetsHelp

// Monitor shows apps in a full-screen view. Only velos-doors sets it: what it
// links would cost every command its start. In velos, monit becomes
// velos-doors.
var Monitor func(context.Context, Screen) error

// A Screen is what the full-screen view gets to know of the command that
// started it.
type Screen struct {
	Dial     func() (*client.Client, error)
	Meant    func([]velos.App) []velos.App
	Past     func(context.Context, *view.Past) error
	Recent   func(context.Context, *view.Past) ([]view.Past, error)
	Signal   func(word string) (int, error)
	Quote    func(word string) string
	In       io.Reader
	Out      io.Writer
	Env      []string
	Color    bool
	ASCII    bool
	ReadOnly bool
	Interval time.Duration
	Cores    int
	Now      func() time.Time
	Loc      *time.Location
}

// leastInterval is how often figures come at most.
const leastInterval = 100 * time.Millisecond

func setupMonit(s *session, f *pflag.FlagSet) handler {
	readOnly := f.Bool("read-only", false, "no orders from this view")
	ascii := f.Bool("ascii", false, "draw with ASCII alone")
	interval := f.String("interval", "2s", "time between two figures, from 100ms")
	return func(ctx context.Context, args []string) error {
		every, err := config.Duration(*interval)
		if err != nil || every.Std() < leastInterval {
			return invalid("--interval: "+quote(*interval)+" is no length of time from 100ms", "such as --interval 1s")
		}
		if err := s.watchable(); err != nil {
			return err
		}
		dial, err := s.dialer()
		if err == nil {
			err = s.checkMeant(ctx, dial, args)
		}
		if err != nil {
			return err
		}
		if Monitor == nil {
			return s.handOver("velos-doors", "monit")
		}
		h, err := s.home()
		if err != nil {
			return err
		}
		env := make([]string, 0, len(s.Vars))
		for k, v := range s.Vars {
			env = append(env, k+"="+v)
		}
		slices.Sort(env)
		return Monitor(ctx, Screen{Dial: dial, Meant: s.watched(args),
			Past:   func(ctx context.Context, p *view.Past) error { return AskFigures(ctx, h, p) },
			Recent: func(ctx context.Context, q *view.Past) ([]view.Past, error) { return RecentFigures(ctx, h, q) },
			Signal: signalNumber, Quote: shellWord, In: s.In, Out: s.Out, Env: env,
			Color: s.coloured(true), ASCII: *ascii, ReadOnly: *readOnly, Interval: every.Std(), Cores: runtime.NumCPU(), Now: s.Now, Loc: s.Loc})
	}
}

// shellWord is a word as a shell would have it written.
func shellWord(w string) string {
	if w == "" || strings.ContainsAny(w, " \t\"'\\$`*?;&|<>()#") {
		return quoteWord(w)
	}
	return w
}

// agentSigns are variables that agents set for the commands they run.
var agentSigns = []string{"AI_AGENT", "CLAUDECODE", "CURSOR_AGENT", "GEMINI_CLI", "CODEX_SANDBOX", "CODEX_CI", "COPILOT_AGENT"}

// watchable refuses whoever cannot look at a screen.
func (s *session) watchable() error {
	agent := s.Vars["VELOS_AGENT"] == "1"
	for _, k := range agentSigns {
		agent = agent || s.Vars[k] != "" && s.Vars["VELOS_AGENT"] != "0"
	}
	switch {
	case !s.human():
		return invalid("monit: a full-screen view has no form for programs", "velos list --json, velos logs -f --json")
	case agent:
		return invalid("monit: a full-screen view is for people, and an agent has called it", "velos list --ai, velos logs; VELOS_AGENT=0 if you are none")
	case !s.OutTTY || !s.InTTY:
		return invalid("monit: there is no terminal", "velos list; velos logs -f")
	case s.Vars["TERM"] == "dumb":
		return invalid("monit: this terminal cannot show a full screen (TERM=dumb)", "velos list; velos logs -f")
	}
	return nil
}

// checkMeant has words that mean nothing said at once, if a daemon is there to
// know. There may be none yet.
func (s *session) checkMeant(ctx context.Context, dial func() (*client.Client, error), words []string) error {
	if len(words) == 0 {
		return nil
	}
	conn, err := dial()
	if err != nil {
		return nil
	}
	defer conn.Close()
	ctx, stop := briefly(ctx)
	defer stop()
	list, err := conn.List(ctx)
	if err != nil {
		return late(err, patience)
	}
	_, err = s.resolve("monit", list.Apps, words)
	return err
}

// watched picks the apps that words mean, of those there are now; nil is all.
func (s *session) watched(words []string) func([]velos.App) []velos.App {
	if len(words) == 0 {
		return nil
	}
	return func(all []velos.App) []velos.App {
		var apps []velos.App
		for _, t := range s.stillMeant(all, words) {
			if !slices.ContainsFunc(apps, func(a velos.App) bool { return a.ID == t.app.ID }) {
				apps = append(apps, *t.app)
			}
		}
		return apps
	}
}
