package logs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/velospm/velos"
)

// open takes up what a former process left.
func (s *Store) open(id uint32, p Policy) (*Log, error) {
	if s.known(id) != nil {
		return nil, &velos.Error{Code: velos.Conflict, Message: "open the logs of " + p.Name + ": they are open already"}
	}
	p.tidy()
	if err := s.usable(&p, nil); err != nil {
		return nil, err
	}
	l := &Log{s: s, id: id, policy: p}
	whole := s.renumber(l)
	ck := readCkpt(s.ckptPath(id))
	if ck != nil {
		st := ck.state()
		l.seq = st.seq
		if ck.gen != 0 {
			l.count = &counts{st.lines, st.errors, st.drops}
		}
		for i := range l.streams() {
			s.mend(l.path(i), st.ino[i], st.size[i], ck.p.inexact != 0 || !exact)
		}
	}
	for i := range l.streams() {
		l.seq = max(l.seq, newestSeq(l.path(i)))
	}
	s.bound(l)
	s.mu.Lock()
	s.logs[id] = l
	s.mu.Unlock()
	if ck != nil {
		s.takeUp(l, ck.openMinute())
		s.resume(l, ck)
	}
	if !whole || s.o.Compress != nil && len(l.plain()) > 0 {
		s.loosen(l)
	}
	return l, nil
}

// tidy makes one file of two equal paths.
func (p *Policy) tidy() {
	if p.Out != "" && p.Out == p.Err {
		p.Merge = true
	}
	if p.Merge {
		p.Err = ""
	}
}

// usable reports what would keep the files from being written. old is the
// log that uses them already, nil for a new one.
func (s *Store) usable(p *Policy, old *Log) error {
	out, err := p.paths(s.dir)
	for _, path := range [...]string{out, err} {
		if !filepath.IsAbs(path) {
			return &velos.Error{Code: velos.Invalid, Message: "log file " + path + ": not an absolute path"}
		}
		known := p.Known
		if old != nil {
			was, wasErr := old.policy.paths(s.dir)
			known = path == was || path == wasErr
		}
		if err := place(path, known); err != nil {
			return err
		}
		if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() && st.Mode()&fs.ModeCharDevice == 0 {
			return &velos.Error{Code: velos.Invalid, Message: "log file " + path + ": not a regular file"}
		}
	}
	return s.unshared(out, err, p.Out == "" && p.Err == "", old)
}

// place makes the directory of a file that was asked for now, as other
// managers do. Where a known file's directory is gone, a disk may not be there:
// nothing is made in its place.
func place(path string, known bool) error {
	dir := filepath.Dir(path)
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	if known {
		return &velos.Error{Code: velos.Invalid, Message: "log file " + path + ": no such directory: " + dir, Hint: "make it first: mkdir -p " + dir}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &velos.Error{Code: velos.Invalid, Message: "log file " + path + ": " + err.Error(), Hint: "name another file, or make its directory first", Cause: err}
	}
	return nil
}

// unshared refuses a file that another app writes: neither could tell its
// own lines after a crash. A device such as /dev/null keeps none.
func (s *Store) unshared(out, err string, standard bool, old *Log) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range [...]string{out, err} {
		if st, err := os.Stat(path); err == nil && st.Mode()&fs.ModeCharDevice != 0 {
			continue
		}
		for _, l := range s.logs {
			if l == old || standard && l.policy.Out == "" && l.policy.Err == "" {
				continue // names are unique
			}
			o, e := l.policy.paths(s.dir)
			if sameFile(path, o) || sameFile(path, e) {
				return &velos.Error{Code: velos.Conflict, Message: "log file " + path + ": " + l.policy.Name + " writes to it",
					Hint: "give each app a file of its own"}
			}
		}
	}
	return nil
}

