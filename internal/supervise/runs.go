package supervise

import (
	"math/rand/v2"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/fault"
)

// launched is what came of a Launch.
type launched struct {
	child Child
	err   error
}

// afterKill is how long a killed tree may take to vanish before the orders
// that wait for it are told that it did not.
const afterKill = 5 * time.Second

// launch begins a new run.
func (r *runner) launch(why string) {
	r.arm(0)
	r.run++
	r.asked, r.again, r.killed, r.sig, r.grace = false, false, false, 0, -1
	r.failed, r.blame, r.late, r.never, r.finishing, r.limit, r.facts = "", "", false, false, false, time.Time{}, facts{}
	r.listens.Store(0)
	r.began = time.Now()
	r.gen = int(r.app.generation.Load())
	if r.trial && r.spec != r.app.spec.Load() {
		r.gen++ // it becomes the app's when all have it
	}
	r.usage.Store(nil)
	r.enter(velos.Starting, why)
	r.prepare()
}

// fork starts the program. It happens in the pool.
func (r *runner) fork() {
	ch := make(chan launched, 1)
	r.launched = ch
	l := &Launch{Seat: r.seat(), Spec: r.spec, Agent: r.app.agent()}
	m := r.app.sup.machine
	r.app.sup.pool.enter(job{
		ahead: func() { m.Pipe(l) },
		run: func() {
			c, err := m.Launch(l)
			ch <- launched{c, err}
			r.wake()
		},
	})
}

