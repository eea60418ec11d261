package logs

import (
	"os"
	"sync/atomic"
	"unsafe"
)

// The checkpoint of an app is one shared mapped page: stores into it are in
// the page cache at once, so a killed daemon has lost none of them, and a
// checkpoint costs no system call.
//
// Two slots take turns. A slot is filled, then sealed by its generation,
// which is stored last; whoever finds it half filled sees the other slot's
// higher generation. A slot carries the whole state of the files and the new
// spool offset of the one pipe that moved: the redo. It is applied to the
// table of pipes behind it after the slot is sealed, and again at recovery.
type page struct {
	magic   uint64
	inexact uint64    // not 0: lines reached the files without having been in a spool
	minute  [2]uint64 // that is open: at and lines, warn and errors
	_       [4]uint64
	slots   [2]slot
}

type slot struct {
	gen     uint64
	state   state
	redo    int64 // index of the pipe, -1 for none
	redoOff int64
	sum     uint64
	_       uint64
}

// A state is what is true of the files of an app at a checkpoint.
type state struct {
	ino    [2]uint64 // of the log files: out, err
	size   [2]int64
	seq    uint64
	lines  uint64
	errors uint64
	drops  uint64
}

// A spot is a pipe that has ever written, and how much of its spool is
// accounted for.
type spot struct {
	off  int64
	ino  uint64 // of the pipe: how an adopted descriptor finds its spot
	pid  uint32
	kind uint32 // 0 free; else 1 + stream<<1 + inst<<3, stored last
}

const (
	magic     = 0x31306b6356 // "Vck01"
	pageSize  = 4096
	headSize  = int(unsafe.Sizeof(page{}))
	spotSize  = int(unsafe.Sizeof(spot{}))
	pageSpots = (pageSize - headSize) / spotSize // what one page holds
)

func ckptSize(spots int) int {
	return (headSize + spots*spotSize + pageSize - 1) / pageSize * pageSize
}

// A ckpt is an open checkpoint: mapped, or a private copy of the file.
type ckpt struct {
	mem    []byte
	p      *page
	gen    uint64
	mapped bool
	bad    bool // the page could not be stored to
}

// fault is deferred around stores. Some file systems need space for a store
// into a page that has its block, and answer a full disk with SIGBUS; so does
// a file that somebody truncated. It relies on debug.SetPanicOnFault.
func (c *ckpt) fault() {
	r := recover()
	if r == nil {
		return
	}
	if _, ok := r.(interface{ Addr() uintptr }); !ok {
		panic(r)
	}
	c.bad = true
}

// name notes the pid of a pipe.
func (c *ckpt) name(i, pid int) {
	defer c.fault()
	if s := &c.pipes()[i]; s.pid != uint32(pid) {
		s.pid = uint32(pid)
	}
}

// inexact notes whether the files hold lines that no spool can give again.
func (c *ckpt) inexact(yes bool) {
	defer c.fault()
	flag := uint64(0)
	if yes {
		flag = 1
	}
	if c.p.inexact != flag {
		c.p.inexact = flag
	}
}

func view(mem []byte) *page { return (*page)(unsafe.Pointer(unsafe.SliceData(mem))) }

// pipes are the spots that the memory really holds.
func (c *ckpt) pipes() []spot {
	return unsafe.Slice((*spot)(unsafe.Pointer(&c.mem[headSize])), (len(c.mem)-headSize)/spotSize)
}

// createCkpt makes or opens the file with room for spots pipes and maps it.
// Its blocks are written, not left as holes: a store into a hole on a full
// disk would be a fatal signal.
func createCkpt(path string, spots int) (*ckpt, error) {
	fd, err := openSpool(path, false)
	if err != nil {
		return nil, err
	}
	defer closeFD(fd)
	st, err := fstat(fd)
	if err != nil {
		return nil, err
	}
	want := max(ckptSize(spots), int(st.size)/pageSize*pageSize)
	var zero [pageSize]byte
	for have := int(st.size); have < want; {
		n, err := pwrite(fd, zero[:min(want-have, pageSize)], int64(have))
		if err != nil {
			truncate(fd, st.size)
			return nil, err
		}
		have += n
	}
	mem, err := mapFile(fd, want)
	if err != nil {
		return nil, err
	}
	c := &ckpt{mem: mem, p: view(mem), mapped: true}
	c.load()
	return c, nil
}

