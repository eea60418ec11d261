package verb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Outcomes of a wait.
const (
	Met      = "met"     // what was waited for is so
	Crashed  = "crashed" // a run ended instead, and nobody had asked it to
	Ended    = "exited"  // it ended without an error, instead
	Stopped  = "stopped" // it was told to stop, or does not run
	Deleted  = "deleted" // there is no such app any more
	TimedOut = "timed_out"
)

// An Outcome is how a wait for one app has ended.
type Outcome struct {
	App       velos.App // as it was last seen; without status and instances when the end of a run ended the wait
	Outcome   string
	Condition string      // the condition that was met, or the last of several
	By        string      // how that could be told: "port 3000", "min_uptime 1s"
	Exit      *velos.Exit // of the run that ended
	Line      string      // that matched: cleaned, still hostile
	Waited    velos.Millis
	Cursor    Cursor // where the next wait or read goes on, missing nothing
}

// A Wait says what is waited for.
type Wait struct {
	Apps  []velos.App // each of them
	Until []Condition
	All   bool // every condition, not any
	// From goes on where an earlier answer ended; by App.ID. Without it log
	// looks at what the runs of today have written, and exit and crash wait for
	// the next one.
	From map[uint32]Cursor
}

// pace is how often the daemon looks at ports and health while somebody waits
// for them.
const pace = 200

// Do waits. It ends when every app has an Outcome, or with ctx: the others
// have timed out then, which is no error.
func (w Wait) Do(ctx context.Context, conn *client.Client) ([]Outcome, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	began := time.Now()
	first, err := Newest(ctx, conn)
	if err != nil {
		return nil, err
	}
	j := &job{Wait: w, conn: conn, facts: make(chan fact, 64), first: first}
	for i := range w.Apps {
		v, err := newVigil(ctx, j, &w.Apps[i])
		if err != nil {
			return nil, err
		}
		j.vigils = append(j.vigils, v)
	}
	j.follow(ctx)
	if err := j.run(ctx); err != nil {
		return nil, err
	}
	stop()
	list := make([]Outcome, len(j.vigils))
	for i, v := range j.vigils {
		v.out.Waited = velos.MillisOf(time.Since(began))
		v.out.Cursor = v.cursor
		list[i] = v.out
		list[i].App = v.now(conn)
	}
	return list, nil
}

// mostLost is how many daemons one order, wait or run may lose.
const mostLost = 20

// Through is Do over any number of daemons: what happens while there is none is
// heard from the next one, to which again connects.
func (w Wait) Through(ctx context.Context, conn *client.Client, again func(context.Context) (*client.Client, error)) ([]Outcome, error) {
	began := time.Now()
	first, err := Newest(ctx, conn)
	var outcomes []Outcome
	if err == nil {
		outcomes, err = w.Do(ctx, conn)
	}
	for tries := 0; err != nil && tries < mostLost && Lost(ctx, err); tries++ {
		from := map[uint32]Cursor{}
		for i := range w.Apps {
			a := &w.Apps[i]
			from[a.ID] = Cursor{App: a.Spec.Name, Line: a.Log.Seq, Event: first, ID: a.ID}
		}
		maps.Copy(from, w.From)
		w.From = from
		if conn, err = again(ctx); err != nil {
			return nil, err
		}
		outcomes, err = w.Do(ctx, conn)
	}
	for i := range outcomes {
		outcomes[i].Waited = velos.MillisOf(time.Since(began))
	}
	return outcomes, err
}

// Lost reports whether err is the end of a daemon or of the connection to it,
// and not of what was asked.
func Lost(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	switch velos.CodeOf(err) {
	case velos.Unreachable, velos.Cancelled, velos.Busy:
		return true
	}
	return false
}

// A fact is one piece of news about one app, or about all.
type fact struct {
	id      uint32
	event   *velos.Event
	line    *velos.Entry
	figures []velos.Instance
	quiet   bool
	err     error
}

// A job is one wait under way. Its vigils are touched by run alone.
type job struct {
	Wait
	conn   *client.Client
	facts  chan fact
	first  uint64 // events after this one happened while we wait
	vigils []*vigil
}

