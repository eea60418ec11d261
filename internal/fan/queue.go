package fan

import (
	"context"
	"sync"

	"github.com/velospm/velos"
)

const (
	// most is how many bytes wait for one reader; what is beyond is dropped
	// and counted.
	most = 4 << 20
	// ahead is how many bytes of the past are read before the reader has had
	// them.
	ahead = 256 << 10
)

// An Item is one line, or one event.
type Item struct {
	Seq  uint64
	App  uint32
	Text []byte // JSON, cleaned and masked

	Inst  int
	Level velos.Level
	Src   velos.Stream
	Msg   string // of a line: cleaned and masked

	missed uint64 // no item, but a notice: so many are missing here
}

// A Piece is what came together. All who read share it: nobody changes it.
type Piece struct {
	Count  int
	Text   []byte // of the items, with commas between
	Last   uint64 // number of the last item there was, whether or not it is in Text
	Missed uint64 // so many are missing before
}

// pieceOf joins items that keep lets through; nil keeps all.
func pieceOf(items []Item, keep func(*Item) bool) Piece {
	p := Piece{}
	size := 0
	for i := range items {
		size += len(items[i].Text) + 1
	}
	p.Text = make([]byte, 0, size)
	for i := range items {
		if keep != nil && !keep(&items[i]) {
			continue
		}
		if p.Count > 0 {
			p.Text = append(p.Text, ',')
		}
		p.Text = append(p.Text, items[i].Text...)
		p.Count++
	}
	if n := len(items); n > 0 {
		p.Last = items[n-1].Seq
	}
	return p
}

// A Queue is what waits for one reader: first the past that it has asked for,
// then what comes.
type Queue struct {
	wake func()           // there is something to take
	keep func(*Item) bool // nil: everything
	stop context.CancelFunc
	done func() // it has left its feed
	had  uint64 // it has had all up to here from the past; the feed's mu guards it

	mu     sync.Mutex
	past   []Piece
	poured int  // bytes in past
	whole  bool // past is complete
	room   chan struct{}
	live   []Piece
	size   int // bytes in live
	missed uint64
	last   uint64 // of those that were missed
	over   error
}

func newQueue(wake func(), keep func(*Item) bool) *Queue {
	return &Queue{wake: wake, keep: keep, room: make(chan struct{}, 1)}
}

// push adds what has just come, or counts it. p is shared; items are what it
// was made of.
func (q *Queue) push(p Piece, items []Item) {
	if q.had > 0 {
		if p.Last <= q.had {
			return
		}
		n := 0
		for n < len(items) && items[n].Seq <= q.had {
			n++
		}
		if n > 0 {
			items = items[n:]
			p = pieceOf(items, nil)
		} else if len(items) > 0 {
			p.Missed = min(p.Missed, items[0].Seq-q.had-1)
		}
		q.had = 0
	}
	if q.keep != nil {
		missed := p.Missed
		p = pieceOf(items, q.keep)
		p.Missed = missed
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.over != nil || p.Count == 0 && p.Missed == 0:
		return
	case q.size+len(p.Text) > most && len(q.live) > 0:
		q.missed += uint64(len(items)) + p.Missed
		q.last = p.Last
	default:
		p.Missed += q.missed
		q.missed = 0
		q.live = append(q.live, p)
		q.size += len(p.Text)
	}
	q.wake()
}

// pour adds a piece of the past, and waits while there is much of it.
func (q *Queue) pour(ctx context.Context, p Piece) {
	for {
		q.mu.Lock()
		if q.poured < ahead || len(q.past) == 0 {
			q.past = append(q.past, p)
			q.poured += len(p.Text)
			q.mu.Unlock()
			q.wake()
			return
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
			return
		}
	}
}

// complete says that there is no more past.
func (q *Queue) complete() {
	q.mu.Lock()
	q.whole = true
	q.mu.Unlock()
	q.wake()
}

// end says that there will be nothing more.
func (q *Queue) end(err error) {
	q.mu.Lock()
	if q.over == nil {
		q.over = err
	}
	q.mu.Unlock()
	q.wake()
}

// Take is what comes next: about so many bytes at most, as one piece. Ok is
// false when nothing has come; the error then says whether anything will.
func (q *Queue) Take(about int) (p Piece, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.past) > 0:
		p = take(&q.past, &q.poured, about)
		select {
		case q.room <- struct{}{}:
		default:
		}
		return p, true, nil
	case !q.whole:
		return p, false, q.over
	case len(q.live) > 0:
		return take(&q.live, &q.size, about), true, nil
	case q.missed > 0:
		p = Piece{Missed: q.missed, Last: q.last}
		q.missed = 0
		return p, true, nil
	}
	return p, false, q.over
}

// take joins the first pieces of a list, up to a gap.
func take(list *[]Piece, size *int, about int) Piece {
	all := *list
	p := all[0]
	n := 1
	for ; n < len(all) && len(p.Text) < about && all[n].Missed == 0; n++ {
		if n == 1 { // the first is shared
			p.Text = append(make([]byte, 0, about+len(all[n].Text)), p.Text...)
		}
		if p.Count > 0 && all[n].Count > 0 {
			p.Text = append(p.Text, ',')
		}
		p.Text = append(p.Text, all[n].Text...)
		p.Count += all[n].Count
		p.Last = all[n].Last
	}
	for i := range n {
		*size -= len(all[i].Text)
		all[i] = Piece{}
	}
	if *list = all[n:]; len(*list) == 0 {
		*list = nil
	}
	return p
}

// Leave ends reading.
func (q *Queue) Leave() {
	q.stop()
	q.done()
}
