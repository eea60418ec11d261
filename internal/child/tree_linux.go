package child

import (
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos/internal/proc"
)

// tree appends the living and dead processes of p's tree, root first, to out.
func (h *Host) tree(p *Process, out []proc.Stat) []proc.Stat {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.closed {
		return out
	}
	h.adoptAll(true)
	if p.foster != nil {
		h.visitGuardians(true)
	}
	from := len(out)
	if !p.reaped {
		out = h.append(p.pid, out)
		if p.foster != nil && len(out) > from && out[from].Start != p.start {
			out = out[:from] // it has ended, nobody has told yet, and the number was given away
		}
	}
	if p.orphans > 0 {
		for pid, run := range h.orphans {
			if run == p {
				out = h.append(pid, out)
			}
		}
		for pid, w := range h.wards {
			if w.run == p {
				out = h.append(pid, out)
			}
		}
	}
	if !h.lists {
		return h.treeOfTable(p, from, out)
	}
	var kids []int
	for i := from; i < len(out) && len(out) < 1<<16; i++ {
		kids, _ = proc.ChildrenOf(out[i].PID, kids[:0])
		for _, pid := range kids {
			n := len(out)
			if out = h.append(pid, out); len(out) > n && !h.still(&out[n], out[i].PID, p) {
				out = out[:n]
			}
		}
	}
	for i := from; i < len(out); i++ {
		h.remember(&out[i], p)
	}
	return out
}

// still reports whether s, which was listed as a child of parent in p's tree,
// belongs to it now that it was looked at. The parent may have ended meanwhile,
// so that s came to us; else the pid has become somebody else.
func (h *Host) still(s *proc.Stat, parent int, p *Process) bool {
	if s.PPID == parent {
		return true
	}
	if h.runs[s.PID] != nil || h.orphans[s.PID] != nil || h.wards[s.PID].run != nil {
		return false
	}
	switch {
	case p.foster == nil && s.PPID == h.self:
		h.orphans[s.PID] = p
	case p.foster != nil && slices.Contains(h.guardians, s.PPID):
		h.wards[s.PID] = ward{p, s.Start, h.visits}
	default:
		return false
	}
	p.orphans++
	return true
}

func (h *Host) append(pid int, out []proc.Stat) []proc.Stat {
	if s, err := proc.One(pid); err == nil {
		out = append(out, s)
	}
	return out
}

// treeOfTable finds the descendants of the seeds out[from:] where the kernel
// does not list children.
func (h *Host) treeOfTable(p *Process, from int, out []proc.Stat) []proc.Stat {
	if h.table.Scan() != nil {
		return out
	}
	var pids []int
	for _, seed := range out[from:] {
		pids = h.table.Tree(seed.PID, pids)
	}
	out = out[:from]
	for _, pid := range pids {
		if s, ok := h.table.Find(pid); ok {
			out = append(out, s)
			h.remember(&s, p)
		}
	}
	return out
}

// send signals a process if it still is the one that was looked at.
func send(s *proc.Stat, sig int) error {
	if s.PID <= 1 || s.PID == os.Getpid() {
		return syscall.EPERM
	}
	fd, err := unix.PidfdOpen(s.PID, 0)
	if err == nil {
		defer syscall.Close(fd)
	} else if err == syscall.ESRCH {
		return err
	}
	now, look := proc.One(s.PID)
	if look != nil || now.Start != s.Start {
		return syscall.ESRCH
	}
	if err != nil { // an old kernel: a moment remains in which the pid may change
		return syscall.Kill(s.PID, syscall.Signal(sig))
	}
	return unix.PidfdSendSignal(fd, syscall.Signal(sig), nil, 0)
}
