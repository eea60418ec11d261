package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/logs"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/wire"
)

// A piece of a stream ends at so many entries or bytes of text.
const (
	pieceEntries = 512
	pieceBytes   = 64 << 10
)

// logs answers the three commands that read lines; they differ in what a
// client may ask of them.
func (c *call) logs(ctx context.Context) (velos.Record, error) {
	var q wire.Logs
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	log, err := c.log(q.ID)
	if err != nil {
		return nil, err
	}
	if c.command == wire.LogStream || q.Query.Follow {
		return nil, c.follow(ctx, log, &q)
	}
	var out wire.Entries
	size := 0
	var sent error
	err = log.Query(q.Query, func(e *velos.Entry) bool {
		if ctx.Err() != nil {
			return false
		}
		kept := *e
		kept.App = q.ID
		kept.Msg = append([]byte(nil), e.Msg...)
		out.Entries = append(out.Entries, kept)
		size += len(e.Msg)
		if len(out.Entries) >= pieceEntries || size >= pieceBytes {
			sent = c.piece(&out)
			out.Entries, size = out.Entries[:0], 0
		}
		return sent == nil
	})
	if err == nil && sent == nil && len(out.Entries) > 0 {
		sent = c.piece(&out)
	}
	if err == nil {
		err = sent
	}
	if err == nil && ctx.Err() != nil {
		err = c.cut()
	}
	return nil, err
}

func (c *call) follow(ctx context.Context, log *logs.Log, q *wire.Logs) error {
	var sent error
	err := log.Follow(ctx, q.Query, func(list []velos.Entry) bool {
		for len(list) > 0 && sent == nil {
			n, size := 0, 0
			for n < len(list) && n < pieceEntries && size < pieceBytes {
				list[n].App = q.ID
				size += len(list[n].Msg)
				n++
			}
			sent = c.piece(&wire.Entries{Entries: list[:n]})
			list = list[n:]
		}
		return sent == nil
	})
	if sent != nil {
		return sent
	}
	if ctx.Err() != nil {
		return c.cut()
	}
	return err
}

func (c *call) piece(r velos.Record) error {
	return c.respond(c.id, wire.Streaming, r, streamLimit)
}

// cut says why a stream ends before its end.
func (c *call) cut() error {
	if c.d.upgrading.Load() {
		return &velos.Error{Code: velos.Busy, Message: "velosd is being upgraded", Hint: "connect again"}
	}
	return &velos.Error{Code: velos.Cancelled, Message: "cancelled"}
}

func (c *call) log(id uint32) (*logs.Log, error) {
	if err := c.sees(id); err != nil {
		return nil, err
	}
	if l := c.d.machine.Log(id); l != nil {
		return l, nil
	}
	_, err := c.d.sup.Info(id)
	if err == nil {
		err = &velos.Error{Code: velos.NotFound, Message: "app " + itoa(int(id)) + " has no log"}
	}
	return nil, err
}

func (c *call) flush(context.Context) (velos.Record, error) {
	var q wire.Target
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := about("flush", q, true, true)
	if q.ID == 0 {
		w = c.everyApp(w)
	}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	return c.eachLog(q.ID, "flush", (*logs.Log).Flush)
}

func (c *call) reopen(context.Context) (velos.Record, error) {
	if err := c.permit(wish{Deed: policy.Deed{Verb: "reopen"}, inst: -1}); err != nil {
		return nil, err
	}
	return c.eachLog(0, "reopen", (*logs.Log).Reopen)
}

// logFiles tells a reader which files to open.
func (c *call) logFiles(context.Context) (velos.Record, error) {
	var q wire.Target
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	log, err := c.log(q.ID)
	if err != nil {
		return nil, err
	}
	have, err := log.Files()
	if err != nil {
		return nil, err
	}
	answer := &wire.Files{Seq: have.Seq, Memory: have.Memory}
	for _, f := range have.List {
		answer.Files = append(answer.Files, wire.File{Path: f.Path, Src: f.Src, Number: f.Number, Inode: f.Inode, Size: f.Size, Raw: f.Raw, Packed: f.Packed})
	}
	return answer, nil
}

