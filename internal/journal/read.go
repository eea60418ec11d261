package journal

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

// Read is Each into a slice. Without a bound on last it may be a large one.
func (j *Journal) Read(id uint32, after uint64, since velos.Time, last int) ([]velos.Event, error) {
	var list []velos.Event
	err := j.Each(id, after, since, last, func(e *velos.Event) bool {
		list = append(list, *e)
		return true
	})
	return list, err
}

// Each yields the events that match, oldest first, until yield returns false:
// those of the app id (0: of all), with a Seq above after, not before since
// (0: from the beginning), and only the last so many of these (0: all). It
// reads no more of the files than it takes to find them and holds one event
// at a time, which is yield's until it returns. Lines that are no events are
// passed over. The error is the disk's.
func (j *Journal) Each(id uint32, after uint64, since velos.Time, last int, yield func(*velos.Event) bool) error {
	// Most lines are of other apps: a look at the text spares decoding them.
	// The actor, which no event is without, comes after the id.
	mark := append(strconv.AppendUint([]byte(`"id":`), uint64(id), 10), ',')
	match := func(text []byte, e *velos.Event) bool {
		if id != 0 && !bytes.Contains(text, mark) {
			return false
		}
		*e = velos.Event{}
		if record.DecodeJSON(text, e) != nil {
			return false
		}
		return (id == 0 || e.ID == id) && e.Time >= since
	}
	v := j.view()
	defer v.close()
	from, err := v.seek(after, last, match, id == 0 && since == 0)
	if err != nil {
		return blame("read the journal", j.path, err)
	}
	seen := after
	var e velos.Event
	err = v.forwards(from, func(text []byte) bool {
		seq, ok := seqOf(text)
		if !ok || seq <= seen {
			return true
		}
		seen = seq
		return !match(text, &e) || yield(&e)
	})
	if err != nil {
		return blame("read the journal", j.path, err)
	}
	return nil
}

