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
		r.wake()
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
	if r.status == velos.Stopping { // told to stop while it was being forked
		r.term()
		return
	}
	if d := r.spec.MinUptime.Std(); d > 0 {
		r.arm(max(d-time.Since(r.began), time.Millisecond))
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
	r.asked, r.next = true, why
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
	_ = r.child.Signal(sig, true) // an error means that it has just ended: the exit follows
	r.goOn()
	fault.Here("stop.signalled")
	d := r.grace
	if d < 0 {
		d = r.spec.KillTimeout.Std()
	}
	r.arm(max(d, time.Millisecond))
}

// onExit: the root of the tree has ended.
func (r *runner) onExit(x child.Exit) {
	r.exited = nil
	fault.Here("stop.exited")
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
		r.sig, r.grace = 0, -1
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
	r.child = nil
	r.ticks.Store(0)
	r.arm(0)
	ch := make(chan struct{}, 1)
	r.drained = ch
	m, id, inst := r.app.sup.machine, r.app.id, r.inst
	r.app.sup.pool.do(func() {
		m.Drain(id, inst)
		ch <- struct{}{}
		r.wake()
	})
}

// onDrained: the run is over in every respect.
func (r *runner) onDrained() {
	r.drained, r.over = nil, true
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
