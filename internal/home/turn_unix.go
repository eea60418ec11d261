//go:build unix

package home

import (
	"syscall"

	"github.com/velospm/velos"
)

// Turn lets one process at a time do what path stands for: it takes a lock on
// path.lock, and waits for it where wait says so. Without that the error has
// code Conflict while another has it. The turn ends with done, or with the
// process.
func Turn(path string, wait bool) (done func(), err error) {
	path += ".lock"
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC|plain, 0o600)
	if err != nil {
		return nil, fault("open the lock", path, err, "")
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(fd, how)
	}
	if err != nil {
		syscall.Close(fd)
		if err == syscall.EWOULDBLOCK {
			return nil, &velos.Error{Code: velos.Conflict, Message: "lock " + path + ": another process has it"}
		}
		return nil, fault("lock", path, err, "")
	}
	return func() { syscall.Close(fd) }, nil
}
