package api

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const (
	// settleWithin is how long an order is waited for, unless the request
	// says otherwise.
	settleWithin = time.Minute
	mostWait     = 10 * time.Minute
)

// wish is the body of every order.
type wish struct {
	Timeout   velos.Millis `json:"timeout_ms"` // how long the outcome is waited for
	Parallel  *int         `json:"parallel"`   // reload
	Instances *int         `json:"instances"`  // scale: to this number
	By        *int         `json:"by"`         // scale: by this difference
	Signal    string       `json:"signal"`     // signal
}

// only refuses what an order has no use for.
func (q *request) only(verb string) error {
	of := map[string]string{"timeout_ms": verb, "parallel": "reload", "instances": "scale", "by": "scale", "signal": "signal"}
	for key := range q.given {
		if of[key] != verb {
			return invalid(verb+" takes no "+key, "/v1/openapi.yaml says what may be in the body")
		}
	}
	return nil
}

// An outcome is what an order came to: what happened, and the app as it is now.
type outcome struct {
	did string
	app *velos.App
}

// order reads the body, finds the app, gives the order and waits for what comes
// of it. An order that was given stands, whatever becomes of who asked.
func (q *request) order(verb string, whole bool, do func(ctx context.Context, t target, b *wish) (outcome, error)) error {
	var b wish
	if err := q.body(&b); err != nil {
		return err
	}
	if err := q.only(verb); err != nil {
		return err
	}
	within, err := limit(b.Timeout)
	if err != nil {
		return err
	}
	t, err := q.target()
	if err == nil && whole && t.inst >= 0 {
		err = invalid(verb+" "+t.String()+": that is one instance", "name the app alone: "+t.app.Spec.Name)
	}
	if err != nil {
		return err
	}
	guard.Extend(q.w, within+guard.AnswerWithin)
	ctx, stop := context.WithTimeout(q.r.Context(), within)
	defer stop()
	o, err := do(ctx, t, &b)
	if err != nil {
		return explained(verb, t, err, within)
	}
	r := view.Result{Verb: verb, Did: o.did, App: o.app, ID: t.app.ID, Name: t.app.Spec.Name, Inst: t.inst}
	return q.reply(func(w io.Writer) error { return view.Outcome(w, &r, q.options()) })
}

// explained completes an error with what was to be done.
func explained(verb string, t target, err error, limit time.Duration) error {
	what := verb + " " + t.String()
	if errors.Is(err, context.DeadlineExceeded) {
		return &velos.Error{Code: velos.Timeout, Message: what + ": not settled within " + velos.MillisOf(limit).String(), Hint: "the order stands; ask again for the app", Cause: err}
	}
	if strings.HasPrefix(err.Error(), verb+" ") {
		return err
	}
	hint := velos.HintOf(err)
	if velos.CodeOf(err) == velos.Unreachable && hint == "" {
		hint = "the order may have reached it; ask again for the app"
	}
	return &velos.Error{Code: velos.CodeOf(err), Message: what + ": " + strings.TrimPrefix(err.Error(), "start "+t.app.Spec.Name+": "), Hint: hint, Cause: err}
}

// wire is t as the daemon is told.
func (t target) wire() wire.Target { return wire.Target{ID: t.app.ID, Inst: t.inst} }

// settled is an outcome from an answer of the daemon.
func settled(did string) func(wire.Done, error) (outcome, error) {
	return func(d wire.Done, err error) (outcome, error) { return outcome{did, d.App}, err }
}

// give gives an order of which the next daemon knows what has become of it.
func (q *request) give(ctx context.Context, o verb.Order, did string) (outcome, error) {
	given, err := o.Through(ctx, q.c, q.goOn)
	if given.Restarted {
		did = "restarted, not reloaded"
	}
	return outcome{did, given.App}, err
}

func start(q *request) error {
	return q.order("start", false, func(ctx context.Context, t target, _ *wish) (outcome, error) {
		return q.give(ctx, verb.Starting(t.app, wire.Start{ID: t.app.ID, Inst: t.inst, Wait: true}), "started")
	})
}

func stop(q *request) error {
	return q.order("stop", false, func(ctx context.Context, t target, _ *wish) (outcome, error) {
		return q.give(ctx, verb.Stopping(t.app, wire.Stop{Target: t.wire(), Wait: true}), "stopped")
	})
}

func restart(q *request) error {
	return q.order("restart", false, func(ctx context.Context, t target, _ *wish) (outcome, error) {
		return q.give(ctx, verb.Restarting(t.app, wire.Restart{Target: t.wire(), Wait: true}), "restarted")
	})
}

func reload(q *request) error {
	return q.order("reload", false, func(ctx context.Context, t target, b *wish) (outcome, error) {
		ask := wire.Reload{Target: t.wire(), Parallel: 1}
		if b.Parallel != nil {
			ask.Parallel = *b.Parallel
		}
		if ask.Parallel < 1 {
			return outcome{}, invalid("parallel: must be 1 or more", "")
		}
		return q.give(ctx, verb.Reloading(t.app, ask), "reloaded")
	})
}

func scale(q *request) error {
	return q.order("scale", true, func(ctx context.Context, t target, b *wish) (outcome, error) {
		s := wire.Scale{ID: t.app.ID}
		now := t.app.Spec.Instances
		switch {
		case (b.Instances == nil) == (b.By == nil):
			return outcome{}, invalid("one of instances and by is needed", `such as {"instances": 4} or {"by": -1}`)
		case b.By != nil:
			s.Count, s.By = *b.By, true
		default:
			s.Count = *b.Instances
		}
		then := s.Count
		if s.By {
			then += now
		}
		if then < 1 || then > velos.MaxInstances {
			return outcome{}, invalid("there would be "+strconv.Itoa(then)+" of "+strconv.Itoa(now)+" instances", "from 1 to "+strconv.Itoa(velos.MaxInstances))
		}
		if then == now {
			return outcome{"has " + strconv.Itoa(now) + " already", t.app}, nil
		}
		return q.give(ctx, verb.Scaling(t.app, s), "scaled from "+strconv.Itoa(now)+" to "+strconv.Itoa(then))
	})
}

func signal(q *request) error {
	return q.order("signal", false, func(ctx context.Context, t target, b *wish) (outcome, error) {
		n, err := q.Signal(b.Signal)
		if err != nil {
			return outcome{}, err
		}
		return settled("signalled")(q.c.Signal(ctx, wire.Signal{Target: t.wire(), Signal: n}))
	})
}

func reset(q *request) error {
	return q.order("reset", false, func(ctx context.Context, t target, _ *wish) (outcome, error) {
		return settled("reset")(q.c.Reset(ctx, t.wire()))
	})
}

func flush(q *request) error {
	return q.order("flush", true, func(ctx context.Context, t target, _ *wish) (outcome, error) {
		_, err := q.c.Flush(ctx, t.wire())
		return outcome{"flushed", t.app}, err
	})
}

func remove(q *request) error {
	return q.order("delete", true, func(ctx context.Context, t target, _ *wish) (outcome, error) {
		return q.give(ctx, verb.Deleting(t.app), "deleted")
	})
}
