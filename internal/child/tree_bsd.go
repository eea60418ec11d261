//go:build unix && !linux

package child

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/velospm/velos/internal/proc"
)

// Nobody tells us of an orphan's end here.
const leftoverPoll = 50 * time.Millisecond

const maxSeen = 4096

// A member is a process of a run's tree that was seen outside of its group.
type member struct {
	pid   int
	start uint64
	run   *Process
}

// lineage is what the Host knows of who belongs to whom. It is under mu.
type lineage struct {
	seen  []member
	table proc.Table
}

func (*lineage) open() {}

func firstThread() bool { return false }

func (h *Host) adopt()     {}
func (h *Host) welcome()   {}
func (h *Host) forget(int) {}
func (h *Host) buried()    {}

func (h *Host) abandon(p *Process) {
	h.seen = slices.DeleteFunc(h.seen, func(m member) bool { return m.run == p })
}

// holds reports whether somebody lives who left p's group.
func (h *Host) holds(p *Process) bool {
	for i := range h.seen {
		m := &h.seen[i]
		if m.run != p {
			continue
		}
		if s, err := proc.One(m.pid); err == nil && s.Start == m.start && s.Alive() {
			return true
		}
	}
	return false
}

// tree appends the processes of p's tree to out: its group, descendants, who
// was seen before, and orphans that carry its mark.
func (h *Host) tree(p *Process, out []proc.Stat) []proc.Stat {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.closed || h.table.Scan() != nil {
		return out
	}
	h.group(p, 0) // notices a number that was given away
	return h.members(&h.table, p, out)
}

func (h *Host) members(t *proc.Table, p *Process, out []proc.Stat) []proc.Stat {
	from := len(out)
	var pids []int
	if root, ok := t.Find(p.pid); ok && !p.reaped && (p.foster == nil || root.Start == p.start) {
		pids = t.Tree(p.pid, pids)
	}
	for _, s := range t.All() {
		if h.belongs(&s, p) {
			pids = t.Tree(s.PID, pids)
		}
	}
	slices.Sort(pids)
	for _, pid := range slices.Compact(pids) {
		s, ok := t.Find(pid)
		other := h.runs[pid]
		if !ok || other != nil && other != p || pid == os.Getpid() {
			continue
		}
		out = append(out, s)
	}
	for _, s := range out[from:] {
		h.remember(&s, p)
	}
	return out
}

func (h *Host) belongs(s *proc.Stat, p *Process) bool {
	if s.PID <= 1 || s.PID == os.Getpid() || s.PID == p.pid {
		return false
	}
	if !p.strange && (s.PGID == p.pid || s.SID == p.pid) {
		return true
	}
	for i := range h.seen {
		if m := &h.seen[i]; m.run == p && m.pid == s.PID {
			return m.start == s.Start
		}
	}
	if s.PPID != 1 || p.mark == "" || s.Start < p.start {
		return false
	}
	mark, ok := proc.Environ(s.PID, "VELOS_ID")
	return ok && mark == p.mark
}

func (h *Host) remember(s *proc.Stat, p *Process) {
	if s.PGID == p.pid || s.PID == p.pid || len(h.seen) >= maxSeen {
		return
	}
	for i := range h.seen {
		if h.seen[i].pid == s.PID {
			h.seen[i] = member{s.PID, s.Start, p}
			return
		}
	}
	h.seen = append(h.seen, member{s.PID, s.Start, p})
}

// observe is Observe under mu.
func (h *Host) observe(t *proc.Table) {
	h.seen = slices.DeleteFunc(h.seen, func(m member) bool {
		s, ok := t.Find(m.pid)
		return !ok || s.Start != m.start
	})
	pids := make([]int, 0, len(h.runs))
	runs := make([]*Process, 0, len(h.runs))
	for pid, p := range h.runs {
		if !p.reaped {
			pids, runs = append(pids, pid), append(runs, p)
		}
	}
	owners := t.Owners(pids, nil)
	for i, s := range t.All() {
		if o := owners[i]; o >= 0 {
			h.remember(&s, runs[o])
		}
	}
}

// send signals a process if it still is the one that was looked at.
func send(s *proc.Stat, sig int) error {
	if s.PID <= 1 || s.PID == os.Getpid() {
		return syscall.EPERM
	}
	now, err := proc.One(s.PID)
	if err != nil || now.Start != s.Start {
		return syscall.ESRCH
	}
	return syscall.Kill(s.PID, syscall.Signal(sig))
}

func pipeID(int) uint64 { return 0 }

// sealDescriptors keeps from children what this program inherited by chance.
func sealDescriptors() { sealListed("/dev/fd") }

// ignoredSignals is what this program was started to ignore, as far as Go
// tells.
func ignoredSignals() (list []os.Signal) {
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(sig) {
			list = append(list, sig)
		}
	}
	return list
}
