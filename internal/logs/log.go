package logs

import (
	"errors"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// A Policy says where an app's lines go and what bounds them.
type Policy struct {
	Name     string
	Out, Err string // absolute paths; empty: NAME-out.log and NAME-err.log in the Store's directory
	Merge    bool   // stderr goes to the file of stdout
	// Raw files hold the bytes as written and nothing else. What is older
	// than the ring then has no time, sequence number, instance or pid, its
	// level is guessed again, and the order between stdout and stderr is
	// lost; a follower that falls behind cannot catch up.
	Raw      bool
	Rules    *level.Rules // of levels, asked before Classify; nil: none
	MaxFiles int          // rotated files kept for each stream
	MaxSize  int64        // bytes at which a file is rotated; 0: never
	MaxTotal int64        // bytes of all files of the app; 0: no bound
	// Known apps had their files before: a directory of them that is gone may be
	// a disk that is not there yet, and is not made.
	Known bool
}

// paths are the two log files; equal when merged.
func (p *Policy) paths(dir string) (out, err string) {
	if out = p.Out; out == "" {
		out = filepath.Join(dir, p.Name+"-out.log")
	}
	if err = p.Err; err == "" {
		err = filepath.Join(dir, p.Name+"-err.log")
	}
	if p.Merge {
		err = out
	}
	return out, err
}

// A Log is what one app has written. Its methods may be called from any
// goroutine.
type Log struct {
	s  *Store
	id uint32

	mu     sync.Mutex
	policy Policy // written by the ingest goroutine only
	ring   *ring
	grown  chan struct{} // closed when there is a new line; nil when nobody waits
	seq    uint64        // of the newest published line
	bytes  int64
	count  *counts // nil while the app has never written

	// names is held while rotated files change their names, and by a reader
	// while it finds them. It is no part of the way of a line: a rotation that
	// does not get it is put off.
	names sync.Mutex

	// What only the ingest goroutine touches.
	pipes *pipe
	w     *writer
	waits *wait // see Await
}

type counts struct{ lines, errors, drops uint64 }

// Info tells where the lines go and how many there were. It asks no disk.
func (l *Log) Info() velos.LogInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := velos.LogInfo{Bytes: l.bytes, Seq: l.seq}
	i.Out, i.Err = l.policy.paths(l.s.dir)
	if c := l.count; c != nil {
		i.Lines, i.Errors, i.Dropped = c.lines, c.errors, c.drops
	}
	return i
}

// Flush empties the ring and all files of the app: the live ones are
// truncated, rotated ones deleted. Sequence numbers go on.
func (l *Log) Flush() error {
	return l.s.do("flush the logs of "+l.name(), func() error { return l.s.flushAll(l) })
}

// Reopen opens the files anew by their names: what logrotate asks for after
// it has moved them.
func (l *Log) Reopen() error {
	return l.s.do("reopen the logs of "+l.name(), func() error {
		if l.w == nil {
			return nil
		}
		for i := range l.w.files {
			l.s.let(&l.w.files[i].handle)
		}
		return l.s.touchFiles(l)
	})
}

// SetPolicy changes where lines go from now on. A new name takes the files of
// the old one along, unless files of that name are there already.
func (l *Log) SetPolicy(p Policy) error {
	return l.s.do("change the logs of "+p.Name, func() error { return l.s.setPolicy(l, p) })
}

// Remove forgets the app: pipes, spool and checkpoint go, log files stay.
func (l *Log) Remove() error {
	return l.s.do("remove the logs of "+l.name(), func() error { return l.s.remove(l) })
}

// Began says that the newest run of inst has this pid; its lines carry it.
// Until then they wait in the pipe.
func (l *Log) Began(inst, pid int) {
	l.s.post(func() {
		for p := l.pipes; p != nil; p = p.next {
			if int(p.inst) == inst && (p.pid == pidAwaited || p.pid == pidUnknown) && p.fd >= 0 {
				p.pid = int32(pid)
				l.s.admit(p)
			}
		}
	})
}

// Settle says that the run of inst has ended: everything its pipes hold is
// read, and a last line without a newline is kept. It returns when that is
// done, or when the disk has not answered for a few seconds. A pipe that
// somebody else still holds open is read on.
func (l *Log) Settle(inst int) {
	goal := uint64(0) // of no interest outside of the steps
	first := func() error { goal = l.s.gatherAll(l, inst); return l.s.settleStep(l, inst, goal) }
	err := l.s.do("settle", first)
	for err == errBehind {
		err = l.s.do("settle", func() error { return l.s.settleStep(l, inst, goal) })
	}
}

// errBehind says that a flood has left more to cut.
var errBehind = errors.New("lines are still to be cut")

func (l *Log) name() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.policy.Name
}

func (s *Store) ckptPath(id uint32) string {
	return filepath.Join(s.dir, ".spool", strconv.FormatUint(uint64(id), 10)+".ckpt")
}

// spoolPath is by number of the spot, not by instance and stream: a
// descendant of a former run may hold that run's pipe open beside the new one's.
func (s *Store) spoolPath(id uint32, spot int) string {
	return filepath.Join(s.dir, ".spool", strconv.FormatUint(uint64(id), 10)+"-"+strconv.Itoa(spot))
}
