package logs

import (
	"time"

	"github.com/velospm/velos"
)

// A batch carries entries from the goroutine that reads files to the one
// that asked.
type batch struct {
	list []velos.Entry
	text []byte
	err  error
	end  bool
}

const (
	batchLines = 256
	batchBytes = 64 << 10
)

// history yields every line of the files that is older than the snapshot's
// records and may match: with want above 0 from the want-th newest match on.
// The reading is done by a goroutine of its own, so that a hung disk hangs
// nobody who has other things to do.
func (l *Log) history(v *snapshot, f *sieve, want int, yield func(*velos.Entry) bool) error {
	out := make(chan *batch)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		h := &reader{l: l, v: v, f: f, out: out, stop: stop, b: &batch{}}
		h.b.err = h.read(want)
		h.b.end = true
		h.send()
	}()
	t := time.NewTimer(patience)
	defer t.Stop()
	for {
		select {
		case b := <-out:
			for i := range b.list {
				if !yield(&b.list[i]) {
					return nil
				}
			}
			if b.end {
				return b.err
			}
			t.Reset(patience)
		case <-t.C:
			return &velos.Error{Code: velos.Timeout, Message: "read the logs of " + v.policy.Name + ": the disk does not answer"}
		}
	}
}

// A reader reads the files for one query.
type reader struct {
	l     *Log
	v     *snapshot
	f     *sieve
	out   chan<- *batch
	stop  <-chan struct{}
	b     *batch
	tapes []*tape
}

func (h *reader) read(want int) error {
	out, err := h.v.policy.paths(h.l.s.dir)
	if h.f.Src != velos.Stderr || h.v.policy.Merge {
		h.tapes = append(h.tapes, h.l.openTape(out, velos.Stdout, &h.v.policy))
	}
	if h.f.Src != velos.Stdout && !h.v.policy.Merge {
		h.tapes = append(h.tapes, h.l.openTape(err, velos.Stderr, &h.v.policy))
	}
	for _, t := range h.tapes {
		t.alive = h.alive
	}
	defer func() {
		for _, t := range h.tapes {
			t.close()
		}
	}()
	if h.v.policy.Raw {
		h.readRaw(want)
	} else {
		if want > 0 {
			h.back(want)
		} else {
			h.seek()
		}
		h.forward()
	}
	for _, t := range h.tapes {
		if t.err != nil {
			return t.err
		}
	}
	return nil
}

// back goes over the tapes backwards, merged by sequence number, until it
// has met want matches, and leaves the tapes there.
func (h *reader) back(want int) {
	heads := make([]velos.Entry, len(h.tapes))
	alive := make([]bool, len(h.tapes))
	marks := make([]mark, len(h.tapes))
	for i, t := range h.tapes {
		t.toEnd()
		marks[i] = t.mark()
		alive[i] = t.prev(&heads[i])
	}
	for passed := 0; want > 0; {
		i := pick(heads, alive, func(a, b uint64) bool { return a > b })
		if i < 0 {
			break
		}
		e, t := &heads[i], h.tapes[i]
		if e.Seq <= h.f.After || h.f.Since > 0 && e.Time < h.f.Since {
			break
		}
		marks[i] = t.mark()
		if e.Seq < h.v.first && h.f.match(e) {
			want--
		}
		alive[i] = t.prev(e)
		if passed++; passed%lifeSign == 0 && !h.alive() {
			return
		}
	}
	for i, t := range h.tapes {
		t.to(marks[i])
	}
}

// pick chooses the head that comes first in an order; -1 when none is left.
func pick(heads []velos.Entry, alive []bool, before func(a, b uint64) bool) int {
	best := -1
	for i := range heads {
		if alive[i] && (best < 0 || before(heads[i].Seq, heads[best].Seq)) {
			best = i
		}
	}
	return best
}

