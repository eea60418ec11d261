//go:build unix

package child

import (
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

// A Host is the parent of everything that the daemon runs. It waits for every
// child of this program, so there can be one, and nobody else may wait.
//
// One goroutine, the reaper, hears of all ends. A process costs no goroutine,
// no thread and no descriptor.
type Host struct {
	null     int // /dev/null: standard input, and output that nobody wants
	children chan os.Signal
	ignored  chan os.Signal
	done     chan struct{}
	pause    time.Duration // of poll between two looks
	routines sync.WaitGroup
	cgroups  *cgroups

	// mu also stands between reaping and signalling: who holds it knows that
	// a pid which was not reaped is still the process it was.
	mu      sync.Mutex
	runs    map[int]*Process           // by root pid; the newest when a number was used again
	left    []*Process                 // root ended, members of the tree live on
	fresh   []*Process                 // root ended, not yet announced
	forking int                        // forks that have not told their pid
	early   map[int]syscall.WaitStatus // ends of unknown pids while a fork is in flight
	shut    bool                       // Close was called
	before  func(p *Process, status uint32)
	polling bool // the goroutine that watches left is running
	agreed  int  // starts that the clock has told as the system does; -1: it does not
	lineage
	fosters
}

var hosted atomic.Bool

// Open starts a Host. A second one in the same program is a Conflict.
//
// It changes the program for the sake of its children: on Linux orphans of its
// descendants come to it, descriptors from 3 on that it inherited are closed on
// exec, and signals that it was started to ignore are caught and dropped.
func Open() (*Host, error) { return OpenWith(Options{}) }

// OpenWith is Open with other than the usual options.
func OpenWith(o Options) (*Host, error) {
	if !hosted.CompareAndSwap(false, true) {
		return nil, fault(velos.Conflict, nil, "", "open process host: this program has one already")
	}
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		hosted.Store(false)
		return nil, fault(velos.Failed, err, "", "open /dev/null: ", err.Error())
	}
	h := &Host{
		null:     null,
		children: make(chan os.Signal, 1),
		ignored:  make(chan os.Signal),
		done:     make(chan struct{}),
		runs:     make(map[int]*Process),
		early:    make(map[int]syscall.WaitStatus),
		pause:    leftoverPoll,
	}
	h.lineage.open()
	h.fosters.open(o)
	if !o.NoCgroup {
		h.cgroups = openCgroups(o.Keeper)
	}
	sealDescriptors()
	// Signals that this program was told to ignore would be ignored by all
	// children too. A signal that is caught is back at its default after exec.
	if list := ignoredSignals(); len(list) > 0 {
		signal.Notify(h.ignored, list...)
	}
	signal.Notify(h.children, syscall.SIGCHLD)
	h.routines.Add(1)
	go h.reaper()
	return h, nil
}

// Close ends the reaper. Processes go on; nobody hears of their end. A second
// Close does nothing.
func (h *Host) Close() error {
	h.mu.Lock()
	shut := h.shut
	h.shut = true
	h.mu.Unlock()
	if shut {
		return nil
	}
	signal.Stop(h.children)
	close(h.done)
	h.deafen()
	h.routines.Wait()
	h.release()
	signal.Stop(h.ignored)
	h.cgroups.close()
	err := syscall.Close(h.null)
	hosted.Store(false)
	return err
}

// BeforeReap has f called for each run of ours whose root has ended, with the
// status as wait delivers it, while the root is still a zombie: if this program
// is killed in f or before, somebody else can still learn of the end. F must
// not block and must not call the Host. Only Linux can do it.
func (h *Host) BeforeReap(f func(p *Process, status uint32)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before = f
}

func (h *Host) reaper() {
	defer h.routines.Done()
	if h.heir {
		h.reap() // the signal may have been the former program's
	}
	for {
		select {
		case <-h.done:
			return
		case <-h.children:
			h.reap()
		}
	}
}

// reap takes all ends that the system has for us. The lock is given up now and
// then, so that orders are heard during a storm of ends.
func (h *Host) reap() {
	// The first is announced before the next is asked for: with many children
	// the question is what takes longest.
	batch := 1
	for more := true; more; batch = 64 {
		h.mu.Lock()
		more = false
		any := false
		for range batch {
			var ws syscall.WaitStatus
			pid, err := h.wait(&ws)
			if err == syscall.EINTR {
				continue
			}
			more = err == nil && pid > 0
			if !more {
				break
			}
			any = true
			h.ended(pid, ws)
		}
		if any {
			h.settle()
		}
		h.mu.Unlock()
	}
}

