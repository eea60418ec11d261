package tui

import (
	"context"
	"slices"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/wire"
)

const (
	patience   = 10 * time.Second // for an answer that needs no waiting
	firstPause = 50 * time.Millisecond
	longPause  = time.Second
	gather     = 200 * time.Millisecond // changes of state that are asked about together
	pastEvents = 300
	leavingFor = time.Second
	pastLines  = 1000 // of what is watched, divided among the apps
	fewLines   = 20   // at the least, of each
)

// everyone is no app: all that are wanted.
const everyone = 0

// A wish says whose lines are to be followed. Another epoch begins anew;
// within one, apps come and go.
type wish struct {
	epoch int
	apps  []uint32
	level velos.Level
}

// A feed is the connection to the daemon, one after another: what is heard
// goes to the post.
type feed struct {
	o    Options
	post *post

	mu      sync.Mutex
	conn    *client.Client // nil: there is none
	wish    wish
	turned  chan struct{} // holds one token when the wish has changed
	newest  map[uint32]uint64
	event   uint64 // the newest that was heard
	changed map[uint32]bool
	relist  bool
	stir    chan struct{} // holds one token when there is something to ask
}

func newFeed(o Options) *feed {
	return &feed{o: o, post: newPost(), turned: make(chan struct{}, 1), newest: map[uint32]uint64{}, changed: map[uint32]bool{}, stir: make(chan struct{}, 1)}
}

// run connects again and again until ctx ends, and tells send what it heard.
func (f *feed) run(ctx context.Context, send func(tea.Msg)) {
	var all sync.WaitGroup
	all.Go(func() { f.tell(ctx, send) })
	defer all.Wait()
	pause, ever := firstPause, false
	for ctx.Err() == nil {
		conn, err := f.o.Dial()
		if err == nil {
			var served bool
			if served, err = f.serve(ctx, conn); served {
				pause, ever = firstPause, true
			}
			_ = conn.Close()
		}
		if ctx.Err() != nil {
			return
		}
		f.lost(err, !ever)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			pause = min(pause*3/2, longPause)
		}
	}
}

// tell hands news on, with a pause between two so that the screen is not drawn
// for each line.
func (f *feed) tell(ctx context.Context, send func(tea.Msg)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.post.awake:
		}
		if n, some := f.post.take(); some {
			send(n)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second / newsPerSecond):
		}
	}
}

func (f *feed) lost(err error, none bool) {
	f.mu.Lock()
	f.conn = nil
	f.mu.Unlock()
	l := link{since: f.o.Now(), none: none}
	if err != nil && velos.CodeOf(err) != velos.Unreachable {
		l.why, l.hint = err.Error(), velos.HintOf(err)
	}
	f.post.add(func(n *news) { n.link = &l })
}

// serve listens on one connection until it ends. It reports whether the daemon
// has answered at all.
func (f *feed) serve(ctx context.Context, conn *client.Client) (served bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	within, cancel := context.WithTimeout(ctx, patience)
	pong, err := conn.Ping(within)
	cancel()
	if err == nil {
		err = f.list(ctx, conn)
	}
	if err != nil {
		return false, err
	}
	f.mu.Lock()
	f.conn = conn
	f.mu.Unlock()
	l := link{up: true, since: f.o.Now(), version: pong.Version, pid: pong.PID}
	f.post.add(func(n *news) { n.link = &l })

	end := make(chan error, 4)
	var all sync.WaitGroup
	for _, part := range []func(context.Context, *client.Client) error{f.figures, f.events, f.lines, f.ask} {
		all.Go(func() { end <- part(ctx, conn) })
	}
	select {
	case err = <-end:
	case <-conn.Done():
	case <-ctx.Done():
	}
	stop()
	_ = conn.Close()
	all.Wait()
	return true, err
}

func (f *feed) list(ctx context.Context, conn *client.Client) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	list, err := conn.List(ctx)
	if err != nil {
		return err
	}
	f.post.add(func(n *news) { n.apps, n.listed, n.fresh = list.Apps, true, nil })
	f.compare(list.Apps)
	return nil
}

// compare forgets how far lines and events were heard when the daemon has not
// come that far: it is one of a new home.
func (f *feed) compare(list []velos.App) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range list {
		if f.newest[list[i].ID] > list[i].Log.Seq {
			f.newest, f.event = map[uint32]uint64{}, 0
			return
		}
	}
}

func (f *feed) figures(ctx context.Context, conn *client.Client) error {
	for m, err := range conn.MetricsStream(ctx, wire.MetricsQuery{Interval: velos.MillisOf(f.o.Interval)}) {
		if err != nil {
			return err
		}
		f.post.add(func(n *news) { n.figures = append(n.figures, m) })
	}
	return nil
}

func (f *feed) events(ctx context.Context, conn *client.Client) error {
	f.mu.Lock()
	q := wire.EventsQuery{Last: pastEvents, After: f.event, Follow: true}
	f.mu.Unlock()
	for e, err := range conn.Events(ctx, q) {
		if err != nil {
			if gone(err) {
				return err
			}
			<-ctx.Done() // a journal that cannot be read is no reason to show nothing
			return nil
		}
		f.mu.Lock()
		f.event = max(f.event, e.Seq)
		switch e.Kind {
		case velos.KindConfig:
			f.relist = true
		case velos.KindState, velos.KindExit:
			f.changed[e.ID] = true
		}
		f.mu.Unlock()
		f.post.add(func(n *news) { n.events = append(n.events, e) })
		wake(f.stir)
	}
	return nil
}

