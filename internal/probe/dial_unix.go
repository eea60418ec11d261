//go:build linux || darwin

package probe

import (
	"context"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

const (
	// A server that is told to close and is cut off instead may complain in
	// its log: what follows the header is read for a moment, and thrown away.
	lingerTime  = 250 * time.Millisecond
	lingerBytes = 64 << 10
)

// reach is well when there is a connection.
func (t *target) reach(ctx context.Context) error {
	f, err := t.connect(ctx)
	if err != nil {
		return err
	}
	_ = f.Close() // nothing was written
	return nil
}

// get is well when the answer to GET has a good status.
func (t *target) get(ctx context.Context) error {
	f, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer f.Close()
	return during(ctx, f, func() error { return t.ask(ctx, f) })
}

func (t *target) ask(ctx context.Context, f *os.File) error {
	// A server that says no without listening has answered all the same: what
	// goes wrong here shows when its answer is read.
	_, _ = f.WriteString("GET " + t.path + " HTTP/1.1\r\nHost: " + t.host +
		"\r\nUser-Agent: velos-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n")
	var a answer
	buf := make([]byte, 512)
	for done := false; !done; {
		n, err := f.Read(buf)
		done = a.feed(buf[:n])
		switch {
		case done:
		case ctx.Err() != nil:
			return late(ctx, t.url())
		case err != nil:
			return unwell(t.url()+" closed the connection without an answer", err)
		}
	}
	if a.fault != "" {
		return unwell(t.url()+": "+a.fault, nil)
	}
	linger(ctx, f, buf)
	if !a.well() {
		return unwell(t.url()+" answered "+strconv.Itoa(a.status), nil)
	}
	return nil
}

// linger lets the server say the rest.
func linger(ctx context.Context, f *os.File, buf []byte) {
	if f.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	// From here on an end of ctx sets an earlier one.
	for n := 0; n < lingerBytes && ctx.Err() == nil; {
		m, err := f.Read(buf)
		if err != nil {
			return
		}
		n += m
	}
}

// during ends the waiting of do on f when ctx ends.
func during(ctx context.Context, f *os.File, do func() error) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = f.SetDeadline(time.Unix(1, 0)) // f is open until ended is closed
		close(ended)
	})
	err := do()
	if !stop() {
		<-ended
	}
	return err
}

// connect tries the addresses of t. When none takes us, the first one's reason
// is the one that counts.
func (t *target) connect(ctx context.Context) (*os.File, error) {
	var first error
	for _, a := range t.ips {
		f, err := t.connectTo(ctx, a)
		if err == nil {
			return f, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

func (t *target) connectTo(ctx context.Context, a ip) (*os.File, error) {
	family := unix.AF_INET
	var to unix.Sockaddr = &unix.SockaddrInet4{Port: int(t.port), Addr: [4]byte(a.b[:4])}
	if a.v6 {
		family, to = unix.AF_INET6, &unix.SockaddrInet6{Port: int(t.port), Addr: a.b}
	}
	fd, err := socket(family)
	if err != nil {
		return nil, t.refused(ctx, err)
	}
	err = unix.Connect(fd, to)
	f := os.NewFile(uintptr(fd), t.host)
	if err == unix.EINPROGRESS || err == unix.EINTR {
		err = during(ctx, f, func() error { return connected(f) })
	}
	if err == nil && toItself(fd) {
		err = unix.ECONNREFUSED
	}
	if err != nil {
		_ = f.Close()
		return nil, t.refused(ctx, err)
	}
	return f, nil
}

// connected waits until f is, or cannot be.
func connected(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno error
	err = raw.Write(func(fd uintptr) bool {
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if errno = err; err != nil {
			return true
		}
		if code != 0 {
			errno = syscall.Errno(code)
			return errno != unix.EINPROGRESS && errno != unix.EALREADY && errno != unix.EINTR
		}
		_, err = unix.Getpeername(int(fd)) // it may not be connected yet
		return err == nil
	})
	if err != nil {
		return err
	}
	return errno
}

// toItself reports whether the kernel has connected fd with itself: where
// nobody listens, that happens when the port that it gave us is the one that
// we want to reach.
func toItself(fd int) bool {
	near, err1 := unix.Getsockname(fd)
	far, err2 := unix.Getpeername(fd)
	if err1 != nil || err2 != nil {
		return false
	}
	switch n := near.(type) {
	case *unix.SockaddrInet4:
		f, ok := far.(*unix.SockaddrInet4)
		return ok && n.Port == f.Port && n.Addr == f.Addr
	case *unix.SockaddrInet6:
		f, ok := far.(*unix.SockaddrInet6)
		return ok && n.Port == f.Port && n.Addr == f.Addr
	}
	return false
}

func (t *target) refused(ctx context.Context, err error) error {
	what := "connect to " + t.host
	if ctx.Err() != nil {
		return late(ctx, what)
	}
	code := velos.Failed
	switch err {
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EADDRNOTAVAIL, unix.EAGAIN:
		code = velos.Busy
	}
	return &velos.Error{Code: code, Message: what + ": " + err.Error(), Cause: err}
}
