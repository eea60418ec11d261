package verb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// mortals are daemons of which each takes one order with it when it dies.
type mortals struct {
	t      *testing.T
	mu     sync.Mutex
	deaths []func(apps []velos.App) []velos.App // what is so when one has died, for each that dies
	apps   []velos.App
	orders []string
}

// next connects to the daemon of this moment.
func (m *mortals) next(context.Context) (*client.Client, error) {
	near, far := net.Pipe()
	c := client.New(near)
	m.t.Cleanup(func() { c.Close() })
	go m.serve(far)
	return c, nil
}

func (m *mortals) serve(conn net.Conn) {
	defer conn.Close()
	for r := wire.NewReader(conn); ; {
		p, err := r.Next()
		if err != nil {
			return
		}
		req, err := wire.ParseRequest(p)
		if err != nil {
			m.t.Error(err)
			return
		}
		answer := m.answer(req)
		if answer == nil {
			return
		}
		if _, err := conn.Write(wire.AppendResponse(nil, req.ID, wire.OK, answer)); err != nil {
			return
		}
	}
}

// answer is nil from a daemon that dies.
func (m *mortals) answer(req wire.Request) velos.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	var order string
	var answer velos.Record
	app := velos.App{ID: 7}
	if len(m.apps) > 0 {
		app = m.apps[0]
	}
	decode := func(r velos.Record) {
		if err := wire.Decode(req.Payload, r); err != nil {
			m.t.Error(err)
		}
	}
	switch req.Command {
	case wire.ProcessList:
		return &wire.Apps{Apps: slices.Clone(m.apps)}
	case wire.ProcessInfo:
		return &app
	case wire.ProcessStart:
		s := wire.Start{Inst: -1}
		decode(&s)
		order, answer = fmt.Sprint("start ", s.ID, ":", s.Inst), &wire.Started{App: app}
		if s.Spec != nil {
			order += " " + s.Spec.Name
		}
	case wire.ProcessStop:
		s := wire.Stop{Target: wire.All(0)}
		decode(&s)
		order, answer = fmt.Sprint("stop ", s.ID, ":", s.Inst), &wire.Done{Success: true, App: &app}
	case wire.ProcessRestart:
		s := wire.Restart{Target: wire.All(0)}
		decode(&s)
		order, answer = fmt.Sprint("restart ", s.ID, ":", s.Inst), &wire.Done{Success: true, App: &app}
	case wire.ProcessReload:
		s := wire.Reload{Target: wire.All(0)}
		decode(&s)
		order, answer = fmt.Sprint("reload ", s.ID, ":", s.Inst), &wire.Reloaded{App: app}
	case wire.ProcessScale:
		var s wire.Scale
		decode(&s)
		order, answer = fmt.Sprint("scale ", s.ID, " ", s.Count, " ", s.By), &wire.Done{Success: true, App: &app}
	case wire.ProcessRename:
		var r wire.Rename
		decode(&r)
		order, answer = fmt.Sprint("rename ", r.ID, " ", r.Name), &wire.Done{Success: true, App: &app}
	case wire.ProcessDelete:
		order, answer = "delete", &wire.Done{Success: true}
	default:
		m.t.Errorf("asked for %s", req.Command)
	}
	if m.orders = append(m.orders, order); len(m.deaths) > 0 {
		m.apps, m.deaths = m.deaths[0](m.apps), m.deaths[1:]
		return nil
	}
	return answer
}

// three is an app with three instances that run.
func three() velos.App {
	sp := velos.NewSpec()
	sp.Name, sp.Instances = "api", 3
	a := velos.App{ID: 7, Spec: sp}
	for i := range 3 {
		a.Instances = append(a.Instances, velos.Instance{Inst: i, PID: 100 + i, Status: velos.Online, Wanted: true})
	}
	return a
}

// with is an app with some instances changed.
func with(change func(in *velos.Instance), insts ...int) func([]velos.App) []velos.App {
	return func(apps []velos.App) []velos.App {
		a := apps[0]
		a.Instances = slices.Clone(a.Instances)
		for _, i := range insts {
			change(&a.Instances[i])
		}
		return []velos.App{a}
	}
}

func renewed(in *velos.Instance) { in.PID += 1000 }

