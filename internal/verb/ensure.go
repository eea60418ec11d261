package verb

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// What ensuring has done.
const (
	AlreadyRunning = "already_running"
	Started        = "started"
	Replaced       = "replaced"
)

// An Ensure asks that a program runs.
type Ensure struct {
	Spec velos.Spec // what should run, complete
	// Env and Instances are what was asked for in so many words: the rest of
	// the environment differs from shell to shell and does not count.
	Env       []string // keys
	Instances bool
	Named     bool   // the name was given
	Replace   bool   // an app of the name that is another one becomes this one
	Port      string // for PORT: a number, or Auto
	Keep      bool   // an agent's app outlives it
	TTL       velos.Millis
}

// mostRaces bounds how often somebody else may be faster.
const mostRaces = 5

// Do returns the app that is this one if it runs, and else starts it. The
// answer comes when it is ready, or has failed. Of several that ask for the
// same at once, one starts it. Again connects to the daemon that follows one
// that was lost; nil: there is only this one.
func (e *Ensure) Do(ctx context.Context, conn *client.Client, again func(context.Context) (*client.Client, error)) (status string, app velos.App, err error) {
	wanted := *e
	defer func() { e.Spec = wanted.Spec }() // it may have got another name
	var next func(context.Context) (*client.Client, error)
	if again != nil {
		next = func(ctx context.Context) (*client.Client, error) {
			c, err := again(ctx)
			if err == nil {
				conn = c
			}
			return c, err
		}
	}
	for range mostRaces {
		wanted = *e
		status, app, err = wanted.once(ctx, conn, next)
		if raced := errors.Is(err, velos.ErrConflict) && app.ID == 0 && status == Started; !raced {
			break
		}
	}
	return status, app, err
}

func (e *Ensure) once(ctx context.Context, conn *client.Client, again func(context.Context) (*client.Client, error)) (status string, app velos.App, err error) {
	list, err := conn.List(ctx)
	if again != nil && Unanswered(ctx, err) {
		if conn, err = again(ctx); err == nil {
			list, err = conn.List(ctx)
		}
	}
	if err != nil {
		return "", app, err
	}
	old := e.find(list.Apps)
	if old != nil {
		e.Spec.Name = old.Spec.Name
	}
	if err := SetPort(&e.Spec, e.Port, list.Apps); err != nil {
		return "", app, err
	}
	if old == nil {
		g, err := Starting(nil, wire.Start{Spec: &e.Spec, Inst: -1, Wait: true, Keep: e.Keep, TTL: e.TTL}).Through(ctx, conn, again)
		return Started, after(g.App, &velos.App{}), err
	}
	if diff := e.Diff(&old.Spec); len(diff) > 0 {
		if !e.Replace {
			return "", *old, e.conflict(old, diff)
		}
		g, err := Restarting(old, wire.Restart{Target: wire.All(old.ID), Wait: true, Spec: &e.Spec}).Through(ctx, conn, again)
		return Replaced, after(g.App, old), err
	}
	if old.Status == velos.Online {
		return e.renew(ctx, conn, again, old)
	}
	status = Started
	if old.Status == velos.Starting {
		status = AlreadyRunning
	}
	g, err := Starting(old, wire.Start{ID: old.ID, Spec: e.moved(old), Inst: -1, Wait: true, Keep: e.Keep, TTL: e.TTL}).Through(ctx, conn, again)
	return status, after(g.App, &velos.App{}), err
}

// moved is the Spec of an app that is down and whose chosen port somebody else
// has got hold of; nil: it has what it needs.
func (e *Ensure) moved(old *velos.App) *velos.Spec {
	if e.Port != Auto || up(old) || old.Spec.EnvFrom[velos.PortVar] != velos.FromAuto || old.Spec.Port() == e.Spec.Port() {
		return nil
	}
	sp := old.Spec
	setVar(&sp, e.Spec.Env[velos.PortVar], velos.FromAuto)
	return &sp
}

// renew says to the lease of an app that runs that it is wanted: its agent may
// be another process by now.
func (e *Ensure) renew(ctx context.Context, conn *client.Client, again func(context.Context) (*client.Client, error), old *velos.App) (string, velos.App, error) {
	if old.Lease == nil || old.Lease.Agent == "" {
		return AlreadyRunning, *old, nil
	}
	g, err := repeated("keep", old, func(ctx context.Context, conn *client.Client) (Given, error) {
		d, err := conn.Lease(ctx, wire.LeaseWord{ID: old.ID, Keep: e.Keep, TTL: e.TTL})
		return Given{App: d.App}, err
	}).Through(ctx, conn, again)
	return AlreadyRunning, after(g.App, old), err
}

func after(now, old *velos.App) velos.App {
	if now == nil {
		return *old
	}
	return *now
}

// find is the app of the name in this project, or when none was given, the one
// that runs the same in the same directory. A new one may get another name, if
// that is taken in another project.
func (e *Ensure) find(apps []velos.App) *velos.App {
	old, name := claim(apps, e.Spec.Name, e.Spec.Cwd)
	if old != nil {
		return old
	}
	defer func() { e.Spec.Name = name }()
	for i := range apps {
		if s := &apps[i].Spec; !e.Named && s.Cwd == e.Spec.Cwd && len(e.Diff(s)) == 0 {
			return &apps[i]
		}
	}
	return nil
}

// Diff says in which points an app is another one than what is asked for, each
// as "key: what it is, wanted: what is asked for". Values of the environment
// are not shown.
func (e *Ensure) Diff(old *velos.Spec) []string {
	var list []string
	differ := func(key, is, want string) {
		if is != want {
			list = append(list, key+": "+strconv.Quote(is)+", wanted: "+strconv.Quote(want))
		}
	}
	differ("cwd", old.Cwd, e.Spec.Cwd)
	if old.Command != e.Spec.Command || old.Script != e.Spec.Script || !slices.Equal(old.Args, e.Spec.Args) || old.Interpreter != e.Spec.Interpreter {
		differ("command", view.CommandLine(old), view.CommandLine(&e.Spec))
	}
	if e.Instances {
		differ("instances", strconv.Itoa(old.Instances), strconv.Itoa(e.Spec.Instances))
	}
	switch e.Port {
	case "":
	case Auto: // any port will do
		if old.Env[velos.PortVar] == "" && old.FileEnv[velos.PortVar] == "" {
			differ("port", "", Auto)
		}
	default:
		n, _ := strconv.Atoi(e.Port)
		differ("port", old.Env[velos.PortVar], strconv.Itoa(n))
	}
	for _, k := range e.Env {
		if v, ok := old.Env[k]; !ok || v != e.Spec.Env[k] {
			list = append(list, "env."+k+" has another value")
		}
	}
	return list
}

func (e *Ensure) conflict(old *velos.App, diff []string) error {
	m := view.MaskOf(old, &velos.App{Spec: e.Spec})
	hint := "replace it, or give this one another name"
	if old.Spec.Cwd != e.Spec.Cwd {
		hint = "it belongs to another directory: give this one another name"
	}
	return &velos.Error{Code: velos.Conflict, Message: "ensure " + e.Spec.Name + ": an app of this name is another one: " + m.String(strings.Join(diff, "; ")), Hint: hint}
}
