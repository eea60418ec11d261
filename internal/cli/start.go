package cli

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/wire"
)

const startLong = `Starts programs and keeps them running. What is named may be

    an app that is known     velos start api       starts it again; online already is no error
    a script or a program    velos start app.js -i 2 -- --port 3000
    a command line           velos start "npm run dev"
    a configuration file     velos start velos.toml --only api
    another manager's file   velos start ecosystem.config.js --env production
    what is piped in         cat apps.json | velos start -     as PM2 has it: JSON or YAML

Without a word it is velos.toml, or else ecosystem.config.js, of the working directory.

What stands behind -- are arguments of the program. The answer comes when every process is ready, or has
failed: then with exit code 6, the reason and the last lines. Ready is what has lived through min_uptime, or what
has said so itself (--wait-ready), or what a probe of the file has found out.

Several instances of a script that node runs share their ports: cluster mode. --listen gives programs in any
language sockets that they share. What an app depends on is started with it, and before it.

The same script again makes no second copy: if it runs that is a conflict (exit code 9), if not it is
started. --force makes a copy with a name of its own. A script with another --name is another app. A file whose app
has the name of another project's app is a conflict, too; velos apply FILE takes the name over.`

// startFlags are the flags of start.
type startFlags struct {
	specFlags
	waiting
	until until
	leaseFlags
	port   string
	config []string
	only   []string
	force  bool
	attach bool
	update bool
}

func setupStart(s *session, f *pflag.FlagSet) handler {
	var o startFlags
	o.specFlags.flags(f)
	o.waiting.flags(f)
	o.leaseFlags.flags(f)
	o.until.flags(f)
	portFlag(f, &o.port)
	s.trustFlag(f)
	f.StringArrayVar(&o.config, "config", nil, "configuration file; the same as naming it")
	f.StringSliceVar(&o.only, "only", nil, "only these apps of the configuration file")
	f.BoolVarP(&o.force, "force", "f", false, "a second copy of a script that is known")
	f.BoolVar(&o.attach, "attach", false, "follow the logs afterwards")
	f.BoolVarP(&o.update, "update-env", "a", false, "accepted: a new app has today's environment")
	f.MarkHidden("update-env")
	return func(ctx context.Context, args []string) error {
		words, rest := args, []string(nil)
		if n := f.ArgsLenAtDash(); n >= 0 {
			words, rest = args[:n], args[n:]
		}
		words = o.watched(s, words)
		if err := checkPort(o.port); err != nil {
			return err
		}
		limit, err := o.limit()
		if err != nil {
			return err
		}
		wanted, err := o.until.conditions("start", o.noWait)
		if err != nil {
			return err
		}
		if o.attach && !s.human() {
			return invalid("--attach: the answer is one value, and logs have no end", "leave it out, then: velos logs -f --json")
		}
		since := velos.TimeOf(s.Now())
		p, err := s.plan(ctx, f, &o, words, rest)
		if err != nil {
			return err
		}
		ttl, err := o.ttlOf()
		if err != nil {
			return err
		}
		orders := make([]order, len(p.steps))
		for i := range p.steps {
			p.steps[i].keep, p.steps[i].ttl = o.keep, ttl
			orders[i] = s.startOrder(p.steps[i], !o.noWait)
			orders[i].until = wanted
		}
		err = s.carryOut(ctx, orders, limit)
		if err == nil && o.attach {
			if err = s.follow(ctx, orders, since); ctx.Err() != nil {
				return nil // the start succeeded; nobody looks any longer
			}
		}
		return err
	}
}

// startOrder turns a step of the plan into a call.
func (s *session) startOrder(st step, wait bool) order {
	o := order{verb: "start", name: st.name(), app: st.name(), inst: -1}
	if st.app != nil {
		o = target{st.app, st.inst}.about("start")
		o.behind = dependencies(&st.app.Spec)
	}
	if st.spec != nil {
		o.behind = dependencies(st.spec)
	}
	if st.app == nil {
		o.hold = func(ctx context.Context, more bool) (uint32, error) {
			if st.app != nil {
				return st.app.ID, nil
			}
			more = more && st.spec.Autostart // no later order about one that is not started sees it onto the disk
			r, err := s.conn.Start(ctx, wire.Start{Spec: st.spec, Inst: -1, Hold: true, More: more, Keep: st.keep, TTL: st.ttl})
			if err != nil {
				return 0, err
			}
			if st.app, st.spec, st.made = &r.App, nil, st.spec; !r.App.Spec.Autostart {
				st.done = notStarted
			}
			return r.ID, nil
		}
	}
	o.gives(s, func() verb.Order { return verb.Starting(st.app, st.call(wait)) }, func(g verb.Given) string {
		s.unleased(g.App, st.keep, st.ttl)
		if st.spec != nil && !st.spec.Autostart {
			return notStarted + st.note
		}
		return started(g.App, wait) + st.note
	})
	start, left := o.do, o.after
	do := func(ctx context.Context) (string, *velos.App, error) {
		if st.done != "" {
			return st.done + st.note, st.app, nil
		}
		return start(ctx)
	}
	o.do = do
	o.after = func(apps []velos.App, since velos.Time) doing {
		if st.app != nil && st.made == nil {
			return left(apps, since)
		}
		// By its name: the id that it had may not have come to the disk.
		if st.made != nil {
			st.app, st.spec, st.made, st.done = nil, st.made, nil, ""
		}
		a := verb.Added(apps, st.spec, since)
		switch {
		case a == nil:
			return do
		case !a.Spec.Autostart:
			st.app, st.done = a, notStarted
			return do
		}
		st.app, st.spec, st.made = a, nil, st.spec
		return left(apps, since)
	}
	return o
}

const notStarted = "added, not started (autostart is off)"

// started says what an app is now that its start was ordered.
func started(a *velos.App, wait bool) string {
	switch {
	case a.Status == velos.Stopped && a.Spec.Schedule != "":
		return "waits for its time (" + a.Spec.Schedule + ")"
	case a.Status == velos.Stopped && wait:
		return "started, and ended by itself"
	case a.Status == velos.Online && wait:
		return "online"
	case a.Status == velos.Online:
		return "started"
	}
	return strings.ReplaceAll(string(a.Status), "_", " ")
}

// follow shows the logs of what was started from that moment on, until
// interrupted.
func (s *session) follow(ctx context.Context, orders []order, since velos.Time) error {
	list, err := s.conn.List(ctx)
	if err != nil {
		return err
	}
	var apps []velos.App
	for i := range orders {
		if t, ok := named(list.Apps, orders[i].app); ok {
			apps = append(apps, *t.app)
		}
	}
	l := logQuery{follow: true, queries: all(apps)}
	for i := range l.queries {
		l.queries[i].Since = since
	}
	return s.showLogs(ctx, apps, &l)
}

func notYet(what, hint string) error {
	return &velos.Error{Code: velos.NotYet, Message: what + ": not yet in this version of velos", Hint: hint}
}
