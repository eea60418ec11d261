package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// ensured is what ensure was asked for: a known app as it is, or a program.
func (s *session) ensured(ctx context.Context, f *pflag.FlagSet, o *specFlags, word string, rest []string) (verb.Ensure, error) {
	if profiles := o.profiles(); len(profiles) > 0 {
		return verb.Ensure{}, noFile(profiles[0])
	}
	apps, err := s.apps(ctx)
	if err != nil {
		return verb.Ensure{}, err
	}
	if t, ok := named(apps, word); ok && o.Name == "" {
		given := ""
		f.Visit(func(fl *pflag.Flag) {
			if given == "" && !slices.Contains([]string{"json", "ai", "silent", "color", "no-color", "timeout", "until", "replace", "keep", "lease"}, fl.Name) {
				given = "--" + fl.Name
			}
		})
		if given != "" || len(rest) > 0 {
			return verb.Ensure{}, invalid("ensure "+quote(word)+": that is an app which is known, and flags or arguments say what a new one should be", "name its script or command, and the app with --name")
		}
		return verb.Ensure{Spec: t.app.Spec, Named: true}, nil
	}
	sp, opts, err := s.single("ensure", f, o, word, rest)
	if err != nil {
		return verb.Ensure{}, err
	}
	e := verb.Ensure{Spec: sp, Named: o.Name != "", Instances: o.Instances != ""}
	for _, kv := range opts.Env {
		k, _, _ := strings.Cut(kv, "=")
		e.Env = append(e.Env, k)
	}
	return e, nil
}

// ordered puts a command in the place of start in what FromArgs says.
func ordered(verb string, err error) error {
	rest, ok := strings.CutPrefix(err.Error(), "start ")
	if !ok {
		return err
	}
	return &velos.Error{Code: velos.CodeOf(err), Message: verb + " " + rest, Hint: velos.HintOf(err), Cause: err}
}

// single resolves one program for a command.
func (s *session) single(verb string, f *pflag.FlagSet, o *specFlags, word string, rest []string) (velos.Spec, config.Options, error) {
	opts, err := o.options(f, rest)
	if err != nil {
		return velos.Spec{}, opts, err
	}
	opts.PortLater = f.Changed("port")
	env, err := s.environ()
	if err != nil {
		return velos.Spec{}, opts, err
	}
	specs, err := config.FromArgs([]string{word}, opts, env)
	if err != nil {
		return velos.Spec{}, opts, ordered(verb, err)
	}
	return specs[0], opts, nil
}

const runLong = `Runs a program one time and waits for its end: what it writes on stdout and stderr is shown there, and its exit
code is the exit code (128 and the number of a signal). When --timeout is over or on Ctrl-C, it and everything that it has
started is ended; then the exit code is 5, or 130. Afterwards nothing of it is left: no app, no log file.
Its stdin is empty. What may run on is for velos ensure.

    velos run --timeout 2m -- npm test
    velos run --json -- make build`

// outputKept is how much of a program's output --json and --ai have.
const outputKept = 64 << 10

func setupRun(s *session, f *pflag.FlagSet) handler {
	var o specFlags
	f.StringVar(&o.Cwd, "cwd", "", "working directory")
	f.StringArrayVar(&o.set, "set", nil, "KEY=VALUE for the environment")
	f.StringArrayVar(&o.EnvFiles, "env-file", nil, "dotenv file")
	timeout := f.String("timeout", "", "end it after this time (such as 2m), and exit with 5")
	port := ""
	portFlag(f, &port)
	f.SetInterspersed(false)
	return func(ctx context.Context, args []string) error {
		limit, err := (&waiting{timeout: *timeout}).limit()
		if err == nil {
			err = checkPort(port)
		}
		if err != nil {
			return err
		}
		o.Shell, o.Interpreter = false, ""
		word, rest := args[0], args[1:]
		if strings.ContainsAny(word, " \t") && len(rest) > 0 {
			word = quoteWord(word)
		}
		sp, _, err := s.single("run", f, &o, word, rest)
		if err != nil {
			return err
		}
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		if err := verb.SetPort(&sp, port, apps); err != nil {
			return err
		}
		once, err := verb.Begin(ctx, s.conn, sp)
		if once == nil {
			return err
		}
		inner := ctx
		if limit > 0 {
			var stop context.CancelFunc
			inner, stop = context.WithTimeout(ctx, limit)
			defer stop()
		}
		return s.runOnce(ctx, inner, once, err)
	}
}

