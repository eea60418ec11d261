package supervise

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

// facts are what is known of the current run beside its life.
type facts struct {
	awaiting   string // what is to make it online; empty: time
	said       string
	health     velos.Health
	healthText string
	unready    string // what the last probe for readiness found wrong
}

// post holds the news that a runner has not seen yet. A sender never waits.
type post struct {
	mu      sync.Mutex
	letters []letter
}

// A letter is news of one run.
type letter struct {
	run int
	News
}

// maxLetters bounds what a program that listens a lot can make us keep: of all
// other kinds there is one.
const maxLetters = 64

// put keeps the newest of the letters that mean the same, in the order in which
// they came.
func (p *post) put(l letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.Kind != Listens {
		p.letters = slices.DeleteFunc(p.letters, func(o letter) bool { return o.Kind == l.Kind && o.run == l.run })
	} else if len(p.letters) >= maxLetters {
		return
	}
	p.letters = append(p.letters, l)
}

func (p *post) next() (l letter, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.letters) == 0 {
		return l, false
	}
	l = p.letters[0]
	if p.letters = p.letters[1:]; len(p.letters) == 0 {
		p.letters = nil
	}
	return l, true
}

// listen has the news of the current run delivered.
func (r *runner) listen() {
	run := r.run
	r.listens.Store(0)
	r.child.Hear(func(n News) {
		r.post.put(letter{run, n})
		r.wake()
	})
}

// await begins the time in which a run that was started has to become ready;
// up is how long it has lived already.
func (r *runner) await(up time.Duration) {
	r.awaiting = r.awaits()
	if r.awaiting == "" {
		if d := r.spec.MinUptime.Std() - up; d > 0 {
			r.arm(d)
			return
		}
		r.onReady("started")
		return
	}
	d := r.spec.ListenTimeout
	if d == 0 {
		d = velos.DefaultListenTimeout
	}
	r.arm(max(d.Std()-up, time.Millisecond))
}

// awaits is what makes the current run ready, in words that follow "it did
// not"; empty: having lived through min_uptime.
func (r *runner) awaits() string {
	switch {
	case r.spec.WaitReady:
		return "say that it is ready"
	case r.spec.Ready != nil:
		return "pass its readiness probe"
	case r.trial && r.needs > 0:
		return "listen as the run before it"
	}
	return ""
}

func (r *runner) onNews(l letter) {
	if l.run != r.run || r.child == nil {
		return
	}
	switch l.Kind {
	case Ready:
		r.heardReady()
	case Listens:
		n := int(r.listens.Add(1))
		r.app.serve()
		if r.status == velos.Starting && r.awaiting != "" && r.trial && !r.spec.WaitReady && r.spec.Ready == nil && n >= r.needs {
			r.onReady("listens on " + l.Text)
		}
	case Finished:
		if r.finishing && r.status == velos.Stopping {
			r.term()
		}
	case Said:
		r.said = l.Text
	case Ends:
		r.said = "stopping"
	case Beats:
		if r.status == velos.Online {
			r.arm(r.spec.Watchdog.Std())
		}
	case Misbeats:
		if r.status == velos.Online {
			r.fail("it has triggered its watchdog")
		}
	case Unready:
		r.unready = l.Text
	case Well, Unwell, Sick:
		r.onHealth(l.News)
	}
}

func (r *runner) heardReady() {
	if r.status == velos.Starting && r.awaiting != "" && (r.spec.WaitReady || r.spec.Ready != nil) {
		r.onReady("ready")
	}
}

func (r *runner) onHealth(n News) {
	switch {
	case r.spec.Health == nil: // it was taken away meanwhile
	case n.Kind == Well:
		r.health, r.healthText = velos.Healthy, ""
	case n.Kind == Sick:
		r.never = r.health != velos.Healthy
		r.health, r.healthText = velos.Unhealthy, n.Text
		if r.status == velos.Online || r.status == velos.Starting {
			r.fail("its health probe failed: " + n.Text)
		}
	case r.health != velos.Healthy:
		r.health, r.healthText = velos.HealthStarting, n.Text
	default:
		r.healthText = n.Text
	}
}

// fail has the policy end the current run: what follows is what follows a
// crash.
func (r *runner) fail(why string) {
	r.failed = why
	r.blame, _, _ = strings.Cut(why, ": ") // what follows may be a program's
	r.actor = velos.Policy
	r.enter(velos.Stopping, why)
	r.sig, r.grace = 0, -1
	r.term()
}

// overdue: the run was not ready in time.
func (r *runner) overdue() {
	d := r.spec.ListenTimeout
	if d == 0 {
		d = velos.DefaultListenTimeout
	}
	why := "it did not " + r.awaiting + " within " + d.String() + " (listen_timeout)"
	if r.trial && !r.spec.WaitReady && r.spec.Ready == nil {
		why += ": " + strconv.Itoa(int(r.listens.Load())) + " of " + strconv.Itoa(r.needs) + " addresses"
	}
	if r.unready != "" {
		why += ": " + r.unready
	}
	r.late = true
	r.fail(why)
}

// silent: the watchdog was not fed in time.
func (r *runner) silent() {
	if r.spec.Watchdog == 0 {
		return
	}
	r.failed = "no sign of life for " + r.spec.Watchdog.String() + " (watchdog)"
	r.blame = r.failed
	r.actor = velos.Policy
	r.enter(velos.Stopping, r.failed)
	abort, _ := child.SignalNumber("SIGABRT") // as systemd does: a core tells where it hangs
	r.sig, r.grace = abort, -1
	r.term()
}
