// Package journal keeps what happened: a bounded file of events, one JSON line
// each, that many can follow while it grows. It does not decide what an event
// is, and it never makes whoever reports one wait for the disk.
package journal

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

const (
	recent  = 8 << 10   // bytes of written lines that stay in memory for followers
	most    = 64 << 10  // bytes of lines that wait in memory for a disk that refuses them
	burst   = 512 << 10 // and for one that takes them: hundreds of apps at once are faster than it
	longest = 4 << 10   // bytes of one text in an event
)

// A Journal is an open journal. Its methods may be called at any time from
// any goroutine.
type Journal struct {
	path string
	max  int64

	mu      sync.Mutex // never held during a system call
	seq     uint64     // of the newest event
	tail    []line     // the newest lines, oldest first
	size    int        // bytes in tail
	taken   uint64     // lines up to this are written or in the writer's hands
	written uint64     // lines up to this are in the file
	dropped uint64
	fault   error         // the disk's last word, nil when it took everything
	grown   chan struct{} // closed by the next Add or Close; nil while nobody waits
	closed  bool
	paper   []byte // where Add writes a line, which then is as long as it must be

	wake chan struct{} // has room for one: the writer looks for lines
	done chan struct{} // closed when the writer has ended

	names sync.RWMutex // held for writing while the files change names
	file  *os.File     // the writer's
	sheet []byte       // the writer's: what goes to the disk at once
}

// A line is an event as it is in the file, newline included.
type line struct {
	seq  uint64
	text []byte
}

// Open opens the journal at path, or begins one. A last line that a crash has
// torn is cut off, and sequence numbers go on from the last whole one. When
// the file would grow over max bytes it becomes path.1, in place of the former
// one: the two never take more than twice max. The error names the path.
func Open(path string, max int64) (*Journal, error) {
	j := &Journal{path: path, max: max, wake: make(chan struct{}, 1), done: make(chan struct{})}
	if err := j.open(); err != nil {
		return nil, blame("open the journal", path, err)
	}
	if err := j.mend(); err != nil {
		j.file.Close()
		return nil, blame("read the journal", path, err)
	}
	j.taken, j.written = j.seq, j.seq
	go j.write()
	return j, nil
}

// Add records an event. It sets the event's Seq, and its Time when that is 0.
// It only copies to memory: what the disk cannot take stays there, and when
// there is too much of it, the oldest is dropped and counted.
func (j *Journal) Add(e velos.Event) {
	if e.Time == 0 {
		e.Time = velos.TimeOf(time.Now())
	}
	e.Cause = cut(e.Cause)
	e.Actor.Exe = cut(e.Actor.Exe)
	if e.Exit != nil && len(e.Exit.Error) > longest {
		x := *e.Exit
		x.Error = cut(x.Error)
		e.Exit = &x
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	j.seq++
	e.Seq = j.seq
	j.paper = append(record.AppendJSON(j.paper[:0], &e), '\n')
	text := bytes.Clone(j.paper)
	j.tail = append(j.tail, line{seq: e.Seq, text: text})
	j.size += len(text)
	if j.size > most {
		j.forget(recent)
		j.shed()
	}
	j.tell()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// cut bounds a text: one event must not fill the file.
func cut(s string) string {
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

// tell wakes whoever waits for the journal to grow.
func (j *Journal) tell() {
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
}

// forget lets go of written lines, oldest first, until limit bytes are left.
func (j *Journal) forget(limit int) {
	for j.size > limit && len(j.tail) > 0 && j.tail[0].seq <= j.written {
		j.size -= len(j.tail[0].text)
		j.tail[0].text = nil
		j.tail = j.tail[1:]
	}
}

// shed drops lines that the writer has not taken, oldest first.
func (j *Journal) shed() {
	limit := burst
	if j.fault != nil {
		limit = most
	}
	for j.size > limit {
		i := slices.IndexFunc(j.tail, func(l line) bool { return l.seq > j.taken })
		if i < 0 || i == len(j.tail)-1 {
			return
		}
		j.size -= len(j.tail[i].text)
		j.tail = slices.Delete(j.tail, i, i+1)
		j.dropped++
	}
}

// Seq is the sequence number of the newest event, 0 when there is none.
func (j *Journal) Seq() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq
}

// Dropped counts the events that no file will ever have, the disk having
// refused them for too long.
func (j *Journal) Dropped() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dropped
}

// Fault is why the disk does not take events now, nil when it does.
func (j *Journal) Fault() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fault
}

// Close writes what is left, ends every Follow and waits for the writer. The
// error is the disk's, when events were left over. Close may be called twice.
func (j *Journal) Close() error {
	j.mu.Lock()
	if !j.closed {
		j.closed = true
		j.tell()
		close(j.wake)
	}
	j.mu.Unlock()
	<-j.done
	return j.Fault()
}
