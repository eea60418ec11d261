package logs

import (
	"errors"
	"strconv"
	"strings"
	"syscall"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

// A pipe is the read end of one output of one run. A quiet one is no more
// than this.
type pipe struct {
	log     *Log
	next    *pipe
	sp      *spool // nil until it has moved bytes
	fd      int32  // -1: left by a former process and not adopted
	key     uint32 // place in the table
	pid     int32
	inst    int16 // the Place
	src     velos.Stream
	waiting bool // its lines wait for Began, outside of the poll set
}

// sideBit tells the places of an instance apart, below it is the instance.
const (
	sideBit  = 1 << 13
	maxInst  = sideBit - 1
	maxPlace = 4*sideBit - 1
)

// Place is where a run of an instance has its pipes. Two runs of one instance
// overlap while one takes the other's place: they are on different sides, 0
// and 1. Sides 2 and 3 are for what is run beside them. Lines carry the
// instance alone.
func Place(inst, side int) int { return inst | side*sideBit }

// Values of pid that are none.
const (
	pidAwaited = 0  // Began will come
	pidUnknown = -1 // it did not come in time; lines go on without
	pidGone    = -2 // the run has ended without it: what comes is a grandchild's
)

// Pipes makes the pipes of a new run at a Place and returns their write ends: blocking,
// closed on exec, and the caller's to close after the fork. The read ends are
// ours. (A run under another uid will need its write ends given to that uid,
// or its open of /dev/stdout is refused.)
func (l *Log) Pipes(inst int) (stdout, stderr int, err error) {
	if inst < 0 || inst > maxPlace {
		return -1, -1, &velos.Error{Code: velos.Invalid, Message: "no pipes for instance " + strconv.Itoa(inst) + ": at most " + strconv.Itoa(maxInst+1)}
	}
	outR, outW, err := makePipe()
	if err != nil {
		return -1, -1, pipeError(err)
	}
	errR, errW, err := makePipe()
	if err != nil {
		closeFD(outR)
		closeFD(outW)
		return -1, -1, pipeError(err)
	}
	l.park(inst, velos.Stdout, outR)
	fault.Here("start.parked")
	l.park(inst, velos.Stderr, errR)
	ok := l.s.post(func() {
		l.s.endOrphans(l, inst)
		l.s.join(&pipe{log: l, fd: int32(outR), inst: int16(inst), src: velos.Stdout})
		l.s.join(&pipe{log: l, fd: int32(errR), inst: int16(inst), src: velos.Stderr})
	})
	if !ok {
		if l.s.o.Unpark != nil {
			l.s.o.Unpark(parkName(l.id, inst, velos.Stdout, outR))
			l.s.o.Unpark(parkName(l.id, inst, velos.Stderr, errR))
		}
		for _, fd := range [...]int{outR, outW, errR, errW} {
			closeFD(fd)
		}
		return -1, -1, &velos.Error{Code: velos.Failed, Message: "make pipes: the log store is closed"}
	}
	return outW, errW, nil
}

func pipeError(err error) error {
	if velos.CodeOf(err) == velos.Unsupported {
		return err
	}
	e := &velos.Error{Code: velos.Failed, Message: "make pipes for the output: " + err.Error(), Cause: err}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) {
		// It passes: whoever wants the pipes may ask again.
		e.Code, e.Hint = velos.Busy, "raise the limit of open files (ulimit -n) before velosd is started"
	}
	return e
}

// Adopt goes on reading a pipe that was parked elsewhere while this process
// was not there. The descriptor is ours from now on; it was made by Pipes, of
// this or a former process.
func (l *Log) Adopt(inst int, src velos.Stream, fd int) {
	l.s.post(func() {
		st, _ := fstat(fd)
		for p := l.pipes; p != nil; p = p.next {
			if p.fd < 0 && int(p.inst) == inst && p.src == src && p.sp.ino == st.ino {
				p.fd = int32(fd)
				l.s.enlist(p)
				return
			}
		}
		l.s.join(&pipe{log: l, fd: int32(fd), inst: int16(inst), src: src})
	})
}

// park and its counterpart name a pipe by the inode, which it keeps for life.
func (l *Log) park(inst int, src velos.Stream, fd int) {
	if l.s.o.Park != nil {
		l.s.o.Park(parkName(l.id, inst, src, fd), fd)
	}
}

func parkName(id uint32, inst int, src velos.Stream, fd int) string {
	st, _ := fstat(fd)
	return "log/" + strconv.FormatUint(uint64(id), 10) + "/" + strconv.Itoa(inst) + "/" + src.String() + "/" + strconv.FormatUint(st.ino, 10)
}

