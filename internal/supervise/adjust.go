package supervise

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/velospm/velos"
)

// adjust has the runs that go on follow what the app's Spec says about them.
// What needs a new run stays as it is.
func (a *app) adjust() {
	spec := a.spec.Load()
	n := &novelty{now: spec}
	_ = a.order(context.Background(), a.cast.Load().everybody(), order{verb: adjust, novelty: n})
	if spec.MaxMemory > 0 {
		a.sup.sampler.hurry()
	}
}

// A novelty makes the Specs of runs that go on. Most have the same, and then
// they get the same.
type novelty struct {
	now        *velos.Spec
	mu         sync.Mutex
	from, fits *velos.Spec
}

func (n *novelty) of(run *velos.Spec) *velos.Spec {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.from != run {
		n.from, n.fits = run, adapted(run, n.now)
	}
	return n.fits
}

// adapted is what a run that was started with one Spec takes over from
// another. Which keys those are is in the table of internal/config, too: live.
// What triggers do (watch, cron_restart, max_memory) follows the app's Spec by
// itself; it is here for what runs next.
func adapted(run, now *velos.Spec) *velos.Spec {
	s := *run
	s.Namespace, s.Autostart, s.DependsOn = now.Namespace, now.Autostart, now.DependsOn
	s.StopExitCodes, s.MaxRestarts, s.MinUptime = now.StopExitCodes, now.MaxRestarts, now.MinUptime
	s.RestartDelay, s.ExpBackoffRestartDelay = now.RestartDelay, now.ExpBackoffRestartDelay
	s.KillTimeout, s.StopSignal, s.ShutdownMessage = now.KillTimeout, now.StopSignal, now.ShutdownMessage
	s.ListenTimeout, s.Health, s.Hooks = now.ListenTimeout, now.Health, now.Hooks
	s.MaxMemory, s.CronRestart = now.MaxMemory, now.CronRestart
	s.Watch, s.WatchPaths, s.WatchIgnore, s.WatchDelay = now.Watch, now.WatchPaths, now.WatchIgnore, now.WatchDelay
	if (run.Schedule == "") == (now.Schedule == "") { // a program that runs on does not become a job while it runs
		s.Autorestart, s.Schedule, s.Overlap = now.Autorestart, now.Schedule, now.Overlap
	}
	return &s
}

func (r *runner) onAdjust(n *novelty) {
	old, now := r.spec, n.now
	if old == now {
		return
	}
	r.spec = n.of(old)
	switch {
	case r.status == velos.Starting && r.exited != nil:
		r.await(time.Since(r.began))
	case r.status == velos.WaitingRestart && (old.RestartDelay != now.RestartDelay || old.ExpBackoffRestartDelay != now.ExpBackoffRestartDelay):
		d := backoff(r.spec, max(0, r.backoffs-1), rand.Uint32())
		r.arm(max(time.Until(r.since.Add(d)), time.Millisecond))
	}
	if r.exited != nil && !sameProbe(old.Health, now.Health) {
		r.health, r.healthText, r.never = "", "", false
		r.child.Adjust(r.spec)
	}
}

func sameProbe(a, b *velos.Probe) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.HTTP == b.HTTP && a.TCP == b.TCP && a.Log == b.Log && slices.Equal(a.Exec, b.Exec) &&
		a.Interval == b.Interval && a.Timeout == b.Timeout && a.Retries == b.Retries && a.StartPeriod == b.StartPeriod
}
