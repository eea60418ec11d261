package supervise

import (
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

// label names the instance as people do: api, or api:2 when there are several.
func (r *runner) label() string {
	if r.app.spec.Load().Instances > 1 {
		return r.app.name() + ":" + strconv.Itoa(r.inst)
	}
	return r.app.name()
}

// arm sets the one timer, or stops it when d is 0. A tick that was on its way
// finds that nothing is due.
func (r *runner) arm(d time.Duration) {
	if d <= 0 {
		if r.timer != nil {
			r.timer.Stop()
		}
		r.until = time.Time{}
		return
	}
	r.until = time.Now().Add(d)
	if r.timer == nil {
		r.timer = time.AfterFunc(d, r.wake)
		return
	}
	r.timer.Reset(d)
}

// enter changes the status and tells the journal.
func (r *runner) enter(s velos.Status, why string) {
	r.reason = why
	if s == r.status {
		return
	}
	from := r.status
	r.status, r.since = s, time.Now()
	r.event(velos.Event{Kind: velos.KindState, From: from, To: s, Cause: why})
	switch {
	case from == velos.Online:
		r.leaveOff()
	case s == velos.Errored && !r.trial:
		r.report(velos.OnGivingUp)
	}
}

func (r *runner) event(e velos.Event) {
	e.App, e.ID, e.Inst, e.Gen = r.app.name(), r.app.id, r.inst, int(r.app.generation.Load())
	if e.Actor.Kind == "" {
		e.Actor = r.actor
	}
	if e.Actor.Kind == "" {
		e.Actor = velos.Policy
	}
	if e.PID == 0 && r.child != nil {
		e.PID = r.child.PID()
	}
	r.app.sup.event(e)
}

// reply answers an order when what it led to is published: whoever is answered
// finds the new state and its events.
func (r *runner) reply(to chan<- error, err error) {
	r.replies = append(r.replies, reply{to, err})
}

// settle publishes the state, has it saved, and sends the replies. In this
// order: what is saved is what is published, and who is answered may ask for
// the change to be on disk.
func (r *runner) settle() {
	changed := r.publish()
	if r.over {
		fault.Here("stop.published")
		r.over = false
		r.app.sup.machine.Over(r.seat())
	}
	if changed {
		r.app.sup.changed()
		r.app.sup.stir()
		r.app.serve()
		r.app.sup.triggers.look(r.app)
		if r.spec.MaxMemory > 0 && r.child != nil {
			r.app.sup.sampler.hurry()
		}
	}
	for _, a := range r.replies {
		a.to <- a.err
	}
	r.replies = nil
}

// answer replies to the waiters of one kind. A failure answers only those who
// wait for the current run or an earlier one.
func (r *runner) answer(up bool, err error) {
	kept := r.waiters[:0]
	for _, w := range r.waiters {
		if w.up != up || (up && w.run > r.run) {
			kept = append(kept, w)
			continue
		}
		r.reply(w.reply, err)
	}
	clear(r.waiters[len(kept):])
	r.waiters = kept
	if len(kept) == 0 {
		r.waiters = nil
	}
}

// cancelStarts tells those who wait for a start that a stop came first.
func (r *runner) cancelStarts() {
	if len(r.waiters) == 0 {
		return
	}
	err := &velos.Error{Code: velos.Cancelled, Message: "start " + r.label() + ": stopped before it was online"}
	kept := r.waiters[:0]
	for _, w := range r.waiters {
		if !w.up {
			kept = append(kept, w)
			continue
		}
		r.reply(w.reply, err)
	}
	clear(r.waiters[len(kept):])
	r.waiters = kept
}

// crash is the answer to those who waited for the run that has just ended.
func (r *runner) crash() error {
	if r.failed != "" {
		code := velos.Crashed
		if r.late {
			code = velos.Timeout
		}
		return &velos.Error{Code: code, Message: "start " + r.label() + ": " + r.failed, Hint: "velos why " + r.app.name()}
	}
	msg := "start " + r.label() + ": " + r.last.String()
	if r.last.Uptime < r.spec.MinUptime {
		msg += ", before min_uptime (" + r.spec.MinUptime.String() + ")"
	}
	return &velos.Error{Code: velos.Crashed, Message: msg, Hint: "velos why " + r.app.name()}
}

// gaveUp is why there is no further run.
func (r *runner) gaveUp() string {
	before := "min_uptime"
	switch {
	case r.last.Error != "":
		return "gave up: failed " + strconv.Itoa(r.strikes) + " times in a row; last: " + r.ended()
	case r.late:
		before = "it was ready"
	case r.never:
		before = "it was well"
	}
	return "gave up: ended " + strconv.Itoa(r.strikes) + " times in a row before " + before + "; last: " + r.ended()
}

// publish makes the current facts readable for everyone without asking the
// actor, and reports whether they are new.
func (r *runner) publish() bool {
	i := &velos.Instance{
		Inst: r.inst, Status: r.status, Wanted: r.want, Since: velos.TimeOf(r.since),
		Restarts: r.restarts, Strikes: r.strikes, Reason: r.reason, LastExit: r.last,
		Said: r.said, Health: r.health, HealthText: r.healthText, Leaving: r.retired,
	}
	if r.child != nil && r.exited != nil {
		i.PID = r.child.PID()
		i.Started = velos.TimeOf(r.began)
		i.Generation = r.gen
	}
	if r.status == velos.WaitingRestart {
		i.RetryAt = velos.TimeOf(r.until)
	}
	if old := r.snapshot.Load(); old != nil && *old == *i {
		return false
	}
	r.snapshot.Store(i)
	return true
}

// view is the snapshot with the latest measurement.
func (r *runner) view() velos.Instance {
	i := *r.snapshot.Load()
	if u := r.usage.Load(); u != nil && i.PID != 0 {
		i.Usage = *u
	}
	if l := r.look.Load(); l != nil && i.PID == l.pid {
		i.Ports = l.found
	}
	if i.PID != 0 {
		r.app.sup.present(&i, r.ticks.Load())
	}
	return i
}
