package logs

import "github.com/velospm/velos"

// A File is one file that holds lines of an app.
type File struct {
	Path   string
	Src    velos.Stream // AnyStream: both are in it
	Number int          // of rotations since it was written; 0 is the live one
	Inode  uint64
	Size   int64 // how far its lines are accounted for
	Raw    bool
	Packed bool
}

// Files are all that hold lines of an app at one moment, oldest first for each
// stream.
type Files struct {
	List   []File
	Seq    uint64 // of the newest line
	Memory bool   // a file takes no lines now: the newest are in the ring only
}

// Files tells a reader in another process which files to open. It may find
// them rotated when it comes to that; the inode tells.
func (l *Log) Files() (f Files, err error) {
	err = l.s.do("list the log files of "+l.name(), func() error { f = l.s.files(l); return nil })
	return f, err
}

func (s *Store) files(l *Log) (f Files) {
	l.names.Lock()
	defer l.names.Unlock()
	l.mu.Lock()
	f.Seq = l.seq
	remembers := l.ring != nil
	l.mu.Unlock()
	for i := range l.streams() {
		src := velos.Stream(int(velos.Stdout) + i)
		if l.policy.Merge {
			src = velos.AnyStream
		}
		live := l.path(i)
		last := 0
		for found(live, last+1) {
			last++
		}
		for n := last; n >= 0; n-- {
			name := live
			if n > 0 {
				name = numbered(live, n)
			}
			for _, suffix := range suffixes {
				// A compressor that is at work may have left both forms.
				st, err := lstat(name + suffix)
				if err != nil || n == 0 && suffix != "" {
					continue
				}
				if st.regular {
					f.List = append(f.List, File{name + suffix, src, n, st.ino, s.valid(l, i, n, &st), l.policy.Raw, isPacked(name + suffix)})
				}
				break
			}
		}
		st, err := lstat(live)
		gone := err != nil || !st.regular // a device keeps nothing
		f.Memory = f.Memory || gone && remembers || l.w != nil && l.w.files[i].retry != 0
	}
	return f
}

// valid is how far a file's lines are accounted for: behind that, a kill of
// the daemon would cut them off and derive them again.
func (s *Store) valid(l *Log, i, n int, st *stat) int64 {
	if n == 0 && l.w != nil && l.w.st.ino[i] == st.ino {
		return min(st.size, l.w.st.size[i])
	}
	return st.size
}