// ended takes the news that pid has ended, from whoever waited for it. The
// caller holds mu and calls settle when it has no more news.
func (h *Host) ended(pid int, ws syscall.WaitStatus) {
	p := h.runs[pid]
	if p == nil || p.reaped || p.foster != nil {
		h.forget(pid)
		if h.forking > 0 {
			h.early[pid] = ws
		}
		h.keep(pid, ws)
		return
	}
	h.conclude(p, ws)
}

// conclude records how the root of p has ended. The caller holds mu.
func (h *Host) conclude(p *Process, ws syscall.WaitStatus) {
	p.reaped = true
	p.exit = Exit{Time: time.Now()}
	if p.foster != nil && !p.foster.noticed.IsZero() {
		p.exit.Time = p.foster.noticed
	}
	switch {
	case ws.Signaled():
		p.exit.Signal = SignalName(int(ws.Signal()))
		p.exit.Core = ws.CoreDump()
		p.exit.OOM = ws.Signal() == syscall.SIGKILL && h.cgroups.outOfMemory(p)
	case ws.Exited():
		p.exit.Code = ws.ExitStatus()
	default:
		p.exit.Unknown = true
	}
	h.fresh = append(h.fresh, p)
}

// settle announces the ends of roots and of trees. The caller holds mu.
func (h *Host) settle() {
	h.adopt()
	for i, p := range h.fresh {
		p.exit.Leftover = h.lives(p)
		p.exited <- p.exit
		p.told = true
		if p.exit.Leftover {
			h.left = append(h.left, p)
			p.notify()
		} else {
			h.finish(p)
		}
		h.fresh[i] = nil
	}
	h.fresh = h.fresh[:0]
	h.sweep()
	h.buried()
}

// sweep closes Gone of the trees that have ended. The caller holds mu.
func (h *Host) sweep() {
	kept := h.left[:0]
	for _, p := range h.left {
		if h.lives(p) {
			kept = append(kept, p)
		} else {
			h.finish(p)
		}
	}
	clear(h.left[len(kept):])
	h.left = kept
	h.startPoll()
}

// startPoll has poll run where it is needed. The caller holds mu.
func (h *Host) startPoll() {
	if len(h.left)+h.blind > 0 && !h.polling && !h.shut {
		h.polling = true
		h.routines.Add(1)
		go h.poll()
	}
}

// poll looks after trees whose root has ended, as long as there are any: not
// every end in them is told to us. Neither is the end of a foster child where
// the system cannot watch it.
func (h *Host) poll() {
	defer h.routines.Done()
	t := time.NewTicker(h.pause)
	defer t.Stop()
	for {
		select {
		case <-h.done:
			return
		case <-t.C:
		}
		h.mu.Lock()
		h.peer()
		h.adopt()
		h.sweep()
		h.polling = len(h.left)+h.blind > 0
		stay := h.polling
		h.mu.Unlock()
		if !stay {
			return
		}
	}
}

// finish ends the Host's interest in p. The caller holds mu.
func (h *Host) finish(p *Process) {
	p.closed = true
	if h.runs[p.pid] == p {
		delete(h.runs, p.pid)
	}
	h.abandon(p)
	h.part(p)
	h.cgroups.leave(p)
	close(p.gone)
	p.notify()
}

// Notify has f called whenever Exited or Gone have got something to tell, for
// whoever has no goroutine that waits there; at once when they have already.
// F must not block and must not call the Process.
func (p *Process) Notify(f func()) {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.tell = f
	if p.told {
		f()
	}
}

// notify calls whom Notify has named. The caller holds mu.
func (p *Process) notify() {
	if p.tell != nil {
		p.tell()
	}
}

// lives reports whether p, whose root has ended, has living members. The caller
// holds mu.
func (h *Host) lives(p *Process) bool {
	if p.orphans > 0 || h.group(p, 0) != syscall.ESRCH && !h.buries(p) {
		return true
	}
	return h.holds(p)
}

// group signals the process group of p; ESRCH when there is none. The caller
// holds mu.
func (h *Host) group(p *Process, sig int) error {
	if p.strange || p.closed {
		return syscall.ESRCH
	}
	if p.foster != nil {
		return h.fosterGroup(p, sig)
	}
	err := syscall.Kill(-p.pid, syscall.Signal(0))
	if err == syscall.ESRCH {
		return err
	}
	// The number stays taken as long as group or session have a member. When
	// its root is gone and yet it is a process, it was given away again.
	if p.reaped {
		if _, err := proc.One(p.pid); err == nil {
			p.strange = true
			return syscall.ESRCH
		}
	}
	if sig == 0 {
		return err
	}
	return syscall.Kill(-p.pid, syscall.Signal(sig))
}

// Observe learns from a look at the process table who left their root's session
// and who their descendants are. Whoever scans the table should offer it: an
// orphan that hid all its traces is recognised only if it was seen before.
func (h *Host) Observe(t *proc.Table) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.observe(t)
}