// eachLog is eachLog of the daemon for whoever asks.
func (c *call) eachLog(id uint32, what string, f func(*logs.Log) error) (velos.Record, error) {
	if err := c.d.eachLog(c.by(), id, what, f); err != nil {
		return nil, err
	}
	if id != 0 {
		if _, err := c.log(id); err != nil {
			return nil, err
		}
	}
	return &wire.Done{Success: true}, nil
}

// events streams the journal: what is kept, then, if asked, what happens.
func (c *call) events(ctx context.Context) (velos.Record, error) {
	var q wire.EventsQuery
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	var out wire.Events
	var sent error
	flush := func() bool {
		if sent == nil && len(out.Events) > 0 {
			sent = c.piece(&out)
			out.Events = out.Events[:0]
		}
		return sent == nil
	}
	p := c.sight()
	hidden := func(e *velos.Event) bool { // an app that is gone was nobody else's secret
		s, ok := c.d.sup.Spec(e.ID)
		return p != nil && ok && !p.Sees(s.Cwd)
	}
	after := max(q.After, c.d.journal.Seq())
	err := c.d.journal.Each(q.ID, q.After, q.Since, q.Last, func(e *velos.Event) bool {
		after = max(after, e.Seq)
		if hidden(e) {
			return true
		}
		out.Events = append(out.Events, *e)
		return len(out.Events) < pieceEntries || flush()
	})
	if err == nil && flush() && q.Follow {
		err = c.d.journal.Follow(ctx, q.ID, after, func(e *velos.Event) bool {
			if hidden(e) {
				return true
			}
			out.Events = append(out.Events, *e)
			return flush()
		})
	}
	switch {
	case sent != nil:
		err = sent
	case ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())): // in words that say whether to ask again
		err = c.cut()
	}
	return nil, err
}

func (c *call) metrics(context.Context) (velos.Record, error) {
	var q wire.MetricsQuery
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if q.ID == 0 {
		return c.ownFigures(), nil
	}
	if err := c.sees(q.ID); err != nil {
		return nil, err
	}
	a, err := c.d.sup.Info(q.ID)
	if err != nil {
		return nil, err
	}
	return figures(&a), nil
}

func figures(a *velos.App) *wire.Metrics {
	return &wire.Metrics{ID: a.ID, Name: a.Spec.Name, Time: velos.TimeOf(time.Now()), Instances: a.Instances}
}

func (c *call) ownFigures() *wire.Metrics {
	rss, anon := memory()
	m := &wire.Metrics{Time: velos.TimeOf(time.Now()), Daemon: wire.DaemonMetrics{
		Uptime: velos.MillisOf(time.Since(c.d.began)), PID: pid(), RSS: rss, Anon: anon, CPU: cpuTime(),
		Apps: c.d.sup.Len(), Clients: c.d.conns.count(), Requests: c.d.requests.Load(), Events: c.d.journal.Seq(),
	}}
	for _, a := range c.d.sup.List() {
		m.Daemon.Instances += len(a.Instances)
	}
	return m
}

// metricsStream sends measurements at the client's interval, at least 100 ms.
func (c *call) metricsStream(ctx context.Context) (velos.Record, error) {
	var q wire.MetricsQuery
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	if q.Interval <= 0 {
		q.Interval = 2000
	}
	defer c.d.sup.Watch()()
	tick := time.NewTicker(max(q.Interval.Std(), 100*time.Millisecond))
	defer tick.Stop()
	for {
		if err := c.measure(q.ID); err != nil {
			return nil, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, c.cut()
		}
	}
}

// measure sends one round: of one app, or of the daemon and then every app.
func (c *call) measure(id uint32) error {
	if id != 0 {
		if err := c.sees(id); err != nil {
			return err
		}
		a, err := c.d.sup.Info(id)
		if err != nil {
			return err
		}
		return c.piece(figures(&a))
	}
	if err := c.piece(c.ownFigures()); err != nil {
		return err
	}
	p := c.sight()
	for _, a := range c.d.sup.List() {
		if p != nil && !p.Sees(a.Spec.Cwd) {
			continue
		}
		if err := c.piece(figures(&a)); err != nil {
			return err
		}
	}
	return nil
}
