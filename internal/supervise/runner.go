package supervise

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

// A runner owns one instance: only its turn touches its fields, and it has one
// turn at a time. It never blocks, so it always hears the next order. What
// takes long (fork, reading last words) happens in the pool and comes back as
// an event.
//
// A runner is an actor that has a goroutine only while there is something to
// do: one that waits would cost 5 KiB for its stack, its descriptor and its
// place in each channel, and most instances are quiet most of the time.
type runner struct {
	app  *app
	inst int
	side int
	mode atomic.Uint32 // of asleep, awake, …
	quit bool          // end was called

	heeds atomic.Bool // triggers are for it: nobody has stopped it

	orders  chan order
	waiters []waiter
	replies []reply
	post    post // news of runs

	// A runner beside the others: trial is a successor that has not taken its
	// instance over, and has one try; retired a predecessor that finishes, or
	// a successor that was not taken.
	trial   bool
	retired bool
	needs   int // of a trial: addresses that its predecessor listens on

	// What is wanted and what is.
	want   bool
	status velos.Status
	since  time.Time
	reason string
	next   string      // why what follows the run that is ending follows
	actor  velos.Actor // of the order that is being carried out

	// The current run.
	spec      *velos.Spec
	run       int
	gen       int   // of the Spec that it was started with
	child     Child // nil: none, or still being launched
	launched  chan launched
	exited    <-chan child.Exit // this child's; nil when there is none
	gone      <-chan struct{}   // nil until the root has ended and left something behind
	drained   chan struct{}     // nil unless last words are being read
	over      bool              // a run has ended in this step, and the Machine is not told
	began     time.Time
	leaving   bool      // the app or the daemon is ending
	asked     bool      // the current run was told to stop
	again     bool      // somebody asked for another run while this one was ending
	killed    bool      // … and had to be killed
	failed    string    // why the policy ends a run that has not ended by itself
	blame     string    // the same in our own words alone, also of one that is restarted for its memory
	finishing bool      // it was asked to finish its connections, and the signal is still to come
	limit     time.Time // of a stop: what lives then is killed
	late      bool      // … because it was not ready in time
	never     bool      // … because it has never been well
	refusal   error     // of the order that is being handled: it cannot begin
	gated     string    // the cause of a run that waits for what the app depends on
	hooks     *hooking  // nil until a hook was run
	facts
	sig   int // stop signal of this stop, 0: as configured
	grace time.Duration

	// What became of earlier ones.
	last     *velos.Exit
	strikes  int
	backoffs int
	restarts int

	timer *time.Timer // wakes the runner at until
	until time.Time   // its meaning is the status; zero when nothing is due

	snapshot atomic.Pointer[velos.Instance]
	usage    atomic.Pointer[velos.Usage]
	balance  *balance // of the sampler; nil without a limit of memory
	look     atomic.Pointer[look]
	listens  atomic.Int32  // shared addresses that the run has said it listens on
	ticks    atomic.Uint64 // start ticks of the live child, for the state file
}

func newRunner(a *app, inst, side int) *runner {
	r := &runner{app: a, inst: inst, side: side, status: velos.Stopped, spec: a.spec.Load(), since: time.Now()}
	// An order waits here only while the runner handles the one before it.
	r.orders = make(chan order, 1)
	r.publish()
	return r
}

// What a runner is doing; only wake and turn change it.
const (
	unborn uint32 = iota // the app's output is not open yet: orders wait
	asleep
	awake   // its turn is running, or waits for a goroutine
	called  // … and something came that it may not have seen
	through // it has ended
)

// wake is called by everyone who has put something where the runner looks. It
// never blocks.
func (r *runner) wake() {
	for {
		switch m := r.mode.Load(); {
		case m == asleep && r.mode.CompareAndSwap(m, awake):
			r.app.sup.turns.do(r.turn)
			return
		case m == awake && r.mode.CompareAndSwap(m, called):
			return
		case m == through:
			r.bounce()
			return
		case m == unborn || m == called:
			return
		}
	}
}

// turn handles all there is. The runner ends when its app has been told to
// and no child is left.
func (r *runner) turn() {
	for {
		for r.step() {
			over := (r.quit || r.retired) && r.idle()
			if over {
				r.leave() // whoever is told that it has ended finds it gone
			}
			r.settle()
			if over {
				r.mode.Store(through)
				r.refuse()
				r.app.left()
				return
			}
		}
		if r.mode.CompareAndSwap(awake, asleep) {
			return
		}
		r.mode.Store(awake)
	}
}

// step handles one thing; false: there is none.
func (r *runner) step() bool {
	if !r.quit && r.app.ctx.Err() != nil {
		r.quit = true
		r.end()
		return true
	}
	select {
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
	case err := <-r.hooked():
		r.onHooked(err)
	default:
		if n, ok := r.post.next(); ok {
			r.onNews(n)
			return true
		}
		if r.gated != "" && r.pass() {
			return true
		}
		if r.until.IsZero() || time.Now().Before(r.until) {
			return false
		}
		r.onTimer()
	}
	return true
}

// leave takes the runner out of its app.
func (r *runner) leave() {
	r.app.recast(func(c *cast) {
		c.aside = slices.DeleteFunc(c.aside, func(o *runner) bool { return o == r })
	})
}

// idle reports whether nothing of a run is left.
func (r *runner) idle() bool {
	return r.child == nil && r.launched == nil && r.drained == nil && r.hooked() == nil
}

// end brings the instance down because the daemon or the app ends.
func (r *runner) end() {
	r.want, r.leaving, r.next = false, true, "velosd is ending"
	switch {
	case r.idle():
		r.open()
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
	r.bounce()
}

// bounce answers orders that have come too late: the runner has ended, and an
// order to stop it is done. It may be called by whoever has sent one.
func (r *runner) bounce() {
	for {
		select {
		case o := <-r.orders:
			switch {
			case !r.retired:
				o.reply <- r.app.gone()
			case o.verb == stop || o.verb == retire:
				o.reply <- nil
			default:
				o.reply <- r.moved()
			}
		default:
			return
		}
	}
}

// moved is the answer to an order for a run that has its place no more.
func (r *runner) moved() error {
	return &velos.Error{Code: velos.Conflict, Message: r.label() + ": a reload or a change of the number of instances came first", Hint: "try again"}
}

// seat is where its runs have their place.
func (r *runner) seat() Seat { return Seat{r.app.id, r.inst, r.side} }
