// Package search finds lines in log files: live ones, rotated ones and
// compressed ones, of one or several apps. It owns the form of compressed
// files and their index, and the plan of a search. It asks no daemon: which
// files there are it is told.
//
// The way of a search: what the expression requires as plain text is looked
// for in the bytes of the files, blocks in which it cannot be (by time,
// level, or the filter of the index) are not even opened, and only a line in
// which it is found is read and matched.
package search

import (
	"context"
	"iter"

	"github.com/velospm/velos"
)

// A Query says which lines are wanted. Zero values, and an Inst of -1, ask for
// everything.
type Query struct {
	Inst         int
	Src          velos.Stream
	Level        velos.Level // this level and above
	Since, Until velos.Time  // from, and before
	After, To    uint64      // only lines with a higher, and a lower, sequence number; 0 is no bound
	Pattern      *Pattern
	Lead, Trail  int  // lines of context before and after each match, in the order in which they were written
	Newest       bool // newest first
	// Keep has the last word on a line that is one otherwise. Nil: it is.
	Keep func(*velos.Entry) bool
}

// Matches reports whether e is one of the lines that are wanted.
func (q *Query) Matches(e *velos.Entry) bool {
	return q.covers(e) &&
		e.Level >= q.Level &&
		(q.Since == 0 || e.Time == 0 || e.Time >= q.Since) &&
		(q.Until == 0 || e.Time < q.Until) &&
		(q.After == 0 || e.Seq > q.After) &&
		(q.To == 0 || e.Seq < q.To) &&
		(q.Pattern == nil || q.Pattern.Match(e.Msg)) &&
		(q.Keep == nil || q.Keep(e))
}

// covers reports whether e is a line of what is looked at, match or not.
func (q *Query) covers(e *velos.Entry) bool {
	return (q.Inst < 0 || e.Inst == q.Inst) && (q.Src == velos.AnyStream || e.Src == q.Src)
}

// A Hit is a line that matches, or one beside it.
type Hit struct {
	velos.Entry
	Context bool
}

// A Watch hears of a search while it goes on. Its functions may be nil, and
// are called from the goroutine that ranges over the result.
type Watch struct {
	Warn     func(text string)       // part of a file could not be read, and was passed over
	Progress func(done, total int64) // bytes of text
}

// workers is how many blocks are looked at side by side.
const workers = 2

// An Ask is a question to one log.
type Ask struct {
	Log   *Log // nil: Else has what is found
	Query Query
	Else  iter.Seq2[Hit, error]
}

// Find yields what several logs hold: each in its own order, merged by time.
// What it yields may be kept.
func Find(ctx context.Context, list []Ask, w Watch) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		r := &round{ctx: ctx, watch: w, busy: make(chan struct{}, workers), ahead: 2 * workers}
		if len(list) > workers {
			r.ahead = 1
		}
		defer r.wait.Wait() // workers look into files that are closed after this
		newest := false
		seqs := make([]iter.Seq2[Hit, error], len(list))
		for i := range list {
			newest = list[i].Query.Newest
			if list[i].Log == nil {
				seqs[i] = list[i].Else
				continue
			}
			seqs[i] = list[i].Log.hits(r, &list[i].Query)
			r.total += list[i].Log.total(&list[i].Query)
		}
		before := func(a, b *Hit) bool { return a.Time < b.Time }
		if newest {
			before = func(a, b *Hit) bool { return a.Time > b.Time }
		}
		merge(seqs, before, yield)
	}
}

// merge yields the elements of sequences, each in its own order.
func merge[T any](seqs []iter.Seq2[T, error], before func(a, b *T) bool, yield func(T, error) bool) {
	if len(seqs) == 1 {
		seqs[0](yield)
		return
	}
	type head struct {
		v    T
		next func() (T, error, bool)
	}
	var heads []*head
	for _, seq := range seqs {
		next, stop := iter.Pull2(seq)
		defer stop()
		v, err, ok := next()
		if err != nil {
			yield(v, err)
			return
		}
		if ok {
			heads = append(heads, &head{v, next})
		}
	}
	for len(heads) > 0 {
		first := 0
		for i := range heads {
			if before(&heads[i].v, &heads[first].v) {
				first = i
			}
		}
		h := heads[first]
		if !yield(h.v, nil) {
			return
		}
		v, err, ok := h.next()
		switch {
		case err != nil:
			yield(v, err)
			return
		case ok:
			h.v = v
		default:
			heads = append(heads[:first], heads[first+1:]...)
		}
	}
}
