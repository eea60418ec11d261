//go:build unix

package home

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/velospm/velos"
)

// Own makes this process the only one that writes the file name below the
// home, for as long as the Lock is held; the lock is a file beside it. It does
// not wait: the error has the code Conflict and names the pid of the process
// that owns it.
func (h Home) Own(name string) (*Lock, error) {
	path := filepath.Join(h.Dir, name+".lock")
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC|plain, 0o600)
	if err != nil {
		return nil, fault("open the lock", path, err, "")
	}
	for {
		if err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EINTR {
			break
		}
	}
	l := &Lock{fd: fd}
	switch err {
	case nil:
		if err = l.sign(); err == nil {
			return l, nil
		}
	case syscall.EWOULDBLOCK:
		var b [32]byte
		n, _ := syscall.Pread(fd, b[:], 0)
		who := "another process"
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b[:max(n, 0)]))); err == nil {
			who = "the process with pid " + strconv.Itoa(pid)
		}
		syscall.Close(fd)
		return nil, &velos.Error{Code: velos.Conflict, Message: who + " writes " + filepath.Join(h.Dir, name) + " already",
			Hint: "end it first, or set VELOS_HOME to another directory"}
	}
	syscall.Close(fd)
	return nil, fault("lock", path, err, "")
}