// quoteWord makes a path with blanks one word of a command line.
func quoteWord(w string) string { return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'" }

// runOnce follows a run to its end. ctx ends with Ctrl-C, limited also when
// the time is over. It goes on over any number of daemons; err is the end of the first one.
func (s *session) runOnce(ctx, limited context.Context, once *verb.Once, err error) error {
	out := newOutput(s, &once.App)
	ran, err := once.Through(limited, err, out.add, s.again)
	if err == nil && ran.Exit == nil {
		ran, err = once.Stop(ctx, out.add)
	}
	out.flush()
	if e := once.End(ctx); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	code := 0
	outcome := "exited"
	switch {
	case ran.Asked && ctx.Err() != nil:
		outcome, code = "cancelled", interrupted
	case ran.Asked:
		outcome, code = verb.TimedOut, velos.Timeout.Exit()
		s.notice("the time is over: ended with everything that it has started")
	case ran.Exit != nil:
		if code = verb.Code(ran.Exit); ran.Exit.Error != "" {
			s.notice(ran.Exit.String())
		}
	}
	if !s.human() {
		s.Out.Write(view.Value(out.answer(outcome, code, &ran)))
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// An output shows what a run writes, or keeps the end of it.
type output struct {
	s        *session
	out, err *view.Entries
	veil     *view.Veil
	port     int
	kept     []string
	size     int
	dropped  int
}

func newOutput(s *session, a *velos.App) *output {
	o := view.LogOptions{Options: s.options(), NoNames: true}
	e := o
	e.Color = s.coloured(s.ErrTTY)
	veil := view.NewVeil(a) // it sees all lines in their order
	o.Veils = map[uint32]*view.Veil{a.ID: veil}
	e.Veils = o.Veils
	apps := []velos.App{*a}
	return &output{s: s, out: view.NewEntries(s.Out, apps, o), err: view.NewEntries(s.Err, apps, e), veil: veil, port: a.Spec.Port()}
}

func (o *output) add(e *velos.Entry) {
	if !o.s.human() {
		line := o.veil.Text(e)
		o.kept = append(o.kept, line)
		for o.size += len(line) + 1; o.size > outputKept && len(o.kept) > 1; o.dropped++ {
			o.size -= len(o.kept[0]) + 1
			o.kept = o.kept[1:]
		}
		return
	}
	to := o.out
	if e.Src == velos.Stderr {
		to = o.err
	}
	to.Add(e)
	_ = to.Flush()
}

func (o *output) flush() {
	_ = o.out.Flush()
	_ = o.err.Flush()
}

type ranJSON struct {
	Outcome string       `json:"outcome"` // exited, timed_out, cancelled
	Code    int          `json:"exit_code"`
	Meaning string       `json:"exit_meaning"`
	Uptime  velos.Millis `json:"uptime_ms"`
	Port    int          `json:"port,omitempty"`
	Output  string       `json:"output"`
	Dropped int          `json:"dropped_lines,omitempty"`
}

func (o *output) answer(outcome string, code int, ran *verb.Ran) ranJSON {
	j := ranJSON{Outcome: outcome, Code: code, Port: o.port, Output: strings.Join(o.kept, "\n"), Dropped: o.dropped}
	if ran.Exit != nil {
		j.Meaning, j.Uptime = ran.Exit.String(), ran.Exit.Uptime
	}
	return j
}
