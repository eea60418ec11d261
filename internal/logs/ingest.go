package logs

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/poll"
)

const (
	inSize    = 256 << 10 // bytes of a spool read at once
	outSize   = 1 << 20   // room for a batch and one line of the worst kind
	outFull   = 256 << 10 // a batch is written when it is this long
	batchMax  = 4096      // lines of a batch
	turnMax   = 1 << 20   // bytes that one pipe may move before the next one's turn
	sweepTime = time.Second
	maxOpen   = 128 // descriptors of files held open
	maxEvents = 64
)

// ingest is the part of a Store that only its goroutine touches.
type ingest struct {
	orders chan struct{} // stands in for the poll set where there is none

	table  []*pipe // by poll key
	vacant []uint32
	warm   []*pipe // have moved bytes since they were last swept
	hot    []*Log  // have a ring above the smallest size
	loose  []loose // have rotated a moment ago
	opened []*handle

	mem     []byte // one mapping: in, out, lines
	in      []byte
	out     []byte
	lines   []cutLine
	stamper stamper

	now     velos.Time
	clock   beat
	tick    uint32 // rises with each turn: how recently a handle was used
	swept   uint32 // tick at the last sweep
	timer   *time.Timer
	pending bool // the timer runs
	sweepAt time.Time
	ending  bool
	pace    pace
	late    []*Log // have pieces to be cut, the next one first
	ahead   int64  // bytes of all pieces
	flooded bool   // a pipe was found full in this round

	counted     []*Log // have an open minute, or may be falling silent
	minuteTimer *time.Timer
	minuteDue   bool // the timer runs
	minuteOver  atomic.Bool
}

// A beat counts milliseconds since an arbitrary moment, never 0, and knows
// nothing of the steps that somebody makes the system's time take.
type beat int64

var born = time.Now().Add(-time.Minute)

// look takes note of the time.
func (s *Store) look() {
	s.now = velos.TimeOf(timeNow())
	s.clock = beat(time.Since(born) / time.Millisecond)
}

// A cutLine is a line of the current batch, as offsets into the text it was
// cut from.
type cutLine struct {
	from, to int32
	level    velos.Level
	more     bool
}

// A handle is a file that may be closed whenever descriptors run short.
type handle struct {
	fd   int // -1 when closed
	used uint32
	busy bool // never closed to make room for others
}

// A pace notices that programs flood us in small pieces. Then a nap between
// rounds lets the pieces gather in pipes that hold enough, and spares both
// sides a wake-up for each piece.
type pace struct {
	window beat
	rounds int
	moved  int  // bytes in this round
	narrow bool // a pipe of this round holds too little to wait for
	on     bool
}

const (
	paceWindow = 4 // milliseconds
	paceRounds = 16
	paceLittle = 16 << 10 // bytes of a round below which there is no flood
	paceEnough = 256 << 10
	paceNap    = 500 * time.Microsecond
)

// full ends a round and reports whether a nap is due.
func (p *pace) full(now beat) (nap bool) {
	if now-p.window >= paceWindow {
		p.window, p.rounds = now, 0
	}
	p.rounds++
	if p.on && p.moved < paceLittle {
		p.on, p.rounds = false, 0
	}
	p.on = p.on || p.rounds > paceRounds
	nap = p.on && p.moved < paceEnough && !p.narrow
	p.moved, p.narrow = 0, false
	return nap
}

func (s *Store) run() {
	defer close(s.done)
	debug.SetPanicOnFault(true) // see ckpt.fault
	s.timer = time.AfterFunc(time.Hour, s.wake)
	s.timer.Stop()
	buf := make([]poll.Event, 0, maxEvents)
	for !s.ending {
		evs := buf[:0]
		if s.set == nil {
			<-s.orders
		} else {
			var err error
			if len(s.late) > 0 {
				s.set.Wake() // only a look
				runtime.Gosched()
			}
			if evs, err = s.set.Wait(buf); err != nil {
				return
			}
		}
		s.flooded = false
		s.obey()
		for _, ev := range evs {
			if s.ending {
				break
			}
			if p := s.pipeAt(ev.Key); p != nil {
				s.serve(p, ev.Hangup)
			}
			s.obey()
		}
		if len(s.late) > 0 && !s.flooded && !s.ending {
			s.catchUp()
		}
		s.sweep()
		s.turnMinute()
		if s.pace.full(s.clock) && len(s.late) == 0 && !s.ending {
			time.Sleep(paceNap)
		}
	}
	if s.set != nil {
		s.set.Close()
	}
}

