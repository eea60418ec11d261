//go:build unix

package child

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/poll"
	"github.com/velospm/velos/internal/proc"
)

// maxKept bounds the ends that are kept until Settled.
const maxKept = 1 << 14

// foster is what a run has whose root is another's child: nobody tells us of
// its end but the keeper and the system, and its pid may be given away before
// we know.
type foster struct {
	fd      int  // its pidfd, -1 when there is none
	watched bool // fd is among the ears
	blind   bool // looked at now and then instead
	noticed time.Time
}

// An end was told before its run was known.
type end struct {
	status syscall.WaitStatus
	ours   bool // it was our child
}

// fosters is what a Host knows of runs that former daemons have started. It is
// under mu.
type fosters struct {
	keeper int
	heir   bool
	kept   map[int]end // nil when everybody is known

	adopted []*Process // the foster children, until they are gone
	ears    *poll.Set  // their pidfds
	blind   int        // those among them without ears

	// Those whose end was noticed and not told, and the timer that asks.
	ending  []*Process
	inquest *time.Timer
	asking  bool // the timer is running
	grace   time.Duration
	deaf    bool // the system is not asked for codes

	// Orphans of foster children go to their guardians.
	guardians []int
	unseen    bool // look at the guardians' children at the next settle
	visits    uint32
}

func (f *fosters) open(o Options) {
	f.keeper, f.heir = o.Keeper, o.Heir
	if f.keeper > 0 {
		f.guardians = append(f.guardians, f.keeper)
		f.grace = reportGrace
	}
	if f.keeper > 0 || f.heir {
		f.kept = make(map[int]end)
	}
}

// Adopt takes over a run that a former daemon has started. The Process is like
// one that Start returned. A root that has just ended is taken too when its
// code is known or can still be: Exited then delivers soon. The error is
// NotRunning when the root is gone, NotFound when the pid may be somebody
// else's, Conflict when the run is known already, and Busy when the system does
// not let us look.
//
// After exec in place, and for ends that the keeper tells, what was not adopted
// when Settled is called is forgotten.
func (h *Host) Adopt(a Adoption) (*Process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.runs[a.PID]; p != nil && !p.reaped {
		return nil, fault(velos.Conflict, nil, "", "process ", strconv.Itoa(a.PID), " is known already")
	}
	// A descriptor first: what is read after it is opened is about the process
	// that it stands for, or that process has ended.
	fd, err := openPidfd(a.PID)
	stat, look := proc.One(a.PID)
	if look != nil && !absent(look) {
		closePidfd(fd)
		return nil, fault(velos.Busy, look, "", "look at process ", strconv.Itoa(a.PID), ": ", look.Error())
	}
	if err == syscall.ESRCH || look != nil || stat.Start != a.Start {
		closePidfd(fd)
		return h.adoptEnded(a, look == nil)
	}
	delete(h.kept, a.PID)
	if !recognised(&stat, a) {
		closePidfd(fd)
		return nil, stranger(a.PID)
	}
	p := h.adoptee(a)
	p.pipes = outputsOf(a.PID)
	if stat.PPID == os.Getpid() {
		closePidfd(fd)
	} else {
		h.raise(p, fd, stat.PPID)
	}
	h.disown(a.PID)
	h.cgroups.adopt(p, a.Cgroup, true)
	h.enter(p)
	if p.foster != nil {
		h.watch(p)
	}
	return p, nil
}

// adoptEnded adopts a run whose root is gone, when its end was told.
func (h *Host) adoptEnded(a Adoption, taken bool) (*Process, error) {
	e, ok := h.kept[a.PID]
	if !ok && taken {
		return nil, stranger(a.PID)
	}
	if !ok {
		return nil, notRunning(a.PID)
	}
	delete(h.kept, a.PID)
	p := h.adoptee(a)
	if !e.ours {
		h.raise(p, -1, h.keeper)
	}
	h.cgroups.adopt(p, a.Cgroup, false)
	h.enter(p)
	h.conclude(p, e.status)
	h.unseen = true
	h.settle()
	return p, nil
}

