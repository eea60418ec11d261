package supervise

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

// verb is what an order asks for.
type verb uint8

const (
	start verb = iota
	stop
	restart
	reset  // restart counts back to zero
	signal // one signal, no change of state
)

var verbNames = [...]string{"start", "stop", "restart", "reset", "signal"}

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
	wait  bool          // answer when the outcome is known, not when the order is taken
	reply chan<- error
}

// A waiter is an order whose outcome is not known yet. It is about run
// number run and the ones after it: the end of an earlier run tells nothing.
type waiter struct {
	up    bool
	run   int
	reply chan<- error
}

// launched is what came of a Launch.
type launched struct {
	child Child
	err   error
}

// afterKill is how long a killed tree may take to vanish before the orders
// that wait for it are told that it did not.
const afterKill = 5 * time.Second

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

func (r *runner) onOrder(o order) {
	if o.verb == signal || o.verb == reset {
		o.reply <- r.poke(o)
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
	switch o.verb {
	case start:
		run = r.onStart(why)
	case stop:
		r.onStop(o, why)
	case restart:
		run = r.onRestart(why)
	}
	w := waiter{up: o.verb != stop, run: run, reply: o.reply}
	if !o.wait || r.settled(w) {
		w.reply <- nil
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
		r.again = true
		return r.run + 1
	case r.status == velos.Starting, r.status == velos.Online:
		return r.run
	}
	r.strikes, r.backoffs = 0, 0
	r.launch(why)
	return r.run
}

func (r *runner) onStop(o order, why string) {
	r.want, r.again = false, false
	r.sig, r.grace = o.sig, o.grace
	r.cancelStarts()
	switch {
	case r.ending():
	case r.status == velos.Starting, r.status == velos.Online:
		r.lower(why)
	default:
		r.arm(0)
		r.enter(velos.Stopped, why)
	}
}

func (r *runner) onRestart(why string) int {
	r.want = true
	switch {
	case r.ending():
		r.again = true
		return r.run + 1
	case r.status == velos.Starting, r.status == velos.Online:
		r.sig, r.grace = 0, -1
		r.lower(why)
		return r.run + 1
	}
	r.strikes, r.backoffs = 0, 0
	r.launch(why)
	return r.run
}

// ending reports whether a run is on its way out: told to stop, or ended and
// not yet drained. Orders then only say what should follow.
func (r *runner) ending() bool { return r.status == velos.Stopping || r.drained != nil }

// poke handles the orders that leave the state alone.
func (r *runner) poke(o order) error {
	if o.verb == reset {
		r.strikes, r.backoffs, r.restarts = 0, 0, 0
		return nil
	}
	if r.child == nil || r.exited == nil {
		return &velos.Error{Code: velos.NotRunning, Message: "signal " + r.label() + ": it is " + string(r.status)}
	}
	return r.child.Signal(o.sig, false)
}

// launch begins a new run. The fork happens in the pool.
func (r *runner) launch(why string) {
	r.arm(0)
	r.run++
	r.asked, r.again, r.killed, r.sig, r.grace = false, false, false, 0, -1
	r.began = time.Now()
	r.usage.Store(nil)
	ch := make(chan launched, 1)
	r.launched = ch
	r.enter(velos.Starting, why)
	l := Launch{ID: r.app.id, Inst: r.inst, Spec: r.spec}
	m := r.app.sup.machine
	r.app.sup.pool.do(func() {
		c, err := m.Launch(l)
		ch <- launched{c, err}
	})
}

func (r *runner) onLaunched(l launched) {
	r.launched = nil
	if l.err != nil {
		r.notLaunched(l.err)
		return
	}
	r.child, r.exited = l.child, l.child.Exited()
	r.began = time.Now()
	r.ticks.Store(l.child.StartTicks())
	if r.status == velos.Stopping { // told to stop while it was being forked
		r.term()
		return
	}
	if d := r.spec.MinUptime.Std(); d > 0 {
		r.arm(d)
		return
	}
	r.onReady("started")
}

// notLaunched: a program that cannot be started is errored, not a crash
// loop; only a machine that is out of something is asked again.
func (r *runner) notLaunched(err error) {
	x := &velos.Exit{Time: velos.TimeOf(time.Now()), Error: err.Error(), Asked: r.asked}
	r.last = x
	r.event(velos.Event{Kind: velos.KindExit, Cause: x.Error, Exit: x})
	if r.status == velos.Stopping {
		r.afterStop()
		return
	}
	r.answer(true, err)
	if velos.CodeOf(err) == velos.Busy {
		r.strike(time.Second)
		return
	}
	r.actor = velos.Policy
	r.enter(velos.Errored, x.Error)
}

// onReady: the run counts as started.
func (r *runner) onReady(why string) {
	if r.status != velos.Starting {
		return
	}
	r.arm(0)
	r.enter(velos.Online, why)
	r.answer(true, nil)
}

// lower tells the current run to stop. Its kill_timeout starts when the
// signal is sent, which is later for a run that is still being forked.
func (r *runner) lower(why string) {
	r.enter(velos.Stopping, why)
	r.asked = true
	r.arm(0)
	if r.child != nil {
		r.term()
	}
}

func (r *runner) term() {
	sig := r.sig
	if sig == 0 {
		sig, _ = child.SignalNumber(r.spec.StopSignal)
	}
	if r.exited != nil { // an error means that it has just ended: the exit follows
		_ = r.child.Signal(sig, true)
	}
	d := r.grace
	if d < 0 {
		d = r.spec.KillTimeout.Std()
	}
	r.arm(max(d, time.Millisecond))
}

// onExit: the root of the tree has ended.
func (r *runner) onExit(x child.Exit) {
	r.exited = nil
	e := &velos.Exit{
		Time: velos.TimeOf(x.Time), PID: r.child.PID(), Code: x.Code, Signal: x.Signal, Core: x.Core,
		Unknown: x.Unknown, Asked: r.asked, Killed: r.killed, Uptime: max(0, velos.MillisOf(x.Time.Sub(r.began))),
	}
	r.last = e
	if !r.asked {
		r.actor = velos.Policy
	}
	r.event(velos.Event{Kind: velos.KindExit, PID: e.PID, Cause: e.String(), Exit: e})
	if !x.Leftover {
		r.onGone()
		return
	}
	// Part of the tree lives on and may hold ports or files that the next
	// run needs: it gets the same notice and the same time as a stop.
	r.gone = r.child.Gone()
	if r.status != velos.Stopping {
		r.actor = velos.Policy
		r.enter(velos.Stopping, "ended, but left processes behind")
		r.term2()
	}
}

// term2 is term for what a dead root left behind.
func (r *runner) term2() {
	sig, _ := child.SignalNumber(r.spec.StopSignal)
	_ = r.child.Signal(sig, true)
	r.arm(max(r.spec.KillTimeout.Std(), time.Millisecond))
}

// onGone: root and tree have ended; their last words are still to be read.
func (r *runner) onGone() {
	r.gone = nil
	r.child = nil
	r.ticks.Store(0)
	r.arm(0)
	ch := make(chan struct{}, 1)
	r.drained = ch
	m, id, inst := r.app.sup.machine, r.app.id, r.inst
	r.app.sup.pool.do(func() {
		m.Drain(id, inst)
		ch <- struct{}{}
	})
}

// onDrained: the run is over in every respect.
func (r *runner) onDrained() {
	r.drained = nil
	r.usage.Store(nil)
	if r.asked {
		r.afterStop()
		return
	}
	r.actor = velos.Policy
	failed := r.crash()
	if r.again || !r.want { // an order came while it was ending, and it outranks the policy
		r.answer(true, failed)
		r.afterStop()
		return
	}
	if !restarts(r.spec, r.last) {
		r.finish(failed)
		return
	}
	r.answer(true, failed)
	if r.last.Uptime >= r.spec.MinUptime {
		r.strikes = 0
	}
	if r.last.Uptime >= velos.StableAfter {
		r.backoffs = 0
	}
	r.strike(0)
}

// finish: the policy lets it rest. Ending well is a success for whoever
// waited for the start, ending badly is not.
func (r *runner) finish(failed error) {
	r.want = false
	if r.last.Signal == "" && !r.last.Unknown && (r.last.Code == 0 || !r.failure()) {
		failed = nil
	}
	r.enter(velos.Stopped, r.last.String())
	r.answer(true, failed)
	r.answer(false, nil)
}

// failure reports whether the last exit code is one that the user did not
// name as a proper end.
func (r *runner) failure() bool {
	for _, c := range r.spec.StopExitCodes {
		if int(c) == r.last.Code {
			return false
		}
	}
	return r.last.Code != 0
}

// strike counts an end that the policy answers with a restart, and launches,
// waits or gives up. The pause is at least atLeast.
func (r *runner) strike(atLeast time.Duration) {
	early := r.last.Error != "" || r.last.Uptime < r.spec.MinUptime
	if early {
		r.strikes++
	}
	if limit := r.spec.MaxRestarts; early && limit >= 0 && r.strikes > limit {
		r.actor = velos.Policy
		r.enter(velos.Errored, gaveUp(r.strikes, r.last))
		r.answer(false, nil)
		return
	}
	d := max(backoff(r.spec, r.backoffs, rand.Uint32()), atLeast)
	r.backoffs++
	r.actor = velos.Policy
	if d <= 0 {
		r.restarts++
		r.launch(r.last.String())
		return
	}
	r.arm(d)
	r.enter(velos.WaitingRestart, r.last.String())
}

// afterStop: a run that was told to stop is over.
func (r *runner) afterStop() {
	r.answer(false, nil)
	if r.want {
		r.restarts++
		r.strikes, r.backoffs = 0, 0
		r.launch(r.reason)
		return
	}
	r.arm(0)
	r.enter(velos.Stopped, r.reason)
}

func (r *runner) onTimer() {
	r.until = time.Time{}
	switch r.status {
	case velos.Starting:
		r.onReady("lived through min_uptime")
	case velos.Stopping:
		r.kill()
	case velos.WaitingRestart:
		r.restarts++
		r.launch(r.reason)
	}
}

// kill takes the whole tree. A tree that survives even that is reported and
// not forgotten: the status stays stopping and nothing is launched beside it.
func (r *runner) kill() {
	if r.killed {
		stuck := &velos.Error{Code: velos.Timeout, Message: "stop " + r.label() + ": still there after SIGKILL",
			Hint: "it may be waiting for a disk or a network file system; see `velos why " + r.app.name() + "`"}
		r.answer(false, stuck)
		r.answer(true, stuck)
		if r.leaving { // the daemon cannot wait for ever; the journal has it
			r.event(velos.Event{Kind: velos.KindOrder, Cause: stuck.Message, Actor: velos.Policy})
			r.child, r.exited, r.gone = nil, nil, nil
			return
		}
	} else {
		r.killed = true
		r.event(velos.Event{Kind: velos.KindOrder, Cause: "kill: it did not stop in time", Actor: velos.Policy})
	}
	if r.child == nil {
		return
	}
	r.arm(afterKill)
	c := r.child
	r.app.sup.pool.do(func() { _ = c.Kill() })
}