// obey runs what was posted.
func (s *Store) obey() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		f := s.queue[0]
		s.queue[0] = nil
		if s.queue = s.queue[1:]; len(s.queue) == 0 {
			s.queue = nil
		}
		s.mu.Unlock()
		s.look()
		f()
	}
}

// buffers makes the work memory on first use.
func (s *Store) buffers() {
	if s.mem != nil {
		return
	}
	linesSize := batchMax * int(unsafe.Sizeof(cutLine{}))
	s.mem = allocPages(inSize + outSize + linesSize)
	s.in = s.mem[:inSize:inSize]
	s.out = s.mem[inSize : inSize : inSize+outSize]
	s.lines = unsafe.Slice((*cutLine)(unsafe.Pointer(&s.mem[inSize+outSize])), batchMax)[:0]
}

// touch marks p as active, so that the sweep comes back to it.
func (s *Store) touch(p *pipe) {
	s.tick++
	p.sp.used = s.tick
	if !p.sp.warm {
		p.sp.warm = true
		s.warm = append(s.warm, p)
	}
	s.soon()
}

// soon starts the timer of the next sweep.
func (s *Store) soon() {
	if !s.pending {
		s.pending = true
		s.sweepAt = time.Now().Add(sweepTime)
		s.timer.Reset(sweepTime)
	}
}

// hold notes that h was opened, and closes the least used handle if there
// are too many.
func (s *Store) hold(h *handle) {
	h.used = s.tick
	if len(s.opened) >= maxOpen {
		var old *handle
		for _, o := range s.opened {
			if !o.busy && (old == nil || int32(o.used-old.used) < 0) {
				old = o
			}
		}
		if old != nil {
			s.let(old)
		}
	}
	s.opened = append(s.opened, h)
}

// let closes h.
func (s *Store) let(h *handle) {
	if h.fd < 0 {
		return
	}
	closeFD(h.fd)
	h.fd = -1
	for i, o := range s.opened {
		if o == h {
			last := len(s.opened) - 1
			s.opened[i] = s.opened[last]
			s.opened[last] = nil
			s.opened = s.opened[:last]
			return
		}
	}
}

// sweep gives back what a pause does not need: work memory, spool blocks and
// descriptors, wide pipes, big rings.
func (s *Store) sweep() {
	if !s.pending || time.Now().Before(s.sweepAt) {
		return
	}
	s.pending = false
	s.look()
	kept := s.warm[:0]
	for _, p := range s.warm {
		if p.sp == nil {
			continue // ended
		}
		if int32(p.sp.used-s.swept) > 0 || p.sp.pieces > 0 {
			kept = append(kept, p)
			continue
		}
		s.cool(p)
	}
	clear(s.warm[len(kept):])
	s.warm = kept
	idle := s.swept == s.tick
	if idle {
		rest(s.mem)
	}
	s.swept = s.tick
	cooled, tight := s.coolRings(), s.tighten()
	if !cooled || !tight || len(kept) > 0 || !idle {
		s.soon()
	}
}

// cool puts a pipe that said nothing for a while to rest.
func (s *Store) cool(p *pipe) {
	p.sp.warm = false
	if p.waiting {
		if p.pid == pidAwaited {
			p.pid = pidUnknown
		}
		s.admit(p)
	}
	if p.fd >= 0 && p.sp.wide {
		p.sp.wide = false
		widen(int(p.fd), pipeNormal)
	}
	s.emptySpool(p)
	s.let(&p.sp.handle)
}

// ringRest is how long an app must be silent before its ring shrinks.
const ringRest = 10_000

// coolRings shrinks rings of apps that are silent; done is false when some
// are still to come.
func (s *Store) coolRings() (done bool) {
	kept := s.hot[:0]
	for _, l := range s.hot {
		if s.clock-l.w.wrote < ringRest {
			kept = append(kept, l)
			continue
		}
		l.shrink()
		s.bound(l) // files may have been compressed since they were counted
	}
	clear(s.hot[len(kept):])
	s.hot = kept
	return len(kept) == 0
}

// shut is the end: every pipe is read once more, then all is given back.
func (s *Store) shut() {
	s.mu.Lock()
	s.closed = true
	list := make([]*Log, 0, len(s.logs))
	for _, l := range s.logs {
		list = append(list, l)
	}
	s.mu.Unlock()
	for _, l := range list {
		s.mu.Lock()
		delete(s.logs, l.id)
		s.mu.Unlock()
		for p := l.pipes; p != nil; p = p.next {
			s.drain(p)
		}
		s.leave(l)
	}
	freePages(s.mem)
	s.mem, s.in, s.out, s.lines = nil, nil, nil, nil
	s.timer.Stop()
	if s.minuteTimer != nil {
		s.minuteTimer.Stop()
	}
	s.ending = true
}