func same(apps []velos.App) []velos.App { return apps }

func none([]velos.App) []velos.App { return nil }

func TestWhatIsLeftOfAnOrderIsGivenToTheNextDaemon(t *testing.T) {
	before := three()
	other := before.Spec
	other.MaxRestarts++
	failed := func(in *velos.Instance) {
		in.PID, in.Status, in.LastExit = 0, velos.Errored, &velos.Exit{PID: in.PID + 1000, Code: 1, Time: velos.Time(1) << 60}
	}
	spec := func(apps []velos.App) []velos.App { a := apps[0]; a.Spec = other; return []velos.App{a} }
	scaled := func(n int) func([]velos.App) []velos.App {
		return func(apps []velos.App) []velos.App {
			a := apps[0]
			a.Spec.Instances = n
			for i := len(a.Instances); i < n; i++ {
				a.Instances = append(slices.Clone(a.Instances), velos.Instance{Inst: i, PID: 200 + i, Status: velos.Starting, Wanted: true})
			}
			return []velos.App{a}
		}
	}
	another := func(apps []velos.App) []velos.App { // has the id, which had not come to the disk
		a := apps[0]
		a.Spec.Name, a.Created = "mail", a.Created+1
		return []velos.App{a}
	}
	restart, reload := wire.Restart{Target: wire.All(7), Wait: true}, wire.Reload{Target: wire.All(7)}
	for _, c := range []struct {
		name   string
		order  Order
		deaths []func([]velos.App) []velos.App
		want   string
		code   error
	}{
		{"a stop", Stopping(&before, wire.Stop{Target: wire.All(7), Wait: true}), []func([]velos.App) []velos.App{same, same}, "stop 7:-1, stop 7:-1, stop 7:-1", nil},
		{"a deletion of which nothing is to be seen", Deleting(&before), []func([]velos.App) []velos.App{same}, "delete, delete", nil},
		{"a deletion that is done", Deleting(&before), []func([]velos.App) []velos.App{none}, "delete", nil},
		{"a restart of which nothing is to be seen", Restarting(&before, restart), []func([]velos.App) []velos.App{same}, "restart 7:-1, restart 7:-1", nil},
		{"a restart of one in three", Restarting(&before, restart), []func([]velos.App) []velos.App{with(renewed, 0, 2)}, "restart 7:-1, restart 7:1, start 7:-1", nil},
		{"a restart with a Spec that was not taken", Restarting(&before, wire.Restart{Target: wire.All(7), Spec: &other}), []func([]velos.App) []velos.App{with(renewed, 0)}, "restart 7:-1, restart 7:-1", nil},
		{"a restart that has crashed", Restarting(&before, restart), []func([]velos.App) []velos.App{with(failed, 1)}, "restart 7:-1", velos.ErrCrashed},
		{"a reload of which nothing is to be seen", Reloading(&before, reload), []func([]velos.App) []velos.App{same}, "reload 7:-1, reload 7:-1", nil},
		{"a reload of two in three", Reloading(&before, reload), []func([]velos.App) []velos.App{with(renewed, 0)}, "reload 7:-1, reload 7:1, reload 7:2", nil},
		{"a reload that is done", Reloading(&before, reload), []func([]velos.App) []velos.App{with(renewed, 0, 1, 2)}, "reload 7:-1", nil},
		{"a reload whose last run comes up", Reloading(&before, reload), []func([]velos.App) []velos.App{with(func(in *velos.Instance) { renewed(in); in.Status = velos.Starting }, 0, 1, 2)},
			"reload 7:-1, start 7:0, start 7:1, start 7:2", nil},
		{"a reload with a Spec that is half done", Reloading(&before, wire.Reload{Target: wire.All(7), Spec: &other}), []func([]velos.App) []velos.App{with(renewed, 0, 1)}, "reload 7:-1, reload 7:-1", nil},
		{"a reload with a Spec that was taken", Reloading(&before, wire.Reload{Target: wire.All(7), Spec: &other}),
			[]func([]velos.App) []velos.App{func(apps []velos.App) []velos.App { return spec(with(renewed, 0, 1, 2)(apps)) }}, "reload 7:-1", nil},
		{"a scale by one that is done", Scaling(&before, wire.Scale{ID: 7, Count: 1, By: true}), []func([]velos.App) []velos.App{scaled(4)}, "scale 7 1 true, start 7:3", nil},
		{"a scale by one of which nothing is to be seen", Scaling(&before, wire.Scale{ID: 7, Count: 1, By: true}), []func([]velos.App) []velos.App{same}, "scale 7 1 true, scale 7 4 false", nil},
		{"a scale by one beside somebody else's", Scaling(&before, wire.Scale{ID: 7, Count: 1, By: true}), []func([]velos.App) []velos.App{scaled(6)}, "scale 7 1 true", velos.ErrConflict},
		{"a scale to two beside somebody else's", Scaling(&before, wire.Scale{ID: 7, Count: 2}), []func([]velos.App) []velos.App{scaled(6)}, "scale 7 2 false, scale 7 2 false", nil},
		{"a start that crashed", Starting(&before, wire.Start{ID: 7, Inst: 1, Wait: true}), []func([]velos.App) []velos.App{with(failed, 1)}, "start 7:1", velos.ErrCrashed},
		{"a restart under another name of which nothing is to be seen", Renaming(&before, "web", Restarting(&before, restart)), []func([]velos.App) []velos.App{same}, "rename 7 web, rename 7 web, restart 7:-1", nil},
		{"a restart under another name, of what another one's id is now", Renaming(&before, "web", Restarting(&before, restart)), []func([]velos.App) []velos.App{another}, "rename 7 web", velos.ErrNotFound},
		{"a restart under the name that it has", Renaming(&before, before.Spec.Name, Restarting(&before, restart)), nil, "restart 7:-1", nil},
		{"a start of what another one's id is now", Starting(&before, wire.Start{ID: 7, Inst: -1}), []func([]velos.App) []velos.App{another}, "start 7:-1", velos.ErrNotFound},
		{"a stop of it", Stopping(&before, wire.Stop{Target: wire.All(7)}), []func([]velos.App) []velos.App{another}, "stop 7:-1", velos.ErrNotFound},
		{"a restart of it", Restarting(&before, restart), []func([]velos.App) []velos.App{another}, "restart 7:-1", velos.ErrNotFound},
		{"a reload of it", Reloading(&before, reload), []func([]velos.App) []velos.App{another}, "reload 7:-1", velos.ErrNotFound},
		{"a scale of it", Scaling(&before, wire.Scale{ID: 7, Count: 2}), []func([]velos.App) []velos.App{another}, "scale 7 2 false", velos.ErrNotFound},
		{"a deletion of it", Deleting(&before), []func([]velos.App) []velos.App{another}, "delete", nil},
		{"a start of a new one that nobody has seen", Starting(nil, wire.Start{Spec: &other, Inst: -1, Wait: true}), []func([]velos.App) []velos.App{same}, "start 0:-1 api, start 0:-1 api", nil},
		{"a start of a new one that is there", Starting(nil, wire.Start{Spec: &other, Inst: -1, Wait: true}), []func([]velos.App) []velos.App{func(apps []velos.App) []velos.App {
			a := apps[0]
			a.Created = velos.Time(1) << 60
			return []velos.App{a}
		}}, "start 0:-1 api, start 7:-1", nil},
	} {
		m := &mortals{t: t, apps: []velos.App{before}, deaths: c.deaths}
		conn, _ := m.next(t.Context())
		_, err := c.order.Through(t.Context(), conn, m.next)
		if got := strings.Join(m.orders, ", "); got != c.want || !errors.Is(err, c.code) {
			t.Errorf("%s: %s, %v; want %s, %v", c.name, got, err, c.want, c.code)
		}
	}
}

