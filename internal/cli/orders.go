package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// atOnce bounds the orders under way at the same time. Most of a start's time
// is waiting until min_uptime has passed, so a thousand apps need many of
// them; the daemon takes 512 on one connection.
const atOnce = 256

// lastWords is how many lines of a crashed app are shown.
const lastWords = 15

// An order is one call of the daemon and what it is about.
type order struct {
	verb string
	name string // for messages: the app, or the app and an instance
	app  string // the app alone
	id   uint32 // 0 while the app is new
	inst int    // -1 for all
	do   doing
	// after is what is left to be done when the daemon has died before it
	// answered, by the apps that the next one has and the moment of the order;
	// nil: nobody knows.
	after func(apps []velos.App, since velos.Time) doing
	// hold makes a new app known without starting it, which do is left to do.
	// Without it do does both. With more, another one follows at once.
	hold func(ctx context.Context, more bool) (id uint32, err error)
	// behind names apps whose orders in the same command are given before
	// this one, and with ended have ended before.
	behind []string
	ended  bool
	old    map[int]bool     // processes whose words are not the outcome's
	until  []verb.Condition // of which one must be met, too
}

// replaces remembers what ran before an order that starts something beside it.
func (o *order) replaces(t target) {
	o.old = map[int]bool{}
	for _, list := range [][]velos.Instance{t.app.Instances, t.app.Leaving} {
		for i := range list {
			o.old[list[i].PID] = true
		}
	}
}

// about is an order without what is to be done.
func (t target) about(verb string) order {
	return order{verb: verb, name: t.String(), app: t.app.Spec.Name, id: t.app.ID, inst: t.inst}
}

// carryOut gives all orders at the same time, as far as none comes behind
// another, waits for every outcome, and shows them in the order of the words.
// The error joins all failures.
func (s *session) carryOut(ctx context.Context, orders []order, limit time.Duration) error {
	if limit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, limit)
		defer stop()
	}
	quiet := s.announce(orders)
	s.ordered = true
	since := velos.TimeOf(s.Now())
	results := make([]view.Result, len(orders))
	all := func(int) bool { return true }
	s.register(ctx, orders, all)
	s.giveAll(ctx, orders, results, limit, all)
	s.askAgain(ctx, orders, results, since, limit)
	quiet()
	return s.settle(orders, results, since)
}

// giveAll gives those orders of a command that are to be given now.
func (s *session) giveAll(ctx context.Context, orders []order, results []view.Result, limit time.Duration, now func(i int) bool) {
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	sequence, behind := arrange(orders)
	ends := make([]chan struct{}, len(orders))
	for _, i := range sequence {
		ends[i] = make(chan struct{})
		if !now(i) {
			close(ends[i])
			continue
		}
		slots <- struct{}{} // whoever waits here waits for earlier ones only
		group.Go(func() {
			defer close(ends[i])
			for _, j := range behind[i] {
				if orders[i].ended {
					<-ends[j]
				}
			}
			results[i] = orders[i].give(ctx, s, limit)
			<-slots
		})
	}
	group.Wait()
}

// register makes new apps known before any app is started, one after the
// other: their ids are in the order of the words, although they start side by
// side, and what depends on one of them finds it.
func (s *session) register(ctx context.Context, orders []order, now func(i int) bool) {
	last := len(orders) - 1
	for last >= 0 && (orders[last].hold == nil || !now(last)) {
		last--
	}
	for i := range orders {
		o := &orders[i]
		if len(orders) < 2 || o.hold == nil || !now(i) {
			continue
		}
		var err error
		if o.id, err = o.hold(ctx, i < last); err != nil {
			o.do = func(context.Context) (string, *velos.App, error) { return "", nil, err }
		}
	}
}

// give carries one order out. A panic fails this order only.
func (o *order) give(ctx context.Context, s *session, limit time.Duration) (r view.Result) {
	r = view.Result{Verb: o.verb, ID: o.id, Name: o.app, Inst: o.inst}
	defer func() {
		if p := recover(); p != nil {
			r.Err = &velos.Error{Code: velos.Failed, Message: fmt.Sprint(o.verb, " ", o.name, ": internal error: ", p), Hint: "this is a bug in velos"}
		}
	}()
	did, app, err := o.do(ctx)
	if err == nil {
		app, _, err = s.until(ctx, o.verb, app, o.until)
	}
	r.Did, r.App, r.Err = did, app, o.explain(err, limit)
	return r
}

// announce says what is waited for when that takes a while and a person is
// watching.
func (s *session) announce(orders []order) (quiet func()) {
	if !s.ErrTTY || s.silent || !s.human() || len(orders) == 0 {
		return func() {}
	}
	names := make([]string, 0, 4)
	for i := range orders {
		if i == 3 && len(orders) > 4 {
			names = append(names, "…")
			break
		}
		names = append(names, orders[i].name)
	}
	t := time.AfterFunc(400*time.Millisecond, func() { s.notice(orders[0].verb, " ", strings.Join(names, ", "), ": waiting for the outcome") })
	return func() { t.Stop() }
}

