package child

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// whoEnded takes apart what waitid says of SIGCHLD; pid is 0 when there was
// nothing to say. The status is as wait4 gives it.
func whoEnded(info *unix.Siginfo) (pid int, status uint32) {
	type child struct {
		signo, errno, code int32
		of                 struct {
			_      [0]uintptr
			pid    int32
			uid    uint32
			status int32
		}
	}
	const exited, dumped = 1, 3 // CLD_EXITED, CLD_DUMPED
	c := (*child)(unsafe.Pointer(info))
	switch c.code {
	case exited:
		status = uint32(c.of.status) & 0xff << 8
	case dumped:
		status = uint32(c.of.status) | 0x80
	default:
		status = uint32(c.of.status)
	}
	return int(c.of.pid), status
}

// wait takes one end, if there is any. The caller holds mu.
func (h *Host) wait(ws *syscall.WaitStatus) (pid int, err error) {
	if h.before == nil {
		return syscall.Wait4(-1, ws, syscall.WNOHANG, nil)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil {
		return 0, err
	}
	pid, status := whoEnded(&info)
	if pid == 0 {
		return 0, nil
	}
	if p := h.runs[pid]; p != nil && !p.reaped && p.foster == nil {
		h.before(p, status)
	}
	return syscall.Wait4(pid, ws, syscall.WNOHANG, nil)
}
