package client

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// ask is one call with an answer of type T; the zero T with an error.
func ask[T any, P interface {
	*T
	velos.Record
}](c *Client, ctx context.Context, command wire.Command, payload velos.Record) (T, error) {
	answer := new(T)
	if err := c.ask(ctx, command, payload, P(answer)); err != nil {
		return *new(T), err
	}
	return *answer, nil
}

// Ping asks the daemon how it is.
func (c *Client) Ping(ctx context.Context) (wire.Pong, error) {
	return ask[wire.Pong](c, ctx, wire.DaemonPing, nil)
}

// Start adds an app and starts it, or starts a known one.
func (c *Client) Start(ctx context.Context, s wire.Start) (wire.Started, error) {
	return ask[wire.Started](c, ctx, wire.ProcessStart, &s)
}

// Stop ends instances.
func (c *Client) Stop(ctx context.Context, s wire.Stop) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessStop, &s)
}

// Restart ends instances and starts them again.
func (c *Client) Restart(ctx context.Context, r wire.Restart) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessRestart, &r)
}

// Reload replaces instances, each one's successor being ready before it goes.
func (c *Client) Reload(ctx context.Context, r wire.Reload) (wire.Reloaded, error) {
	return ask[wire.Reloaded](c, ctx, wire.ProcessReload, &r)
}

// Scale changes how many instances an app has.
func (c *Client) Scale(ctx context.Context, s wire.Scale) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessScale, &s)
}

// History is the Specs that apps had before.
func (c *Client) History(ctx context.Context, h wire.History) (wire.Formers, error) {
	return ask[wire.Formers](c, ctx, wire.ProcessHistory, &h)
}

// Selves is an app and what it was before, as far as that is kept: who shows
// what it wrote hides the secrets that it had then, too. Values of env files are
// those of now only.
func (c *Client) Selves(ctx context.Context, a *velos.App) ([]*velos.App, error) {
	all := []*velos.App{a}
	if a.Generation <= 1 {
		return all, nil
	}
	before, err := c.History(ctx, wire.History{ID: a.ID})
	if code := velos.CodeOf(err); err != nil && code != velos.Unsupported && code != velos.NotFound {
		return nil, err
	}
	for i := range before.List {
		all = append(all, &velos.App{Spec: before.List[i].Spec})
	}
	return all, nil
}

// Formers is what apps were before, as Selves tells of one: who shows what
// happened to all of them asks once.
func (c *Client) Formers(ctx context.Context, apps []velos.App) (all []*velos.App, err error) {
	if !slices.ContainsFunc(apps, func(a velos.App) bool { return a.Generation > 1 }) {
		return nil, nil
	}
	before, err := c.History(ctx, wire.History{})
	if err != nil && velos.CodeOf(err) != velos.Unsupported {
		return nil, err
	}
	for i := range before.List {
		all = append(all, &velos.App{Spec: before.List[i].Spec})
	}
	return all, nil
}

// Delete stops an app and forgets it. Its log files stay.
func (c *Client) Delete(ctx context.Context, t wire.Target) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessDelete, &t)
}

// List is every app.
func (c *Client) List(ctx context.Context) (wire.Apps, error) {
	return ask[wire.Apps](c, ctx, wire.ProcessList, nil)
}

// Own is List with App.Mine.
func (c *Client) Own(ctx context.Context) (wire.Apps, error) {
	return ask[wire.Apps](c, ctx, wire.ProcessList, &wire.List{Mine: true})
}

// Info is one app.
func (c *Client) Info(ctx context.Context, t wire.Target) (velos.App, error) {
	return ask[velos.App](c, ctx, wire.ProcessInfo, &t)
}

// Rename gives an app another name.
func (c *Client) Rename(ctx context.Context, r wire.Rename) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessRename, &r)
}

// Signal sends a signal to instances.
func (c *Client) Signal(ctx context.Context, s wire.Signal) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessSignal, &s)
}

// Reset sets restart counts to 0.
func (c *Client) Reset(ctx context.Context, t wire.Target) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessReset, &t)
}

// Update replaces an app's Spec without a restart.
func (c *Client) Update(ctx context.Context, u wire.Update) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessUpdate, &u)
}

// Flush empties log files; those of all apps when the target's ID is 0.
func (c *Client) Flush(ctx context.Context, t wire.Target) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.LogFlush, &t)
}

// Reopen opens all log files anew, for rotation from outside.
func (c *Client) Reopen(ctx context.Context) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.LogReopen, nil)
}

// Save writes the list of apps to the daemon's file for it.
func (c *Client) Save(ctx context.Context) (wire.StatePath, error) {
	return ask[wire.StatePath](c, ctx, wire.StateSave, nil)
}

// Load brings saved apps back; the daemon's own file when the path is empty.
func (c *Client) Load(ctx context.Context, s wire.StatePath) (wire.StatePath, error) {
	return ask[wire.StatePath](c, ctx, wire.StateLoad, &s)
}

