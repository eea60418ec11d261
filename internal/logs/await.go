package logs

import (
	"bytes"
	"sync/atomic"
)

// A wait is somebody who waits for a text in the output of a run. Only the
// ingest goroutine touches the list of them.
type wait struct {
	next  *wait
	inst  int
	text  []byte
	found func()
	over  atomic.Bool // found, or given up
}

// Await calls found once, when a line of inst that is read from now on contains
// text: from the goroutine that moves the bytes, so it must not block. A line
// need not have ended, for a prompt never does, and one that is cut into parts
// is still one line. What a flood brings is found when it comes, though its
// lines may be cut and numbered later.
//
// Whoever gives up calls cancel, which may also be called after found: from
// then on found is not called any more, though a call may be on its way.
func (l *Log) Await(inst int, text string, found func()) (cancel func()) {
	if len(text) > maxLine {
		return func() {} // no line has it
	}
	w := &wait{inst: inst, text: []byte(text), found: found}
	l.s.post(func() { w.next, l.waits = l.waits, w })
	return func() {
		if !w.over.Swap(true) {
			l.s.post(func() { l.dropWaits() })
		}
	}
}

// dropWaits forgets those who wait no longer.
func (l *Log) dropWaits() {
	for at := &l.waits; *at != nil; {
		if (*at).over.Load() {
			*at = (*at).next
		} else {
			at = &(*at).next
		}
	}
}

// overlap is how many bytes before new ones must be looked at again, for a
// text that has begun in them; any is false when nobody waits for p.
func (l *Log) overlap(p *pipe) (n int, any bool) {
	for w := l.waits; w != nil; w = w.next {
		if w.inst == int(p.inst) {
			n, any = max(n, len(w.text)-1), true
		}
	}
	return n, any
}

// seek looks for what is waited for in b, a part of what p brought. What was
// looked at before ends at fresh.
func (l *Log) seek(p *pipe, b []byte, fresh int) {
	some := false
	for w := l.waits; w != nil; w = w.next {
		if w.inst != int(p.inst) || w.over.Load() {
			continue
		}
		from := max(fresh-max(len(w.text)-1, 0), 0) // what was there before it waited does not count
		if bytes.Contains(b[from:], w.text) && !w.over.Swap(true) {
			w.found()
			some = true
		}
	}
	if some {
		l.dropWaits()
	}
}

// seekSpool looks for what is waited for in the newest n bytes of p's spool.
// Of a text that began before them the beginning is still there: a spool is
// emptied at the end of a line only.
func (s *Store) seekSpool(p *pipe, n int) {
	over, any := p.log.overlap(p)
	if !any {
		return
	}
	for at := p.sp.size - int64(n); at < p.sp.size; {
		from := max(at-int64(over), 0)
		b := s.in[:min(int64(len(s.in)), p.sp.size-from)]
		m, err := pread(p.sp.fd, b, from)
		if err != nil || from+int64(m) <= at {
			return
		}
		p.log.seek(p, b[:m], int(at-from))
		at = from + int64(m)
	}
}

// seekRead is seekSpool for bytes in memory: b, of which the first have bytes
// are of a line that goes on. (Of one that was cut just there, less is left.)
func (l *Log) seekRead(p *pipe, b []byte, have int) {
	if _, any := l.overlap(p); any {
		l.seek(p, b, have)
	}
}