// explain completes an error with what was to be done.
func (o *order) explain(err error, limit time.Duration) error {
	if err == nil {
		return nil
	}
	what := o.verb + " " + o.name
	if errors.Is(err, context.DeadlineExceeded) && limit > 0 {
		return &velos.Error{Code: velos.Timeout, Message: what + ": not settled within " + velos.MillisOf(limit).String(),
			Hint: "the order stands; see velos why " + o.name, Cause: err}
	}
	message := err.Error()
	if strings.HasPrefix(message, o.verb+" ") || strings.HasPrefix(message, what) {
		return err
	}
	// A restart fails because its start did: one verb is enough.
	message = strings.TrimPrefix(message, "start "+o.name+": ")
	message = strings.TrimPrefix(message, "lease "+o.name+": ")
	for _, p := range []string{o.verb + ": ", "revoke: "} {
		message = strings.TrimPrefix(message, p)
	}
	hint := velos.HintOf(err)
	if velos.CodeOf(err) == velos.Unreachable && hint == "" {
		hint = "the order may have reached it: velos list shows what has come of it"
	}
	return &velos.Error{Code: velos.CodeOf(err), Message: what + ": " + message, Hint: hint, Cause: err}
}

// settle shows the results. Whoever crashed gets a word on stderr.
func (s *session) settle(orders []order, results []view.Result, since velos.Time) error {
	var errs []error
	for i := range results {
		r := &results[i]
		if r.Err == nil {
			continue
		}
		if r.Did == "" {
			r.Did = velos.CodeOf(r.Err).String()
		}
		if itsOwn(r.Verb, r.Err) {
			s.tail(r, since, orders[i].old)
			r.Err = s.portTaken(r.Name, r.Err)
		}
		errs = append(errs, r.Err)
	}
	if len(errs) == 0 {
		return view.Done(s.Out, results, s.options())
	}
	err := errors.Join(errs...)
	if s.human() {
		view.Done(s.Out, results, s.options())
		return err
	}
	return &partial{results: results, err: err}
}

// itsOwn reports whether the app's own words may tell why an order has failed:
// it crashed, or it was not ready in time.
func itsOwn(verb string, err error) bool {
	switch velos.CodeOf(err) {
	case velos.Crashed:
		return true
	case velos.Timeout:
		return !errors.Is(err, context.DeadlineExceeded)
	case velos.Failed:
		return verb == "reload"
	}
	return false
}

// tail shows the last lines of an app that crashed while it was awaited. The
// caller's context may be over: this has a short one of its own.
func (s *session) tail(r *view.Result, since velos.Time, old map[int]bool) {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	list, err := s.conn.List(ctx)
	if err != nil {
		return
	}
	t, ok := named(list.Apps, r.Name)
	if !ok {
		return
	}
	if r.App == nil {
		r.App = t.app
	}
	o := s.options()
	o.Format, o.Color = view.Human, s.coloured(s.ErrTTY)
	veil, err := s.veil(ctx, t.app)
	if err != nil {
		return
	}
	e := view.NewEntries(s.Err, []velos.App{*t.app}, view.LogOptions{Options: o, Veils: map[uint32]*view.Veil{t.app.ID: veil}})
	for _, en := range s.firstRuns(ctx, t.app.ID, r.Inst, since, old) {
		e.Add(&en)
	}
	e.Close()
}

// portTaken adds to an error about a crash who has the port that the app
// wanted, where that was the cause.
func (s *session) portTaken(name string, err error) error {
	if velos.CodeOf(err) != velos.Crashed {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	list, failed := s.conn.List(ctx)
	t, ok := named(list.Apps, name)
	if failed != nil || !ok {
		return err
	}
	r, failed := verb.Crash(ctx, s.conn, t.app, -1)
	if failed != nil || r.Holder == "" {
		return err
	}
	// The first of what to do is to ask for what is said here.
	hints := append([]string{"port " + strconv.Itoa(r.Port) + " is held by " + r.Holder}, r.Next[1:]...)
	return &velos.Error{Code: velos.Crashed, Message: err.Error(), Hint: strings.Join(hints, "\n"), Cause: err}
}

// firstRuns is the last lines of the first run of each instance since then,
// old ones not counted: the app may have been started again and again
// meanwhile.
func (s *session) firstRuns(ctx context.Context, id uint32, inst int, since velos.Time, old map[int]bool) []velos.Entry {
	pids := map[int]int{}
	var list []velos.Entry
	for en, err := range s.conn.Logs(ctx, id, velos.Query{Inst: inst, Since: since}) {
		if err != nil {
			break
		}
		if old[en.PID] {
			continue
		}
		if pids[en.Inst] == 0 {
			pids[en.Inst] = en.PID
		}
		if en.PID != pids[en.Inst] {
			continue
		}
		en.Msg = bytes.Clone(en.Msg)
		if list = append(list, en); len(list) > 100*lastWords {
			list = append(list[:0], list[len(list)-lastWords:]...)
		}
	}
	return list[max(0, len(list)-lastWords):]
}

// done takes an answer apart for an order.
func done(did string, d wire.Done, err error) (string, *velos.App, error) {
	if err != nil {
		return "", d.App, err
	}
	return did, d.App, nil
}
