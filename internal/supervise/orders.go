package supervise

import (
	"time"

	"github.com/velospm/velos"
)

// verb is what an order asks for.
type verb uint8

const (
	start verb = iota
	stop
	restart
	reset  // restart counts back to zero
	signal // one signal, no change of state
	hail   // an answer, nothing else
	take   // a trial is over: the run has its place now
	retire // end, patiently when another run has taken the place
	engage // of a job: run when its time comes
	adjust // what the Spec says about a run that goes on
)

var verbNames = [...]string{"start", "stop", "restart", "reset", "signal", "hail", "take", "retire", "start", "change"}

// An order is a verb with its particulars. Its reply channel is buffered: a
// caller that gives up does not take the order back, and the runner never
// waits for a caller.
type order struct {
	verb  verb
	actor velos.Actor
	why   string        // cause to record; empty: the verb
	sig   int           // stop: instead of the configured signal; signal: which
	grace time.Duration // stop: instead of kill_timeout; negative: as configured
	spec  *velos.Spec   // start, restart: what to run from now on; nil: as before
	own   bool          // of a trigger: it is not for an instance that somebody has stopped meanwhile
	fault bool          // restart: the run itself is to blame, and why says for what
	wait  bool          // answer when the outcome is known, not when the order is taken
	reply chan<- error

	novelty *novelty // adjust
}

// A waiter is an order whose outcome is not known yet. It is about run
// number run and the ones after it: the end of an earlier run tells nothing.
type waiter struct {
	up    bool
	run   int
	reply chan<- error
}

// A reply is an answer that is not sent yet.
type reply struct {
	to  chan<- error
	err error
}

func (r *runner) onOrder(o order) {
	if o.verb == signal || o.verb == reset || o.verb == hail || o.verb == take || o.verb == adjust {
		r.reply(o.reply, r.poke(o))
		return
	}
	if (r.retired || r.leaving) && (o.verb == start || o.verb == restart) {
		err := r.moved() // it was meant for whoever had the place
		if r.leaving {
			err = r.app.gone()
		}
		r.reply(o.reply, err)
		return
	}
	if o.own && !r.heeds.Load() {
		r.reply(o.reply, &velos.Error{Code: velos.Cancelled, Message: verbNames[o.verb] + " " + r.label() + ": stopped meanwhile"})
		return
	}
	r.actor = o.actor
	if o.spec != nil {
		r.spec = o.spec
	}
	why := o.why
	if why == "" {
		why = verbNames[o.verb]
	}
	run := r.run
	r.heeds.Store(o.verb != stop && o.verb != retire)
	switch o.verb {
	case engage:
		r.onEngage()
		r.reply(o.reply, nil)
		return
	case start:
		run = r.onStart(why)
	case stop:
		r.onStop(o, why)
	case restart:
		run = r.onRestart(o, why)
	case retire:
		r.retired = true
		r.onStop(o, why)
	}
	if err := r.refusal; err != nil {
		r.refusal = nil
		r.reply(o.reply, err)
		return
	}
	w := waiter{up: o.verb == start || o.verb == restart, run: run, reply: o.reply}
	if !o.wait || r.settled(w) {
		r.reply(w.reply, nil)
		return
	}
	r.waiters = append(r.waiters, w)
}

// settled reports whether an order is done the moment it was taken.
func (r *runner) settled(w waiter) bool {
	if w.up {
		return r.status == velos.Online && w.run == r.run
	}
	return r.status == velos.Stopped
}

// onStart returns the number of the run that the order is about.
func (r *runner) onStart(why string) int {
	r.want = true
	switch {
	case r.ending():
		r.again, r.next = true, why
		return r.run + 1
	case r.gated != "":
		return r.run + 1
	case r.status == velos.Starting, r.status == velos.Online:
		return r.run
	}
	r.strikes, r.backoffs = 0, 0
	return r.begin(why)
}

// onEngage has a job wait for its times. A run that is going on goes on.
func (r *runner) onEngage() {
	r.want = true
	if r.status == velos.Errored || r.status == velos.Stopped {
		r.arm(0)
		r.enter(velos.Stopped, "waits for its time: "+r.spec.Schedule)
	}
}

func (r *runner) onStop(o order, why string) {
	r.want, r.again = false, false
	r.sig, r.grace = o.sig, o.grace
	r.cancelStarts()
	switch {
	case r.ending():
		if r.next = why; r.grace == 0 { // at once: pre_stop has had its time
			r.cut()
		}
	case r.open():
		r.enter(velos.Stopped, why)
	case r.status == velos.Starting, r.status == velos.Online:
		r.lower(why)
	default:
		r.arm(0)
		r.enter(velos.Stopped, why)
	}
}

func (r *runner) onRestart(o order, why string) int {
	r.want = true
	switch {
	case r.ending():
		r.again, r.next = true, why
		return r.run + 1
	case r.gated != "":
		return r.run + 1
	case r.status == velos.Starting, r.status == velos.Online:
		r.sig, r.grace = 0, -1
		if o.fault {
			r.blame = why
		}
		r.lower(why)
		return r.run + 1
	}
	r.strikes, r.backoffs = 0, 0
	return r.begin(why)
}

// ending reports whether a run is on its way out: told to stop, or ended and
// not yet drained. Orders then only say what should follow.
func (r *runner) ending() bool { return r.status == velos.Stopping || r.drained != nil }

// poke handles the orders that leave the state alone.
func (r *runner) poke(o order) error {
	if o.verb == hail {
		return nil
	}
	if o.verb == take {
		return r.onTake()
	}
	if o.verb == adjust {
		r.onAdjust(o.novelty)
		return nil
	}
	if o.verb == reset {
		r.strikes, r.backoffs, r.restarts = 0, 0, 0
		return nil
	}
	if r.child == nil || r.exited == nil {
		return &velos.Error{Code: velos.NotRunning, Message: "signal " + r.label() + ": it is " + string(r.status)}
	}
	return r.child.Signal(o.sig, false)
}

// onTake ends a trial: the run has lived up to its place. It is NotRunning when
// it has not lived until now.
func (r *runner) onTake() error {
	if r.status != velos.Online || r.exited == nil {
		return &velos.Error{Code: velos.Crashed, Message: "start " + r.label() + ": " + r.reason, Hint: "velos why " + r.app.name()}
	}
	r.trial = false
	return nil
}
