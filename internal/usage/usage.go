// Package usage measures what process trees take: processor time and memory.
// It reads the process table and nothing else, when it is asked to; it starts
// no clock and keeps nothing of a tree that has ended.
package usage

import (
	"slices"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

// TooSoon is the time below which two passes are not compared: the system
// counts in ticks of 10 ms, and over a shorter time they would be noise. Such
// a pass repeats the percentages of the one before.
const TooSoon = 250 * time.Millisecond

// A Sampler compares each pass over the process table with its former one. It
// reuses its memory. Not for concurrent use.
type Sampler struct {
	table  proc.Table
	owners []int32
	sums   []sum

	at  time.Time // of the pass that cpu holds
	cpu []used    // every tree's members in that pass, ordered by pid

	known []root // the roots of the last pass, ordered by pid
	fresh []root
}

// used is what one process had used by the former pass.
type used struct {
	pid   int32
	start uint64
	cpu   uint64
}

// root is what is remembered of a tree while its root lives.
type root struct {
	pid     int
	start   uint64
	peak    int64
	percent float64
	old     bool // it was there when cpu was taken
}

// sum is a tree in the pass being made.
type sum struct {
	ticks  uint64
	memory int64
	procs  int
}

// New is a Sampler without a former pass.
func New() *Sampler { return &Sampler{} }

// Sample makes one pass and calls set once for each root.
//
// A tree is the root's descendants and the members of its session. CPU is in
// percent of one core since the former pass, 0 when a root is seen for the
// first time; a member born since then counts with all it has used, one that
// ended counts no more. Memory is the sum of the members' resident memory in
// bytes: pages that they share count several times. Peak is the highest Memory
// that a pass has seen while the root lived. A root that does not exist and
// left nobody has zero usage. An error means that the process table could not
// be read; set is then not called.
func (s *Sampler) Sample(now time.Time, roots []int, set func(root int, u velos.Usage)) error {
	if err := s.table.Scan(); err != nil {
		return err
	}
	elapsed := now.Sub(s.at)
	compare := s.at.IsZero() || elapsed >= TooSoon || elapsed < 0
	s.owners = s.table.Owners(roots, s.owners)
	s.add(len(roots))
	s.fresh = s.fresh[:0]
	for i, pid := range roots {
		s.fresh = append(s.fresh, s.judge(pid, &s.sums[i], elapsed, compare, set))
	}
	slices.SortFunc(s.fresh, func(a, b root) int { return a.pid - b.pid })
	s.known, s.fresh = s.fresh, s.known
	if compare {
		s.at = now
		s.keep()
	}
	return nil
}

// Release gives the memory of the last pass's process table back.
func (s *Sampler) Release() { s.table.Release() }

// Table is the process table of the last pass, valid until the next one or
// Release.
func (s *Sampler) Table() *proc.Table { return &s.table }

// add sums the members of each tree. Both lists are ordered by pid, so one walk
// finds each process's former self.
func (s *Sampler) add(roots int) {
	s.sums = slices.Grow(s.sums[:0], roots)[:roots]
	clear(s.sums)
	at := 0
	all := s.table.All()
	for i := range all {
		owner := s.owners[i]
		if owner < 0 {
			continue
		}
		p := &all[i]
		for at < len(s.cpu) && int(s.cpu[at].pid) < p.PID {
			at++
		}
		t := &s.sums[owner]
		t.procs++
		t.memory += p.RSS
		t.ticks += p.CPU
		// The same pid with another start is another process.
		if at < len(s.cpu) && int(s.cpu[at].pid) == p.PID && s.cpu[at].start == p.Start {
			t.ticks -= min(s.cpu[at].cpu, p.CPU)
		}
	}
}

// judge turns a tree's sum into its usage and remembers what the next pass
// needs.
func (s *Sampler) judge(pid int, t *sum, elapsed time.Duration, compare bool, set func(int, velos.Usage)) root {
	r := root{pid: pid, old: compare}
	if p, ok := s.table.Find(pid); ok {
		r.start = p.Start
	}
	i, ok := slices.BinarySearchFunc(s.known, pid, func(r root, pid int) int { return r.pid - pid })
	if ok && s.known[i].start == r.start {
		former := &s.known[i]
		r.peak, r.percent = former.peak, former.percent
		r.old = compare || former.old
		if compare && former.old && elapsed > 0 {
			r.percent = 100 * float64(t.ticks) / proc.TicksPerSecond / elapsed.Seconds()
		}
	}
	r.peak = max(r.peak, t.memory)
	set(pid, velos.Usage{CPU: r.percent, Memory: t.memory, Peak: r.peak, Procs: t.procs})
	return r
}

// keep makes this pass the former one.
func (s *Sampler) keep() {
	all := s.table.All()
	s.cpu = s.cpu[:0]
	for i := range all {
		if s.owners[i] < 0 {
			continue
		}
		s.cpu = append(s.cpu, used{pid: int32(all[i].PID), start: all[i].Start, cpu: all[i].CPU})
	}
}
