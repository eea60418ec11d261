//go:build unix

package home

import (
	"strconv"
	"strings"
	"syscall"

	"github.com/velospm/velos"
)

// A Lock says that this process is the daemon of a home. It ends with Close
// or with the process, however that ends; no child inherits it.
type Lock struct {
	// A plain descriptor: an os.File would give the lock up when the
	// collector finds nobody looking at it.
	fd int
}

// Lock makes this process the daemon, or fails with code Conflict and the pid
// of the one that already is. It does not wait.
func (h Home) Lock() (*Lock, error) {
	path := h.LockFile()
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC|plain, 0o600)
	if err != nil {
		return nil, fault("open the lock", path, err, "")
	}
	for {
		err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		defer syscall.Close(fd)
		if err == syscall.EWOULDBLOCK {
			return nil, h.taken(fd)
		}
		return nil, fault("lock", path, err, "")
	}
	l := &Lock{fd: fd}
	if err := l.sign(); err != nil {
		syscall.Close(fd)
		return nil, fault("write the pid to", path, err, "")
	}
	return l, nil
}

// sign leaves our pid in the file, for whoever comes second.
func (l *Lock) sign() error {
	return note(l.fd, syscall.Getpid(), "")
}

// FD is the lock's descriptor, for a keeper that holds it over its daemons'
// lives and hands it to each.
func (l *Lock) FD() int { return l.fd }

// Inherit takes over a lock that the keeper holds: fd is a copy of its
// descriptor. The file then names this process.
func Inherit(fd int) (*Lock, error) {
	syscall.CloseOnExec(fd)
	l := &Lock{fd: fd}
	if err := l.sign(); err != nil {
		return nil, &velos.Error{Code: velos.Failed, Message: "inherit the lock: " + err.Error(), Cause: err}
	}
	return l, nil
}

// Holds reports whether this lock is still the one of that home: somebody may
// have removed or moved it.
func (l *Lock) Holds(h Home) bool {
	var ours, there syscall.Stat_t
	return syscall.Fstat(l.fd, &ours) == nil && syscall.Lstat(h.LockFile(), &there) == nil &&
		ours.Ino == there.Ino && ours.Dev == there.Dev
}

// Leave says in the file that the keeper pid holds the lock and that there is
// no daemon until somebody wants one: see Idle.
func (l *Lock) Leave(pid int) error { return note(l.fd, pid, idle) }

// Rest says in the file of the lock whose descriptor is fd that the keeper pid
// holds it and starts a daemon after a pause, or as soon as somebody wants
// one: see Idle.
func Rest(fd, pid int) error { return note(fd, pid, resting) }

// What a keeper without a daemon does, behind its pid in the file.
const (
	idle    = " idle"
	resting = " resting"
)

func note(fd, pid int, what string) error {
	if err := syscall.Ftruncate(fd, 0); err != nil {
		return err
	}
	_, err := syscall.Pwrite(fd, []byte(strconv.Itoa(pid)+what+"\n"), 0)
	return err
}

// Idle is the pid of a keeper that holds the lock for the next daemon, which
// it starts when it gets SIGUSR1; ok is false when the lock's file does not
// say so.
func (h Home) Idle() (pid int, ok bool) {
	text := h.note()
	for _, what := range []string{idle, resting} {
		if text, found := strings.CutSuffix(text, what); found {
			pid, err := strconv.Atoi(text)
			return pid, err == nil && pid > 1
		}
	}
	return 0, false
}

// Kept reports whether there is a daemon, or somebody who is about to start
// one without being asked. Whoever wants to become the daemon at this very
// moment may find the lock taken, and should look twice.
func (h Home) Kept() bool {
	fd, err := syscall.Open(h.LockFile(), syscall.O_RDONLY|syscall.O_CLOEXEC|plain, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	return syscall.Flock(fd, syscall.LOCK_SH|syscall.LOCK_NB) == syscall.EWOULDBLOCK && !strings.HasSuffix(h.note(), idle)
}

// note is what the lock's file says.
func (h Home) note() string {
	fd, err := syscall.Open(h.LockFile(), syscall.O_RDONLY|syscall.O_CLOEXEC|plain, 0)
	if err != nil {
		return ""
	}
	defer syscall.Close(fd)
	var b [32]byte
	n, _ := syscall.Pread(fd, b[:], 0)
	return strings.TrimSpace(string(b[:max(n, 0)]))
}

func (h Home) taken(fd int) error {
	var b [32]byte
	n, _ := syscall.Pread(fd, b[:], 0)
	who := "velosd"
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b[:max(n, 0)]))); err == nil {
		who += " (pid " + strconv.Itoa(pid) + ")"
	}
	return &velos.Error{Code: velos.Conflict, Message: who + " is already running for " + h.Dir,
		Hint: "run velos kill to end it, or set VELOS_HOME to another directory"}
}

// Close gives the lock up. The file stays, empty.
func (l *Lock) Close() error {
	if l.fd < 0 {
		return nil
	}
	syscall.Ftruncate(l.fd, 0)
	err := syscall.Close(l.fd)
	l.fd = -1
	return err
}
