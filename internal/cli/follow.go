package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// gather is how long a line may wait for others to be written with it.
const gather = 5 * time.Millisecond

// A tape is where the streams of a follower meet.
type tape struct {
	mu     sync.Mutex // guards out and failed
	out    *view.Entries
	failed error
	dirty  chan struct{} // holds a token while there is something to write
}

func (t *tape) add(e *velos.Entry) {
	t.mu.Lock()
	t.out.Add(e)
	t.mu.Unlock()
	select {
	case t.dirty <- struct{}{}:
	default:
	}
}

// write writes what was added, a moment later, until there is no more.
func (t *tape) write(stop func()) {
	for range t.dirty {
		time.Sleep(gather)
		t.mu.Lock()
		if err := t.out.Flush(); err != nil && t.failed == nil {
			t.failed = err
			stop()
		}
		t.mu.Unlock()
	}
}

// A follower shows what apps write, over any number of daemons.
type follower struct {
	s    *session
	l    *logQuery
	tape tape

	apps   map[uint32]velos.App // all that were ever shown
	after  map[uint32]*uint64   // the newest line of each that was looked at
	newest uint32               // the highest id that was seen
}

// goOn shows lines behind after as they come. It ends with ctx, when
// nobody reads, when all apps are gone and no other can come, and when the
// daemon is gone and does not come back.
func (s *session) goOn(ctx context.Context, apps []velos.App, l *logQuery, after []uint64, out *view.Entries) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f := &follower{s: s, l: l, tape: tape{out: out, dirty: make(chan struct{}, 1)},
		apps: map[uint32]velos.App{}, after: map[uint32]*uint64{}, newest: l.newest}
	for i := range apps {
		f.apps[apps[i].ID] = apps[i]
		f.after[apps[i].ID] = &after[i]
	}
	var writer sync.WaitGroup
	writer.Go(func() { f.tape.write(stop) })
	err := f.rounds(ctx, apps)
	close(f.tape.dirty)
	writer.Wait()
	if f.tape.failed != nil {
		return f.tape.failed
	}
	return errors.Join(err, f.tape.out.Flush())
}

// mostQuick is how many daemons in a row may be lost within a second.
const mostQuick = 20

// rounds are one for each connection.
func (f *follower) rounds(ctx context.Context, apps []velos.App) error {
	began, quick := time.Now(), 0
	err := f.round(ctx, apps, f.l.queries)
	for err != nil {
		if quick++; time.Since(began) > time.Second {
			quick = 0
		}
		if f.l.again == nil || quick > mostQuick || !verb.Lost(ctx, err) {
			return err
		}
		if err := f.s.reconnect(ctx); err != nil {
			return err
		}
		began = time.Now()
		var queries []velos.Query
		if apps, queries, err = f.look(ctx); err == nil {
			err = f.round(ctx, apps, queries)
		}
	}
	return nil
}

// round follows apps, and those that join them, until their streams have
// ended. The first that fails ends all.
func (f *follower) round(ctx context.Context, apps []velos.App, queries []velos.Query) (failed error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	followed := map[uint32]bool{}
	ended := make(chan error)
	running := 0
	spread := client.Spread{Dial: f.s.another}
	begin := func(apps []velos.App, queries []velos.Query) error {
		for i := range apps {
			id := apps[i].ID
			if followed[id] {
				continue
			}
			conn, leave, err := spread.Take()
			if err != nil {
				return err
			}
			followed[id] = true
			running++
			go func() {
				err := f.stream(ctx, conn, id, queries[i])
				leave()
				ended <- err
			}()
		}
		return nil
	}
	changed := make(chan struct{}, 1)
	if f.l.open {
		running++
		go func() { ended <- f.watch(ctx, changed) }()
	}
	if failed = begin(apps, queries); failed != nil {
		stop()
	}
	for running > 0 {
		var err error
		select {
		case err = <-ended:
			running--
		case <-changed:
			if apps, queries, err = f.look(ctx); err == nil {
				err = begin(apps, queries)
			}
		}
		if err != nil && failed == nil {
			failed = err
			stop()
		}
	}
	return failed
}