// sameFile compares paths, also where a directory has two names. Neither file
// needs to be there.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	if filepath.Base(a) != filepath.Base(b) {
		return false
	}
	x, err1 := os.Stat(filepath.Dir(a))
	y, err2 := os.Stat(filepath.Dir(b))
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// mend cuts off what was appended after the checkpoint, for the spool gives
// it again. Where it does not, only a torn last line goes. The file may have
// been moved since.
func (s *Store) mend(path string, ino uint64, size int64, inexact bool) {
	if ino == 0 {
		return
	}
	st, err := lstat(path)
	if err != nil || st.ino != ino {
		at := -1
		list := rotatedFiles(path)
		for i, r := range list {
			if r.ino == ino {
				at = i
			}
		}
		if at < 0 {
			return
		}
		path, st = list[at].path, list[at].stat
	}
	if !st.regular || st.size <= size {
		return
	}
	if !inexact {
		os.Truncate(path, size)
		return
	}
	if whole := lastNewline(path, st.size); whole >= size {
		os.Truncate(path, whole)
	}
}

// lastNewline is the offset after the last newline, or size when none is near.
func lastNewline(path string, size int64) int64 {
	f, err := os.Open(path)
	if err != nil {
		return size
	}
	defer f.Close()
	b := make([]byte, min(size, 1<<20))
	n, _ := f.ReadAt(b, size-int64(len(b)))
	if i := bytes.LastIndexByte(b[:n], '\n'); i >= 0 {
		return size - int64(len(b)) + int64(i) + 1
	}
	return size
}

// newestSeq finds the newest sequence number in a log file or, when that is
// empty, in the one before it.
func newestSeq(path string) uint64 {
	for _, name := range [...]string{path, path + ".1"} {
		if st, err := lstat(name); err == nil && st.regular && st.size > 0 {
			if seq := tailSeq(name, st.size); seq > 0 {
				return seq
			}
		}
	}
	return 0
}

// tailSeq looks for a whole line at the end of a file, in a short piece
// first: a thousand logs are opened at a start.
func tailSeq(path string, size int64) uint64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	var p parser
	var e velos.Entry
	for _, span := range [...]int64{2 << 10, 64 << 10, 1 << 20} {
		b := make([]byte, min(size, span))
		n, _ := f.ReadAt(b, size-int64(len(b)))
		for b = b[:n]; len(b) > 0; {
			b = bytes.TrimSuffix(b, newline)
			i := bytes.LastIndexByte(b, '\n')
			if p.parse(b[i+1:], &e) && e.Seq > 0 {
				return e.Seq
			}
			b = b[:i+1]
		}
		if span >= size {
			break
		}
	}
	return 0
}

// resume makes pipes of the spots that a former process left, and derives
// again what it had not yet brought into the files.
func (s *Store) resume(l *Log, ck *ckpt) {
	var left []*pipe
	for i, sp := range ck.pipes() {
		if sp.kind == 0 {
			continue
		}
		src := velos.Stream(sp.stream())
		if src != velos.Stdout && src != velos.Stderr {
			continue
		}
		left = append(left, &pipe{log: l, fd: -1, inst: int16(sp.inst()), pid: int32(sp.pid), src: src, next: l.pipes,
			sp: &spool{handle: handle{fd: -1}, spot: i, ino: sp.ino, off: sp.off}})
		l.pipes = left[len(left)-1]
	}
	if len(left) == 0 {
		return
	}
	w := s.writerOf(l)
	w.st = ck.state()
	w.st.seq = l.seq
	s.checkpoint(l)
	for _, p := range left {
		s.buffers()
		st, err := lstat(s.spoolPath(l.id, p.sp.spot))
		if err != nil {
			st.size = 0
		}
		sp := p.sp
		if sp.size = st.size; sp.size < sp.off {
			sp.off = 0 // it was emptied, and the checkpoint had no time to say so
		}
		if sp.off < sp.size && s.openSpoolOf(p, false) {
			s.consume(p, sp.size, false)
			s.touch(p)
		}
	}
}

