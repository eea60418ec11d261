package keeper

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// read is the line's goroutine: it hands answers to whoever waits for one and
// tells exits, until the line ends.
func (l *Line) read() {
	var (
		b              = make([]byte, maxMessage)
		oob            = make([]byte, unix.CmsgSpace(4*batch))
		n, oobn, flags int
		errno          syscall.Errno
		told           uint64
	)
	next := func(uintptr) bool {
		for {
			n, oobn, flags, errno = receive(l.fd, b, oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
			if errno != unix.EINTR {
				return errno != unix.EAGAIN
			}
		}
	}
	for {
		if err := l.raw.Read(next); err != nil || errno != 0 || n == 0 {
			break
		}
		fds := received(oob[:oobn])
		if n < 2 || flags&unix.MSG_TRUNC != 0 {
			closeAll(fds)
			continue
		}
		told = l.take(b[:n], fds, told)
	}
	l.end(errno)
}

// take does one message. told is the last exit that the handler has seen.
func (l *Line) take(b []byte, fds []int, told uint64) uint64 {
	c := cursor{b: b[2:]}
	switch kind := b[1]; kind {
	case 'n':
		l.more(told)
	case 'x':
		id := c.u32()
		l.mu.Lock()
		exit, asked := l.exit, id == l.asked
		l.mu.Unlock()
		if exit == nil || !asked {
			break // meant for a former program in this process
		}
		more := c.u8() == 1
		for n := c.u8(); n > 0; n-- {
			var e end
			if e.read(&c); c.short || e.number <= told {
				continue
			}
			told = e.number
			exit(Exit{Number: e.number, PID: int(e.pid), Status: e.status, Start: e.start, Time: time.Unix(0, e.when)})
		}
		if more {
			l.more(told)
		}
	case 'h', 'l', 'u':
		a := answer{id: c.u32(), kind: kind, fds: fds}
		a.body = append([]byte(nil), c.rest()...)
		if kind == 'h' {
			l.version.Store(int32(b[0]))
		}
		l.deliver(a)
		return told
	}
	closeAll(fds)
	return told
}

// more asks for the exits after told.
func (l *Line) more(told uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exit == nil {
		return // meant for a former program in this process; Follow will ask
	}
	_ = l.askExits(told)
}

// askExits asks for the exits after told. The caller holds mu.
func (l *Line) askExits(told uint64) error {
	l.asked = l.id.Add(1)
	l.begin('X')
	l.out = put64(put32(l.out, l.asked), told)
	return l.send(nil)
}

// deliver leaves the answer where ask finds it. One that nobody has taken was
// too late for its question, and gives way.
func (l *Line) deliver(a answer) {
	for {
		select {
		case l.answers <- a:
			return
		default:
		}
		select {
		case old := <-l.answers:
			closeAll(old.fds)
		default:
		}
	}
}

// end leaves the reason and tells whoever follows.
func (l *Line) end(errno syscall.Errno) {
	if errno == 0 {
		errno = syscall.EPIPE // the keeper has closed it, by ending most likely
	}
	l.mu.Lock()
	if l.err == nil {
		l.err = broken("read the line", errno)
	}
	lost, reason := l.lost, l.err
	_ = l.file.Close()
	l.mu.Unlock()
	close(l.over)
	select {
	case a := <-l.answers:
		closeAll(a.fds)
	default:
	}
	if lost != nil && !l.closed.Load() {
		lost(reason)
	}
}

// received are the descriptors that came with a message.
func received(oob []byte) (fds []int) {
	for len(oob) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(oob) {
			break
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_RIGHTS {
			for at := unix.CmsgLen(0); at+4 <= size; at += 4 {
				fds = append(fds, int(*(*int32)(unsafe.Pointer(&oob[at]))))
			}
		}
		oob = oob[min(unix.CmsgSpace(size-unix.CmsgLen(0)), len(oob)):]
	}
	return fds
}
