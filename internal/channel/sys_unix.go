//go:build linux || darwin

package channel

import "golang.org/x/sys/unix"

// A reader is what the hub's goroutine reads with, for all channels.
type reader struct {
	bytes   []byte
	control []byte
	message Message
}

func newReader() *reader {
	return &reader{bytes: make([]byte, 16<<10), control: make([]byte, unix.CmsgSpace(4*256))}
}

// receive reads once and closes the descriptors that come along. False: the
// other end is closed.
func (r *reader) receive(fd int) (b []byte, ok bool) {
	n, oobn, _, _, err := unix.Recvmsg(fd, r.bytes, r.control, receiveFlags)
	if err != nil {
		return nil, err == unix.EAGAIN || err == unix.EINTR
	}
	if oobn > 0 {
		closeRights(r.control[:oobn])
	}
	return r.bytes[:n], n > 0
}

func closeRights(control []byte) {
	list, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	for i := range list {
		fds, err := unix.ParseUnixRights(&list[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
}

// transmit sends a part of line, at least one byte, and the descriptor, if
// there is one, with it.
func transmit(to int, line []byte, fd int) (n int, err error) {
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	for {
		n, err = unix.SendmsgN(to, line, rights, nil, sendFlags)
		if err != unix.EINTR {
			return n, err
		}
	}
}

func again(err error) bool { return err == unix.EAGAIN || err == unix.ENOBUFS }

func duplicate(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

func closeFD(fd int) { _ = unix.Close(fd) }