func (h *Host) adoptee(a Adoption) *Process {
	return &Process{
		host: h, pid: a.PID, start: a.Start, started: a.Began, mark: a.Mark,
		exited: make(chan Exit, 1), gone: make(chan struct{}),
	}
}

// recognised reports whether stat, which has the right number and start, can be
// the root of a. A root leads its session until it ends. Its environment may be
// another by now (a script that ends in exec env, a program that writes its
// title there), but nobody else's mark is in it.
func recognised(stat *proc.Stat, a Adoption) bool {
	if a.PID <= 1 || a.PID == os.Getpid() || a.Start == 0 || stat.PGID != a.PID || stat.SID != 0 && stat.SID != a.PID {
		return false
	}
	mark, ok := proc.Environ(a.PID, "VELOS_ID")
	return !ok || a.Mark == "" || mark == a.Mark
}

func stranger(pid int) error {
	return fault(velos.NotFound, nil, "", "process ", strconv.Itoa(pid), " is not the one that was started")
}

// raise makes p a foster child; parent gets its orphans.
func (h *Host) raise(p *Process, fd, parent int) {
	p.foster = &foster{fd: fd}
	h.adopted = append(h.adopted, p)
	if parent > 0 && !slices.Contains(h.guardians, parent) {
		h.guardians = append(h.guardians, parent)
	}
}

// Settled says that everybody who could be adopted was: ends that were told and
// that nobody asked for are forgotten, as are all later ones.
func (h *Host) Settled() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = nil
	h.welcome()
	h.settle()
}

// keep keeps the end of a process that may be adopted later.
func (h *Host) keep(pid int, ws syscall.WaitStatus) {
	if h.kept != nil && len(h.kept) < maxKept {
		h.kept[pid] = end{ws, true}
	}
}

// buries reports whether the zombie of p's root is all that is left of its
// group: who does not wait for it is not our business.
func (h *Host) buries(p *Process) bool {
	if p.foster == nil {
		return false
	}
	root, err := proc.One(p.pid)
	if err != nil || root.Start != p.start || root.Alive() || h.table.Scan() != nil {
		return false
	}
	for _, s := range h.table.All() {
		if s.PGID == p.pid && s.Alive() {
			return false
		}
	}
	return true
}

// part ends what was there for a foster child. The caller holds mu.
func (h *Host) part(p *Process) {
	if p.foster == nil {
		return
	}
	h.unwatch(p)
	closePidfd(p.foster.fd)
	p.foster.fd = -1
	same := func(q *Process) bool { return q == p }
	h.adopted = slices.DeleteFunc(h.adopted, same)
	h.ending = slices.DeleteFunc(h.ending, same)
}

// deafen ends the watch over foster children.
func (h *Host) deafen() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inquest != nil {
		h.inquest.Stop()
	}
	if h.ears != nil {
		h.ears.Close()
		h.ears = nil
	}
}

// release gives their descriptors back.
func (h *Host) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.adopted {
		closePidfd(p.foster.fd)
		p.foster.fd = -1
	}
}

func closePidfd(fd int) {
	if fd >= 0 {
		syscall.Close(fd)
	}
}

// signalGroup signals the group of a number that has not been given away since
// start. A moment remains in which it could be.
func (p *Process) signalGroup(sig int) error {
	s, err := proc.One(p.pid)
	if err == nil && s.Start != p.start {
		p.strange = true
		return syscall.ESRCH
	}
	if err != nil && !absent(err) {
		return err
	}
	return syscall.Kill(-p.pid, syscall.Signal(sig))
}

// absent tells a process that is not there from one that we could not look at,
// for want of descriptors or memory.
func absent(err error) bool { return err == syscall.ENOENT || err == syscall.ESRCH }

// Cgroup is the control group that the run has to itself, as a directory; empty
// when it has none.
func (p *Process) Cgroup() string {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	if p.cgroup == nil {
		return ""
	}
	return p.cgroup.dir
}
