package child

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos/internal/proc"
)

func openPidfd(pid int) (int, error) {
	if pid <= 0 {
		return -1, syscall.ESRCH
	}
	return unix.PidfdOpen(pid, 0)
}

// pidfdOver reports whether the process has ended, reaped or not.
func pidfdOver(fd int) bool {
	list := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(list[:], 0)
	return err == nil && n == 1
}

// pidfdInfo is the kernel's struct pidfd_info as it was first published.
type pidfdInfo struct {
	mask, cgroup uint64
	ids          [11]uint32
	exit         int32
}

const (
	pidfdGetInfo  = 3<<30 | 64<<16 | 0xff<<8 | 11 // _IOWR(0xff, 11, struct pidfd_info)
	pidfdInfoExit = 1 << 3
	// pidfdGroup signals the group that has the number of the process. The
	// descriptor holds the number: nobody else's group is ever hit.
	pidfdGroup = 1 << 2
)

// pidfdStatus is how the process ended, which Linux tells since 6.15 and as
// soon as its parent has reaped it.
func pidfdStatus(fd int) (ws syscall.WaitStatus, final bool) {
	info := pidfdInfo{mask: pidfdInfoExit}
	_, _, err := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
	switch {
	case err != 0:
		return unknownEnd, true
	case info.mask&pidfdInfoExit == 0:
		return unknownEnd, false
	}
	return syscall.WaitStatus(uint32(info.exit)), true
}

// fosterGroup is group for a foster child.
func (h *Host) fosterGroup(p *Process, sig int) error {
	if p.foster.fd >= 0 {
		err := unix.PidfdSendSignal(p.foster.fd, syscall.Signal(sig), nil, pidfdGroup)
		if err != syscall.EINVAL && err != syscall.ENOSYS {
			return err
		}
	}
	return p.signalGroup(sig) // Linux before 6.9
}

// A ward is a child of a guardian that is no root; nobody knows whose when it
// has no run.
type ward struct {
	run   *Process
	start uint64
	visit uint32
}

// visitGuardians finds orphans of foster children, and which of them have
// ended. The caller holds mu.
func (h *Host) visitGuardians(again bool) {
	h.unseen = false
	if len(h.adopted) == 0 {
		clear(h.wards)
		return
	}
	for pid, w := range h.wards {
		if w.run == nil {
			continue
		}
		s, err := proc.One(pid)
		if err != nil && absent(err) || err == nil && (s.Start != w.start || !s.Alive()) {
			h.lose(pid)
		}
	}
	h.visits++
	for _, g := range h.guardians {
		kids := h.childrenOf(g)
		if len(kids) == 0 && syscall.Kill(g, 0) == syscall.ESRCH {
			h.followRoots()
			for _, g := range h.guardians {
				h.visitAll(h.childrenOf(g), again)
			}
			break
		}
		h.visitAll(kids, again)
	}
	for pid, w := range h.wards {
		if w.run == nil && w.visit != h.visits {
			delete(h.wards, pid)
		}
	}
}

func (h *Host) visitAll(kids []int, again bool) {
	for _, pid := range kids {
		h.visit(pid, again)
	}
}

func (h *Host) visit(pid int, again bool) {
	if r := h.runs[pid]; pid == h.self || r != nil && !r.reaped {
		return
	}
	w, ok := h.wards[pid]
	if ok && (w.run != nil || !again) {
		w.visit = h.visits
		h.wards[pid] = w
		return
	}
	s, err := proc.One(pid)
	if err != nil || !s.Alive() {
		return
	}
	run := h.attribute(&s, true)
	h.wards[pid] = ward{run, s.Start, h.visits}
	if run != nil {
		run.orphans++
		h.remember(&s, run)
	}
}

// followRoots is for the day a guardian has ended: its children have another,
// and the keeper's are where we are ourselves.
func (h *Host) followRoots() {
	h.guardians = append(h.guardians[:0], os.Getppid())
	for _, p := range h.adopted {
		s, err := proc.One(p.pid)
		if err == nil && s.Start == p.start && !slices.Contains(h.guardians, s.PPID) {
			h.guardians = append(h.guardians, s.PPID)
		}
	}
}

// lose drops a ward that has ended.
func (h *Host) lose(pid int) {
	w := h.wards[pid]
	delete(h.wards, pid)
	if w.run != nil {
		w.run.orphans--
		h.dead = append(h.dead, member{pid: pid, run: w.run})
	}
}

// disown drops pid from the orphans: it is a root.
func (h *Host) disown(pid int) {
	if run := h.orphans[pid]; run != nil {
		run.orphans--
	}
	if run := h.wards[pid].run; run != nil {
		run.orphans--
	}
	delete(h.orphans, pid)
	delete(h.wards, pid)
}

// outputsOf is the anonymous pipes that pid writes to: its own, as far as it
// has not put others in their place.
func outputsOf(pid int) (pipes [2]uint64) {
	for i := range pipes {
		link, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/fd/" + strconv.Itoa(i+1))
		if number, ok := strings.CutPrefix(link, "pipe:["); ok {
			pipes[i], _ = strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
		}
	}
	return pipes
}