func TestAReloadWhoseRunsDidNotOverlapIsSaidToBeARestart(t *testing.T) {
	before := three()
	ended := func(in *velos.Instance) {
		in.LastExit, in.Started = &velos.Exit{PID: in.PID, Signal: "SIGTERM", Asked: true, Time: 500}, 600
		renewed(in)
	}
	for _, c := range []struct {
		change func(*velos.Instance)
		want   bool
	}{{ended, true}, {renewed, false}} {
		m := &mortals{t: t, apps: []velos.App{before}, deaths: []func([]velos.App) []velos.App{with(c.change, 0, 1, 2)}}
		conn, _ := m.next(t.Context())
		g, err := Reloading(&before, wire.Reload{Target: wire.All(7)}).Through(t.Context(), conn, m.next)
		if err != nil || g.Restarted != c.want || g.App == nil {
			t.Errorf("%+v, %v", g, err)
		}
	}
}

func TestAnOrderWhoseDaemonHasNoSuccessorSaysSo(t *testing.T) {
	before := three()
	m := &mortals{t: t, apps: []velos.App{before}, deaths: []func([]velos.App) []velos.App{same}}
	conn, _ := m.next(t.Context())
	_, err := Stopping(&before, wire.Stop{Target: wire.All(7)}).Through(t.Context(), conn, func(context.Context) (*client.Client, error) {
		return nil, &velos.Error{Code: velos.Unreachable, Message: "velosd has ended"}
	})
	if velos.CodeOf(err) != velos.Unreachable || !strings.Contains(err.Error(), "what came of the order is not known") || velos.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
}

