package logs

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
