package supervise

import (
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/cluster"
	"github.com/velospm/velos/internal/fault"
)

// A program is a Child of the running system: a process, and what is heard of
// it on other ways than its end.
type program struct {
	*child.Process // set when it is forked
	host           *Host
	seat           Seat
	mark           string // what it carries in VELOS_ID: it may speak before Process is set
	spec           *velos.Spec
	agent          string        // as in Launch
	env            []string      // nil unless a probe needs it: it is kilobytes
	quit           chan struct{} // closed when the run is over

	mu     sync.Mutex
	blind  chan struct{} // ends the asking whether it is well; nil when nobody asks
	hear   func(News)
	kept   post   // until somebody hears
	cancel func() // of the wait for a text in its output; may be nil
}

// Hear implements Child.
func (p *program) Hear(f func(News)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hear = f
	for l, ok := p.kept.next(); ok; l, ok = p.kept.next() {
		f(l.News)
	}
}

func (p *program) tell(n News) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hear != nil {
		p.hear(n)
	} else {
		p.kept.put(letter{News: n})
	}
}

// Finish implements Child.
func (p *program) Finish(patient bool) bool {
	worker := p.spec.Mode == velos.Cluster
	switch {
	case !patient:
		return worker && p.drain(false)
	case worker || p.spec.ListenReuse:
		go p.empty()
		return true
	}
	return false
}

// drain has a worker close its listeners, and finish. What waits to be
// accepted by it then is lost.
func (p *program) drain(patient bool) bool {
	return p.host.primary.Drain(clusterSeat(p.seat), !patient) == nil
}

// What is steered away from a socket may be there already, or on its way;
// what was accepted last may not be answered yet.
const (
	queueLook  = 10 * time.Millisecond
	queueGrace = 100 * time.Millisecond
)

// empty waits until no connection has waited for the program for a while,
// which is not told by the system, and has it finish. The runner does not wait
// longer than a stop may take.
func (p *program) empty() {
	t := time.NewTicker(queueLook)
	defer t.Stop()
	for since := time.Now(); time.Since(since) < queueGrace; {
		select {
		case <-p.quit:
			return
		case <-t.C:
		}
		if p.host.primary.Queued(clusterSeat(p.seat)) > 0 {
			since = time.Now()
		}
	}
	if p.spec.Mode != velos.Cluster || !p.drain(true) {
		p.tell(News{Kind: Finished})
	}
}

// Say implements Child.
func (p *program) Say(message string) error {
	return p.host.primary.Send(clusterSeat(p.seat), message)
}

// keep keeps the environment for probes.
func (p *program) keep(env []string) {
	if p.spec.Ready != nil || p.spec.Health != nil {
		p.env = env
	}
}

