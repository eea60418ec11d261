package daemon

import (
	"bytes"
	"context"
	"runtime/debug"
	"slices"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/record"
	"github.com/velospm/velos/internal/wire"
)

// A call is one request being answered.
type call struct {
	*session
	id      uint32
	command wire.Command
	payload []byte
	said    wire.Caller   // what the client says of itself
	deed    *audit.Record // the order, once it is understood
	last    bool          // the daemon ends after this answer, whatever it is
}

// handlers is the whole of what a client can ask for. A handler that streams
// sends its pieces itself and returns what ends the stream.
var handlers = map[wire.Command]func(*call, context.Context) (velos.Record, error){
	wire.ProcessStart:   (*call).start,
	wire.ProcessStop:    (*call).stop,
	wire.ProcessRestart: (*call).restart,
	wire.ProcessDelete:  (*call).delete,
	wire.ProcessList:    (*call).list,
	wire.ProcessInfo:    (*call).info,
	wire.ProcessReload:  (*call).reload,
	wire.ProcessScale:   (*call).scale,
	wire.ProcessHistory: (*call).history,
	wire.ProcessRename:  (*call).rename,
	wire.ProcessTrash:   (*call).trash,
	wire.ProcessRestore: (*call).restore,
	wire.ProcessSignal:  (*call).signal,
	wire.ProcessReset:   (*call).reset,
	wire.ProcessUpdate:  (*call).update,
	wire.LogRead:        (*call).logs,
	wire.LogStream:      (*call).logs,
	wire.LogSearch:      (*call).logs,
	wire.LogFlush:       (*call).flush,
	wire.LogReopen:      (*call).reopen,
	wire.LogMinutes:     (*call).minutes,
	wire.LogFiles:       (*call).logFiles,
	wire.MetricsGet:     (*call).metrics,
	wire.MetricsStream:  (*call).metricsStream,
	wire.StateSave:      (*call).save,
	wire.StateLoad:      (*call).load,
	wire.DaemonPing:     (*call).ping,
	wire.DaemonShutdown: (*call).shutdown,
	wire.DaemonUpgrade:  (*call).upgrade,
	wire.EventList:      (*call).events,
	wire.EventAdd:       (*call).addEvent,
	wire.ApprovalList:   (*call).approvals,
	wire.ApprovalAnswer: (*call).approve,
	wire.LeaseSet:       (*call).setLease,
	wire.LeaseGrant:     (*call).grant,
}

// answer runs the handler and sends its last response. A panic in a handler
// is reported and ends the request, not the daemon.
func (c *call) answer(ctx context.Context) {
	reply, err := c.handle(ctx)
	if c.deed != nil {
		c.record(err)
		if err != nil && ctx.Err() != nil && c.d.upgrading.Load() { // the next daemon knows what comes of it
			err = &velos.Error{Code: velos.Unreachable, Message: "velosd is being upgraded, and did not wait for the outcome", Hint: "ask the new one: velos list"}
		}
	}
	status := wire.OK
	if err != nil {
		status, reply = wire.Failure, asError(err)
	}
	c.d.tidy.touch() // what is only asked for makes garbage, too
	c.finished(c.id)
	_ = c.respond(c.id, status, reply, answerLimit) // a failed write has closed the connection
	if c.last || err == nil && (c.command == wire.DaemonShutdown || c.command == wire.DaemonUpgrade) {
		c.d.end()
	}
}

func (c *call) handle(ctx context.Context) (reply velos.Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			say("velosd: panic while answering " + c.command.String() + "\n" + string(debug.Stack()))
			err = &velos.Error{Code: velos.Failed, Message: c.command.String() + ": internal error", Hint: "the daemon's log has the details"}
		}
	}()
	h := handlers[c.command]
	if h == nil {
		return nil, &velos.Error{Code: velos.Unsupported, Message: "velosd " + velos.Version + " does not know command " + c.command.String(),
			Hint: "client and daemon may be of different versions; see velos version"}
	}
	c.heard()
	return h(c, ctx)
}

func (c *call) decode(r velos.Record) error { return wire.Decode(c.payload, r) }

// kept waits until what was just changed is on disk, so that "done" is never
// said of what a crash could still undo.
func (c *call) kept() error { return c.d.saver.sync() }

func (c *call) start(ctx context.Context) (velos.Record, error) {
	var q wire.Start
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if err := c.permit(c.starting(&q)); err != nil {
		return nil, err
	}
	isNew := q.Spec != nil && q.ID == 0
	err := c.startApp(ctx, &q)
	if c.deed.ID = q.ID; isNew && q.ID != 0 {
		c.session.adding(q.ID)
	}
	if !isNew {
		c.leased(q.ID, false, q.Keep, q.TTL)
	}
	if !q.Hold || !q.More { // of a hundred apps made known one after the other, the last one's wait is enough
		if e := c.kept(); err == nil {
			err = e
		}
	}
	if err != nil {
		return nil, err
	}
	a, err := c.d.sup.Outcome(q.ID, q.Wait)
	if err != nil {
		return nil, err
	}
	return &wire.Started{ID: a.ID, PID: a.Instances[0].PID, App: a}, nil
}

