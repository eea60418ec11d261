package logs

import "github.com/velospm/velos"

// A program that floods us is not held up while its lines are cut: its bytes
// go into the spool first, as fast as its pipe gives them, and the lines
// follow. What has come and is not yet cut is a queue of pieces, in the order
// in which the pipes of an app brought them.

const (
	aheadMax  = 128 << 20 // bytes of all spools that may wait to be cut
	aheadFree = 1 << 20   // what may wait however little space the disk has
	pieceMax  = 128 << 10 // bytes that are cut before the pipes are looked at again
	piecesMax = 4096      // pieces of an app that may wait
	pieceSpan = 10        // milliseconds that one piece may take to come
	stepMax   = 1 << 20   // bytes that Settle has cut before others have their turn
)

// A piece is what one pipe brought at one time.
type piece struct {
	p    *pipe
	upto int64 // where it ends in the spool
	left int64 // bytes of it that are not yet cut
	at   velos.Time
	end  bool // and the pipe ended
}

// A backlog is the pieces of an app. Each has a number, counted from 1.
type backlog struct {
	pieces []piece
	last   uint64 // number of the newest piece
}

// taken is the number of the newest piece that is cut.
func (b *backlog) taken() uint64 { return b.last - uint64(len(b.pieces)) }

// putOff leaves the newest n bytes of the spool of p to be cut later.
func (s *Store) putOff(p *pipe, n int, end bool) {
	b, sp := &p.log.w.late, p.sp
	if len(b.pieces) == 0 {
		s.late = append(s.late, p.log)
	}
	s.ahead += int64(n)
	if k := len(b.pieces) - 1; k >= 0 && !end {
		if c := &b.pieces[k]; c.p == p && s.now-c.at < pieceSpan && s.now >= c.at {
			c.upto, c.left = sp.size, c.left+int64(n)
			return
		}
	}
	b.pieces = append(b.pieces, piece{p, sp.size, int64(n), s.now, end})
	b.last++
	sp.pieces++
	sp.busy = true
}

// tooFar reports whether p's spool must not grow before lines were cut. A
// pipe of an app that has nothing waiting is always heard.
func (s *Store) tooFar(p *pipe) bool {
	w := p.log.w
	if w == nil || len(w.late.pieces) == 0 {
		return false
	}
	return s.ahead >= aheadMax || len(w.late.pieces) >= piecesMax || s.ahead >= aheadFree && s.ahead >= freeSpace(s.dir)/4
}

// catchUp cuts lines of the app whose turn it is.
func (s *Store) catchUp() {
	l := s.late[0]
	s.cutPiece(l)
	if len(s.late) > 1 && s.late[0] == l {
		copy(s.late, s.late[1:])
		s.late[len(s.late)-1] = l
	}
}

// cutAll leaves nothing waiting.
func (s *Store) cutAll(l *Log) {
	for l.w != nil && len(l.w.late.pieces) > 0 {
		s.cutPiece(l)
	}
}

// cutPiece cuts lines of the oldest piece of l, which has one.
func (s *Store) cutPiece(l *Log) {
	c := &l.w.late.pieces[0]
	p, sp := c.p, c.p.sp
	s.touch(p)
	s.buffers()
	s.look()
	s.checkpoint(l)
	s.notePID(p)
	from := sp.off
	upto := min(c.upto, from+pieceMax)
	if from < sp.size && s.openSpoolOf(p, false) {
		now := s.now
		s.now = c.at // lines carry the time at which they came
		s.consume(p, upto, false)
		s.now = now
	}
	done := min(max(sp.off-from, 0), c.left)
	// A spool that was lost holds less than was put off.
	whole := upto == c.upto || upto >= sp.size
	if whole {
		done = c.left
	}
	c.left -= done
	s.ahead -= done
	if whole {
		s.takePiece(l)
	}
}

// takePiece ends the oldest piece of l.
func (s *Store) takePiece(l *Log) {
	b := &l.w.late
	c := b.pieces[0]
	b.pieces[0] = piece{}
	if b.pieces = b.pieces[1:]; len(b.pieces) == 0 {
		b.pieces = nil
		for i, o := range s.late {
			if o == l {
				s.late = append(s.late[:i], s.late[i+1:]...)
				break
			}
		}
		if len(s.late) == 0 {
			s.late = nil
		}
	}
	sp := c.p.sp
	sp.pieces--
	sp.busy = sp.pieces > 0
	if c.end {
		s.end(c.p)
	}
}

// gatherAll reads what the pipes of a run hold, and returns the number of the
// piece up to which its lines are to be cut.
func (s *Store) gatherAll(l *Log, inst int) (goal uint64) {
	for p := l.pipes; p != nil; {
		next := p.next
		if int(p.inst) == inst {
			s.gather(p)
		}
		p = next
	}
	if l.w == nil {
		return 0
	}
	return l.w.late.last
}

// settleStep cuts a part of what is to be cut before a run is settled, and
// settles it when that was the last.
func (s *Store) settleStep(l *Log, inst int, goal uint64) error {
	for p := l.pipes; p != nil; p = p.next {
		if int(p.inst) == inst && p.sp != nil && p.sp.ended && p.sp.pieces > 0 {
			goal = l.w.late.last // its end came after it was gathered, and carries the last line
		}
	}
	for n := 0; l.w != nil && l.w.late.taken() < goal; n += pieceMax {
		if n >= stepMax {
			return errBehind
		}
		s.cutPiece(l)
	}
	for p := l.pipes; p != nil; p = p.next {
		if int(p.inst) == inst {
			s.settle(p)
		}
	}
	return nil
}