// lookup finds a variable of the program's environment.
func (p *program) lookup(name string) (string, bool) {
	for _, e := range p.env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// enrol makes news of a seat go to p.
func (h *Host) enrol(p *program) {
	h.mu.Lock()
	h.programs[p.seat] = p
	h.mu.Unlock()
}

// discharge ends what was there for the run of a seat beside its process.
func (h *Host) discharge(s Seat) {
	h.mu.Lock()
	p := h.programs[s]
	delete(h.programs, s)
	h.mu.Unlock()
	if p == nil {
		return
	}
	close(p.quit)
	if p.cancel != nil {
		p.cancel()
	}
	if wired(p.spec) {
		h.primary.Left(clusterSeat(s))
	}
}

// node reports whether a Spec's program has Node's channel.
func node(s *velos.Spec) bool {
	switch filepath.Base(s.Interpreter) {
	case "node", "nodejs", "bun", "deno":
		return !s.Shell
	}
	return false
}

// talks reports whether the run needs Node's channel beside a cluster.
func talks(s *velos.Spec) bool { return node(s) && (s.WaitReady || s.ShutdownWithMessage) }

// wired reports whether the primary has anything to do with runs of s.
func wired(s *velos.Spec) bool { return sockets(s) || talks(s) }

func clusterSeat(s Seat) cluster.Seat { return cluster.Seat{App: s.ID, Slot: s.Inst, Side: s.Side} }

// connect gives a command the sockets and the channel that its Spec wants.
// The descriptors in closes are the caller's to close after the fork.
func (h *Host) connect(p *program, c *child.Command) (closes []int, err error) {
	s, at := p.spec, clusterSeat(p.seat)
	if len(s.Listen) > 0 {
		fds, names, err := h.primary.Passed(at, s.Listen, s.ListenReuse)
		if err != nil {
			return nil, err
		}
		c.Extra, c.Passed = append(c.Extra, fds...), true
		c.Env = append(c.Env, "LISTEN_FDS="+strconv.Itoa(len(fds)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	}
	kind := cluster.Channel
	switch {
	case s.Mode == velos.Cluster:
		kind = cluster.Worker
	case !talks(s):
		return nil, nil
	}
	j, err := h.primary.Join(at, kind, int(h.workers.Add(1)))
	if err != nil {
		return nil, err
	}
	for _, e := range j.Env {
		if strings.HasPrefix(e, "NODE_CHANNEL_FD=") {
			e = "NODE_CHANNEL_FD=" + strconv.Itoa(3+len(c.Extra))
		}
		c.Env = append(c.Env, e)
	}
	c.Extra = append(c.Extra, j.FD)
	if n := len(j.Args); n > 0 { // before the script, after the interpreter
		c.Args = append(append(append([]string{}, c.Args[0]), j.Args...), c.Args[1:]...)
	}
	return []int{j.FD}, nil
}

// heard takes what the primary hears of a run.
func (h *Host) heard(at cluster.Seat, n cluster.News) {
	s := Seat{at.App, at.Slot, at.Side}
	h.mu.Lock()
	p := h.programs[s]
	h.mu.Unlock()
	if p == nil {
		return
	}
	switch n.Kind {
	case cluster.Listening:
		p.tell(News{Listens, n.Text})
	case cluster.Ready:
		h.ready(p)
	case cluster.Disconnected:
		p.tell(News{Kind: Ends})
	case cluster.Closed:
		p.tell(News{Kind: Finished})
	}
}

// awaits reports whether runs of s become ready by more than living.
func awaits(s *velos.Spec) bool { return s.WaitReady || s.Ready != nil }

// ready tells that a run is ready, and the keeper too: the next daemon would
// wait for a word that was said already.
func (h *Host) ready(p *program) {
	if !awaits(p.spec) {
		return
	}
	if h.line != nil && h.null >= 0 {
		_ = h.line.Park(readyName(p.seat), h.null)
		fault.Here("ready.parked")
	}
	p.tell(News{Kind: Ready})
}

func readyName(s Seat) string {
	return "ready/" + strconv.FormatUint(uint64(s.ID), 10) + "/" + strconv.Itoa(s.place())
}

// adopted is the program of a run that a former daemon has started. A worker
// that is not up may wait for an answer that got lost with that daemon.
func (h *Host) adopted(r record, c *child.Process, spec *velos.Spec) (p *program, up bool) {
	p = &program{Process: c, host: h, seat: r.Seat, mark: r.Mark, spec: spec, quit: make(chan struct{})}
	if c != nil {
		p.agent = agentOf(c.PID())
	}
	if files, err := EnvFiles(spec); err == nil && (spec.Ready != nil || spec.Health != nil) {
		env, _ := environ(spec, files, r.Inst, r.Mark, p.agent)
		p.keep(env)
	}
	h.enrol(p)
	up = true
	if h.readies[r.Seat] {
		p.tell(News{Kind: Ready})
	}
	if wired(spec) {
		at := clusterSeat(r.Seat)
		standing := h.primary.Adopted(at)
		up = spec.Mode != velos.Cluster || !standing.Channel || standing.Up
		if standing.Ready {
			p.tell(News{Kind: Ready})
		}
		for _, a := range h.primary.Listening(at) {
			p.tell(News{Listens, a})
		}
	}
	h.await(p)
	h.watch(p, r.Began)
	return p, up
}

// Serve implements Machine.
func (h *Host) Serve(id uint32, seats []Seat) {
	list := make([]cluster.Seat, len(seats))
	for i, s := range seats {
		list[i] = clusterSeat(s)
	}
	_ = h.primary.Activate(id, list) // the kernel then spreads them as it does without us
}

// Rested implements Machine.
func (h *Host) Rested(id uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.programs {
		if s.ID == id { // one is being started meanwhile
			return
		}
	}
	h.primary.Release(id)
}
