package trigger

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// poll looks at files where the system does not tell of changes.
type poll struct {
	stamps []stamp // of all files, by name
	next   time.Time
	begun  bool // there was a scan before
}

// A stamp is what is kept of a file: hashes of its name, and of what changes
// when it does.
type stamp struct{ name, state uint64 }

// A scan rests for a hundred times as long as it took: one in a hundred is
// what it may have of a processor.
const (
	shortPause = 2 * time.Second
	longPause  = time.Minute
	restRatio  = 100
)

// scan looks at all files of v, and notes what is not as it was.
func (p *poll) scan(v *watch) {
	begin := time.Now()
	s := scanner{watch: v, old: p.stamps, news: p.begun, now: begin}
	for _, r := range v.roots {
		s.root(r)
	}
	slices.SortFunc(s.stamps, byName)
	s.stamps = slices.CompactFunc(s.stamps, func(a, b stamp) bool { return a.name == b.name })
	if p.begun {
		s.gone()
	}
	p.stamps, p.begun = s.stamps, true
	p.next = time.Now().Add(min(max(shortPause, restRatio*time.Since(begin)), longPause))
}

func byName(a, b stamp) int {
	switch {
	case a.name < b.name:
		return -1
	case a.name > b.name:
		return 1
	}
	return 0
}

// A scanner is one scan.
type scanner struct {
	watch  *watch
	old    []stamp
	stamps []stamp
	news   bool
	now    time.Time
}

func (s *scanner) root(r *root) {
	st, err := os.Stat(r.path)
	switch {
	case err != nil:
	case st.IsDir():
		s.directory(r)
	default:
		s.file(s.watch.name(r.path), st)
	}
}

func (s *scanner) directory(r *root) {
	walk(s.watch, r, r.path, func(string) error { return nil }, func(path, name string, d fs.DirEntry) {
		if st, err := d.Info(); err == nil {
			s.file(name, st)
		}
	})
}

func (s *scanner) file(name string, st fs.FileInfo) {
	n := stamp{hashOf(name), hashOf(strconv.FormatInt(st.ModTime().UnixNano(), 36) + "/" + strconv.FormatInt(st.Size(), 36) + "/" + st.Mode().String())}
	s.stamps = append(s.stamps, n)
	if !s.news {
		return
	}
	i, known := slices.BinarySearchFunc(s.old, n, byName)
	if !known || s.old[i].state != n.state {
		s.watch.gather.change(name, !known, s.now)
	}
}

// gone notes the files that were there before. Their names are not known any
// more.
func (s *scanner) gone() {
	i := 0
	for _, o := range s.old {
		for i < len(s.stamps) && s.stamps[i].name < o.name {
			i++
		}
		if i == len(s.stamps) || s.stamps[i].name != o.name {
			s.watch.gather.vanished(o.name, s.now)
		}
	}
}

// batch is how many entries of a directory are read at a time.
const batch = 256

// walk calls enter for dir and every directory below it that is not left out,
// and file, unless nil, for all else in them. Links are not followed. An error of enter ends
// it; a directory that cannot be read is passed over.
func walk(v *watch, r *root, dir string, enter func(dir string) error, file func(path, name string, d fs.DirEntry)) error {
	todo := []string{dir}
	for len(todo) > 0 {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if err := enter(dir); err != nil {
			return err
		}
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		for {
			list, err := f.ReadDir(batch)
			for _, d := range list {
				if file == nil && !d.IsDir() {
					continue
				}
				path := filepath.Join(dir, d.Name())
				name := v.name(path)
				switch {
				case v.leaves(r, path, name, d.IsDir()):
				case d.IsDir():
					todo = append(todo, path)
				default:
					file(path, name, d)
				}
			}
			if err != nil || len(list) == 0 {
				break
			}
		}
		_ = f.Close()
	}
	return nil
}
