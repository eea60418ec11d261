package logs

import (
	"context"

	"github.com/velospm/velos"
)

// Follow yields q's history and then lines as they come, in batches that are
// valid until yield returns. It ends when ctx does, when yield returns false
// or when the app is removed (nil in each case). A reader that is slow gets
// what it fell behind by from the files; what they do not have any more is one
// entry with Missed set, which counts lines of the app, whether or not they
// would have matched.
func (l *Log) Follow(ctx context.Context, q velos.Query, yield func([]velos.Entry) bool) error {
	w := &follower{l: l, f: l.sieve(q), yield: yield}
	v := l.look(^uint64(0), nil, false)
	w.seen = v.last
	begun := velos.TimeOf(timeNow())
	// Lines that come while the history is read have a higher number.
	past := q
	stop := false
	err := l.Query(past, func(e *velos.Entry) bool {
		if e.Seq > w.seen {
			return false
		}
		stop = !w.give(e)
		return !stop && ctx.Err() == nil
	})
	if err != nil {
		return err
	}
	if q.Since <= begun {
		w.f.Since = 0 // what comes is new, whatever the clock says then
	}
	for !stop && w.hand() && ctx.Err() == nil {
		v := l.look(w.seen, w.buf[:0], true)
		w.buf = v.records
		if v.last > w.seen {
			stop = !w.catchUp(&v)
			continue
		}
		w.buf, w.list, w.text = nil, nil, nil // a silent follower keeps nothing
		if l.s.known(l.id) != l {
			return nil
		}
		select {
		case <-v.grown:
		case <-ctx.Done():
		}
	}
	return nil
}

// A follower is one reader that follows.
type follower struct {
	l     *Log
	f     *sieve
	yield func([]velos.Entry) bool
	seen  uint64 // newest line that was looked at
	list  []velos.Entry
	text  []byte
	buf   []byte
}

// catchUp takes all that is new in v, from the files first if the ring has
// let go of it.
func (w *follower) catchUp(v *snapshot) bool {
	ok := true
	if v.first > w.seen+1 {
		if !v.policy.Raw {
			behind := &sieve{Query: velos.Query{Inst: -1, After: w.seen}}
			w.l.history(v, behind, 0, func(e *velos.Entry) bool {
				ok = w.take(e)
				return ok
			})
		}
		if ok && v.first > w.seen+1 {
			ok = w.miss(v.first - w.seen - 1)
		}
	}
	if ok {
		v.each(func(e *velos.Entry) bool {
			ok = w.take(e)
			return ok
		})
	}
	return ok
}

// take looks at one line, which is not older than the last.
func (w *follower) take(e *velos.Entry) bool {
	if e.Seq > w.seen+1 && !w.miss(e.Seq-w.seen-1) {
		return false
	}
	w.seen = e.Seq
	return !w.f.match(e) || w.give(e)
}

func (w *follower) miss(n uint64) bool {
	w.seen += n
	return w.give(&velos.Entry{App: w.l.id, Missed: n})
}

// give puts a copy of e into the batch at hand.
func (w *follower) give(e *velos.Entry) bool {
	if len(w.list) == batchLines || len(w.text)+len(e.Msg) > cap(w.text) && len(w.list) > 0 {
		if !w.hand() {
			return false
		}
	}
	if cap(w.text) < len(e.Msg) || cap(w.text) == 0 {
		w.text = make([]byte, 0, max(8<<10, len(e.Msg)))
	}
	at := len(w.text)
	w.text = append(w.text, e.Msg...)
	c := *e
	c.Msg = w.text[at:len(w.text):len(w.text)]
	w.list = append(w.list, c)
	return true
}

// hand gives the batch away.
func (w *follower) hand() bool {
	if len(w.list) == 0 {
		return true
	}
	ok := w.yield(w.list)
	clear(w.list)
	w.list, w.text = w.list[:0], w.text[:0]
	return ok
}
