package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

// Seams for tests that play a full disk, or a process without descriptors.
var (
	writeSeam = write
	moveSeam  = move
	openSeam  = os.Open
	timeNow   = time.Now
)

// A writer is what an app that has written needs besides its Log.
type writer struct {
	files   [2]file // out, err; err is unused when merged
	ck      *ckpt   // nil when the disk has no room for it
	ckRetry beat
	st      state // what the next checkpoint says
	wrote   beat
	late    backlog
	tally   *tally // nil until lines are counted: see count
}

// A file is a live log file.
type file struct {
	handle
	ino   uint64
	size  int64
	retry beat // when to try again after an error; 0: all is well
	wait  beat
	lost  uint64 // lines since then
	late  beat   // since when a due rotation waits for a compressor
	stay  beat   // no rotation before: the last one went wrong
}

func (s *Store) writerOf(l *Log) *writer {
	if l.w == nil {
		l.w = &writer{}
		for i := range l.w.files {
			l.w.files[i].fd = -1
		}
		l.w.st.seq = l.seq
		l.mu.Lock()
		if l.count == nil {
			l.count = &counts{}
		}
		l.w.st.lines, l.w.st.errors, l.w.st.drops = l.count.lines, l.count.errors, l.count.drops
		l.mu.Unlock()
	}
	return l.w
}

// checkpoint makes or opens the checkpoint of l; false when the disk has no
// room for it now.
func (s *Store) checkpoint(l *Log) bool {
	w := s.writerOf(l)
	if w.ck != nil && w.ck.bad {
		s.notice(l, "the checkpoint cannot be written: a crash of the daemon now could double lines")
		w.ck.close()
		w.ck, w.ckRetry = nil, s.clock+retryMin
	}
	if w.ck != nil {
		return true
	}
	if s.clock < w.ckRetry {
		return false
	}
	spots := pageSpots
	for p := l.pipes; p != nil; p = p.next {
		if p.sp != nil {
			spots = max(spots, p.sp.spot+1)
		}
	}
	ck, err := createCkpt(s.ckptPath(l.id), spots)
	if err != nil {
		w.ckRetry = s.clock + retryMin
		return false
	}
	if ck.gen != 0 && w.st.ino == [2]uint64{} {
		old := ck.state()
		w.st.ino, w.st.size = old.ino, old.size
	}
	w.ck = ck
	for p := l.pipes; p != nil; p = p.next {
		// After a fault the file may be a new one that knows no pipe.
		if p.sp != nil && p.sp.spot >= 0 {
			ck.set(p.sp.spot, p.sp.off, p.sp.ino, max(int(p.pid), 0), int(p.inst), uint32(p.src))
		}
	}
	if !exact {
		ck.inexact(true)
	}
	return true
}

// widenCkpt makes room for twice as many pipes.
func (s *Store) widenCkpt(l *Log) bool {
	w := l.w
	ck, err := createCkpt(s.ckptPath(l.id), 2*len(w.ck.pipes()))
	if err != nil {
		return false
	}
	w.ck.close()
	w.ck = ck
	return true
}

// inexact notes, before it is true, that files of l hold lines that no spool
// can give again: recovery must not cut them off.
func (s *Store) inexact(l *Log) {
	if s.checkpoint(l) {
		l.w.ck.inexact(true)
	}
}

// commit seals the state of the files together with how far p's spool is
// accounted for.
func (s *Store) commit(p *pipe) {
	w := p.log.w
	if w.ck == nil {
		return
	}
	if p.sp.spot < 0 {
		w.ck.commit(&w.st, -1, 0)
		return
	}
	w.ck.commit(&w.st, p.sp.spot, p.sp.off)
	if exact && !p.sp.memory {
		w.ck.inexact(false)
	}
}

func (l *Log) index(src velos.Stream) int {
	if src == velos.Stderr && !l.policy.Merge {
		return 1
	}
	return 0
}

func (l *Log) path(i int) string {
	out, err := l.policy.paths(l.s.dir)
	if i == 1 {
		return err
	}
	return out
}

// takeLines takes the lines out of b, which starts at p's spool offset, and
// returns how many bytes they were.
func (s *Store) takeLines(p *pipe, b []byte, end bool) (taken int) {
	l := p.log
	w := s.writerOf(l)
	f := &w.files[l.index(p.src)]
	base := 0
	e := velos.Entry{Time: s.now, PID: max(int(p.pid), 0), Inst: int(p.inst) & maxInst, Src: p.src, Seq: w.st.seq}
	s.stamper.begin(&e)
	limit, raw := l.limit(), l.policy.Raw
	for {
		line, used, more := nextLine(b[taken:], end)
		if used == 0 {
			break
		}
		s.stamp(p, line, more, &e)
		w.st.seq++
		s.stamper.count()
		e.Msg, e.More = line, more
		if raw {
			s.out = append(s.out, line...)
			if !more {
				s.out = append(s.out, '\n')
			}
		} else {
			s.out = s.stamper.line(s.out, &e)
		}
		s.lines = append(s.lines, cutLine{int32(taken), int32(taken + len(line)), e.Level, more})
		taken += used
		if len(s.out) >= outFull || len(s.lines) == batchMax || limit > 0 && f.size+int64(len(s.out)) >= limit {
			s.flush(p, b, taken-base)
			base = taken
		}
	}
	if len(s.lines) > 0 {
		s.flush(p, b, taken-base)
	}
	return taken
}

