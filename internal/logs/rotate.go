package logs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

// suffixes are the forms in which a rotated file may be found.
var suffixes = [...]string{"", ".zst", ".gz"}

// lockWait is how long a due rotation waits for a compressor that is just
// swapping files; then that one is taken for dead.
const lockWait = 10_000

// limit is the size at which a file is rotated; 0 is never. A bound on the
// total leaves at least half of it to rotated files.
func (l *Log) limit() int64 {
	p := &l.policy
	limit := p.MaxSize
	if p.MaxTotal > 0 {
		share := max(p.MaxTotal/int64(2*l.streams()), 1)
		if limit <= 0 || limit > share {
			limit = share
		}
	}
	return max(limit, 0)
}

func (l *Log) streams() int {
	if l.policy.Merge {
		return 1
	}
	return 2
}

// rotate moves live file i to NAME.1 and the older ones up. It runs right
// after a checkpoint and before the next line, so that a kill in between
// finds every file whole.
func (s *Store) rotate(l *Log, i int) {
	f := &l.w.files[i]
	path := l.path(i)
	st, err := lstat(path)
	if s.clock < f.stay || f.fd < 0 || err != nil || !st.regular || st.ino != f.ino {
		return // moved away by somebody else, or no regular file
	}
	if !l.names.TryLock() {
		return
	}
	defer l.names.Unlock()
	unlock, ok := lockDir(filepath.Dir(path))
	if !ok && f.late == 0 {
		f.late = s.clock
	}
	if !ok && s.clock-f.late < lockWait {
		return
	}
	f.late = 0
	if err = shiftFiles(path, l.policy.MaxFiles); err != nil {
		_ = closeGap(path) // else what lies beyond it is hidden until a rotation goes well
	}
	if unlock != nil {
		unlock()
	}
	fault.Here("rotate.renamed")
	if err != nil {
		s.notice(l, "rotate "+filepath.Base(path)+": "+err.Error())
		f.stay = s.clock + lockWait
		return
	}
	s.let(&f.handle)
	f.size = 0
	if s.openFile(l, i) == nil {
		fault.Here("rotate.opened")
		l.w.st.ino[i], l.w.st.size[i] = f.ino, f.size
		if l.w.ck != nil {
			l.w.ck.commit(&l.w.st, -1, 0)
		}
	}
	fault.Here("rotate.checkpointed")
	s.bound(l)
	if l.policy.MaxFiles > 0 && s.o.Compress != nil {
		s.o.Compress(path + ".1")
		s.loosen(l)
	}
}

// A loose is a log that may have rotated files which are still plain.
type loose struct {
	log   *Log
	since beat // of the newest rotation
}

// compressRest is for how many milliseconds an app must not have rotated
// before its plain files are asked for again.
var compressRest beat = 3_000

// loosen has a look at l's rotated files once it rotates no more: in a flood
// they change their names faster than anyone compresses them.
func (s *Store) loosen(l *Log) {
	s.soon()
	for i := range s.loose {
		if s.loose[i].log == l {
			s.loose[i].since = s.clock
			return
		}
	}
	s.loose = append(s.loose, loose{l, s.clock})
}

// tighten asks for every plain file of logs that have stopped rotating, and
// closes gaps that could not be closed before; done is false when some are
// still to come.
func (s *Store) tighten() (done bool) {
	kept := s.loose[:0]
	for _, p := range s.loose {
		switch {
		case s.known(p.log.id) != p.log:
		case s.clock-p.since < compressRest, !s.renumber(p.log):
			kept = append(kept, p)
		case s.o.Compress != nil:
			for _, path := range p.log.plain() {
				s.o.Compress(path)
			}
		}
	}
	clear(s.loose[len(kept):])
	if s.loose = kept; len(kept) == 0 {
		s.loose = nil
	}
	return len(kept) == 0
}

// plain lists the rotated files that nobody has compressed.
func (l *Log) plain() (paths []string) {
	for i := range l.streams() {
		for _, r := range rotatedFiles(l.path(i)) {
			if !isPacked(r.path) {
				paths = append(paths, r.path)
			}
		}
	}
	return paths
}

// shiftFiles renames path to path.1, path.1 to path.2 and so on, in whatever
// form they are, as far as there is no gap; what goes beyond keep is deleted.
func shiftFiles(path string, keep int) error {
	last := 0
	for found(path, last+1) {
		last++
	}
	for n := last; n >= 1; n-- {
		plain := false
		for _, suffix := range suffixes {
			from := numbered(path, n) + suffix
			st, err := lstat(from)
			if err != nil {
				continue
			}
			// A compressor that died between its two steps left both forms.
			if n >= keep || plain {
				os.Remove(from)
				continue
			}
			plain = plain || (suffix == "" && st.regular)
			if err := rename(from, numbered(path, n+1)+suffix); err != nil {
				return err
			}
			fault.Here("rotate.shifted")
		}
	}
	if keep <= 0 {
		return os.Remove(path)
	}
	return rename(path, numbered(path, 1))
}