// Follow yields the events of the app id (0: of all) with a Seq above after as
// they happen, those that already did first. It runs in the caller's goroutine
// and takes as long as yield does: a slow one makes nobody else wait, and
// reads from the file what has left memory meanwhile. It returns ctx's error,
// the disk's, or nil when yield returned false or the journal was closed. An
// after that is not reached yet stands for the newest event.
func (j *Journal) Follow(ctx context.Context, id uint32, after uint64, yield func(*velos.Event) bool) error {
	after = min(after, j.Seq())
	for {
		grown := j.Grown()
		newest := j.Seq()
		if after < newest {
			stop := false
			err := j.Each(id, after, 0, 0, func(e *velos.Event) bool {
				after = e.Seq
				stop = ctx.Err() != nil || !yield(e)
				return !stop
			})
			if err != nil || stop {
				return firstError(ctx.Err(), err)
			}
			after = max(after, newest)
			continue
		}
		if grown == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Grown gives a channel that is closed when there is a newer event than now,
// or when the journal is closed; nil when it already is: nothing will come.
func (j *Journal) Grown() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	if j.grown == nil {
		j.grown = make(chan struct{})
	}
	return j.grown
}

// A view is the journal at one moment, in three parts from old to new: the
// old file, the file, and the tail in memory. The newer parts may begin with
// lines that the older ones end with.
type view struct {
	j     *Journal
	tail  []line
	files [2]part
}

type part struct {
	*os.File
	size int64
}

// A place is where a line begins: a part, and an offset or an index in it.
type place struct {
	part int
	at   int64
}

const inTail = 2

func (j *Journal) view() *view {
	j.mu.Lock()
	defer j.mu.Unlock()
	return &view{j: j, tail: slices.Clone(j.tail)}
}

// open opens the files. It comes after the tail was copied: what has left the
// tail by then is in them.
func (v *view) open() error {
	v.j.names.RLock()
	defer v.j.names.RUnlock()
	for i, p := range []string{old(v.j.path), v.j.path} {
		f, err := os.OpenFile(p, os.O_RDONLY|plain, 0)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		v.files[i].File = f
		info, err := f.Stat()
		if err != nil {
			return err
		}
		// Of a line that is being written we may see the beginning: it is in
		// the tail, or it is not yet there.
		if v.files[i].size, err = wholeLines(f, info.Size()); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) close() {
	for _, p := range v.files {
		if p.File != nil {
			p.Close()
		}
	}
}

// seek goes backwards from the newest line to the first one that is wanted.
// With any, every event matches and need not be decoded.
func (v *view) seek(after uint64, last int, match func([]byte, *velos.Event) bool, any bool) (place, error) {
	from := place{part: inTail, at: int64(len(v.tail))}
	lowest := uint64(math.MaxUint64)
	found := 0
	var e velos.Event
	visit := func(text []byte, where place) (more bool) {
		seq, ok := seqOf(text)
		if !ok || seq >= lowest {
			return true
		}
		if seq <= after {
			return false
		}
		lowest, from = seq, where
		if last > 0 && (any || match(text, &e)) {
			found++
		}
		return seq != after+1 && (last <= 0 || found < last)
	}
	for i := len(v.tail) - 1; i >= 0; i-- {
		if !visit(v.tail[i].text, place{inTail, int64(i)}) {
			return from, nil
		}
	}
	if err := v.open(); err != nil {
		return from, err
	}
	for i := inTail - 1; i >= 0; i-- {
		p, more := v.files[i], true
		if p.File == nil {
			continue
		}
		err := backwards(p, p.size, func(text []byte, at int64) bool {
			more = visit(text, place{i, at})
			return more
		})
		if err != nil || !more {
			return from, err
		}
	}
	return from, nil
}

// forwards visits every line from a place on.
func (v *view) forwards(from place, visit func(text []byte) bool) error {
	for ; from.part < inTail; from = (place{part: from.part + 1}) {
		p := v.files[from.part]
		if p.File == nil {
			continue
		}
		lines := bufio.NewScanner(io.NewSectionReader(p, from.at, p.size-from.at))
		lines.Buffer(make([]byte, 4<<10), 1<<20)
		for lines.Scan() {
			if !visit(lines.Bytes()) {
				return nil
			}
		}
		if err := lines.Err(); err != nil {
			return err
		}
	}
	for _, l := range v.tail[from.at:] {
		if !visit(l.text) {
			return nil
		}
	}
	return nil
}

// backwards visits the lines before end, last one first, each without its
// newline and with its offset. What comes after the last newline is no line.
func backwards(f io.ReaderAt, end int64, visit func(text []byte, at int64) bool) error {
	end, err := wholeLines(f, end)
	if err != nil {
		return err
	}
	const least, usual = 1 << 10, 8 << 10 // often it is the last line that is wanted
	var buf []byte
	win := buf[:0] // the bytes from start on that were not visited yet
	start := end
	for start > 0 || len(win) > 0 {
		if i := bytes.LastIndexByte(win[:max(len(win)-1, 0)], '\n'); i >= 0 || start == 0 {
			if !visit(win[i+1:len(win)-1], start+int64(i)+1) {
				return nil
			}
			win = win[:i+1]
			continue
		}
		if len(win) == len(buf) || len(buf) < usual {
			buf = make([]byte, max(2*len(buf), least))
		}
		n := min(start, int64(len(buf)-len(win)))
		copy(buf[n:], win)
		if _, err := f.ReadAt(buf[:n], start-n); err == io.EOF {
			return nil // somebody has cut the file meanwhile
		} else if err != nil {
			return err
		}
		win = buf[:int(n)+len(win)]
		start -= n
	}
	return nil
}

// seqOf reads the sequence number off a line. It is the first key that
// AppendJSON writes, so that most lines need not be decoded.
func seqOf(text []byte) (seq uint64, ok bool) {
	rest, ok := bytes.CutPrefix(text, []byte(`{"seq":`))
	if !ok {
		return 0, false
	}
	for i, c := range rest {
		if c < '0' || c > '9' {
			return seq, i > 0 && c == ','
		}
		if seq > math.MaxInt64/10 {
			return 0, false
		}
		seq = seq*10 + uint64(c-'0')
	}
	return 0, false
}
