package api

import (
	"io"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fan"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

type healthAnswer struct {
	OK       bool         `json:"ok"`
	Version  string       `json:"version"`
	Daemon   string       `json:"daemon_version"`
	PID      int          `json:"daemon_pid"`
	Uptime   velos.Millis `json:"daemon_uptime_ms"`
	Apps     int          `json:"apps"`
	Protocol int          `json:"protocol"`
}

// health is OK when the daemon answers; when it does not, the error says why.
func health(q *request) error {
	c, err := q.Dial()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, stop := q.briefly()
	defer stop()
	p, err := c.Ping(ctx)
	if err != nil {
		return err
	}
	return q.value(healthAnswer{true, velos.Version, p.Version, p.PID, p.Uptime, p.Apps, p.Protocol})
}

func describe(q *request) error {
	q.w.Header().Set("Content-Type", "application/yaml")
	_, _ = q.w.Write(Description)
	return nil
}

// ownUsage is the daemon's.
func ownUsage(q *request) error {
	ctx, stop := q.briefly()
	defer stop()
	m, err := q.c.Metrics(ctx, wire.MetricsQuery{})
	if err != nil {
		return err
	}
	return q.value(fan.OwnOf(&m))
}

type figuresAnswer struct {
	Time   velos.Time  `json:"ts"`
	Daemon fan.Own     `json:"daemon"`
	Apps   []fan.Usage `json:"apps"`
}

// allFigures are the daemon's and those of every app.
func allFigures(q *request) error {
	ctx, stop := q.briefly()
	defer stop()
	m, err := q.c.Metrics(ctx, wire.MetricsQuery{})
	if err != nil {
		return err
	}
	apps, err := q.c.List(ctx)
	if err != nil {
		return err
	}
	a := figuresAnswer{Time: m.Time, Daemon: fan.OwnOf(&m), Apps: []fan.Usage{}}
	for i := range apps.Apps {
		a.Apps = append(a.Apps, q.usageOf(&apps.Apps[i]))
	}
	return q.value(a)
}

func (q *request) usageOf(a *velos.App) fan.Usage {
	return fan.UsageOf(&wire.Metrics{ID: a.ID, Name: a.Spec.Name, Time: velos.TimeOf(q.Now()), Instances: a.Instances})
}

func list(q *request) error {
	ctx, stop := q.briefly()
	defer stop()
	apps, err := q.c.List(ctx)
	if err != nil {
		return err
	}
	if q.same(apps.Apps) {
		return nil
	}
	return q.reply(func(w io.Writer) error { return view.List(w, apps.Apps, q.options()) })
}

func info(q *request) error {
	t, err := q.whole("it is one instance of an app")
	if err != nil {
		return err
	}
	if q.same([]velos.App{*t.app}) {
		return nil
	}
	return q.reply(func(w io.Writer) error { return view.Info(w, t.app, q.options()) })
}

// whole is the target of what is about all instances.
func (q *request) whole(why string) (target, error) {
	t, err := q.target()
	if err == nil && t.inst >= 0 {
		err = invalid(t.String()+": "+why, "name the app alone: "+t.app.Spec.Name)
	}
	return t, err
}

func usage(q *request) error {
	t, err := q.whole("usage is an app's")
	if err != nil {
		return err
	}
	return q.value(q.usageOf(t.app))
}

func why(q *request) error {
	t, err := q.target()
	if err != nil {
		return err
	}
	ctx, stop := q.briefly()
	defer stop()
	r, err := verb.Why(ctx, q.c, t.app, t.inst)
	if err != nil {
		return err
	}
	return q.reply(func(w io.Writer) error { return view.Why(w, r, q.options()) })
}
