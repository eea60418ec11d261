package cli

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

const runtimeLong = `Runs apps in the foreground, as a container wants it: velos starts velosd, starts what is named (words and flags
are those of start; without any it is velos.toml, or else ecosystem.config.js), shows what the apps write on stdout, and ends when the last app is done or has given up,
with that app's exit code. As process 1 it also reaps what nobody else waits for.

SIGTERM and SIGINT stop the apps in order; then the exit code is 0. SIGHUP, SIGUSR1 and SIGUSR2 are
handed on to every app. --json writes one object a line, --raw the exact bytes.
velosd must not run yet for this VELOS_HOME: it belongs to this command, and ends with it.`

// runtimeFlags are the flags of runtime: those of start, and how to show.
type runtimeFlags struct {
	startFlags
	raw bool
}

func setupRuntime(s *session, f *pflag.FlagSet) handler {
	var o runtimeFlags
	o.specFlags.flags(f)
	f.StringArrayVar(&o.config, "config", nil, "configuration file; the same as naming it")
	s.trustFlag(f)
	f.StringSliceVar(&o.only, "only", nil, "only these apps of the configuration file")
	f.BoolVar(&o.raw, "raw", false, "the exact bytes that apps write")
	return func(ctx context.Context, args []string) error {
		words, rest := args, []string(nil)
		if n := f.ArgsLenAtDash(); n >= 0 {
			words, rest = args[:n], args[n:]
		}
		words = o.watched(s, s.unstarted(words))
		if len(words)+len(o.config) == 0 {
			words = []string{s.usualFile()}
		}
		switch err := s.dial(); {
		case err == nil:
			return &velos.Error{Code: velos.Conflict, Message: "runtime: velosd runs already for this VELOS_HOME",
				Hint: "velos start, or another VELOS_HOME for this container"}
		case velos.CodeOf(err) != velos.Unreachable:
			return err
		}
		return s.runtime(ctx, f, &o, words, rest)
	}
}

// unstarted is words without the start that pm2-runtime has before them.
func (s *session) unstarted(words []string) []string {
	if len(words) < 2 || words[0] != "start" {
		return words
	}
	if _, err := os.Stat(s.absolute("start")); err == nil {
		return words
	}
	return words[1:]
}

// runtime is one life of a container. ctx ends with the first SIGTERM; what
// is done after that has a context of its own.
func (s *session) runtime(ctx context.Context, f *pflag.FlagSet, o *runtimeFlags, words, rest []string) error {
	s.silent = true
	p, err := s.plan(ctx, f, &o.startFlags, words, rest)
	if err != nil {
		return s.wind(err)
	}
	defer reap()() // not earlier: the start of velosd waits for its child itself
	apps, err := s.makeKnown(ctx, p)
	if err != nil {
		return s.wind(err)
	}
	l := logQuery{follow: true, none: true, queries: all(apps)} // a former life's lines are not ours
	l.o.Raw = o.raw
	l.o.NoNames = len(apps) == 1
	shown := make(chan error, 1)
	show, hide := context.WithCancel(context.WithoutCancel(ctx))
	defer hide()
	go func() { shown <- s.showLogs(show, apps, &l) }()
	stopForwarding := s.forward(apps)
	defer stopForwarding()
	for _, id := range tops(apps) {
		if _, err := s.conn.Start(ctx, wire.Start{ID: id, Inst: -1}); err != nil {
			return s.wind(err)
		}
	}
	code, err := s.untilDone(ctx, slices.Clone(apps))
	asked := ctx.Err() != nil
	if e := s.wind(nil); err == nil || asked {
		err = e
	}
	select { // the streams end with the daemon, after the last line
	case <-shown:
	case <-time.After(patience):
	}
	switch {
	case err != nil:
		return err
	case asked || code == 0:
		return nil
	}
	return exitCode(code)
}