// run hands facts to vigils until all are over.
func (j *job) run(ctx context.Context) error {
	for slices.ContainsFunc(j.vigils, func(v *vigil) bool { return v.out.Outcome == "" }) {
		select {
		case <-ctx.Done():
			for _, v := range j.vigils {
				if v.out.Outcome == "" {
					v.end(TimedOut)
				}
			}
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil
			}
			return &velos.Error{Code: velos.Cancelled, Message: "cancelled", Cause: ctx.Err()}
		case f := <-j.facts:
			if f.err != nil && ctx.Err() == nil {
				return f.err
			}
			for _, v := range j.vigils {
				if v.out.Outcome == "" && f.err == nil && (f.id == 0 || f.id == v.app.ID) {
					if err := v.hear(ctx, f); err != nil && ctx.Err() == nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// follow opens the streams that the conditions need.
func (j *job) follow(ctx context.Context) {
	from, id := j.first, uint32(0)
	for _, v := range j.vigils {
		if j.From != nil && v.cursor.Event < from {
			from = v.cursor.Event
		}
	}
	if len(j.vigils) == 1 {
		id = j.vigils[0].app.ID
	}
	go pump(ctx, j.facts, j.conn.Events(ctx, wire.EventsQuery{ID: id, After: from, Follow: true}), func(e velos.Event) fact { return fact{id: e.ID, event: &e} })
	for _, v := range j.vigils {
		if v.out.Outcome != "" {
			continue
		}
		if q, ok := v.query(); ok {
			v.lines = q
			go pump(ctx, j.facts, j.conn.Logs(ctx, v.app.ID, q), func(e velos.Entry) fact {
				e.Msg = slices.Clone(e.Msg)
				return fact{id: v.app.ID, line: &e}
			})
		}
		if v.wants("port") || v.wants("healthy") {
			go pump(ctx, j.facts, j.conn.MetricsStream(ctx, wire.MetricsQuery{ID: v.app.ID, Interval: pace}),
				func(m wire.Metrics) fact { return fact{id: v.app.ID, figures: m.Instances} })
		}
		if v.silence > 0 {
			v.timer = time.AfterFunc(v.silence, func() {
				select {
				case j.facts <- fact{id: v.app.ID, quiet: true}:
				case <-ctx.Done():
				}
			})
		}
	}
}

// pump hands on a stream until it or the wait ends.
func pump[T any](ctx context.Context, to chan<- fact, from func(func(T, error) bool), as func(T) fact) {
	for v, err := range from {
		f := fact{err: err}
		if err == nil {
			f = as(v)
		}
		select {
		case to <- f:
		case <-ctx.Done():
			return
		}
	}
}

// now is the app as it was last seen. Only who has waited in vain has the time
// to have the daemon look again, which costs it a search for ports.
func (v *vigil) now(conn *client.Client) velos.App {
	if v.timer != nil {
		v.timer.Stop()
	}
	if v.out.Outcome != TimedOut {
		return v.app
	}
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if a, err := conn.Info(ctx, wire.All(v.app.ID)); err == nil {
		return a
	}
	return v.app
}

// readyBy says by which rule a run of this Spec counts as ready.
func readyBy(s *velos.Spec) string {
	switch {
	case s.WaitReady:
		return "its own word"
	case s.Ready != nil && s.Ready.HTTP != "":
		return "probe http"
	case s.Ready != nil && s.Ready.TCP != "":
		return "probe tcp"
	case s.Ready != nil && len(s.Ready.Exec) > 0:
		return "probe exec"
	case s.Ready != nil:
		return "probe log"
	case s.Mode == velos.Cluster:
		return "it listens"
	}
	return "min_uptime " + s.MinUptime.String()
}

// listens finds an address with a port among those of the instances; any TCP
// address when port is "".
func listens(list []velos.Instance, port string) (string, bool) {
	for i := range list {
		for _, a := range list[i].Ports.List() {
			if strings.HasPrefix(a, "tcp://") && (port == "" || strings.HasSuffix(a, ":"+port)) {
				return view.Text(a), true
			}
		}
	}
	return "", false
}
