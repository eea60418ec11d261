package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/wire"
)

// waiting are the flags of orders that wait for their outcome.
type waiting struct {
	noWait  bool
	timeout string
}

func (w *waiting) flags(f *pflag.FlagSet) {
	f.Bool("wait", true, "wait until the outcome is known (this is the default)")
	f.BoolVar(&w.noWait, "no-wait", false, "return at once, before the outcome is known")
	f.StringVar(&w.timeout, "timeout", "", "wait no longer than this (such as 30s), then exit with 5; the order stands")
}

// limit is the longest time to wait; 0 is as long as it takes.
func (w *waiting) limit() (time.Duration, error) {
	if w.timeout == "" {
		if w.noWait {
			return patience, nil
		}
		return 0, nil
	}
	m, err := config.Duration(w.timeout)
	if err != nil || m == 0 {
		return 0, invalid("--timeout: "+quote(w.timeout)+" is no length of time", "such as --timeout 30s")
	}
	return m.Std(), nil
}

func setupStop(s *session, f *pflag.FlagSet) handler {
	var w waiting
	w.flags(f)
	sig := f.String("signal", "", "send this signal first instead of the configured one")
	only := f.StringSlice("only", nil, "only these apps of the configuration file")
	kill := f.StringP("kill-timeout", "k", "", "kill after this time instead of the configured one")
	return func(ctx context.Context, args []string) error {
		stop := wire.Stop{Wait: !w.noWait}
		limit, err := w.limit()
		if err != nil {
			return err
		}
		if *sig != "" {
			if stop.Signal, err = signalNumber(*sig); err != nil {
				return err
			}
		}
		if *kill != "" {
			if stop.Timeout, err = config.Duration(*kill); err != nil {
				return invalid("--kill-timeout: "+err.Error(), "such as -k 5s")
			}
		}
		list, err := s.targets(ctx, "stop", args, *only...)
		if err != nil {
			return err
		}
		orders := make([]order, len(list))
		for i, t := range list {
			stop := stop
			stop.Target = t.wire()
			orders[i] = t.about("stop")
			orders[i].behind, orders[i].ended = dependents(list, t.app), true
			orders[i].gives(s, func() verb.Order { return verb.Stopping(t.app, stop) }, func(verb.Given) string { return stopped(t, stop.Wait) })
		}
		return s.carryOut(ctx, orders, limit)
	}
}

// stopped says what a stop came to, by what the app was before.
func stopped(t target, waited bool) string {
	for i := range t.app.Instances {
		in := &t.app.Instances[i]
		switch {
		case t.inst >= 0 && t.inst != in.Inst:
		case in.Status != velos.Stopped && waited:
			return "stopped"
		case in.Status != velos.Stopped:
			return "stopping"
		case in.Wanted && in.NextRun != 0: // between two runs
			return "stopped, and not run at its times any more"
		}
	}
	return "already stopped"
}

// wire is the target as the daemon knows it.
func (t target) wire() wire.Target { return wire.Target{ID: t.app.ID, Inst: t.inst} }

// targets connects and resolves words.
func (s *session) targets(ctx context.Context, verb string, words []string, only ...string) ([]target, error) {
	apps, err := s.apps(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.resolve(verb, apps, words)
	if err != nil || len(only) == 0 {
		return list, err
	}
	return among(verb, list, only)
}

// among picks the apps that --only names.
func among(verb string, list []target, only []string) ([]target, error) {
	var out []target
	for _, want := range only {
		want = strings.TrimSpace(want)
		i := slices.IndexFunc(list, func(t target) bool { return t.app.Spec.Name == want })
		if i < 0 {
			names := make([]string, len(list))
			for j, t := range list {
				names[j] = t.String()
			}
			return nil, &velos.Error{Code: velos.NotFound, Message: verb + ": --only " + quote(want) + ": no such app among those named", Hint: "they are " + strings.Join(distinct(names), ", ")}
		}
		out = append(out, list[i])
	}
	return once(out), nil
}
