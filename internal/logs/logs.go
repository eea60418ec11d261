// Package logs keeps what programs write: pipes, line splitting, levels, the
// ring of recent lines, log files with rotation and bounds, queries and
// followers. It starts no program, knows no socket, and never makes a program
// wait for a disk or a reader.
//
// The way of a line: the program writes into a pipe; one goroutine of the
// Store hears of it and moves the bytes into a spool file in one kernel step;
// lines are cut from the spool, stamped with level and sequence number,
// appended to the log file, and the checkpoint says how far that went. A
// daemon killed at any moment starts from the checkpoint: no line is lost and
// none is there twice. Only then the line is published to the ring, where
// queries and followers find it.
package logs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/poll"
)

// Options are what a Store asks of its surroundings. Each may be nil.
type Options struct {
	// Classify says how serious a line is. Nil: stdout is info, stderr error.
	Classify func(line []byte, src velos.Stream) velos.Level
	// Notice tells of drops and of files that could not be written. It is
	// called from the goroutine that moves the bytes and must not block.
	Notice func(app uint32, text string)
	// Unusual tells of apps whose last minute was so unlike the hour before
	// that somebody should look closer. It must not block, either.
	Unusual func(apps []uint32)
	// Compress is asked after a rotation to replace path (NAME.1, or a higher
	// number that was left plain) by a compressed NAME.1.zst; it returns at
	// once and the work is done outside. Whoever does it writes a temporary
	// file, then holds flock(LOCK_EX) on the directory while it checks that
	// NAME.1 is still the inode it read (a rotation may have moved it to
	// NAME.2: then it gives up and is asked again), renames the temporary file
	// to NAME.1.zst, and only then unlinks NAME.1.
	Compress func(path string)
	// Expand opens a compressed segment for reading. Nil: history ends at
	// the first compressed file.
	Expand func(path string) (io.ReadCloser, error)
	// Park hands a new pipe's read end to whoever outlives this process, and
	// Unpark tells when the pipe has ended. The descriptor stays ours.
	Park   func(name string, fd int)
	Unpark func(name string)
}

// patience bounds how long a caller waits for the goroutine that owns the
// files: a disk that hangs must not hang supervision.
var patience = 5 * time.Second

// A Store holds the logs of all apps below one directory.
type Store struct {
	dir  string
	o    Options
	set  *poll.Set
	done chan struct{} // closed when the ingest goroutine has ended

	mu     sync.Mutex
	queue  []func()
	closed bool
	logs   map[uint32]*Log

	ringBytes int64 // of all rings; guarded by mu

	ingest // what only the ingest goroutine touches
}

// Open makes the directory if it is missing and starts the goroutine that
// serves every pipe.
func Open(dir string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, ".spool"), 0o700); err != nil {
		return nil, &velos.Error{Code: velos.Failed, Message: "make the log directory: " + err.Error(), Cause: err}
	}
	s := &Store{dir: dir, o: o, logs: map[uint32]*Log{}, done: make(chan struct{})}
	if o.Classify == nil {
		s.o.Classify = func(_ []byte, src velos.Stream) velos.Level {
			if src == velos.Stderr {
				return velos.Err
			}
			return velos.Info
		}
	}
	set, err := poll.Open()
	if errors.Is(err, velos.ErrUnsupported) {
		// Without pipes there is nothing to serve but orders.
		s.orders = make(chan struct{}, 1)
	} else if err != nil {
		return nil, err
	}
	s.set = set
	go s.run()
	return s, nil
}

// Close reads what the pipes hold at this moment, ends the goroutine and
// gives every descriptor back. Parked pipes live on elsewhere; a line that has
// no newline yet waits in the spool for the next Open.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil
	}
	err := s.do("close the logs", func() error { s.shut(); return nil })
	select {
	case <-s.done:
	case <-time.After(patience):
		return err
	}
	return err
}

// do runs f in the goroutine that owns files and pipes, and waits for it,
// but not longer than patience.
func (s *Store) do(what string, f func() error) error {
	done := make(chan error, 1)
	if !s.post(func() { done <- f() }) {
		return &velos.Error{Code: velos.Failed, Message: what + ": the log store is closed"}
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return &velos.Error{Code: velos.Timeout, Message: what + ": the disk does not answer",
			Hint: "look for a hung file system below " + s.dir}
	}
}

// post leaves f to the ingest goroutine, which runs orders in their turn.
func (s *Store) post(f func()) bool {
	s.mu.Lock()
	ok := !s.closed
	if ok {
		s.queue = append(s.queue, f)
	}
	s.mu.Unlock()
	if ok {
		s.wake()
	}
	return ok
}

func (s *Store) wake() {
	if s.set != nil {
		s.set.Wake()
		return
	}
	select {
	case s.orders <- struct{}{}:
	default:
	}
}

// Log opens the log of an app: it takes up what a former process left in
// spool and checkpoint, and goes on after the newest line in the files.
func (s *Store) Log(id uint32, p Policy) (*Log, error) {
	var l *Log
	var settled atomic.Bool // by whoever comes first: the result, or the end of patience
	err := s.do("open the logs of "+p.Name, func() error {
		opened, err := s.open(id, p)
		l = opened
		if !settled.CompareAndSwap(false, true) && err == nil {
			s.forget(opened)
		}
		return err
	})
	if err != nil && settled.CompareAndSwap(false, true) {
		return nil, err
	}
	if err != nil && velos.CodeOf(err) != velos.Timeout {
		return nil, err
	}
	return l, nil
}

// forget drops a log from this process and leaves the files as they are.
func (s *Store) forget(l *Log) {
	s.mu.Lock()
	delete(s.logs, l.id)
	s.mu.Unlock()
	s.leave(l)
}

// known is the Log of id, or nil.
func (s *Store) known(id uint32) *Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs[id]
}

func (s *Store) notice(l *Log, text string) {
	if s.o.Notice != nil {
		s.o.Notice(l.id, text)
	}
}