// stamp finds the level; a line that was cut keeps that of its first part.
func (s *Store) stamp(p *pipe, line []byte, more bool, e *velos.Entry) {
	if e.Level = p.sp.carry; e.Level == velos.LevelNone {
		e.Level = s.classify(p.log, line, p.src)
	}
	p.sp.carry = velos.LevelNone
	if more {
		p.sp.carry = e.Level
	}
}

// classify asks the app's rules first, if it has any.
func (s *Store) classify(l *Log, line []byte, src velos.Stream) velos.Level {
	if l.policy.Rules != nil {
		return l.policy.Rules.Classify(line, src)
	}
	return s.o.Classify(line, src)
}

// due reports whether a file is long enough to be rotated.
func (l *Log) due(f *file) bool {
	limit := l.limit()
	return limit > 0 && f.size >= limit
}

// flush brings the batch into the file, the checkpoint and the ring, in this
// order. moved is how many bytes of the spool the batch was.
func (s *Store) flush(p *pipe, text []byte, moved int) {
	l := p.log
	i := l.index(p.src)
	f := &l.w.files[i]
	in := s.put(l, i)
	fault.Here("output.written")
	if !p.sp.memory {
		p.sp.off += int64(moved)
	}
	st := &l.w.st
	st.ino[i], st.size[i] = f.ino, f.size
	st.lines += uint64(len(s.lines))
	st.drops += uint64(len(s.lines) - in)
	batch := minute{lines: uint32(len(s.lines))}
	for _, c := range s.lines {
		switch {
		case c.level >= velos.Err:
			st.errors++
			if c.to > c.from && text[c.from] != ' ' && text[c.from] != '\t' {
				batch.errs++ // not one more for each line of a stack
			}
		case c.level == velos.Warn:
			batch.warn++
		}
	}
	s.commit(p)
	s.count(l, batch)
	fault.Here("output.checkpointed")
	l.publish(p, text, s.lines)
	s.out, s.lines = s.out[:0], s.lines[:0]
	if l.due(f) {
		s.rotate(l, i)
	}
}

// put writes the batch to file i and returns how many of its lines the file
// took.
func (s *Store) put(l *Log, i int) (in int) {
	f := &l.w.files[i]
	if f.retry > s.clock {
		f.lost += uint64(len(s.lines))
		return 0
	}
	if err := s.openFile(l, i); err != nil {
		return s.fail(l, f, i, err, 0)
	}
	if f.ino != l.w.st.ino[i] {
		s.introduce(l, i)
	}
	n, err := writeSeam(f.fd, s.out)
	st, serr := fstat(f.fd)
	if err == nil && serr == nil && st.links == 0 {
		// Somebody deleted the file: nobody can read what was just written.
		s.let(&f.handle)
		if err = s.openFile(l, i); err == nil {
			n, err = writeSeam(f.fd, s.out)
			st, serr = fstat(f.fd)
		}
	}
	if err == nil {
		err = serr
	}
	if err != nil {
		whole := bytes.LastIndexByte(s.out[:n], '\n') + 1
		if serr == nil && n > whole {
			truncate(f.fd, st.size-int64(n-whole))
			st.size -= int64(n - whole)
		}
		f.size = max(st.size, 0)
		return s.fail(l, f, i, err, bytes.Count(s.out[:whole], newline))
	}
	l.grow(st.size - f.size)
	f.size = st.size
	s.recovered(l, f, i)
	return len(s.lines)
}

var newline = []byte{'\n'}

// openFile opens live file i and ends a line that somebody left torn.
func (s *Store) openFile(l *Log, i int) error {
	f := &l.w.files[i]
	if f.fd >= 0 {
		f.used = s.tick
		return nil
	}
	fd, err := openAppend(l.path(i))
	if err != nil {
		return err
	}
	st, err := fstat(fd)
	if err != nil {
		closeFD(fd)
		return err
	}
	f.fd, f.ino, f.size = fd, st.ino, st.size
	s.hold(&f.handle)
	var last [1]byte
	if n, _ := pread(fd, last[:], st.size-1); st.regular && st.size > 0 && n == 1 && last[0] != '\n' && !l.policy.Raw {
		if n, _ := write(fd, newline); n == 1 {
			f.size++
		}
	}
	return nil
}

// introduce tells the checkpoint of a file before the first batch goes there:
// from a file that it does not know, nothing could be cut back.
func (s *Store) introduce(l *Log, i int) {
	f, st := &l.w.files[i], &l.w.st
	st.ino[i], st.size[i] = f.ino, f.size
	if l.w.ck != nil {
		before := *st
		before.seq -= uint64(len(s.lines)) // the batch has its numbers already
		l.w.ck.commit(&before, -1, 0)
	}
}

// fail notes that a file took only in lines of the batch.
func (s *Store) fail(l *Log, f *file, i int, err error, in int) int {
	if f.retry == 0 {
		f.wait, f.lost = retryMin, 0
		s.notice(l, filepath.Base(l.path(i))+" takes no lines, they are kept in memory only: "+err.Error())
	} else {
		f.wait = min(2*f.wait, retryMax)
	}
	f.retry = s.clock + f.wait
	in = min(in, len(s.lines))
	f.lost += uint64(len(s.lines) - in)
	if !diskFull(err) {
		s.let(&f.handle) // it may be the descriptor that is bad
	}
	return in
}

func (s *Store) recovered(l *Log, f *file, i int) {
	if f.retry == 0 {
		return
	}
	s.notice(l, filepath.Base(l.path(i))+" takes lines again; dropped meanwhile: "+strconv.FormatUint(f.lost, 10))
	f.retry, f.lost = 0, 0
}

func (l *Log) grow(n int64) {
	l.mu.Lock()
	l.bytes += n
	l.mu.Unlock()
}