// seek stands each tape at the part in which After or Since lies.
func (h *reader) seek() {
	for _, t := range h.tapes {
		from := 0
		if h.f.After > 0 || h.f.Since > 0 {
			for i := len(t.parts) - 1; i > 0; i-- {
				var e velos.Entry
				t.to(mark{i, 0})
				if t.next(&e) && (e.Seq <= h.f.After+1 || h.f.Since > 0 && e.Time < h.f.Since) {
					from = i
					break
				}
			}
		}
		t.to(mark{from, 0})
	}
}

// forward hands over what lies ahead on the tapes, merged by sequence
// number, up to the snapshot's records.
func (h *reader) forward() {
	newest := velos.Time(0)
	h.v.each(func(e *velos.Entry) bool { newest = e.Time; return true })
	heads := make([]velos.Entry, len(h.tapes))
	alive := make([]bool, len(h.tapes))
	for i, t := range h.tapes {
		alive[i] = t.next(&heads[i])
	}
	for {
		i := pick(heads, alive, func(a, b uint64) bool { return a < b })
		if i < 0 || heads[i].Seq >= h.v.first {
			return
		}
		if e := &heads[i]; e.Seq > h.f.After && !h.give(e) {
			return
		}
		if h.f.Until > 0 && heads[i].Time >= h.f.Until+untilSlack && newest >= h.f.Until {
			return // else somebody has set the clock back since
		}
		alive[i] = h.tapes[i].next(&heads[i])
	}
}

// readRaw hands over lines of files that have no sequence numbers: those of
// stdout, then those of stderr, without the ones that the ring has. Of a
// limited number each stream gets its turn.
func (h *reader) readRaw(want int) {
	marks := make([]mark, len(h.tapes))
	stops := make([]mark, len(h.tapes))
	alive := make([]bool, len(h.tapes))
	var e velos.Entry
	for i, t := range h.tapes {
		t.toEnd()
		alive[i] = true
		h.v.each(func(r *velos.Entry) bool {
			if !r.More && (r.Src == t.src || h.v.policy.Merge) {
				alive[i] = alive[i] && t.prev(&e)
			}
			return true
		})
		stops[i] = t.mark()
		marks[i] = mark{0, 0}
	}
	for left := want; left > 0 && (alive[0] || alive[len(alive)-1]); {
		for i, t := range h.tapes {
			if alive[i] = alive[i] && left > 0 && t.prev(&e); alive[i] {
				marks[i] = t.mark()
				if h.f.match(&e) {
					left--
				}
			} else if left == 0 && marks[i] == (mark{}) {
				marks[i] = stops[i]
			}
		}
	}
	for i, t := range h.tapes {
		t.to(marks[i])
		for (t.at < stops[i].part || t.at == stops[i].part && t.off < stops[i].off) && t.next(&e) {
			if !h.give(&e) {
				return
			}
		}
	}
}

// give puts a copy of e into the batch; false when nobody listens any more.
func (h *reader) give(e *velos.Entry) bool {
	b := h.b
	if len(b.list) == batchLines || len(b.text)+len(e.Msg) > batchBytes && len(b.list) > 0 {
		if !h.send() {
			return false
		}
		b = &batch{}
		h.b = b
	}
	if cap(b.text)-len(b.text) < len(e.Msg) {
		b.text = make([]byte, 0, max(4<<10, 2*cap(b.text), len(e.Msg)))
	}
	at := len(b.text)
	b.text = append(b.text, e.Msg...)
	c := *e
	c.Msg = b.text[at:len(b.text):len(b.text)]
	b.list = append(b.list, c)
	return true
}

// lifeSign is after how many lines a reader that has nothing to hand over
// says that it is still there.
const lifeSign = 50_000

// untilSlack is how far, in milliseconds, a line may be out of order in time.
const untilSlack = 60_000

func (h *reader) alive() bool {
	b := h.b
	h.b = &batch{}
	ok := h.send()
	h.b = b
	return ok
}

func (h *reader) send() bool {
	select {
	case h.out <- h.b:
		return true
	case <-h.stop:
		return false
	}
}