// ParseParked takes the name of a parked pipe apart, for Adopt.
func ParseParked(name string) (id uint32, inst int, src velos.Stream, ok bool) {
	part := strings.Split(name, "/")
	if len(part) != 5 || part[0] != "log" {
		return 0, 0, 0, false
	}
	n, err1 := strconv.ParseUint(part[1], 10, 32)
	inst, err2 := strconv.Atoi(part[2])
	src = streamOf([]byte(part[3]))
	ok = err1 == nil && err2 == nil && inst >= 0 && inst <= maxPlace && src != velos.AnyStream
	return uint32(n), inst, src, ok
}

// join takes a pipe into its log, the table and the poll set.
func (s *Store) join(p *pipe) {
	if s.ending || s.known(p.log.id) != p.log {
		if s.o.Unpark != nil {
			s.o.Unpark(parkName(p.log.id, int(p.inst), p.src, int(p.fd)))
		}
		closeFD(int(p.fd))
		return
	}
	p.next = p.log.pipes
	p.log.pipes = p
	s.enlist(p)
}

func (s *Store) enlist(p *pipe) {
	if n := len(s.vacant); n > 0 {
		p.key, s.vacant = s.vacant[n-1], s.vacant[:n-1]
		s.table[p.key] = p
	} else {
		p.key = uint32(len(s.table))
		s.table = append(s.table, p)
	}
	p.waiting = true
	s.admit(p)
}

// admit lets the poll set hear of p.
func (s *Store) admit(p *pipe) {
	if p.waiting && p.fd >= 0 && (p.sp == nil || !p.sp.ended) {
		if err := s.set.Add(int(p.fd), uint64(p.key)); err != nil {
			s.notice(p.log, "listen to a pipe: "+err.Error())
			s.spoolOf(p)
			s.touch(p) // the next sweep tries again
			return
		}
		p.waiting = false
	}
}

func (s *Store) pipeAt(key uint64) *pipe {
	if key < uint64(len(s.table)) {
		return s.table[key]
	}
	return nil
}

// serve gives a ready pipe one turn.
func (s *Store) serve(p *pipe, hangup bool) {
	if p.fd < 0 || p.waiting {
		return
	}
	if p.pid == pidAwaited && buffered(int(p.fd)) > 0 {
		// The program is faster than the word of its pid: its lines wait.
		s.set.Remove(int(p.fd))
		p.waiting = true
		s.spoolOf(p)
		s.touch(p)
		return
	}
	switch {
	case hangup && unused(p):
		// The event may be an old one, of a pipe that had this key before:
		// only the pipe itself knows.
		s.end(p)
		return
	case p.pid == pidAwaited && p.sp == nil:
		return
	}
	if s.tooFar(p) {
		return
	}
	if _, ended := s.turn(p, turnMax); ended {
		s.end(p)
	}
}

// unused reports that the pipe has ended and that nothing was ever written into
// it: there is nothing to make a spool for.
func unused(p *pipe) bool {
	return p.sp == nil && hungUp(int(p.fd)) && buffered(int(p.fd)) == 0
}

// drain reads what p holds at this moment, and no more of what a flood adds
// to it meanwhile.
func (s *Store) drain(p *pipe) (ended bool) {
	if p.fd < 0 || p.sp != nil && p.sp.ended {
		return false
	}
	if unused(p) {
		return true
	}
	for left := max(buffered(int(p.fd)), 1); left > 0; {
		n, end := s.turn(p, turnMax)
		if end {
			return true
		}
		if n == 0 {
			return false
		}
		left -= n
	}
	return false
}

// gather is drain, and the end of a pipe that has ended.
func (s *Store) gather(p *pipe) {
	if p.fd < 0 || s.drain(p) {
		s.end(p)
	}
}

// settle is the end of the last line.
func (s *Store) settle(p *pipe) {
	if p.pid <= 0 {
		p.pid = pidGone
	}
	s.admit(p)
	if p.sp != nil && p.sp.pieces == 0 {
		s.finish(p)
		s.emptySpool(p)
	}
}

// endOrphans ends what a former process left of an instance and nobody
// adopted: a last line without a newline is kept.
func (s *Store) endOrphans(l *Log, inst int) {
	for p := l.pipes; p != nil; {
		next := p.next
		if p.fd < 0 && int(p.inst) == inst {
			s.end(p)
		}
		p = next
	}
}

// end keeps the last line and forgets the pipe.
func (s *Store) end(p *pipe) {
	l := p.log
	if p.sp != nil && p.sp.pieces > 0 {
		s.cutAll(l) // it may end p, which is then ended twice
	}
	if p.sp != nil {
		s.finish(p)
		s.dropSpool(p)
	}
	if p.fd >= 0 {
		if !p.waiting {
			s.set.Remove(int(p.fd))
		}
		if s.o.Unpark != nil {
			s.o.Unpark(parkName(l.id, int(p.inst), p.src, int(p.fd)))
		}
		closeFD(int(p.fd))
		s.table[p.key] = nil
		s.vacant = append(s.vacant, p.key)
		p.fd = -1
	}
	for at := &l.pipes; *at != nil; at = &(*at).next {
		if *at == p {
			*at = p.next
			break
		}
	}
}