// ask asks about what has changed, between two rounds of figures: an app that
// crashes is seen at once.
func (f *feed) ask(ctx context.Context, conn *client.Client) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.stir:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(gather):
		}
		f.mu.Lock()
		relist, changed := f.relist, f.changed
		f.relist, f.changed = false, map[uint32]bool{}
		f.mu.Unlock()
		if relist || len(changed) > 20 {
			if err := f.list(ctx, conn); err != nil && gone(err) {
				return err
			}
			continue
		}
		if err := f.renew(ctx, conn, changed); err != nil {
			return err
		}
	}
}

// renew asks about apps. While runs leave one, it is asked about again: their
// end is no change of its state.
func (f *feed) renew(ctx context.Context, conn *client.Client, changed map[uint32]bool) error {
	for id := range changed {
		if id == 0 {
			continue
		}
		within, stop := context.WithTimeout(ctx, patience)
		a, err := conn.Info(within, wire.Target{ID: id, Inst: -1})
		stop()
		if err != nil && gone(err) {
			return err
		}
		if err != nil {
			continue
		}
		f.post.add(func(n *news) { n.fresh = append(n.fresh, a) })
		if len(a.Leaving) > 0 {
			time.AfterFunc(leavingFor, func() {
				f.mu.Lock()
				f.changed[id] = true
				f.mu.Unlock()
				wake(f.stir)
			})
		}
	}
	return nil
}

// want says whose lines are wanted from now on.
func (f *feed) want(w wish) {
	f.mu.Lock()
	if w.epoch != f.wish.epoch {
		f.newest = map[uint32]uint64{}
		f.post.turn(w.epoch)
	}
	f.wish = w
	f.mu.Unlock()
	wake(f.turned)
}

// lines follows the lines that are wanted, each app's in a goroutine, or, of
// many, by asking.
func (f *feed) lines(ctx context.Context, conn *client.Client) error {
	var all sync.WaitGroup
	defer all.Wait()
	running, epoch := map[uint32]context.CancelFunc{}, -1
	defer func() {
		for _, stop := range running {
			stop()
		}
	}()
	for {
		f.mu.Lock()
		w := f.wish
		f.mu.Unlock()
		apps := w.apps
		if len(apps) > mostStreams {
			apps = []uint32{everyone}
		}
		for id, stop := range running {
			if w.epoch != epoch || !slices.Contains(apps, id) {
				stop()
				delete(running, id)
			}
		}
		epoch = w.epoch
		for _, id := range apps {
			if running[id] != nil {
				continue
			}
			one, stop := context.WithCancel(ctx)
			running[id] = stop
			if id == everyone {
				all.Go(func() { f.poll(one, w.epoch) })
			} else {
				all.Go(func() { f.attend(one, conn, id, w) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.turned:
		}
	}
}

// attend follows one app until ctx, the app or the daemon ends. A stream that
// fails for another reason is begun again where it ended.
func (f *feed) attend(ctx context.Context, conn *client.Client, id uint32, w wish) {
	for velos.CodeOf(f.follow(ctx, conn, id, w)) != velos.NotFound {
		select {
		case <-ctx.Done():
			return
		case <-time.After(longPause):
		}
	}
}

// follow follows one app: why it ends.
func (f *feed) follow(ctx context.Context, conn *client.Client, id uint32, w wish) error {
	q := velos.Query{Inst: -1, Level: w.level, Follow: true, Last: max(fewLines, pastLines/len(w.apps))}
	f.mu.Lock()
	if after := f.newest[id]; after > 0 && f.wish.epoch == w.epoch {
		q.After = after
	}
	f.mu.Unlock()
	a, err := conn.Info(ctx, wire.All(id))
	if err != nil {
		return err
	}
	hidden, err := covered(ctx, conn, &a)
	if err != nil {
		return err
	}
	for e, err := range hidden.Over(ctx, conn.Logs(ctx, id, q)) {
		if err != nil || ctx.Err() != nil {
			return err
		}
		e.Msg = hidden.Hide(&e)
		f.mu.Lock()
		if f.wish.epoch == w.epoch {
			f.newest[id] = max(f.newest[id], e.Seq)
		}
		f.mu.Unlock()
		f.post.line(w.epoch, e)
	}
	return nil
}

// covered hides the secrets of an app in what is posted: the screen does not
// ask the daemon, and an app may be deleted before its lines are drawn.
func covered(ctx context.Context, conn *client.Client, a *velos.App) (*verb.Cover, error) {
	v, err := verb.Veil(ctx, conn, a)
	if err != nil {
		return nil, err
	}
	return verb.NewCover(v, conn, a), nil
}

// gone reports whether err is the end of the daemon or of the connection.
func gone(err error) bool {
	switch velos.CodeOf(err) {
	case velos.Unreachable, velos.Cancelled, velos.Busy, velos.BadFrame:
		return true
	}
	return false
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