// stream shows one app's lines. It ends without an error when the app is
// deleted.
func (f *follower) stream(ctx context.Context, conn *client.Client, id uint32, q velos.Query) error {
	f.tape.mu.Lock()
	after, a, veil := f.after[id], f.apps[id], f.l.o.Veils[id]
	f.tape.mu.Unlock()
	q.Follow, q.After = true, *after
	lines := conn.Logs(ctx, id, q)
	if veil != nil {
		lines = verb.NewCover(veil, f.s.conn, &a).Over(ctx, lines)
	}
	for e, err := range f.l.matching(lines, after, veil) {
		if err != nil {
			return err
		}
		if e.Missed > 0 && f.l.o.Raw { // the exact bytes have no place for it
			f.skipped(id, e.Missed)
			continue
		}
		f.tape.add(&e)
	}
	return nil
}

func (f *follower) skipped(id uint32, n uint64) {
	f.tape.mu.Lock()
	defer f.tape.mu.Unlock()
	f.s.notice(f.apps[id].Spec.Name, ": ", strconv.FormatUint(n, 10), " lines skipped")
}

// watch tells when apps have been added, changed or deleted. The first event
// of the past tells once, too: what happened since the apps were listed.
func (f *follower) watch(ctx context.Context, changed chan<- struct{}) error {
	first := true
	for e, err := range f.s.conn.Events(ctx, wire.EventsQuery{Last: 1, Follow: true}) {
		if err != nil && verb.Lost(ctx, err) {
			return err
		}
		if err != nil { // a journal that cannot be read is no reason to show no lines
			<-ctx.Done()
			return nil
		}
		if e.Kind != velos.KindConfig && !first {
			continue
		}
		first = false
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	return &velos.Error{Code: velos.Unreachable, Message: "the daemon has ended its events"}
}

// look finds out which apps are to be followed now, and where those begin
// that were not there before: with their first line.
func (f *follower) look(ctx context.Context) ([]velos.App, []velos.Query, error) {
	within, stop := briefly(ctx)
	defer stop()
	list, err := f.s.conn.List(within)
	if err != nil {
		return nil, nil, late(err, patience)
	}
	apps, queries := f.l.again(list.Apps)
	veils, err := f.veils(within, apps)
	if err != nil {
		return nil, nil, late(err, patience)
	}
	f.tape.mu.Lock()
	defer f.tape.mu.Unlock()
	f.l.o.Veils = veils
	newest := f.newest
	for i := range list.Apps {
		f.newest = max(f.newest, list.Apps[i].ID)
	}
	for i := range apps {
		a := &apps[i]
		if v := f.l.o.Veils[a.ID]; v != nil {
			v.Learn(a)
		}
		f.apps[a.ID] = *a
		if f.after[a.ID] != nil {
			continue
		}
		f.after[a.ID] = new(uint64)
		if a.ID > newest {
			// Its files may be those of another one that had this name.
			queries[i].Since = max(queries[i].Since, a.Created)
		} else { // it was there, under another name say
			*f.after[a.ID] = a.Log.Seq
		}
	}
	if err := f.tape.out.Flush(); err != nil {
		return nil, nil, err
	}
	known := slices.SortedFunc(maps.Values(f.apps), func(a, b velos.App) int { return int(a.ID) - int(b.ID) })
	f.tape.out = view.NewEntries(f.s.Out, known, f.l.o)
	return apps, queries, nil
}

// veils are those that there were, and those of apps that are new.
func (f *follower) veils(ctx context.Context, apps []velos.App) (map[uint32]*view.Veil, error) {
	l := *f.l
	f.tape.mu.Lock()
	l.o.Veils = maps.Clone(f.l.o.Veils)
	f.tape.mu.Unlock()
	err := f.s.veiled(ctx, apps, &l)
	return l.o.Veils, err
}