// startApp registers a new app, or takes a known one with its new Spec, and
// starts it unless the client or the Spec says to wait with that.
func (c *call) startApp(ctx context.Context, q *wire.Start) error {
	who := c.by()
	switch {
	case q.Spec != nil && reserved(c.d.home, q.Spec) != nil:
		return reserved(c.d.home, q.Spec)
	case q.Spec != nil && q.ID != 0:
		if err := c.change(q.ID, q.Spec, who); err != nil {
			return err
		}
	case q.Spec != nil:
		id, err := c.d.sup.Add(*q.Spec, who)
		if err == nil {
			c.leased(id, true, q.Keep, q.TTL) // before it runs: whoever starts it may die meanwhile
		}
		if err != nil || q.Hold || !q.Spec.Autostart {
			q.ID = id
			return err
		}
		q.ID, q.Inst = id, -1
	}
	return c.d.sup.Start(ctx, q.ID, q.Inst, q.Wait, who)
}

func (c *call) stop(ctx context.Context) (velos.Record, error) {
	var q wire.Stop
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if err := c.permit(about("stop", q.Target, true, true)); err != nil {
		return nil, err
	}
	grace := time.Duration(-1)
	if q.Timeout > 0 {
		grace = q.Timeout.Std()
	}
	err := c.d.sup.Stop(ctx, q.ID, q.Inst, q.Signal, grace, q.Wait, c.by())
	return c.done(q.ID, err)
}

func (c *call) restart(ctx context.Context) (velos.Record, error) {
	var q wire.Restart
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := about("restart", q.Target, true, true)
	w.becomes(q.Spec)
	c.adds(&w)
	if err := c.permit(w); err != nil {
		return nil, err
	}
	who, first := c.by(), q.Spec
	if q.Spec != nil {
		if err := reserved(c.d.home, q.Spec); err != nil {
			return nil, err
		}
		first = c.before(&q)
		if err := c.change(q.ID, first, who); err != nil {
			return nil, err
		}
	}
	err := c.d.sup.Restart(ctx, q.ID, q.Inst, q.Wait, who)
	if first != q.Spec { // the instances that had to wait
		if e := c.change(q.ID, q.Spec, who); err == nil {
			err = e
		}
	}
	c.leased(q.ID, false, false, 0)
	return c.done(q.ID, err)
}

// before is the Spec to restart with. In another mode more instances come only
// behind the restart: the old runs have the port that the new ones want.
func (c *call) before(q *wire.Restart) *velos.Spec {
	old, ok := c.d.sup.Spec(q.ID)
	if !ok || !q.Wait || old.Mode == q.Spec.Mode || q.Spec.Instances <= old.Instances {
		return q.Spec
	}
	s := *q.Spec
	s.Instances = old.Instances
	return &s
}