// tops are the apps to start: what another one needs is started with that, and
// an order of its own would run a job twice that has failed. Of a circle,
// which the daemon refuses, it is every app.
func tops(apps []velos.App) []uint32 {
	var all, free []uint32
	for i := range apps {
		if !apps[i].Spec.Autostart {
			continue
		}
		all = append(all, apps[i].ID)
		if !slices.ContainsFunc(apps, func(a velos.App) bool {
			return a.Spec.Autostart && slices.ContainsFunc(a.Spec.DependsOn, func(d velos.Dependency) bool { return d.Name == apps[i].Spec.Name })
		}) {
			free = append(free, apps[i].ID)
		}
	}
	if len(free) == 0 {
		return all
	}
	return free
}

// An exitCode ends velos with an app's own code, without a word.
type exitCode int

func (exitCode) Error() string { return "" }

// makeKnown makes the apps known and starts none yet, so that no line of them
// is missed. Other apps that a former life of the container has left stay as
// they are.
func (s *session) makeKnown(ctx context.Context, p *plan) ([]velos.App, error) {
	var apps []velos.App
	for i := range p.steps {
		st := &p.steps[i]
		if st.app == nil {
			r, err := s.conn.Start(ctx, wire.Start{Spec: st.spec, Inst: -1, Hold: true})
			if err != nil {
				return nil, err
			}
			apps = append(apps, r.App)
			continue
		}
		if st.spec != nil {
			if _, err := s.conn.Update(ctx, wire.Update{ID: st.app.ID, Spec: *st.spec}); err != nil {
				return nil, err
			}
		}
		a, err := s.conn.Info(ctx, wire.All(st.app.ID))
		if err != nil {
			return nil, err
		}
		apps = append(apps, a)
	}
	return apps, nil
}

// untilDone returns when no app runs or will run again, with the exit code of
// the one that was last to end, or when ctx ends.
func (s *session) untilDone(ctx context.Context, apps []velos.App) (code int, err error) {
	for e, err := range s.conn.Events(ctx, wire.EventsQuery{Follow: true}) {
		if ctx.Err() != nil {
			return 0, nil
		}
		if err != nil {
			return 1, err
		}
		if e.Kind != velos.KindState || e.To != velos.Stopped && e.To != velos.Errored {
			continue
		}
		for i := range apps {
			if apps[i], err = s.conn.Info(ctx, wire.All(apps[i].ID)); err != nil {
				return 1, err
			}
		}
		if last, done := allDone(apps); done {
			return ownCode(last), nil
		}
	}
	return 0, nil
}

// allDone reports whether every instance rests, and which of them ended last.
func allDone(apps []velos.App) (last *velos.Instance, done bool) {
	for i := range apps {
		for j := range apps[i].Instances {
			in := &apps[i].Instances[j]
			if in.Status != velos.Stopped && in.Status != velos.Errored || in.NextRun != 0 {
				return nil, false
			}
			if in.LastExit != nil && (last == nil || in.LastExit.Time >= last.LastExit.Time) {
				last = in
			}
		}
	}
	return last, true
}

// ownCode is an app's exit code as a shell would have it: a signal is 128 and
// its number, and having given up is never 0.
func ownCode(in *velos.Instance) int {
	if in == nil {
		return 0
	}
	x := in.LastExit
	code := x.Code
	switch {
	case x.Error != "":
		code = 126
	case x.Signal != "":
		code = 128 + systemSignal(x.Signal)
	}
	if in.Status == velos.Errored && code == 0 {
		code = 1
	}
	return code
}

// wind ends the daemon that this command has started; err goes first.
func (s *session) wind(err error) error {
	if s.conn == nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	if _, e := s.shutDown(ctx, false); err == nil {
		err = e
	}
	return err
}

// forward hands signals on to every app until it is stopped.
func (s *session) forward(apps []velos.App) (stop func()) {
	signals, stop := forwarded()
	go func() {
		for n := range signals {
			for i := range apps {
				// An app that does not run has nothing to hear.
				_, _ = s.conn.Signal(context.Background(), wire.Signal{Target: wire.All(apps[i].ID), Signal: n})
			}
		}
	}()
	return stop
}
