package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/wire"
)

const reloadLong = `Replaces the processes of apps without a gap: for one instance after the other a successor is started beside
it, and when that one is ready the old one finishes its connections and goes. The first successor that does not
become ready ends it: everything is as it was before, the exit code is 1, and the reason is shown.

That needs ports that several processes can have at once: cluster mode, or listen. Other apps are restarted one
instance after the other, and the answer says why. A configuration file reloads its apps as the file has them now
and starts the new ones.` + alterHelp + targetsHelp

// reloadFlags are the flags of reload.
type reloadFlags struct {
	waiting
	alterFlags
	alter    *config.Alteration
	parallel int
	update   bool
	only     []string
	env      []string // profiles
	config   []string
}

func setupReload(s *session, f *pflag.FlagSet) handler {
	var o reloadFlags
	f.StringVar(&o.timeout, "timeout", "", "wait no longer than this (such as 5m), then exit with 5; the order stands")
	f.IntVar(&o.parallel, "parallel", 1, "instances of an app that are replaced at the same time")
	f.BoolVarP(&o.update, "update-env", "a", false, "take over the environment of this shell; what it lacks stays")
	s.trustFlag(f)
	f.StringSliceVar(&o.only, "only", nil, "only these apps of the configuration file")
	f.StringArrayVar(&o.config, "config", nil, "configuration file; the same as naming it")
	profileFlag(f, &o.env)
	o.alterFlags.flags(f)
	return func(ctx context.Context, args []string) error {
		args, rest, dash := dashed(f, args)
		args = o.watched(s, args)
		limit, err := o.limit()
		if err == nil {
			err = checkFile("reload", o.env, o.only, len(o.config) > 0 || slices.ContainsFunc(args, fileName))
		}
		if err == nil {
			o.alter, err = o.alteration(f, args, rest, dash)
		}
		switch {
		case err != nil:
			return err
		case o.parallel < 1:
			return invalid("--parallel: must be 1 or more", "such as --parallel 2")
		case len(args)+len(o.config) == 0:
			return invalid("reload: something is missing", "name an app, a configuration file, or all")
		}
		r := &reload{session: s, flags: &o, apart: map[string][]string{}}
		orders, err := r.orders(ctx, distinct(append(args, o.config...)))
		if err != nil {
			return err
		}
		defer r.explain()
		return s.carryOut(ctx, orders, limit)
	}
}

// A reload is one run of the command.
type reload struct {
	*session
	flags *reloadFlags
	mu    sync.Mutex
	apart map[string][]string // why runs cannot overlap, and of which apps
}

// orders makes the orders; nothing is done before all words are understood.
func (r *reload) orders(ctx context.Context, words []string) ([]order, error) {
	p := &plan{open: r.opener(ctx, true)}
	var err error
	if p.apps, err = r.apps(ctx); err != nil {
		return nil, err
	}
	var orders []order
	var known []target
	for _, w := range words {
		if p.isFile(w) {
			if err := r.flags.unnamed("reload", w, r.flags.alter); err != nil {
				return nil, err
			}
			specs, err := r.described(p, w, r.flags.only, r.flags.env)
			if err != nil {
				return nil, err
			}
			for i := range specs {
				orders = append(orders, r.toSpec(p, &specs[i]))
			}
			continue
		}
		found, err := r.resolve("reload", p.apps, []string{w})
		if err != nil {
			return nil, err
		}
		known = append(known, found...)
	}
	for _, t := range once(known) {
		if slices.ContainsFunc(orders, func(o order) bool { return o.id == t.app.ID }) {
			continue // a file has it, and says more
		}
		ask := wire.Reload{Target: t.wire(), Parallel: r.flags.parallel}
		if r.flags.update {
			if ask.Spec, err = r.refreshed("reload", t.app); err != nil {
				return nil, err
			}
		}
		if ask.Spec, err = r.altered("reload", t, ask.Spec, r.flags.alter); err != nil {
			return nil, err
		}
		orders = append(orders, r.order(t, t.app.Spec.Name, ask))
	}
	return orders, nil
}

// toSpec brings one app to what a file says.
func (r *reload) toSpec(p *plan, sp *velos.Spec) order {
	if t, ok := p.twin(sp.Name); ok {
		return r.order(t, t.app.Spec.Name, wire.Reload{Target: t.wire(), Parallel: r.flags.parallel, Spec: sp})
	}
	return r.startOrder(step{spec: sp, inst: -1}, true)
}

// order reloads an app, which has the name from then on.
func (r *reload) order(t target, name string, ask wire.Reload) order {
	o := t.about("reload")
	o.replaces(t)
	o.gives(r.session, func() verb.Order { return verb.Renaming(t.app, name, verb.Reloading(t.app, ask)) }, func(g verb.Given) string {
		if !g.Restarted {
			return "reloaded"
		}
		r.mu.Lock()
		r.apart[g.Why] = append(r.apart[g.Why], o.name)
		r.mu.Unlock()
		return "restarted, not reloaded"
	})
	return o.around(func(ctx context.Context, do doing) (string, *velos.App, error) {
		did, app, err := do(ctx)
		if err != nil {
			return "", nil, rolledBack(err)
		}
		return did, app, nil
	})
}

// rolledBack gives the failure of a successor the code that says that
// nothing has crashed: what was there before is there still.
func rolledBack(err error) error {
	code := velos.CodeOf(err)
	if code != velos.Crashed && code != velos.Timeout || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &velos.Error{Code: velos.Failed, Message: err.Error(), Hint: velos.HintOf(err), Cause: err}
}

// explain says, once for each reason, which apps had to be restarted.
func (r *reload) explain() {
	for _, why := range slices.Sorted(maps.Keys(r.apart)) {
		names := r.apart[why]
		slices.Sort(names)
		text := strings.Join(names, ", ") + ": restarted one instance after the other, since two runs cannot overlap"
		if why != "" {
			text += ": " + why
		}
		r.notice(text)
	}
}
