package supervise

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/velospm/velos"
)

// A HookRun is what a Machine needs to know to run one hook.
type HookRun struct {
	Seat
	Spec *velos.Spec
	Name velos.HookName
	Hook *velos.Hook
	Vars []string // NAME=VALUE, beside the program's environment

	Agent string // as in Launch
}

// hooking is what a runner knows of its hooks; nil until it has run one. The
// run waits for pre_start and pre_stop. The others are beside it.
type hooking struct {
	done   chan error // of the hook that is waited for; nil: there is none
	cancel func()
	name   velos.HookName
	began  time.Time
	then   func(error) // what follows its end

	post  func() // ends post_start; nil unless there was one in this run
	tales [2]tale
}

// A tale is one of on_crash and on_giving_up. One of a kind is run at a time;
// what happens meanwhile is told by the newest.
type tale struct {
	mu   sync.Mutex
	busy bool
	next *HookRun
}

// hook is the hook of that name; nil when there is none.
func (r *runner) hook(name velos.HookName) *HookRun {
	h := r.spec.Hook(name)
	if h == nil {
		return nil
	}
	if r.hooks == nil {
		r.hooks = new(hooking)
	}
	k := &HookRun{Seat: r.seat(), Spec: r.spec, Name: name, Hook: h, Agent: r.app.agent()}
	k.set("VELOS_HOOK", string(name))
	k.set("VELOS_RESTARTS", strconv.Itoa(r.restarts))
	switch {
	case name == velos.OnCrash:
		k.set("VELOS_REASON", r.ended())
		k.about(r.last)
	case name == velos.OnGivingUp:
		k.set("VELOS_REASON", r.reason)
		k.about(r.last)
	case r.child != nil:
		k.set("VELOS_PID", strconv.Itoa(r.child.PID()))
	}
	return k
}

// about says how a run has ended; nil: there was none.
func (k *HookRun) about(x *velos.Exit) {
	if x == nil {
		return
	}
	if x.PID != 0 {
		k.set("VELOS_PID", strconv.Itoa(x.PID))
	}
	switch {
	case x.Signal != "":
		k.set("VELOS_SIGNAL", x.Signal)
	case x.Error == "" && !x.Unknown:
		k.set("VELOS_EXIT_CODE", strconv.Itoa(x.Code))
	}
}

func (k *HookRun) set(name, value string) { k.Vars = append(k.Vars, name+"="+value) }

// hooked is where the end of the hook comes that the run waits for.
func (r *runner) hooked() <-chan error {
	if r.hooks == nil {
		return nil
	}
	return r.hooks.done
}

// wait runs a hook and has then called in a turn when it is over. It takes no
// lane of the pool: those are for what should not take long.
func (r *runner) wait(k *HookRun, then func(error)) {
	ctx, cancel := context.WithTimeout(context.Background(), k.Hook.Limit().Std())
	h, done := r.hooks, make(chan error, 1)
	h.done, h.cancel, h.name, h.began, h.then = done, cancel, k.Name, time.Now(), then
	r.said = "runs " + string(k.Name)
	m := r.app.sup.machine
	go func() {
		defer cancel()
		done <- m.Hook(ctx, *k)
		r.wake()
	}()
}

// onHooked: the hook that was waited for is over.
func (r *runner) onHooked(err error) {
	h := r.hooks
	then := h.then
	h.done, h.cancel, h.then = nil, nil, nil
	r.said = ""
	if err != nil {
		err = failedHook(h.name, time.Since(h.began), err)
	}
	then(err)
}

func failedHook(name velos.HookName, took time.Duration, err error) error {
	return &velos.Error{Code: velos.CodeOf(err), Message: string(name) + " failed after " + velos.MillisOf(took).String() + ": " + err.Error(), Hint: velos.HintOf(err), Cause: err}
}

// cut ends the hook that is waited for, if any, and reports whether there is
// one: its end is on the way.
func (r *runner) cut() bool {
	if r.hooked() == nil {
		return false
	}
	r.hooks.cancel()
	return true
}

// prepare runs pre_start, if there is one, and then forks.
func (r *runner) prepare() {
	k := r.hook(velos.PreStart)
	if k == nil {
		r.fork()
		return
	}
	r.wait(k, func(err error) {
		switch {
		case r.status == velos.Stopping: // it was told to stop meanwhile
			r.afterStop()
		case err != nil:
			r.notPrepared(err)
		default:
			r.fork()
		}
	})
}

// notPrepared: pre_start has failed, so that there is no run. What it waits
// for may come: it is a strike.
func (r *runner) notPrepared(err error) {
	x := &velos.Exit{Time: velos.TimeOf(time.Now()), Error: err.Error()}
	r.last = x
	r.actor = velos.Policy
	r.event(velos.Event{Kind: velos.KindExit, Cause: x.Error, Exit: x})
	r.answer(true, &velos.Error{Code: velos.Crashed, Message: "start " + r.label() + ": " + x.Error, Hint: "velos logs " + r.app.name() + " has what it wrote", Cause: err})
	switch {
	case r.trial: // it has one try
		r.want = false
		r.enter(velos.Errored, x.Error)
	case r.spec.Autorestart == velos.Never:
		r.enter(velos.Errored, x.Error)
	default:
		r.strike(time.Second)
	}
}

// beforeStop runs pre_stop, if there is one, and has then called; a stop at
// once runs none. False: there is nothing to wait for.
func (r *runner) beforeStop(then func()) bool {
	if r.grace == 0 || r.exited == nil {
		return false
	}
	k := r.hook(velos.PreStop)
	if k == nil {
		return false
	}
	r.wait(k, func(err error) {
		if err != nil && r.exited != nil {
			r.app.warn(r.inst, err.Error())
		}
		then()
	})
	return true
}

// afterStart runs post_start beside the run.
func (r *runner) afterStart() {
	k := r.hook(velos.PostStart)
	if k == nil || !r.app.stay() {
		return
	}
	ctx, cancel := context.WithCancel(r.app.ctx)
	r.hooks.post = cancel
	go func() {
		defer r.app.left()
		defer cancel()
		r.app.tell(ctx, k)
	}()
}

// leaveOff ends post_start: its run is over, or is told to be.
func (r *runner) leaveOff() {
	if r.hooks != nil && r.hooks.post != nil {
		r.hooks.post()
		r.hooks.post = nil
	}
}

// report runs on_crash or on_giving_up. Nobody waits for it.
func (r *runner) report(name velos.HookName) {
	k := r.hook(name)
	if k == nil {
		return
	}
	t := &r.hooks.tales[0]
	if name == velos.OnGivingUp {
		t = &r.hooks.tales[1]
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy {
		t.next = k
		return
	}
	if !r.app.stay() {
		return
	}
	t.busy = true
	go func() {
		defer r.app.left()
		for k != nil {
			r.app.tell(r.app.ctx, k)
			t.mu.Lock()
			k, t.next = t.next, nil
			t.busy = k != nil
			t.mu.Unlock()
		}
	}()
}

// tell runs a hook to its end and puts a failure on record, unless it was cut
// short.
func (a *app) tell(ctx context.Context, k *HookRun) {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, k.Hook.Limit().Std())
	defer cancel()
	if err := a.sup.machine.Hook(limited, *k); err != nil && ctx.Err() == nil {
		a.warn(k.Inst, failedHook(k.Name, time.Since(began), err).Error())
	}
}

// crashed reports whether the run has ended badly, and not by order.
func (r *runner) crashed() bool {
	x := r.last
	return r.failed != "" || x.Unknown || x.Signal != "" || r.failure()
}
