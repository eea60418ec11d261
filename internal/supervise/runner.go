package supervise

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

// A runner owns one instance: only the goroutine in run touches its fields.
// It blocks in one place, the select, so it always hears the next order.
// What takes long (fork, reading last words) happens in the pool and comes
// back as an event.
type runner struct {
	app  *app
	inst int

	orders  chan order
	waiters []waiter

	// What is wanted and what is.
	want   bool
	status velos.Status
	since  time.Time
	reason string
	actor  velos.Actor // of the order that is being carried out

	// The current run.
	spec     *velos.Spec
	run      int
	child    Child // nil: none, or still being launched
	launched chan launched
	exited   <-chan child.Exit // this child's; nil when there is none
	gone     <-chan struct{}   // nil until the root has ended and left something behind
	drained  chan struct{}     // nil unless last words are being read
	began    time.Time
	leaving  bool // the app or the daemon is ending
	asked    bool // the current run was told to stop
	again    bool // somebody asked for another run while this one was ending
	killed   bool // … and had to be killed
	sig      int  // stop signal of this stop, 0: as configured
	grace    time.Duration

	// What became of earlier ones.
	last     *velos.Exit
	strikes  int
	backoffs int
	restarts int

	timer *time.Timer // its meaning is the status
	until time.Time   // when the timer fires; zero when it is not armed

	snapshot atomic.Pointer[velos.Instance]
	usage    atomic.Pointer[velos.Usage]
	ticks    atomic.Uint64 // start ticks of the live child, for the state file
}

func newRunner(a *app, inst int) *runner {
	r := &runner{app: a, inst: inst, status: velos.Stopped, spec: a.spec.Load(), since: time.Now()}
	// An order waits here only while the runner handles the one before it.
	r.orders = make(chan order, 1)
	r.publish()
	return r
}

// loop is the actor. It ends when ctx is cancelled and no child is left.
func (r *runner) loop(ctx context.Context) {
	quit := ctx.Done()
	for {
		var tick <-chan time.Time
		if r.timer != nil && !r.until.IsZero() {
			tick = r.timer.C
		}
		select {
		case <-quit:
			quit = nil
			r.end()
		case o := <-r.orders:
			r.onOrder(o)
		case l := <-r.launched:
			r.onLaunched(l)
		case x := <-r.exited:
			r.onExit(x)
		case <-r.gone:
			r.onGone()
		case <-r.drained:
			r.onDrained()
		case <-tick:
			r.onTimer()
		}
		r.publish()
		if quit == nil && r.idle() {
			r.refuse()
			return
		}
	}
}

// idle reports whether nothing of a run is left.
func (r *runner) idle() bool {
	return r.child == nil && r.launched == nil && r.drained == nil
}

// end brings the instance down because the daemon or the app ends.
func (r *runner) end() {
	r.want, r.leaving = false, true
	switch {
	case r.idle():
		r.arm(0)
		r.enter(velos.Stopped, "velosd is ending")
		r.answer(false, nil)
	case r.status != velos.Stopping:
		r.lower("velosd is ending")
	}
}

// refuse answers what still waits when the runner ends.
func (r *runner) refuse() {
	r.arm(0)
	gone := &velos.Error{Code: velos.Cancelled, Message: r.app.name() + ": deleted or shut down meanwhile"}
	for _, w := range r.waiters {
		if w.up {
			w.reply <- gone
		} else {
			w.reply <- nil
		}
	}
	r.waiters = nil
	for {
		select {
		case o := <-r.orders:
			o.reply <- gone
		default:
			return
		}
	}
}
