// Package proc reads the system's process table: who runs, whose child it is,
// what it has used, which addresses it listens on. It remembers nothing between
// two looks, signals nobody and decides nothing; who belongs to which app is
// the business of its callers.
//
// Linux is complete. macOS has no CPU time, memory, thread count and addresses
// here, and Windows knows only process, parent and thread count: what a system
// does not tell is zero, never a guess.
package proc

import (
	"slices"
	"unsafe"
)

// A Stat is one process as it was at one moment.
type Stat struct {
	PID, PPID, PGID, SID int
	// State is the letter that ps shows: R, S, D, T, Z, … 0 when unknown.
	State byte
	// Terminal says that it has one.
	Terminal bool
	// Start is when the process began, in ticks of TicksPerSecond since a
	// moment that is fixed while the system runs. Together with PID it names
	// a process for good, as PID alone does not.
	Start uint64
	// CPU is the processor time of all threads in ticks, without children.
	CPU uint64
	// RSS is the resident memory in bytes; shared pages are in it.
	RSS     int64
	Threads int
}

// Alive reports whether the process can still do something. A zombie cannot,
// except when only its first thread has ended.
func (s *Stat) Alive() bool {
	return s.State != 'Z' && s.State != 'X' || s.Threads > 1
}

// A Table holds all processes of one look at the system. It reuses its memory,
// so keep one and Scan it again. The zero value is ready. Not for concurrent
// use.
type Table struct {
	all     []Stat
	parents []int32 // indices into all, ordered by PPID; made when Tree asks
	walk    []int32
	look    scanner
	room    []byte // where all is, as long as it fits
	seen    int    // how many there were at the last look
}

// Scan reads the table anew. A process that ends meanwhile may be missing.
func (t *Table) Scan() error {
	t.parents = t.parents[:0]
	if t.all == nil {
		t.room = room((t.seen + t.seen/4 + 512) * int(unsafe.Sizeof(Stat{})))
		t.all = stats(t.room)
	}
	all, err := t.look.scan(t.all[:0])
	t.all, t.seen = all, len(all)
	byPID := func(a, b Stat) int { return a.PID - b.PID }
	if !slices.IsSortedFunc(t.all, byPID) {
		slices.SortFunc(t.all, byPID)
	}
	return err
}

// Release gives the memory of the last look back. The table is empty then and
// may be scanned again; who looks rarely calls it after each look.
func (t *Table) Release() {
	t.all, t.parents = nil, t.parents[:0]
	leave(t.room)
	t.room = nil
}

// All is every process, ordered by PID, valid until the next Scan or Release.
func (t *Table) All() []Stat { return t.all }

// index is where pid is in the table, -1 when it is not.
func (t *Table) index(pid int) int {
	i, ok := slices.BinarySearchFunc(t.all, pid, func(s Stat, pid int) int { return s.PID - pid })
	if !ok {
		return -1
	}
	return i
}

// Find is the process pid.
func (t *Table) Find(pid int) (Stat, bool) {
	if i := t.index(pid); i >= 0 {
		return t.all[i], true
	}
	return Stat{}, false
}

// Tree appends root and its descendants to out, parents before children. It
// appends nothing when root is not in the table.
func (t *Table) Tree(root int, out []int) []int {
	if t.index(root) < 0 {
		return out
	}
	if len(t.parents) != len(t.all) {
		t.sortParents()
	}
	from := len(out)
	out = append(out, root)
	for next := from; next < len(out); next++ {
		parent := out[next]
		i, _ := slices.BinarySearchFunc(t.parents, parent, func(i int32, pid int) int { return t.all[i].PPID - pid })
		for ; i < len(t.parents) && t.all[t.parents[i]].PPID == parent; i++ {
			// A look takes time: reused pids can make two processes each
			// other's parent in it. Such a circle always leads through root.
			if pid := t.all[t.parents[i]].PID; pid != root {
				out = append(out, pid)
			}
		}
	}
	return out
}

func (t *Table) sortParents() {
	t.parents = t.parents[:0]
	for i := range t.all {
		t.parents = append(t.parents, int32(i))
	}
	slices.SortFunc(t.parents, func(a, b int32) int { return t.all[a].PPID - t.all[b].PPID })
}

// Owners tells for each process of All which of the roots it belongs to: the
// index of its nearest ancestor among them (itself included), else of the root
// whose session it is in, else of what its parent belongs to, else -1. Out is
// reused when it is large enough.
func (t *Table) Owners(roots []int, out []int32) []int32 {
	const unknown, busy = -2, -3
	out = slices.Grow(out[:0], len(t.all))[:len(t.all)]
	for i := range out {
		out[i] = unknown
	}
	// Roots in the order of their pids, so that sessions are found quickly.
	t.walk = t.walk[:0]
	for r, pid := range roots {
		t.walk = append(t.walk, int32(r))
		if i := t.index(pid); i >= 0 {
			out[i] = int32(r)
		}
	}
	slices.SortFunc(t.walk, func(a, b int32) int { return roots[a] - roots[b] })
	bySession := len(t.walk)
	for i := range t.all {
		up := i
		for up >= 0 && out[up] == unknown {
			out[up] = busy
			t.walk = append(t.walk, int32(up))
			up = t.index(t.all[up].PPID)
		}
		owner := int32(-1)
		if up >= 0 && out[up] != busy {
			owner = out[up]
		}
		for n := len(t.walk) - 1; n >= bySession; n-- {
			at := t.walk[n]
			if owner < 0 {
				owner = session(t.walk[:bySession], roots, t.all[at].SID)
			}
			out[at] = owner
		}
		t.walk = t.walk[:bySession]
	}
	return out
}

// session is the root that leads session sid, -1 when none does.
func session(sorted []int32, roots []int, sid int) int32 {
	if sid == 0 {
		return -1
	}
	n, ok := slices.BinarySearchFunc(sorted, sid, func(r int32, sid int) int { return roots[r] - sid })
	if !ok {
		return -1
	}
	return sorted[n]
}
