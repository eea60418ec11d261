package search

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/velospm/velos"
)

// A Log is the open files of one app. It does not change when they are rotated,
// and does not grow.
type Log struct {
	ID      uint32
	streams []*stream
	tail    []velos.Entry
}

// A stream is the files that one stream went to, oldest first.
type stream struct {
	id    uint32
	parts []*part
	raw   bool
	src   velos.Stream

	near decoder // of the block around which context was read last
	part *part
	what *block
	text []byte
}

// Open opens an app's files. With ErrMoved the caller asks the daemon again
// which there are.
func Open(id uint32, files []File) (*Log, error) {
	l := &Log{ID: id}
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return b.Number - a.Number })
	for _, f := range files {
		p, err := openPart(f)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.stream(f).parts = append(l.stream(f).parts, p)
	}
	return l, nil
}

func (l *Log) stream(f File) *stream {
	for _, s := range l.streams {
		if s.src == f.Src {
			return s
		}
	}
	s := &stream{id: l.ID, raw: f.Raw, src: f.Src}
	l.streams = append(l.streams, s)
	return s
}

// Close gives the files back.
func (l *Log) Close() {
	for _, s := range l.streams {
		s.near.close()
		for _, p := range s.parts {
			p.close()
		}
	}
}

// Remember adds lines that may be in no file, oldest first. Those that are in
// one as well are given once.
func (l *Log) Remember(tail []velos.Entry) { l.tail = tail }

func (l *Log) total(q *Query) (n int64) {
	for _, s := range l.streams {
		if s.wanted(q) {
			for _, p := range s.parts {
				n += p.text()
			}
		}
	}
	return n
}

func (s *stream) wanted(q *Query) bool {
	return q.Src == velos.AnyStream || s.src == velos.AnyStream || s.src == q.Src
}

// A round is one search.
type round struct {
	ctx   context.Context
	watch Watch
	busy  chan struct{} // a token for each block that is looked at
	wait  sync.WaitGroup
	ahead int // blocks of a stream that are looked at before somebody asks
	done  atomic.Int64
	total int64
}

func (r *round) progress(n int64) {
	done := r.done.Add(n)
	if r.watch.Progress != nil {
		r.watch.Progress(min(done, r.total), r.total)
	}
}

func (r *round) warn(p *part, off int64, text string) {
	if r.watch.Warn == nil {
		return
	}
	if off > 0 {
		text = "at byte " + strconv.FormatInt(off, 10) + ": " + text
	}
	r.watch.Warn(p.Path + ": " + text)
}

// A place is where a line begins.
type place struct {
	part  int
	block int
	off   int
}

// A found is a line that matches.
type found struct {
	velos.Entry
	place
	from *stream // nil: it is in no file
}

// A task is one block to be looked at.
type task struct {
	part  int
	block int
	out   chan outcome
}

type outcome struct {
	list []found
	err  error
}

// matches yields the lines of a stream that match.
func (s *stream) matches(r *round, q *Query) iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		next, stop := iter.Pull(s.tasks(r, q))
		defer stop()
		free := make(chan *worker, r.ahead)
		defer func() {
			r.wait.Wait()
			for range len(free) {
				(<-free).dec.close()
			}
		}()
		var queue []task
		for more := true; ; {
			for more && len(queue) < r.ahead && r.ctx.Err() == nil {
				var t task
				if t, more = next(); more {
					queue = append(queue, t)
					r.wait.Add(1)
					go s.work(r, q, t, free)
				}
			}
			if err := r.ctx.Err(); err != nil {
				yield(found{}, &velos.Error{Code: velos.Cancelled, Message: "search: " + err.Error(), Cause: err})
				return
			}
			if len(queue) == 0 {
				return
			}
			t := queue[0]
			queue = queue[1:]
			o := <-t.out
			p := s.parts[t.part]
			if o.err != nil {
				r.warn(p, p.blocks[t.block].off, o.err.Error())
			}
			r.progress(p.blocks[t.block].text)
			for i := range o.list {
				if !yield(o.list[i], nil) {
					return
				}
			}
		}
	}
}

// tasks are the blocks in which there may be a match, in the order of the query.
func (s *stream) tasks(r *round, q *Query) iter.Seq[task] {
	return func(yield func(task) bool) {
		for n := range s.parts {
			i := n
			if q.Newest {
				i = len(s.parts) - 1 - n
			}
			p := s.parts[i]
			if p.load(); p.failed != "" {
				r.warn(p, 0, p.failed)
				p.failed = ""
			}
			for m := range p.blocks {
				j := m
				if q.Newest {
					j = len(p.blocks) - 1 - m
				}
				k, may := &p.blocks[j], true
				_ = guarded(func() error { may = k.may(q, s.raw); return nil })
				if !may {
					r.progress(p.blocks[j].text)
					continue
				}
				if !yield(task{i, j, make(chan outcome, 1)}) {
					return
				}
			}
		}
	}
}

// slack is how far, in milliseconds, lines between two samples of a plain file
// may be out of order in time.
const slack = 60_000

// may reports whether a block may hold a match.
func (k *block) may(q *Query, raw bool) bool {
	if q.Pattern != nil && (!raw || k.foreign) && !k.filter.may(q.Pattern.grams) {
		return false
	}
	if raw || k.first == 0 {
		return raw || !k.exact
	}
	loose := velos.Time(0)
	if !k.exact {
		loose = slack
	}
	if q.Since > 0 && k.max+loose < q.Since || q.Until > 0 && k.min-loose >= q.Until ||
		q.After > 0 && k.last <= q.After || q.To > 0 && k.first >= q.To {
		return false
	}
	if !k.exact || q.Level == velos.LevelNone {
		return true
	}
	for _, n := range k.levels[q.Level:] {
		if n > 0 {
			return true
		}
	}
	return false
}

// A worker is what looking at a block needs.
type worker struct {
	dec  decoder
	scan scanner
}

func (s *stream) work(r *round, q *Query, t task, free chan *worker) {
	defer r.wait.Done()
	r.busy <- struct{}{}
	defer func() { <-r.busy }()
	var w *worker
	select {
	case w = <-free:
	default:
		w = &worker{scan: scanner{q: q, raw: s.raw, src: s.src}}
	}
	var o outcome
	if r.ctx.Err() == nil {
		o.err = guarded(func() error { return s.look(w, q, t, &o) })
	}
	if q.Newest {
		slices.Reverse(o.list)
	}
	select {
	case free <- w:
	default:
		w.dec.close()
	}
	t.out <- o
}

func (s *stream) look(w *worker, q *Query, t task, o *outcome) error {
	p := s.parts[t.part]
	text, err := w.dec.open(p, &p.blocks[t.block])
	if err != nil {
		return err
	}
	var store []byte
	w.scan.block(text, func(e *velos.Entry, at int) bool {
		if cap(store)-len(store) < len(e.Msg) {
			store = make([]byte, 0, max(4<<10, min(2*cap(store), 1<<20), len(e.Msg)))
		}
		from := len(store)
		store = append(store, e.Msg...)
		f := found{Entry: *e, place: place{t.part, t.block, at}, from: s}
		f.App, f.Msg = s.id, store[from:len(store):len(store)]
		o.list = append(o.list, f)
		return true
	})
	return nil
}