func (r *runner) onLaunched(l launched) {
	r.launched = nil
	if l.err != nil {
		r.notLaunched(l.err)
		return
	}
	r.child, r.exited = l.child, l.child.Exited()
	l.child.Notify(r.wake)
	r.began = l.child.Started() // what the next daemon will say, too
	r.ticks.Store(l.child.StartTicks())
	r.listen()
	if r.status == velos.Stopping { // told to stop while it was being forked
		r.term()
		return
	}
	r.await(time.Since(r.began))
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
	if velos.CodeOf(err) == velos.Busy && !r.trial {
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
	r.arm(r.spec.Watchdog.Std())
	r.enter(velos.Online, why)
	r.answer(true, nil)
	r.afterStart()
}

// lower tells the current run to stop, after its pre_stop. Its kill_timeout
// starts when the signal is sent, which is later for a run that is still being
// forked, and never for one whose pre_start is still running.
func (r *runner) lower(why string) {
	r.condemn(why)
	if r.cut() || r.beforeStop(r.ask) {
		return
	}
	r.ask()
}

// condemn says that the current run is to stop.
func (r *runner) condemn(why string) {
	r.enter(velos.Stopping, why)
	r.asked, r.next = true, why
	r.arm(0)
}

// ask asks the program, if it is there, to end.
func (r *runner) ask() {
	if r.child != nil && !r.finish() {
		r.term()
	}
}

// finish has a program whose sockets are ours finish its connections first.
// It may take four fifths of the time that a stop has.
func (r *runner) finish() bool {
	serves := r.spec.Mode == velos.Cluster || r.retired && len(r.spec.Listen) > 0
	if !serves || r.sig != 0 || r.exited == nil || !r.child.Finish(r.retired) {
		return false
	}
	d := r.patience()
	r.finishing, r.limit = true, time.Now().Add(d)
	r.arm(max(d*4/5, time.Millisecond))
	return true
}

// patience is how long a stop may take before the tree is killed.
func (r *runner) patience() time.Duration {
	if r.grace >= 0 {
		return r.grace
	}
	return r.spec.KillTimeout.Std()
}

func (r *runner) term() {
	r.finishing = false
	if !r.shutdown() {
		sig := r.sig
		if sig == 0 {
			sig, _ = child.SignalNumber(r.spec.StopSignal)
		}
		_ = r.child.Signal(sig, true) // an error means that it has just ended: the exit follows
	}
	r.goOn()
	fault.Here("stop.signalled")
	d := r.patience()
	if !r.limit.IsZero() {
		d = time.Until(r.limit)
	}
	r.arm(max(d, time.Millisecond))
}

// shutdown sends the program's own message instead of a signal, where that is
// wanted and it has a channel. Programs that were written for PM2 know the
// bare word only.
func (r *runner) shutdown() bool {
	switch {
	case !r.spec.ShutdownWithMessage || r.sig != 0:
		return false
	case r.spec.ShutdownMessage != "":
		return r.child.Say(r.spec.ShutdownMessage) == nil
	}
	if r.child.Say(`{"type":"shutdown"}`) != nil {
		return false
	}
	_ = r.child.Say(`"shutdown"`) // who has understood the first may have closed its channel: it ends by itself
	return true
}

// onExit: the root of the tree has ended.
func (r *runner) onExit(x child.Exit) {
	r.exited = nil
	fault.Here("stop.exited")
	e := &velos.Exit{
		Time: velos.TimeOf(x.Time), PID: r.child.PID(), Code: x.Code, Signal: x.Signal, Core: x.Core, OOM: x.OOM,
		Unknown: x.Unknown, Asked: r.asked || r.failed != "", Killed: r.killed, Uptime: max(0, velos.MillisOf(x.Time.Sub(r.began))),
		Cause: r.blame,
	}
	e.Ran(executed(r.spec))
	if u := r.usage.Load(); u != nil && (e.OOM || e.Signal == "SIGKILL" || e.OverMemory()) {
		e.Peak = u.Peak
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
		r.sig, r.grace = 0, -1
		r.term()
	} else if r.finishing { // its root has finished, and nobody is left to say so
		r.term()
	}
}

// goOn lets a stopped program (SIGSTOP, SIGTSTP) hear the signal that was just
// sent: otherwise it would only wait for its kill_timeout.
func (r *runner) goOn() {
	if n, err := child.SignalNumber("SIGCONT"); err == nil {
		_ = r.child.Signal(n, true)
	}
}

// onGone: root and tree have ended; their last words are still to be read.
func (r *runner) onGone() {
	r.gone = nil
	if r.hooked() != nil { // pre_stop has made it end, maybe, and has its time
		r.hooks.then = func(error) { r.onGone() }
		return
	}
	r.child = nil
	r.ticks.Store(0)
	r.arm(0)
	ch := make(chan struct{}, 1)
	r.drained = ch
	m, seat := r.app.sup.machine, r.seat()
	r.app.sup.pool.do(func() {
		m.Drain(seat)
		ch <- struct{}{}
		r.wake()
	})
}

// onDrained: the run is over in every respect.
func (r *runner) onDrained() {
	r.drained, r.over = nil, true
	r.usage.Store(nil)
	r.facts = facts{}
	if r.asked {
		r.afterStop()
		return
	}
	r.actor = velos.Policy
	failed := r.crash()
	if r.crashed() {
		r.report(velos.OnCrash)
	}
	if r.again || !r.want { // an order came while it was ending, and it outranks the policy
		r.answer(true, failed)
		r.afterStop()
		return
	}
	if r.trial { // it has one try
		r.want = false
		r.enter(velos.Errored, r.ended())
		r.answer(true, failed)
		return
	}
	if !restarts(r.spec, r.last) && (r.failed == "" || r.spec.Autorestart == velos.Never) {
		r.rest(failed)
		return
	}
	r.answer(true, failed)
	if r.last.Uptime >= r.spec.MinUptime && !r.late && !r.never {
		r.strikes = 0
	}
	if r.last.Uptime >= velos.StableAfter && !r.never {
		r.backoffs = 0
	}
	r.strike(0)
}

// rest: the policy lets it rest. Ending well is a success for whoever
// waited for the start, ending badly is not.
func (r *runner) rest(failed error) {
	r.want = r.spec.Schedule != "" && r.heeds.Load() // a job waits for its next time
	if r.failed == "" && r.last.Signal == "" && !r.last.Unknown && (r.last.Code == 0 || !r.failure()) {
		failed = nil
	}
	r.enter(velos.Stopped, r.ended())
	r.answer(true, failed)
	r.answer(false, nil)
}

// ended is how the last run ended, and why if that was the policy's doing.
func (r *runner) ended() string {
	if r.failed != "" {
		told := *r.last
		told.Asked, told.Cause = true, "" // by the policy, and by nobody else
		return r.failed + "; " + told.String()
	}
	return r.last.String()
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
	early := r.last.Error != "" || r.late || r.never || r.last.Uptime < r.spec.MinUptime
	if early {
		r.strikes++
	}
	if limit := r.spec.MaxRestarts; early && limit >= 0 && r.strikes > limit {
		r.actor = velos.Policy
		r.enter(velos.Errored, r.gaveUp())
		r.answer(false, nil)
		return
	}
	d := max(backoff(r.spec, r.backoffs, rand.Uint32()), atLeast)
	r.backoffs++
	r.actor = velos.Policy
	if d <= 0 {
		r.restarts++
		r.launch(r.ended())
		return
	}
	r.arm(d)
	r.enter(velos.WaitingRestart, r.ended())
}

// afterStop: a run that was told to stop is over.
func (r *runner) afterStop() {
	r.answer(false, nil)
	if r.want {
		r.restarts++
		r.strikes, r.backoffs = 0, 0
		if r.again { // it was to be down, for a moment at least
			r.follow(r.next)
			return
		}
		r.launch(r.next)
		return
	}
	r.arm(0)
	r.enter(velos.Stopped, r.next)
}

func (r *runner) onTimer() {
	r.until = time.Time{}
	switch r.status {
	case velos.Starting:
		if r.awaiting != "" {
			r.overdue()
			return
		}
		r.onReady("lived through min_uptime")
	case velos.Online:
		r.silent()
	case velos.Stopping:
		if r.finishing { // it has had its time to finish
			r.term()
			return
		}
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