// setPolicy changes paths and bounds; files of the old name come along.
func (s *Store) setPolicy(l *Log, p Policy) error {
	p.tidy()
	if err := s.usable(&p, l); err != nil {
		return err
	}
	old := l.policy
	oldOut, oldErr := old.paths(s.dir)
	newOut, newErr := p.paths(s.dir)
	if old.Name != p.Name && old.Out == p.Out && old.Out == "" {
		s.carry(l, oldOut, newOut)
	}
	if old.Name != p.Name && old.Err == p.Err && old.Err == "" && !old.Merge && !p.Merge {
		s.carry(l, oldErr, newErr)
	}
	l.mu.Lock()
	l.policy = p
	l.mu.Unlock()
	if (oldOut != newOut || oldErr != newErr) && l.w != nil {
		for i := range l.w.files {
			s.let(&l.w.files[i].handle)
		}
		s.touchFiles(l)
	}
	s.bound(l)
	return nil
}

// carry renames a log file and its rotated ones, if none of that name exists.
func (s *Store) carry(l *Log, from, to string) {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) || found(to, 1) {
		s.notice(l, "the former lines stay in "+from+": "+to+" is there already")
		return
	}
	l.names.Lock()
	defer l.names.Unlock()
	list := rotatedFiles(from)
	for i := len(list) - 1; i >= 0; i-- { // the oldest first: asked again after a kill, the rest follows
		rename(list[i].path, to+list[i].path[len(from):])
	}
	rename(from, to)
}

// touchFiles opens the live files that were closed, and checkpoints where
// they stand.
func (s *Store) touchFiles(l *Log) (first error) {
	for i := range l.streams() {
		if err := s.openFile(l, i); err != nil && first == nil {
			first = &velos.Error{Code: velos.Failed, Message: "open log file " + l.path(i) + ": " + err.Error(), Cause: err}
		}
		l.w.files[i].retry = 0
		l.w.st.ino[i], l.w.st.size[i] = l.w.files[i].ino, l.w.files[i].size
	}
	if l.w.ck != nil {
		l.w.ck.commit(&l.w.st, -1, 0)
	}
	return first
}

// leave gives back what a log holds in this process; pipes that are parked
// live on elsewhere.
func (s *Store) leave(l *Log) {
	s.cutAll(l)
	for p := l.pipes; p != nil; p = p.next {
		if p.sp != nil {
			if p.sp.memory && len(p.sp.tail) > 0 {
				s.saveTail(p)
			}
			s.emptySpool(p)
			s.let(&p.sp.handle)
			p.sp = nil
		}
		if p.fd >= 0 {
			s.set.Remove(int(p.fd))
			closeFD(int(p.fd))
			s.table[p.key] = nil
			s.vacant = append(s.vacant, p.key)
			p.fd = -1
		}
	}
	l.pipes, l.waits = nil, nil
	if l.w != nil {
		for i := range l.w.files {
			s.let(&l.w.files[i].handle)
		}
		if l.w.ck != nil {
			l.w.ck.close()
		}
		l.w = nil
	}
	for i, h := range s.hot {
		if h == l {
			s.hot = append(s.hot[:i], s.hot[i+1:]...)
			break
		}
	}
	l.freeRing()
	l.mu.Lock()
	if l.grown != nil {
		close(l.grown) // followers look again, and find that l is unknown
		l.grown = nil
	}
	l.mu.Unlock()
}

// remove forgets an app: what its pipes hold now is the last that is kept.
func (s *Store) remove(l *Log) error {
	s.mu.Lock()
	mine := s.logs[l.id] == l
	if mine {
		delete(s.logs, l.id)
	}
	s.mu.Unlock()
	if !mine {
		return nil
	}
	for l.pipes != nil {
		p := l.pipes
		s.drain(p)
		s.end(p)
	}
	s.forgetMinutes(l)
	s.leave(l)
	if err := os.Remove(s.ckptPath(l.id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &velos.Error{Code: velos.Failed, Message: "forget the logs of " + l.policy.Name + ": " + err.Error(), Cause: err}
	}
	return nil
}
