package keeper

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ask sends a question and waits for its answer. The caller holds asking.
func (l *Line) ask(kind byte, body []byte, reply byte) (answer, error) {
	id := l.id.Add(1)
	l.mu.Lock()
	l.begin(kind)
	l.out = append(put32(l.out, id), body...)
	err := l.send(nil)
	l.mu.Unlock()
	if err != nil {
		return answer{}, err
	}
	clock := time.NewTimer(patience)
	defer clock.Stop()
	for {
		select {
		case a := <-l.answers:
			if a.id == id && a.kind == reply {
				return a, nil
			}
			closeAll(a.fds)
		case <-l.over:
			l.mu.Lock()
			defer l.mu.Unlock()
			return answer{}, l.err
		case <-clock.C:
			return answer{}, broken("wait for an answer", os.ErrDeadlineExceeded)
		}
	}
}

// send sends out. Nearly always there is room; if not, a keeper that has been
// stopped must not stop the daemon. The caller holds mu.
func (l *Line) send(rights []byte) error {
	if l.err != nil {
		return l.err
	}
	err := l.try(rights)
	if err == unix.EAGAIN || err == unix.ETOOMANYREFS {
		err = l.insist(rights)
	}
	switch err {
	case nil:
		return nil
	case unix.EPIPE, unix.ECONNRESET, unix.ENOTCONN, unix.ECONNREFUSED, os.ErrDeadlineExceeded:
		l.err = broken("send", err)
		_ = unix.Shutdown(l.fd, unix.SHUT_RDWR) // the reader tells
		return l.err
	}
	return broken("send", err) // a bad descriptor is the caller's fault, not the line's
}

func (l *Line) try(rights []byte) error {
	for {
		_, err := unix.SendmsgN(l.fd, l.out, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

// insist waits for room. The system also bounds how many descriptors a user
// may have on their way (ETOOMANYREFS): others' too, so only time helps.
func (l *Line) insist(rights []byte) (err error) {
	end := time.Now().Add(patience)
	_ = l.file.SetWriteDeadline(end)
	for {
		waited := l.raw.Write(func(uintptr) bool {
			err = l.try(rights)
			return err != unix.EAGAIN
		})
		if waited != nil {
			return os.ErrDeadlineExceeded
		}
		if err != unix.ETOOMANYREFS || time.Now().After(end) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}
