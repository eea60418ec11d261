package logs

import (
	"bytes"

	"github.com/velospm/velos"
)

// A snapshot is what an app's log is at one moment: the newest lines in
// memory, the older ones in files.
type snapshot struct {
	records []byte
	first   uint64 // seq of the first record; last+1 when there is none
	last    uint64
	policy  Policy
	grown   chan struct{} // closed at the next line
}

// look takes a snapshot of what is after a sequence number.
func (l *Log) look(after uint64, buf []byte, wait bool) (v snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.last, v.policy, v.first = l.seq, l.policy, l.seq+1
	if l.ring != nil {
		v.records, v.first = l.ring.since(after, buf)
	}
	if wait {
		if l.grown == nil {
			l.grown = make(chan struct{})
		}
		v.grown = l.grown
	}
	return v
}

// A sieve is a query's conditions on a single line.
type sieve struct {
	velos.Query
	grep []byte
	app  uint32
}

func (l *Log) sieve(q velos.Query) *sieve {
	return &sieve{Query: q, grep: []byte(q.Grep), app: l.id}
}

func (f *sieve) match(e *velos.Entry) bool {
	e.App = f.app
	return (f.Inst < 0 || e.Inst == f.Inst) &&
		(f.Src == velos.AnyStream || e.Src == f.Src) &&
		e.Level >= f.Level &&
		(f.Since == 0 || e.Time == 0 || e.Time >= f.Since) &&
		(f.Until == 0 || e.Time < f.Until) &&
		(f.After == 0 || e.Seq > f.After) &&
		(len(f.grep) == 0 || bytes.Contains(e.Msg, f.grep))
}

// Query yields the lines that match, oldest first, from files and ring. An
// entry and its Msg are valid until yield returns. It does not wait for new
// lines. A disk that does not answer ends it with velos.Timeout.
func (l *Log) Query(q velos.Query, yield func(*velos.Entry) bool) error {
	v := l.look(q.After, nil, false)
	f := l.sieve(q)
	recent := v.count(f)
	skip := 0
	if q.Last > 0 && recent > q.Last {
		skip = recent - q.Last
	}
	stopped := false
	give := func(e *velos.Entry) bool {
		stopped = !yield(e)
		return !stopped
	}
	var err error
	if (q.Last == 0 || recent < q.Last) && (v.first > q.After+1 || v.policy.Raw) {
		want := 0
		if q.Last > 0 {
			want = q.Last - recent
		}
		err = l.history(&v, f, want, func(e *velos.Entry) bool { return !f.match(e) || give(e) })
	}
	if stopped {
		return nil
	}
	v.each(func(e *velos.Entry) bool {
		if !f.match(e) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		return give(e)
	})
	return err
}

func (v *snapshot) each(yield func(*velos.Entry) bool) {
	var e velos.Entry
	for b := v.records; len(b) > 0; {
		b = takeRecord(b, &e)
		if !yield(&e) {
			return
		}
	}
}

func (v *snapshot) count(f *sieve) (n int) {
	v.each(func(e *velos.Entry) bool {
		if f.match(e) {
			n++
		}
		return true
	})
	return n
}
