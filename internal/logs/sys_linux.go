package logs

import (
	"golang.org/x/sys/unix"
)

// exact says that bytes go from the pipe to the spool in one kernel step, so
// that no kill can come between. Where it is false, what was read from a pipe
// and not yet checkpointed is lost when the daemon is killed.
const exact = true

const fionread = unix.TIOCINQ

func makePipe() (r, w int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return -1, -1, err
	}
	// The write end stays as it is: a program does not expect to be told to
	// come again.
	if _, err := unix.FcntlInt(uintptr(p[0]), unix.F_SETFL, unix.O_NONBLOCK); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return -1, -1, err
	}
	return p[0], p[1], nil
}

// move takes up to max bytes out of the pipe and puts them into the spool at
// off. n 0 without an error is the end; again means that the pipe is empty.
func move(pipe, spool int, off int64, max int) (n int, again bool, err error) {
	for {
		at := off
		m, err := unix.Splice(pipe, nil, spool, &at, max, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return 0, true, nil
		}
		return int(m), false, err
	}
}

// widen sets how much a pipe holds, unless the system refuses.
func widen(fd, size int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, size)
	return err == nil
}

// punch gives the disk blocks of the first n bytes back.
func punch(fd int, n int64) {
	unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, n)
}

// rest lets the system take the memory back while the addresses stay ours.
func rest(b []byte) {
	if b != nil {
		unix.Madvise(b[:cap(b)], unix.MADV_DONTNEED)
	}
}