// Shutdown ends the daemon. The connection ends soon after the answer.
func (c *Client) Shutdown(ctx context.Context, s wire.Shutdown) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.DaemonShutdown, &s)
}

// Upgrade has the daemon become the velosd at a path. The answer comes from
// the old one, just before: the new one answers Ping a moment later.
func (c *Client) Upgrade(ctx context.Context, u wire.Upgrade) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.DaemonUpgrade, &u)
}

// Approvals are the orders of agents that a person is asked to allow.
func (c *Client) Approvals(ctx context.Context) (wire.Approvals, error) {
	return ask[wire.Approvals](c, ctx, wire.ApprovalList, nil)
}

// AnswerApproval allows an order of an agent, or does not.
func (c *Client) AnswerApproval(ctx context.Context, w wire.ApprovalWord) (wire.Approval, error) {
	return ask[wire.Approval](c, ctx, wire.ApprovalAnswer, &w)
}

// Trash is the deleted apps that can be brought back.
func (c *Client) Trash(ctx context.Context) (wire.Trash, error) {
	return ask[wire.Trash](c, ctx, wire.ProcessTrash, nil)
}

// Restore brings a deleted app back.
func (c *Client) Restore(ctx context.Context, r wire.Restore) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.ProcessRestore, &r)
}

// Lease says how long an agent's app lasts.
func (c *Client) Lease(ctx context.Context, w wire.LeaseWord) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.LeaseSet, &w)
}

// Grant lets an agent act on an app that is not its own.
func (c *Client) Grant(ctx context.Context, g wire.Grant) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.LeaseGrant, &g)
}

// Metrics are figures as they are now.
func (c *Client) Metrics(ctx context.Context, q wire.MetricsQuery) (wire.Metrics, error) {
	return ask[wire.Metrics](c, ctx, wire.MetricsGet, &q)
}

// Logs are lines of app id that match q, oldest first. An error is the last
// thing that the loop gets; leaving the loop ends the stream. Each loop over
// the result asks anew. Msg shares memory with lines beside it: clone what is
// kept for long.
func (c *Client) Logs(ctx context.Context, id uint32, q velos.Query) iter.Seq2[velos.Entry, error] {
	command := wire.LogRead
	switch {
	case q.Follow:
		command = wire.LogStream
	case q.Grep != "":
		command = wire.LogSearch
	}
	s := frames[wire.Entries](c, ctx, command, &wire.Logs{ID: id, Query: q})
	return each(s, func(e *wire.Entries) []velos.Entry { return e.Entries })
}

// Before is the entry that the same instance wrote to the same stream just
// before e, as far as that is not too far away; none has no Seq. It costs one
// short question, or a second one where many others wrote in between.
func (c *Client) Before(ctx context.Context, e *velos.Entry) (before velos.Entry, err error) {
	for _, span := range [...]uint64{64, 4096} {
		q := velos.Query{Inst: e.Inst, Src: e.Src, After: e.Seq - min(e.Seq, span+1)}
		for b, err := range c.Logs(ctx, e.App, q) {
			if err != nil {
				return velos.Entry{}, err
			}
			if b.Seq >= e.Seq {
				break
			}
			if b.Missed == 0 {
				before = b
			}
		}
		if before.Seq > 0 || q.After == 0 {
			break
		}
	}
	before.Msg = bytes.Clone(before.Msg)
	return before, nil
}

// LogFiles is which files hold an app's lines, and how far.
func (c *Client) LogFiles(ctx context.Context, id uint32) (wire.Files, error) {
	return ask[wire.Files](c, ctx, wire.LogFiles, &wire.Target{ID: id, Inst: -1})
}

// Events is what happened, oldest first. See Logs for how it ends.
func (c *Client) Events(ctx context.Context, q wire.EventsQuery) iter.Seq2[velos.Event, error] {
	s := frames[wire.Events](c, ctx, wire.EventList, &q)
	return each(s, func(e *wire.Events) []velos.Event { return e.Events })
}

// Minutes is how much an app wrote in each minute, oldest first. See Logs for
// how it ends.
func (c *Client) Minutes(ctx context.Context, q wire.MinutesQuery) iter.Seq2[velos.Minute, error] {
	s := frames[wire.Minutes](c, ctx, wire.LogMinutes, &q)
	return each(s, func(m *wire.Minutes) []velos.Minute { return m.Minutes })
}

// Tell has the daemon record what a helper has found.
func (c *Client) Tell(ctx context.Context, f wire.Finding) (wire.Done, error) {
	return ask[wire.Done](c, ctx, wire.EventAdd, &f)
}

// MetricsStream is figures of an app, or of one app after another, again and
// again. See Logs for how it ends.
func (c *Client) MetricsStream(ctx context.Context, q wire.MetricsQuery) iter.Seq2[wire.Metrics, error] {
	return frames[wire.Metrics](c, ctx, wire.MetricsStream, &q)
}
