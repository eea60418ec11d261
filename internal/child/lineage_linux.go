package child

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos/internal/proc"
)

// Orphans come to us and their ends are told; the poll is for what no one
// thought of.
const leftoverPoll = time.Second

// maxSeen bounds what is remembered of those who left their sessions.
const maxSeen = 4096

// A member is a process of a run's tree that is outside of its session.
type member struct {
	pid, sid int
	start    uint64
	run      *Process
}

// lineage is what the Host knows of who belongs to whom. It is under mu.
//
// Every descendant of a root is below the root while that lives, and below one
// of our orphans after: the kernel gives orphans to us. So the only question
// is whose an orphan is.
type lineage struct {
	self    int
	lists   bool             // the kernel lists children, so that no table is needed
	wards   map[int]ward     // the guardians' children that are no roots
	orphans map[int]*Process // children that we did not start; nil: nobody knows whose
	seen    []member
	dead    []member // orphans that ended since the last settle
	doubt   bool     // ask again about orphans that nobody knew
	kids    []int
	table   proc.Table // only without lists

	// Of observe, used again by the next.
	pids   []int
	owns   []*Process
	owners []int32
}

func (l *lineage) open() {
	l.self = os.Getpid()
	l.orphans = make(map[int]*Process)
	l.wards = make(map[int]ward)
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	_, err := proc.ChildrenOfThread(l.self, l.self, nil)
	l.lists = err == nil
}

// adopt finds orphans that have come to us and whose they are. The caller
// holds mu.
func (h *Host) adopt() {
	h.adoptAll(h.doubt)
	if h.doubt || h.unseen {
		h.visitGuardians(h.doubt)
	}
	h.doubt = false
}

// welcome is told of a run that is known from now on: an orphan that came
// before may be its own. The caller holds mu.
func (h *Host) welcome() { h.doubt = true }

// adoptAll is adopt; it asks again about orphans that nobody knew when again
// is set.
func (h *Host) adoptAll(again bool) {
	for _, pid := range h.childrenOf(h.self) {
		if r := h.runs[pid]; r != nil && !r.reaped {
			continue
		}
		known, ok := h.orphans[pid]
		if known != nil || ok && !again {
			continue
		}
		if stat, err := proc.One(pid); err == nil {
			h.take(&stat)
		}
	}
}

// take records an orphan with its run.
func (h *Host) take(stat *proc.Stat) {
	run := h.attribute(stat, false)
	h.orphans[stat.PID] = run
	if run != nil {
		run.orphans++
		h.remember(stat, run)
	}
}

// childrenOf is what hangs on the first thread of pid, valid until the next
// call.
func (h *Host) childrenOf(pid int) []int {
	h.kids = h.kids[:0]
	if h.lists {
		h.kids, _ = proc.ChildrenOfThread(pid, pid, h.kids)
		return h.kids
	}
	// A child between fork and register looks like an orphan here.
	if h.forking > 0 || h.table.Scan() != nil {
		return nil
	}
	for _, s := range h.table.All() {
		if s.PPID == pid {
			h.kids = append(h.kids, s.PID)
		}
	}
	return h.kids
}

// remember keeps who left the session of its run.
func (h *Host) remember(stat *proc.Stat, run *Process) {
	if stat.SID == run.pid && !run.strange {
		return
	}
	for i := range h.seen {
		if m := &h.seen[i]; m.pid == stat.PID && m.start == stat.Start {
			m.sid, m.run = stat.SID, run
			return
		}
	}
	if len(h.seen) >= maxSeen {
		h.seen = slices.Delete(h.seen, 0, maxSeen/2)
	}
	h.seen = append(h.seen, member{stat.PID, stat.SID, stat.Start, run})
}

// forget drops an orphan that was reaped; its session stays known until settle
// has looked who else was in it.
func (h *Host) forget(pid int) {
	run := h.orphans[pid]
	delete(h.orphans, pid)
	if run != nil {
		run.orphans--
		h.dead = append(h.dead, member{pid: pid, run: run})
	}
}

// buried ends the memory of the orphans that have ended.
func (h *Host) buried() {
	for _, d := range h.dead {
		h.seen = slices.DeleteFunc(h.seen, func(m member) bool { return m.pid == d.pid })
	}
	clear(h.dead)
	h.dead = h.dead[:0]
}

// abandon ends the memory of p.
func (h *Host) abandon(p *Process) {
	if len(h.seen) > 0 {
		h.seen = slices.DeleteFunc(h.seen, func(m member) bool { return m.run == p })
	}
}

