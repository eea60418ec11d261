package trigger

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
)

// ears hear inotify, which tells of one directory at a time: each directory of
// a tree is listened to by itself.
type ears struct {
	file   *os.File // nil: inotify is not to be had, and bell is what wakes us
	fd     int
	bell   bell
	refuse error // why there is no file
	buf    []byte
	places map[int32]*place // by watch descriptor
	looked time.Time        // when roots that are not there were looked for
	failed map[*watch]error // whose new directories could not be listened to
}

// A place is a directory that is listened to for one root. Two roots may share
// a directory; the system then has one descriptor for it.
type place struct {
	watch *watch
	root  *root
	dir   string
	next  *place
}

// A file counts as changed when whoever wrote it is done with it.
const (
	heeded = unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
		unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	attentively = heeded | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK
)

func newEars() *ears {
	e := &ears{places: map[int32]*place{}, failed: map[*watch]error{}}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		e.refuse, e.bell = &velos.Error{Code: velos.Busy, Message: "inotify: " + err.Error()}, newBell()
		return e
	}
	e.fd, e.file, e.buf = fd, os.NewFile(uintptr(fd), "inotify"), make([]byte, 16<<10)
	return e
}

func (e *ears) close() {
	if e.file != nil {
		_ = e.file.Close()
	}
}

// wake ends the present or the next wait.
func (e *ears) wake() {
	if e.file == nil {
		e.bell.ring()
		return
	}
	_ = e.file.SetReadDeadline(time.Unix(1, 0))
}

// rest has the next wait end at t; zero: only when something is heard.
func (e *ears) rest(t time.Time) {
	if e.file == nil {
		e.bell.until = t
		return
	}
	_ = e.file.SetReadDeadline(t)
}

// wait waits, and notes what is heard in the watches that it concerns. Lost:
// there was more than the system could keep.
func (e *ears) wait() (lost bool) {
	if e.file == nil {
		e.bell.wait()
		return false
	}
	n, err := e.file.Read(e.buf)
	if err != nil {
		// The time is over. On a busy machine we may be late, and something
		// has been told meanwhile that belongs to the same storm.
		if n, err = unix.Read(e.fd, e.buf); err != nil {
			return false
		}
	}
	now := time.Now()
	for b := e.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
		wd, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:end], []byte{0})
		b = b[end:]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			lost = true
		case mask&unix.IN_IGNORED != 0:
			delete(e.places, wd)
		default:
			for p := e.places[wd]; p != nil; p = p.next {
				e.hear(p, mask, string(name), now)
			}
		}
	}
	return lost
}

// hear takes one word about a place.
func (e *ears) hear(p *place, mask uint32, name string, now time.Time) {
	v, r := p.watch, p.root
	if mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF) != 0 {
		if p.dir == r.dir() && !r.absent { // else its parent tells, too
			v.gather.change(v.name(p.dir), false, now)
			e.leave(v, r, r.dir())
			r.absent = true
		}
		return
	}
	path := filepath.Join(p.dir, name)
	short := v.name(path)
	dir := mask&unix.IN_ISDIR != 0
	if v.leaves(r, path, short, dir) {
		return
	}
	switch {
	case dir && r.only != "":
	case dir && mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0:
		if err := e.enter(v, r, path, true); err != nil {
			e.failed[v] = err
		}
	case dir && mask&unix.IN_MOVED_FROM != 0:
		e.leave(v, r, path)
		v.gather.change(short, false, now)
	case dir: // its files have told already
	case mask&(unix.IN_DELETE|unix.IN_MOVED_FROM) != 0:
		v.gather.vanish(short, now)
	default:
		v.gather.change(short, mask&unix.IN_CREATE != 0, now)
	}
}

// dir is the directory that is listened to for a root.
func (r *root) dir() string {
	if r.only != "" {
		return filepath.Dir(r.path)
	}
	return r.path
}

// listen listens to those roots of v that were absent. Report says that what is
// found in them is news.
func (e *ears) listen(v *watch, report bool) error {
	if e.file == nil {
		return e.refuse
	}
	for _, r := range v.roots {
		if !r.absent {
			continue
		}
		st, err := os.Stat(r.path)
		if err != nil {
			continue
		}
		r.absent, r.only = false, ""
		if !st.IsDir() {
			r.only = filepath.Base(r.path)
			err = e.add(v, r, r.dir())
			if report {
				v.gather.change(v.name(r.path), true, time.Now())
			}
		} else {
			err = e.enter(v, r, r.path, report)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enter listens to a directory and all below it. What is in it may have come
// before it was listened to.
func (e *ears) enter(v *watch, r *root, dir string, report bool) error {
	var news func(path, name string, d fs.DirEntry)
	if report {
		now := time.Now()
		news = func(_, name string, _ fs.DirEntry) { v.gather.change(name, true, now) }
	}
	return walk(v, r, dir, func(dir string) error { return e.add(v, r, dir) }, news)
}

// add listens to one directory. It fails when the system has no more to give;
// a directory that is gone or closed to us is none.
func (e *ears) add(v *watch, r *root, dir string) error {
	mask := uint32(attentively)
	if dir != r.path { // a root may be a link
		mask |= unix.IN_DONT_FOLLOW
	}
	n, err := unix.InotifyAddWatch(e.fd, dir, mask)
	switch err {
	case nil:
	case unix.ENOSPC:
		return &velos.Error{Code: velos.Busy, Message: "the system's limit of watched directories is reached (sysctl fs.inotify.max_user_watches)"}
	case unix.ENOMEM:
		return &velos.Error{Code: velos.Busy, Message: "the system has no memory to watch more directories"}
	default:
		if dir == r.dir() {
			r.absent = true
		}
		return nil
	}
	wd := int32(n)
	for p := e.places[wd]; p != nil; p = p.next {
		if p.watch == v && p.root == r {
			p.dir = dir
			return nil
		}
	}
	e.places[wd] = &place{v, r, dir, e.places[wd]}
	return nil
}

// forget listens no more for v.
func (e *ears) forget(v *watch) {
	for _, r := range v.roots {
		if !r.absent {
			e.leave(v, r, r.dir())
		}
		r.absent = true
	}
}

// leave listens no more to a directory and what is below it.
func (e *ears) leave(v *watch, r *root, dir string) {
	ours := func(p *place) bool {
		rest, below := strings.CutPrefix(p.dir, dir)
		return p.watch == v && p.root == r && below && (rest == "" || rest[0] == '/' || dir == "/")
	}
	for wd, first := range e.places {
		for first != nil && ours(first) {
			first = first.next
		}
		if first == nil {
			_, _ = unix.InotifyRmWatch(e.fd, uint32(wd))
			delete(e.places, wd)
			continue
		}
		e.places[wd] = first
		for p := first; p.next != nil; {
			if ours(p.next) {
				p.next = p.next.next
			} else {
				p = p.next
			}
		}
	}
}