// readCkpt reads the file into memory of the heap; nil when there is none
// or it is no checkpoint.
func readCkpt(path string) *ckpt {
	b, err := os.ReadFile(path)
	if err != nil || len(b) < pageSize {
		return nil
	}
	words := make([]uint64, len(b)/8) // aligned, as a mapping is
	mem := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)
	copy(mem, b)
	c := &ckpt{mem: mem, p: view(mem)}
	if c.p.magic != magic {
		return nil
	}
	c.load()
	return c
}

// load finds the newest slot and applies its redo.
func (c *ckpt) load() {
	if c.p.magic != magic {
		clear(c.mem)
		c.p.magic = magic
	}
	c.gen = 0
	var best *slot
	for i := range c.p.slots {
		s := &c.p.slots[i]
		if s.gen > c.gen && s.sum == s.check() {
			c.gen, best = s.gen, s
		}
	}
	if best != nil && best.redo >= 0 && int(best.redo) < len(c.pipes()) {
		c.pipes()[best.redo].off = best.redoOff
	}
}

// minute notes how far the open minute has come. It is not sealed: a kill
// between the two stores costs a part of one minute's figures.
func (c *ckpt) minute(m *minute) {
	defer c.fault()
	c.p.minute = [2]uint64{uint64(m.at)<<32 | uint64(m.lines), uint64(m.warn)<<32 | uint64(m.errs)}
}

// openMinute is what minute has noted.
func (c *ckpt) openMinute() minute {
	a, b := c.p.minute[0], c.p.minute[1]
	return minute{uint32(a >> 32), uint32(a), uint32(b >> 32), uint32(b)}
}

// state is the newest one; the zero state when there is none.
func (c *ckpt) state() state {
	if c.gen == 0 {
		return state{}
	}
	return c.p.slots[c.gen&1].state
}

// commit seals st, and off as the spool offset of pipe redo (-1: of none).
func (c *ckpt) commit(st *state, redo int, off int64) {
	defer c.fault()
	gen := c.gen + 1
	s := &c.p.slots[gen&1]
	s.state, s.redo, s.redoOff = *st, int64(redo), off
	s.sum = s.sumFor(gen)
	atomic.StoreUint64(&s.gen, gen)
	c.gen = gen
	if redo >= 0 {
		atomic.StoreInt64(&c.pipes()[redo].off, off)
	}
}

func (s *slot) check() uint64 { return s.sumFor(s.gen) }

// sumFor guards against a slot torn by a crash of the machine.
func (s *slot) sumFor(gen uint64) uint64 {
	h := gen ^ 0x9e3779b97f4a7c15
	for _, w := range [...]uint64{s.state.ino[0], s.state.ino[1], uint64(s.state.size[0]), uint64(s.state.size[1]),
		s.state.seq, s.state.lines, s.state.errors, s.state.drops, uint64(s.redo), uint64(s.redoOff)} {
		h = (h ^ w) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

// take makes a spot for a pipe; -1 when all are taken.
func (c *ckpt) take(ino uint64, pid int, inst int, stream uint32) (i int) {
	i = -1
	defer c.fault()
	list := c.pipes()
	for n := range list {
		if list[n].kind == 0 {
			c.set(n, 0, ino, pid, inst, stream)
			return n
		}
	}
	return -1
}

// set fills a spot, if it is free.
func (c *ckpt) set(i int, off int64, ino uint64, pid int, inst int, stream uint32) {
	defer c.fault()
	if s := &c.pipes()[i]; s.kind == 0 {
		s.off, s.ino, s.pid = off, ino, uint32(pid)
		atomic.StoreUint32(&s.kind, 1|stream<<1|uint32(inst)<<3)
	}
}

// free gives a spot back. The newest slot must not hold a redo for it, or
// the next owner of the spot would inherit the offset.
func (c *ckpt) free(st *state, i int) {
	defer c.fault()
	c.commit(st, -1, 0)
	atomic.StoreUint32(&c.pipes()[i].kind, 0)
}

func (s *spot) inst() int      { return int(s.kind >> 3) }
func (s *spot) stream() uint32 { return s.kind >> 1 & 3 }

func (c *ckpt) close() {
	if c.mapped {
		unmapFile(c.mem)
	}
	c.mem, c.p = nil, nil
}
