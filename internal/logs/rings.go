package logs

import "github.com/velospm/velos"

// newRing makes the ring of an app whose next line is first. The caller
// holds the log's lock.
func (s *Store) newRing(first uint64) *ring {
	s.mu.Lock()
	s.ringBytes += ringMin
	s.mu.Unlock()
	return &ring{buf: allocPages(ringMin)[:0:ringMin], first: first}
}

// mayGrow doubles the ring of l if it is not yet the biggest and the Store's
// budget allows. The caller holds the log's lock.
func (s *Store) mayGrow(l *Log) bool {
	size := cap(l.ring.buf)
	if size >= ringMax {
		return false
	}
	s.mu.Lock()
	ok := s.ringBytes+int64(size) <= ringBudget
	if ok {
		s.ringBytes += int64(size)
	}
	s.mu.Unlock()
	if !ok {
		return false
	}
	if size == ringMin {
		s.hot = append(s.hot, l)
	}
	freePages(l.ring.resize(allocPages(2 * size)[: 0 : 2*size]))
	return true
}

// shrink makes the ring of a silent app small again: the files have the rest.
func (l *Log) shrink() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ring == nil || cap(l.ring.buf) <= ringMin || l.policy.Raw {
		return
	}
	l.s.mu.Lock()
	l.s.ringBytes -= int64(cap(l.ring.buf) - ringMin)
	l.s.mu.Unlock()
	freePages(l.ring.resize(allocPages(ringMin)[:0:ringMin]))
}

// freeRing gives the ring back altogether.
func (l *Log) freeRing() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ring == nil {
		return
	}
	l.s.mu.Lock()
	l.s.ringBytes -= int64(cap(l.ring.buf))
	l.s.mu.Unlock()
	freePages(l.ring.buf)
	l.ring = nil
}

// publish lets queries and followers see the batch.
func (l *Log) publish(p *pipe, text []byte, lines []cutLine) {
	l.w.wrote = l.s.clock
	st := &l.w.st
	seq := l.seq
	room := ringMax
	from := len(lines)
	for from > 0 && room >= recordHead+int(lines[from-1].to-lines[from-1].from) {
		from--
		room -= recordHead + int(lines[from].to-lines[from].from)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq = st.seq
	l.count.lines, l.count.errors, l.count.drops = st.lines, st.errors, st.drops
	if l.ring == nil {
		l.ring = l.s.newRing(seq + 1)
	}
	if from > 0 {
		l.ring.clear(seq + uint64(from))
	}
	e := velos.Entry{Time: l.s.now, PID: max(int(p.pid), 0), Inst: int(p.inst) & maxInst, Src: p.src}
	for i, c := range lines[from:] {
		e.Seq = seq + uint64(from+i) + 1
		e.Msg, e.Level, e.More = text[c.from:c.to], c.level, c.more
		l.keep(&e)
	}
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// keep adds e to the ring, which grows first if it is full and may.
func (l *Log) keep(e *velos.Entry) {
	r, n := l.ring, recordHead+len(e.Msg)
	for len(r.buf)-r.start+n > cap(r.buf) && l.s.mayGrow(l) {
	}
	if !r.room(n) {
		r.clear(e.Seq)
		return
	}
	r.add(e)
}
