package home

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

// piece is how many bytes of a state file are written at once, about.
const piece = 4 << 10

// Backup is where the file is that path replaced.
func Backup(path string) string { return path + ".bak" }

// reached is called after each step of Write. Tests stop the process there.
var reached = func(step string) {}

// Write replaces the state file at path so that whoever looks, at whatever
// moment the process or the machine stops, finds the old one or the new one
// whole. The old one is kept beside it as path.bak. Values that came from
// dotenv files are left out. s.Version need not be set. The error names the
// path and has code Denied or Failed; the file at path is then as it was.
//
// The file is JSON with one app per line, and mode 0600: an app's environment
// is in it. Calls take turns.
func Write(path string, s *State) error {
	space.Lock() // two writers of one file would use the same names on the way
	defer space.Unlock()
	tmp := path + ".tmp"
	if err := put(tmp, s); err != nil {
		os.Remove(tmp)
		return fault("write the state to", path, err, "")
	}
	reached("written")
	if err := keep(path); err != nil {
		os.Remove(tmp)
		return fault("keep a copy of", path, err, "")
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return fault("write the state to", path, err, "")
	}
	reached("renamed")
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fault("make sure of the state in", path, err, "")
	}
	return nil
}

// space is what encode writes in, and one writer at a time has. It is kept: made anew for each write, it was
// a third of all garbage when apps are started (12 KiB of 38 for each).
var space struct {
	sync.Mutex
	text []byte
	app  Saved
}

// each is the apps, from wherever they come.
func (s *State) each() iter.Seq[*Saved] {
	if s.Each != nil {
		return s.Each
	}
	return func(yield func(*Saved) bool) {
		for i := range s.Apps {
			if !yield(&s.Apps[i]) {
				return
			}
		}
	}
}

// encode gives the head and each app on a line of its own, in pieces: a
// thousand apps are megabytes that need not be in memory at once.
func encode(s *State, take func([]byte) error) error {
	if space.text == nil {
		space.text = make([]byte, 0, 2*piece)
	}
	h := *s
	h.Version = StateVersion
	b := record.AppendJSON(space.text[:0], head{&h})
	b = append(b[:len(b)-1], ",\"processes\":["...)
	first := true
	for app := range s.each() {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '\n')
		space.app = *app
		space.app.Spec.FileEnv = nil
		b = record.AppendJSON(b, &space.app)
		if len(b) >= piece {
			if err := take(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	space.app = Saved{}
	if cap(b) <= 16*piece { // as far as the largest app has made it grow
		space.text = b[:0]
	}
	if err := take(b); err != nil {
		return err
	}
	reached("almost")
	return take([]byte("\n]}\n"))
}

var errTooLarge = errors.New("the apps together have too much configuration; an environment may be very large")

// put makes a file that was not there and sees it onto the disk.
func put(path string, s *State) error {
	// What is left of a writer that was stopped, or a link that somebody
	// else has put there, goes first.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|plain, 0o600)
	if err != nil {
		return err
	}
	reached("created")
	size := int64(0)
	err = encode(s, func(b []byte) error {
		if size += int64(len(b)); size > largest {
			return errTooLarge
		}
		_, err := f.Write(b)
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// keep gives the file at path its second name. The first one stays: at no
// moment is there nothing to read.
func keep(path string) error {
	second := Backup(path) + ".tmp"
	if err := os.Remove(second); err != nil && !os.IsNotExist(err) {
		return err
	}
	err := os.Link(path, second)
	if os.IsNotExist(err) {
		return nil // nothing to keep yet
	}
	if err != nil {
		// A file system without links: between here and the last rename,
		// the backup is all there is, and Read takes it.
		return os.Rename(path, Backup(path))
	}
	reached("linked")
	if err := os.Rename(second, Backup(path)); err != nil {
		return err
	}
	reached("kept")
	// Where both names were the same file already, because a writer was
	// stopped right here, rename has done nothing.
	os.Remove(second)
	return nil
}

// aside moves a damaged file out of the way, under a name that is free.
func aside(path string, now velos.Time) (string, error) {
	to := path + ".damaged-" + now.Std().UTC().Format("20060102T150405Z")
	for n := 2; ; n++ {
		name := to
		if n > 2 {
			name += "-" + strconv.Itoa(n-1)
		}
		if _, err := os.Lstat(name); os.IsNotExist(err) {
			return name, os.Rename(path, name)
		} else if err != nil || n > 100 {
			return "", err
		}
	}
}
