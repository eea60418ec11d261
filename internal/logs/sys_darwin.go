package logs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// exact says that bytes go from the pipe to the spool in one kernel step. This
// system has no splice: what was read from a pipe and not yet checkpointed is
// lost when the daemon is killed.
const exact = false

const fionread = 0x4004667f

func makePipe() (r, w int, err error) {
	var p [2]int
	// Between pipe and fcntl no child may be forked, or it inherits the ends.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(p[:]); err != nil {
		return -1, -1, err
	}
	unix.CloseOnExec(p[0])
	unix.CloseOnExec(p[1])
	if err := unix.SetNonblock(p[0], true); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return -1, -1, err
	}
	return p[0], p[1], nil
}

func move(pipe, spool int, off int64, max int) (n int, again bool, err error) {
	return 0, false, unix.ENOTSUP
}

func widen(fd, size int) bool { return false }
func punch(fd int, n int64)   {}

func rest(b []byte) {
	if b != nil {
		unix.Madvise(b[:cap(b)], unix.MADV_FREE)
	}
}