func TestARunningProgramIsEnsuredOverTheDeathOfTheDaemon(t *testing.T) {
	app := three()
	sp := app.Spec
	m := &mortals{t: t, deaths: []func([]velos.App) []velos.App{func([]velos.App) []velos.App {
		app.Created = velos.Time(1) << 60
		return []velos.App{app}
	}}}
	conn, _ := m.next(t.Context())
	e := Ensure{Spec: sp, Named: true}
	status, got, err := e.Do(t.Context(), conn, m.next)
	if status != Started || got.ID != 7 || err != nil || strings.Join(m.orders, ", ") != "start 0:-1 api, start 7:-1" {
		t.Errorf("%s, app %d, %v; orders %q", status, got.ID, err, m.orders)
	}
}

func TestWhatBecameOfAnOrderIsToldByItsProcesses(t *testing.T) {
	const since = 1000
	before := &velos.Instance{PID: 7}
	for _, c := range []struct {
		name string
		old  *velos.Instance
		in   velos.Instance
		over bool
		code error
	}{
		{"nothing yet", nil, velos.Instance{Status: velos.Stopped}, false, nil},
		{"an end of long ago", nil, velos.Instance{Status: velos.Stopped, LastExit: &velos.Exit{PID: 5, Code: 1, Time: since - 1}}, false, nil},
		{"it comes up", nil, velos.Instance{Status: velos.Starting, PID: 8}, false, nil},
		{"it is up", nil, velos.Instance{Status: velos.Online, PID: 8}, false, nil},
		{"it crashed and is started again", nil, velos.Instance{Status: velos.Starting, PID: 9, Wanted: true, LastExit: &velos.Exit{PID: 8, Code: 1, Time: since}}, true, velos.ErrCrashed},
		{"it has given up", nil, velos.Instance{Status: velos.Errored, Wanted: true, LastExit: &velos.Exit{PID: 8, Code: 1, Time: since}}, true, velos.ErrCrashed},
		{"it came to its end", nil, velos.Instance{Status: velos.Stopped, LastExit: &velos.Exit{PID: 8, Time: since}}, true, nil},
		{"nobody knows how it ended", nil, velos.Instance{Status: velos.Stopped, LastExit: &velos.Exit{PID: 8, Unknown: true, Time: since}}, true, velos.ErrCrashed},
		{"somebody has stopped it", nil, velos.Instance{Status: velos.Stopped, LastExit: &velos.Exit{PID: 8, Asked: true, Time: since}}, true, velos.ErrCancelled},
		{"the former process has ended", before, velos.Instance{Status: velos.Starting, PID: 8, Wanted: true, LastExit: &velos.Exit{PID: 7, Signal: "SIGTERM", Time: since}}, false, nil},
		{"and so has the next one", before, velos.Instance{Status: velos.WaitingRestart, Wanted: true, LastExit: &velos.Exit{PID: 8, Code: 1, Time: since}}, true, velos.ErrCrashed},
	} {
		a := velos.App{Spec: velos.Spec{Name: "api"}, Instances: []velos.Instance{c.in}}
		over, err := became(&a, &c.in, since, c.old)
		if over != c.over || !errors.Is(err, c.code) {
			t.Errorf("%s: over %v, %v; want %v, %v", c.name, over, err, c.over, c.code)
		}
	}
}