// renumber closes the gaps in the numbers of l's rotated files: a daemon that
// was killed in the midst of a rotation leaves one, and nobody looks beyond it.
// done is false when somebody has the lock, and it is to be tried again.
func (s *Store) renumber(l *Log) (done bool) {
	for i := range l.streams() {
		path := l.path(i)
		if !gapped(path) {
			continue
		}
		if !l.names.TryLock() {
			return false
		}
		unlock, ok := lockDir(filepath.Dir(path))
		if ok {
			if err := closeGap(path); err != nil {
				s.notice(l, "number the rotated files of "+filepath.Base(path)+": "+err.Error())
			}
			if unlock != nil {
				unlock()
			}
		}
		l.names.Unlock()
		if !ok {
			return false
		}
	}
	return true
}

// gapped reports whether one number is missing. More are not: shiftFiles moves
// one file at a time.
func gapped(path string) bool {
	n := 1
	for found(path, n) {
		n++
	}
	return found(path, n+1)
}

// closeGap takes a rotation back that did not come to its end: the files
// beyond the gap, which had been moved, get their numbers back. The live one
// is the last that a rotation moves, so it is where it was.
func closeGap(path string) error {
	n := 1
	for found(path, n) {
		n++
	}
	for ; found(path, n+1); n++ {
		for _, suffix := range suffixes {
			err := rename(numbered(path, n+1)+suffix, numbered(path, n)+suffix)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func numbered(path string, n int) string { return path + "." + strconv.Itoa(n) }

func found(path string, n int) bool {
	for _, suffix := range suffixes {
		if _, err := lstat(numbered(path, n) + suffix); err == nil {
			return true
		}
	}
	return false
}

// A rotated is one rotated file.
type rotated struct {
	path string
	stat
}

// rotatedFiles lists path.1, path.2 …, newest first, as far as there is no gap.
func rotatedFiles(path string) (list []rotated) {
	for n := 1; ; n++ {
		before := len(list)
		for _, suffix := range suffixes {
			name := numbered(path, n) + suffix
			if st, err := lstat(name); err == nil {
				list = append(list, rotated{name, st})
			}
		}
		if len(list) == before {
			return list
		}
	}
}

// bound deletes the oldest rotated files until the total fits, and counts
// the bytes.
func (s *Store) bound(l *Log) {
	var lists [2][]rotated
	total, live := int64(0), int64(0)
	for i := range l.streams() {
		path := l.path(i)
		lists[i] = rotatedFiles(path)
		for _, r := range lists[i] {
			total += r.size
		}
		if st, err := lstat(path); err == nil {
			live += st.size
		}
	}
	budget := l.policy.MaxTotal - int64(l.streams())*l.limit()
	for l.policy.MaxTotal > 0 && total > budget {
		i := oldest(lists)
		if i < 0 {
			break
		}
		last := lists[i][len(lists[i])-1]
		if err := os.Remove(last.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.notice(l, "delete "+filepath.Base(last.path)+": "+err.Error())
		}
		total -= last.size
		lists[i] = lists[i][:len(lists[i])-1]
	}
	l.mu.Lock()
	l.bytes = total + live
	l.mu.Unlock()
}

// oldest says which list's last file was written to longest ago.
func oldest(lists [2][]rotated) int {
	best, when := -1, int64(0)
	for i, list := range lists {
		if n := len(list); n > 0 && (best < 0 || list[n-1].mtime < when) {
			best, when = i, list[n-1].mtime
		}
	}
	return best
}

// flushAll empties everything.
func (s *Store) flushAll(l *Log) error {
	var first error
	for i := range l.streams() {
		path := l.path(i)
		list := rotatedFiles(path)
		for n := len(list) - 1; n >= 0; n-- { // the oldest first: a kill leaves no gap
			if err := os.Remove(list[n].path); err != nil && first == nil {
				first = &velos.Error{Code: velos.Failed, Message: "flush " + path + ": " + err.Error(), Cause: err}
			}
		}
		if st, err := lstat(path); err == nil && st.regular && st.size > 0 {
			if err := os.Truncate(path, 0); err != nil && first == nil {
				first = &velos.Error{Code: velos.Failed, Message: "flush " + path + ": " + err.Error(), Cause: err}
			}
		}
		if l.w != nil {
			l.w.files[i].size, l.w.st.size[i] = 0, 0
		}
	}
	if l.w != nil && l.w.ck != nil {
		l.w.ck.commit(&l.w.st, -1, 0)
	}
	l.mu.Lock()
	if l.ring != nil {
		l.ring.clear(l.seq)
	}
	l.mu.Unlock()
	s.forgetMinutes(l)
	s.bound(l)
	return first
}
