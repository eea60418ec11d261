package cli

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// atOnce bounds the orders under way at the same time.
const atOnce = 64

// lastWords is how many lines of a crashed app are shown.
const lastWords = 15

// An order is one call of the daemon and what it is about.
type order struct {
	verb string
	name string // for messages: the app, or the app and an instance
	app  string // the app alone
	id   uint32 // 0 while the app is new
	inst int    // -1 for all
	do   func(ctx context.Context) (did string, app *velos.App, err error)
}

// about is an order without what is to be done.
func (t target) about(verb string) order {
	return order{verb: verb, name: t.String(), app: t.app.Spec.Name, id: t.app.ID, inst: t.inst}
}

// carryOut gives all orders at the same time, waits for every outcome, and
// shows them in the order of the words. The error joins all failures.
func (s *session) carryOut(ctx context.Context, orders []order, limit time.Duration) error {
	if limit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, limit)
		defer stop()
	}
	quiet := s.announce(orders)
	results := make([]view.Result, len(orders))
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range orders {
		slots <- struct{}{}
		group.Go(func() {
			o := &orders[i]
			did, app, err := o.do(ctx)
			results[i] = view.Result{Verb: o.verb, Did: did, App: app, ID: o.id, Name: o.app, Inst: o.inst, Err: o.explain(err, limit)}
			<-slots
		})
	}
	group.Wait()
	quiet()
	return s.settle(results)
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
	return &velos.Error{Code: velos.CodeOf(err), Message: what + ": " + message, Hint: velos.HintOf(err), Cause: err}
}

// settle shows the results. Whoever crashed gets a word on stderr.
func (s *session) settle(results []view.Result) error {
	var errs []error
	for i := range results {
		r := &results[i]
		if r.Err == nil {
			continue
		}
		if r.Did == "" {
			r.Did = velos.CodeOf(r.Err).String()
		}
		if velos.CodeOf(r.Err) == velos.Crashed {
			s.tail(r)
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

// tail shows the last lines of an app that crashed while it was awaited. The
// caller's context may be over: this has a short one of its own.
func (s *session) tail(r *view.Result) {
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
	q := velos.Query{Inst: -1, Last: lastWords}
	if x := view.Worst(t.app, -1); x != nil && x.LastExit != nil && x.LastExit.Time > 0 {
		// Only what this run said, not the runs of yesterday.
		q.Since = x.LastExit.Time - velos.Time(x.LastExit.Uptime) - 1000
	}
	o := s.options()
	o.Format, o.Color = view.Human, s.coloured(s.ErrTTY)
	e := view.NewEntries(s.Err, []velos.App{*t.app}, view.LogOptions{Options: o})
	for en, err := range s.conn.Logs(ctx, t.app.ID, q) {
		if err != nil {
			break
		}
		e.Add(&en)
	}
	e.Close()
}

// done takes an answer apart for an order.
func done(did string, d wire.Done, err error) (string, *velos.App, error) {
	if err != nil {
		return "", d.App, err
	}
	return did, d.App, nil
}