// done is the answer of the verbs: the app as it is afterwards.
func (c *call) done(id uint32, err error) (velos.Record, error) {
	if e := c.kept(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	a, err := c.d.sup.Outcome(id, true)
	if err != nil {
		return nil, err
	}
	return &wire.Done{Success: true, PID: a.Instances[0].PID, App: &a}, nil
}

func (c *call) delete(context.Context) (velos.Record, error) {
	var q wire.Target
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if err := c.permit(about("delete", q, true, true)); err != nil {
		return nil, err
	}
	v, known := c.d.sup.Remains(q.ID)
	if err := c.d.sup.Delete(q.ID, c.by()); err != nil {
		return nil, err
	}
	if known {
		c.discard(&v)
	}
	return &wire.Done{Success: true}, c.kept()
}

func (c *call) list(context.Context) (velos.Record, error) {
	var q wire.List
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	apps := c.d.sup.List()
	if p := c.sight(); p != nil {
		apps = slices.DeleteFunc(apps, func(a velos.App) bool { return !p.Sees(a.Spec.Cwd) })
	}
	if q.Mine {
		c.mine(apps)
	}
	return &wire.Apps{Apps: apps}, nil
}

func (c *call) info(context.Context) (velos.Record, error) {
	var q wire.Target
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if err := c.sees(q.ID); err != nil {
		return nil, err
	}
	a, err := c.d.sup.Info(q.ID)
	if err != nil {
		return nil, err
	}
	return &a, nil
}

func (c *call) reload(ctx context.Context) (velos.Record, error) {
	var q wire.Reload
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := about("reload", q.Target, q.Spec != nil, true)
	w.becomes(q.Spec)
	c.adds(&w)
	if err := c.permit(w); err != nil {
		return nil, err
	}
	if q.Spec != nil {
		if err := reserved(c.d.home, q.Spec); err != nil {
			return nil, err
		}
	}
	why, err := c.d.sup.Reload(ctx, q.ID, q.Inst, q.Parallel, q.Spec, c.by())
	if e := c.kept(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	a, err := c.d.sup.Outcome(q.ID, true)
	if err != nil {
		return nil, err
	}
	return &wire.Reloaded{Restarted: why != "", Why: why, App: a}, nil
}

func (c *call) scale(ctx context.Context) (velos.Record, error) {
	var q wire.Scale
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if err := c.permit(c.scaling(&q)); err != nil {
		return nil, err
	}
	return c.done(q.ID, c.d.sup.Scale(ctx, q.ID, q.Count, q.By, c.by()))
}

func (c *call) history(context.Context) (velos.Record, error) {
	var q wire.History
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	ids := []uint32{q.ID}
	if q.ID == 0 {
		ids = c.d.sup.IDs()
	} else if _, ok := c.d.sup.Spec(q.ID); !ok {
		_, err := c.d.sup.Info(q.ID)
		return nil, err
	}
	answer := &wire.Formers{}
	for _, id := range ids {
		if err := c.sees(id); err != nil && q.ID != 0 {
			return nil, err
		} else if err != nil {
			continue
		}
		answer.List = append(answer.List, c.d.home.Formers(id, q.Last)...)
	}
	return answer, nil
}

func (c *call) rename(context.Context) (velos.Record, error) {
	var q wire.Rename
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := about("rename", wire.All(q.ID), true, true)
	w.args = map[string]string{"name": q.Name}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	return c.done(q.ID, c.d.sup.Rename(q.ID, q.Name, c.by()))
}

func (c *call) update(context.Context) (velos.Record, error) {
	var q wire.Update
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := about("update", wire.All(q.ID), true, true)
	w.becomes(&q.Spec)
	c.adds(&w)
	if err := c.permit(w); err != nil {
		return nil, err
	}
	if err := reserved(c.d.home, &q.Spec); err != nil {
		return nil, err
	}
	return c.done(q.ID, c.change(q.ID, &q.Spec, c.by()))
}

// change gives an app another Spec. The same one again is no change: nothing
// is written, and there is no new generation.
func (c *call) change(id uint32, spec *velos.Spec, who velos.Actor) error {
	if old, ok := c.d.sup.Spec(id); ok && bytes.Equal(record.AppendMsgpack(nil, &old), record.AppendMsgpack(nil, spec)) {
		return nil
	}
	return c.d.sup.Update(id, *spec, who)
}

func (c *call) signal(ctx context.Context) (velos.Record, error) {
	var q wire.Signal
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if q.Signal <= 0 {
		return nil, &velos.Error{Code: velos.Invalid, Message: "signal: no signal named"}
	}
	w := about("signal", q.Target, true, true)
	w.args = map[string]string{"signal": itoa(q.Signal)}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	return c.done(q.ID, c.d.sup.Signal(ctx, q.ID, q.Inst, q.Signal, c.by()))
}

func (c *call) reset(ctx context.Context) (velos.Record, error) {
	var q wire.Target
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if err := c.permit(about("reset", q, false, false)); err != nil {
		return nil, err
	}
	return c.done(q.ID, c.d.sup.Reset(ctx, q.ID, q.Inst, c.by()))
}

func (c *call) ping(context.Context) (velos.Record, error) {
	rss, anon := memory()
	return &wire.Pong{
		Version: velos.Version, Uptime: velos.MillisOf(time.Since(c.d.began)), PID: pid(), Protocol: velos.Protocol,
		Apps: c.d.sup.Len(), RSS: rss, Anon: anon, Requests: c.d.requests.Load(), Keeper: c.d.line.PID(),
	}, nil
}

// shutdown stops every app by order, so that the next daemon knows them as
// stopped, and ends the daemon once the answer is out.
func (c *call) shutdown(context.Context) (velos.Record, error) {
	var q wire.Shutdown
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := wish{Deed: policy.Deed{Verb: "kill", Takes: true, Touches: !q.Leave}, inst: -1}
	if q.Leave {
		w.args = map[string]string{"leave": "true"}
	} else {
		w = c.everyApp(w)
	}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	who := c.by()
	if q.Leave {
		return c.leave(who)
	}
	c.d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "kill", Actor: who})
	c.d.sup.StopAll(who)
	c.last = true
	if err := c.kept(); err != nil {
		return nil, &velos.Error{Code: velos.CodeOf(err), Cause: err,
			Message: "all apps are stopped and the daemon ends, but the next one may start them again: " + err.Error()}
	}
	return &wire.Done{Success: true, PID: pid()}, nil
}