// holds is for systems that keep orphans from us.
func (h *Host) holds(*Process) bool { return false }

// attribute finds the run whose orphan this is, nil when nothing tells: nobody
// is signalled on a guess. What is certain comes first. A mark and a pipe can
// be forged, but only by what we run. Fostered says that it came to a guardian,
// which also has children of its own.
func (h *Host) attribute(s *proc.Stat, fostered bool) *Process {
	if r := h.cgroups.owner(s.PID); r != nil {
		return r
	}
	if r := h.leader(s.SID, s); r != nil {
		return r
	}
	if r := h.leader(s.PGID, s); r != nil {
		return r
	}
	for _, list := range [2][]member{h.seen, h.dead} {
		for i := range list {
			m := &list[i]
			if m.pid == s.PID && m.start == s.Start || m.pid == s.SID || m.pid == s.PGID || m.sid != 0 && m.sid == s.SID {
				return m.run
			}
		}
	}
	if mark, ok := proc.Environ(s.PID, "VELOS_ID"); ok && mark != "" {
		if r := h.newest(s, fostered, func(p *Process) bool { return p.mark == mark }); r != nil {
			return r
		}
	}
	for fd := 1; fd <= 2; fd++ {
		id := pipeOf("/proc/" + strconv.Itoa(s.PID) + "/fd/" + strconv.Itoa(fd))
		if id == 0 {
			continue
		}
		if r := h.newest(s, fostered, func(p *Process) bool { return p.pipes[0] == id || p.pipes[1] == id }); r != nil {
			return r
		}
	}
	if fostered || h.kept != nil {
		return nil // there may be runs that we do not know yet
	}
	return h.only(s)
}

// leader is the run whose session or group has the number id.
func (h *Host) leader(id int, s *proc.Stat) *Process {
	if r := h.runs[id]; r != nil && !r.strange && r.start <= s.Start {
		return r
	}
	return nil
}

// newest is the youngest run that fits and is not younger than s.
func (h *Host) newest(s *proc.Stat, fostered bool, fits func(*Process) bool) (best *Process) {
	h.each(func(p *Process) {
		if (p.foster != nil) == fostered && p.start <= s.Start && fits(p) && (best == nil || p.start > best.start) {
			best = p
		}
	})
	return best
}

// only is the one run that is old enough to be an ancestor of s, nil when there
// are several.
func (h *Host) only(s *proc.Stat) (found *Process) {
	n := 0
	h.each(func(p *Process) {
		if p.foster == nil && p.start <= s.Start {
			n++
			found = p
		}
	})
	if n != 1 {
		return nil
	}
	return found
}

// each visits every run that has not ended with its tree.
func (h *Host) each(visit func(*Process)) {
	for _, p := range h.runs {
		visit(p)
	}
	for _, p := range h.left {
		if h.runs[p.pid] != p {
			visit(p)
		}
	}
}

// observe is Observe under mu.
func (h *Host) observe(t *proc.Table) {
	h.adoptAll(true)
	h.visitGuardians(true)
	h.pids, h.owns = h.pids[:0], h.owns[:0]
	for pid, p := range h.runs {
		if s, ok := t.Find(pid); ok && !p.reaped && s.Start == p.start {
			h.pids, h.owns = append(h.pids, pid), append(h.owns, p)
		}
	}
	for pid, p := range h.orphans {
		if _, ok := t.Find(pid); ok && p != nil {
			h.pids, h.owns = append(h.pids, pid), append(h.owns, p)
		}
	}
	for pid, w := range h.wards {
		if s, ok := t.Find(pid); ok && w.run != nil && s.Start == w.start {
			h.pids, h.owns = append(h.pids, pid), append(h.owns, w.run)
		}
	}
	h.seen = h.seen[:0]
	h.owners = t.Owners(h.pids, h.owners)
	all := t.All()
	for i := range all {
		if o := h.owners[i]; o >= 0 && all[i].SID != h.owns[o].pid && len(h.seen) < maxSeen {
			h.seen = append(h.seen, member{all[i].PID, all[i].SID, all[i].Start, h.owns[o]})
		}
	}
	clear(h.owns)
}

// pipeID tells a pipe from all others, 0 when fd is none.
func pipeID(fd int) uint64 {
	var st syscall.Stat_t
	if fd < 0 || syscall.Fstat(fd, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return 0
	}
	return st.Ino
}

func pipeOf(path string) uint64 {
	var st syscall.Stat_t
	if syscall.Stat(path, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return 0
	}
	return st.Ino
}
