package logs

import (
	"bytes"
	"os"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

const (
	pipeNormal = 64 << 10  // what a pipe holds
	pipeWide   = 1 << 20   // what one of a busy program holds
	spoolKeep  = 256 << 10 // bytes at which a consumed spool is emptied at once
	punchEvery = 4 << 20
	retryMin   = 1_000 // milliseconds until a full disk is tried again
	retryMax   = 8_000
)

// A spool is where a pipe's bytes are between pipe and log file. Bytes below
// off are accounted for in the checkpoint; what lies between off and size is
// a line that has no end yet.
type spool struct {
	handle
	spot    int // in the checkpoint; -1 when there is none
	ino     uint64
	off     int64
	size    int64
	scanned int64 // no newline lies between off and here
	punched int64
	// In memory mode the disk takes no spool (or the system has no splice):
	// the unfinished line is here, and a kill can lose what was read.
	memory bool
	tail   []byte
	retry  beat
	carry  velos.Level // level of a line that was cut and goes on
	warm   bool
	wide   bool
	ended  bool // nothing follows its last piece
	pieces int  // that wait to be cut
}

// spoolOf is p's spool; it and the checkpoint are made at the first byte.
func (s *Store) spoolOf(p *pipe) *spool {
	if p.sp == nil {
		st, _ := fstat(int(p.fd))
		p.sp = &spool{handle: handle{fd: -1}, spot: -1, ino: st.ino, memory: !exact}
		s.claim(p, true)
	}
	return p.sp
}

// claim gets p a spot in the checkpoint, and an empty spool.
func (s *Store) claim(p *pipe, fresh bool) bool {
	sp, w := p.sp, s.writerOf(p.log)
	if sp.spot >= 0 {
		return true
	}
	if !s.checkpoint(p.log) {
		return false
	}
	kind := uint32(p.src)
	if sp.spot = w.ck.take(sp.ino, int(p.pid), int(p.inst), kind); sp.spot < 0 {
		if !s.widenCkpt(p.log) {
			return false
		}
		if sp.spot = w.ck.take(sp.ino, int(p.pid), int(p.inst), kind); sp.spot < 0 {
			return false
		}
	}
	return true
}

// turn moves up to budget bytes from the pipe, and the lines in them to the
// log file; those of a flood follow later. ended means that the pipe's other
// side is gone and that nothing of it is left to follow.
func (s *Store) turn(p *pipe, budget int) (n int, ended bool) {
	sp := s.spoolOf(p)
	s.touch(p)
	s.buffers()
	s.look()
	s.checkpoint(p.log)
	s.notePID(p)
	if sp.memory && !s.leaveMemory(p) || !s.openSpoolOf(p, sp.size == 0) {
		return s.memoryTurn(p)
	}
	n, again, err := moveSeam(int(p.fd), sp.fd, sp.size, budget)
	if err != nil {
		if sp.pieces > 0 {
			return 0, false // they give room first
		}
		s.enterMemory(p)
		return s.memoryTurn(p)
	}
	s.pace.moved += n
	if (n >= pipeNormal || s.pace.on) && !sp.wide {
		sp.wide = widen(int(p.fd), pipeWide)
		s.pace.narrow = s.pace.narrow || !sp.wide
	}
	sp.size += int64(n)
	fault.Here("output.moved")
	if p.log.waits != nil {
		s.seekSpool(p, n)
	}
	ended = n == 0 && !again
	s.flooded = s.flooded || n >= pipeNormal
	if n < pipeNormal && len(p.log.w.late.pieces) == 0 {
		s.consume(p, sp.size, ended)
		return n, ended
	}
	if n > 0 || ended {
		s.putOff(p, n, ended)
	}
	if ended {
		s.set.Remove(int(p.fd))
		p.waiting, sp.ended = true, true
	}
	return n, false
}

// notePID writes the pid into the spot once it is known.
func (s *Store) notePID(p *pipe) {
	if w := p.log.w; p.sp.spot >= 0 && w.ck != nil && p.pid > 0 {
		w.ck.name(p.sp.spot, int(p.pid))
	}
}

// openSpoolOf makes sure that the spool is open; without one the pipe goes
// on in memory mode.
func (s *Store) openSpoolOf(p *pipe, fresh bool) bool {
	sp := p.sp
	if sp.memory {
		return false
	}
	if sp.fd >= 0 {
		sp.handle.used = s.tick
		return true
	}
	if s.claim(p, true) {
		fd, err := openSpool(s.spoolPath(p.log.id, sp.spot), fresh)
		if err == nil {
			sp.fd = fd
			s.hold(&sp.handle)
			return true
		}
	}
	s.enterMemory(p)
	return false
}

// consume turns what is in the spool before upto into lines. With end set the
// last one needs no newline.
func (s *Store) consume(p *pipe, upto int64, end bool) {
	sp := p.sp
	upto = min(upto, sp.size)
	for sp.off < upto {
		if !end && upto-sp.off <= maxLine && sp.scanned > sp.off && !s.newlineSince(p, upto) {
			break
		}
		b := s.in[:min(int64(len(s.in)), upto-sp.off)]
		n, err := pread(sp.fd, b, sp.off)
		if err != nil || n == 0 {
			s.lost(p, err)
			break
		}
		all := sp.off+int64(n) == upto
		if s.takeLines(p, b[:n], end && all) == 0 || all {
			sp.scanned = upto
			break
		}
	}
	switch {
	case sp.off == sp.size && sp.size >= spoolKeep:
		s.emptySpool(p)
	case sp.off-sp.punched >= punchEvery:
		sp.punched = sp.off &^ (pageSize - 1)
		punch(sp.fd, sp.punched)
	}
}

// newlineSince looks at the bytes that came since the last look only: a
// program that draws dots must not make us read its line again for each.
func (s *Store) newlineSince(p *pipe, upto int64) bool {
	sp := p.sp
	if upto <= sp.scanned {
		return false
	}
	b := s.in[:upto-sp.scanned]
	n, err := pread(sp.fd, b, sp.scanned)
	if err != nil || n < len(b) || bytes.IndexByte(b, '\n') >= 0 {
		return true // let the caller see to it
	}
	sp.scanned = upto
	return false
}

// lost gives up what the spool should hold and does not: somebody emptied it,
// or the disk cannot read it.
func (s *Store) lost(p *pipe, err error) {
	sp := p.sp
	text := "the spool lost output that was not yet in the log"
	if err != nil {
		text += ": " + err.Error()
	}
	s.notice(p.log, text)
	sp.off = sp.size
	s.emptySpool(p)
}

// emptySpool gives the blocks of a consumed spool back. The order matters: a
// spool that is shorter than its checkpoint says was emptied.
func (s *Store) emptySpool(p *pipe) {
	sp := p.sp
	if sp.off < sp.size || sp.size == 0 || sp.memory {
		return
	}
	if sp.fd < 0 && !s.openSpoolOf(p, false) {
		return
	}
	if truncate(sp.fd, 0) != nil {
		return
	}
	sp.off, sp.size, sp.scanned, sp.punched = 0, 0, 0, 0
	s.commit(p)
}

// finish takes the last line, though it has no newline.
func (s *Store) finish(p *pipe) {
	sp := p.sp
	s.buffers()
	s.look()
	if sp.memory {
		n := copy(s.in, sp.tail)
		sp.tail = nil
		for at := 0; at < n; {
			at += s.takeLines(p, s.in[at:n], true)
		}
		return
	}
	if sp.off < sp.size && s.openSpoolOf(p, false) {
		s.consume(p, sp.size, true)
	}
}

// dropSpool forgets spot and file. All of it has been consumed.
func (s *Store) dropSpool(p *pipe) {
	sp, w := p.sp, p.log.w
	s.let(&sp.handle)
	if sp.spot >= 0 && w != nil && w.ck != nil {
		// In this order: the spot's next owner must never find our bytes.
		os.Remove(s.spoolPath(p.log.id, sp.spot))
		w.ck.free(&w.st, sp.spot)
	}
	p.sp = nil
}

// enterMemory goes on without a spool, taking the unfinished line along.
func (s *Store) enterMemory(p *pipe) {
	sp := p.sp
	if sp.memory {
		return
	}
	if n := sp.size - sp.off; n > 0 && sp.fd < 0 {
		s.notice(p.log, "the spool cannot be opened: "+strconv.FormatInt(n, 10)+" bytes of an unfinished line are lost")
	} else if n > 0 {
		sp.tail = make([]byte, n)
		m, _ := pread(sp.fd, sp.tail, sp.off)
		sp.tail = sp.tail[:m]
	}
	sp.off = sp.size
	s.emptySpool(p)
	sp.off, sp.size, sp.scanned, sp.punched = 0, 0, 0, 0
	sp.memory = true
	sp.retry = s.clock + retryMin
	s.let(&sp.handle)
}

// leaveMemory tries the spool again when it is time.
func (s *Store) leaveMemory(p *pipe) bool {
	sp := p.sp
	if !exact || s.clock < sp.retry {
		return false
	}
	return s.saveTail(p)
}

// saveTail puts the unfinished line of memory mode into the spool again.
func (s *Store) saveTail(p *pipe) bool {
	sp := p.sp
	sp.memory = false
	if !s.openSpoolOf(p, true) {
		return false
	}
	sp.off, sp.size, sp.scanned = 0, 0, 0
	s.commit(p) // the spool is empty; only now may bytes follow
	n, err := pwrite(sp.fd, sp.tail, 0)
	if err != nil || n < len(sp.tail) {
		tail := sp.tail
		truncate(sp.fd, 0)
		s.enterMemory(p)
		sp.tail = tail
		return false
	}
	sp.size = int64(len(sp.tail))
	sp.tail = nil
	return true
}

// memoryTurn is turn without a spool.
func (s *Store) memoryTurn(p *pipe) (n int, ended bool) {
	sp := p.sp
	s.inexact(p.log)
	have := copy(s.in, sp.tail)
	n, again, err := read(int(p.fd), s.in[have:])
	if err != nil || n == 0 {
		return 0, !again
	}
	b := s.in[:have+n]
	if p.log.waits != nil {
		p.log.seekRead(p, b, have)
	}
	used := s.takeLines(p, b, false)
	sp.tail = append(sp.tail[:0], b[used:]...)
	if used == len(b) {
		sp.tail = nil
	}
	return n, false
}
