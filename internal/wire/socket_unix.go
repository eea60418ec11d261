//go:build linux || darwin

package wire

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/velospm/velos"
)

const (
	// backlog is how many connections may wait for Accept.
	backlog = 128
	// patience is how long Dial tries when the backlog is full.
	patience = 3 * time.Second
)

// A Listener is the daemon's socket. It is safe for use by several
// goroutines.
type Listener struct {
	file *os.File
	raw  syscall.RawConn
	path string
	dev  uint64
	ino  uint64

	closed atomic.Bool
}

// Listen binds the socket path, born with the permissions 0600.
//
// What is left of a former daemon's socket is removed. Whether there still is
// a daemon behind it is not Listen's to find out: the caller must hold the
// lock that decides who is the daemon. Anything at path that is not a socket
// of ours stays, and is an error with the code velos.Denied.
//
// The umask of the process is changed while the socket is bound: no other
// goroutine should create files meanwhile.
func Listen(path string) (*Listener, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	fd, err := socket()
	if err != nil {
		return nil, failed("listen on "+path, err)
	}
	mask := syscall.Umask(0o177)
	err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
	syscall.Umask(mask)
	if err != nil {
		_ = syscall.Close(fd)
		return nil, failed("listen on "+path, err)
	}
	l, err := listener(fd, path)
	if err != nil {
		_ = syscall.Close(fd)
		_ = syscall.Unlink(path)
		return nil, failed("listen on "+path, err)
	}
	return l, nil
}

func listener(fd int, path string) (*Listener, error) {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return nil, err
	}
	if err := syscall.Listen(fd, backlog); err != nil {
		return nil, err
	}
	l := &Listener{file: os.NewFile(uintptr(fd), path), path: path, dev: uint64(st.Dev), ino: st.Ino}
	raw, err := l.file.SyscallConn()
	l.raw = raw
	return l, err
}

// removeStale makes way for a new socket at path.
func removeStale(path string) error {
	st, err := lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return failed("listen on "+path, err)
	}
	switch {
	case st.Mode&syscall.S_IFMT != syscall.S_IFSOCK:
		return &velos.Error{Code: velos.Denied, Message: "listen on " + path + ": there is something that is not a socket", Hint: "move it away"}
	case int(st.Uid) != os.Geteuid():
		return &velos.Error{Code: velos.Denied, Message: "listen on " + path + ": the socket there belongs to user " + strconv.Itoa(int(st.Uid)), Hint: "set VELOS_HOME to a directory of your own"}
	}
	if err := syscall.Unlink(path); err != nil && err != syscall.ENOENT {
		return failed("listen on "+path, err)
	}
	return nil
}

// Accept waits for the next connection. The error is os.ErrClosed after Close,
// and has the code velos.Busy when the system lacks descriptors or memory: the
// connection goes on waiting, and so should the caller, for a moment, before it
// accepts again.
func (l *Listener) Accept() (*Conn, error) {
	var fd int
	var errno error
	err := l.raw.Read(func(listening uintptr) bool {
		for {
			fd, errno = accept(int(listening))
			switch errno {
			case syscall.EINTR, syscall.ECONNABORTED:
				continue
			case syscall.EAGAIN:
				return false
			}
			return true
		}
	})
	switch {
	case err != nil && l.closed.Load(): // the poller's own error is not os.ErrClosed
		return nil, os.ErrClosed
	case err != nil:
		return nil, failed("accept on "+l.path, err)
	}
	switch errno {
	case nil:
		return newConn(fd, l.path)
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		return nil, &velos.Error{Code: velos.Busy, Message: "accept on " + l.path + ": " + errno.Error(), Cause: errno}
	}
	return nil, failed("accept on "+l.path, errno)
}

// Close wakes Accept, and removes the socket from its directory unless
// somebody else's is there by now. Connections live on.
func (l *Listener) Close() error {
	st, err := lstat(l.path)
	if err == nil && uint64(st.Dev) == l.dev && st.Ino == l.ino {
		_ = syscall.Unlink(l.path)
	}
	l.closed.Store(true)
	return l.file.Close()
}

// Dial connects to the daemon at path. The error has the code velos.Denied
// when path, or who listens there, belongs neither to us nor to root, and
// velos.Unreachable when nobody answers.
func Dial(path string) (*Conn, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := checkOwner(path); err != nil {
		return nil, err
	}
	fd, err := socket()
	if err != nil {
		return nil, failed("connect to "+path, err)
	}
	if err := connect(fd, path); err != nil {
		_ = syscall.Close(fd)
		return nil, dialError(path, err)
	}
	c, err := newConn(fd, path)
	if err != nil {
		return nil, err
	}
	// The file could have been exchanged since it was looked at. Who listens
	// cannot.
	if p, err := c.Peer(); err == nil && !trusted(p.UID) {
		_ = c.Close()
		return nil, foreign(path, p.UID)
	}
	return c, nil
}

func connect(fd int, path string) error {
	for wait, spent := time.Millisecond, time.Duration(0); ; {
		err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path})
		switch err {
		case nil, syscall.EISCONN:
			return nil
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			if spent >= patience {
				return err
			}
			time.Sleep(wait)
			spent += wait
			wait = min(2*wait, 100*time.Millisecond)
			continue
		}
		return err
	}
}

func dialError(path string, err error) error {
	switch err {
	case syscall.EACCES, syscall.EPERM:
		return &velos.Error{Code: velos.Denied, Message: "connect to " + path + ": permission denied", Cause: err}
	case syscall.EAGAIN:
		return &velos.Error{Code: velos.Unreachable, Message: "connect to " + path + ": the daemon does not take connections", Hint: "it may be overloaded or stopped: try again, or velos kill", Cause: err}
	}
	return &velos.Error{Code: velos.Unreachable, Message: "no daemon answers at " + path, Cause: err}
}

// checkOwner refuses a socket that somebody else may have put at path.
func checkOwner(path string) error {
	st, err := lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &velos.Error{Code: velos.Unreachable, Message: "no daemon answers at " + path, Cause: err}
	case err != nil:
		return dialError(path, errors.Unwrap(err))
	case st.Mode&syscall.S_IFMT != syscall.S_IFSOCK:
		return &velos.Error{Code: velos.Denied, Message: "connect to " + path + ": it is not a socket", Hint: "move it away, or set VELOS_HOME to another directory"}
	case !trusted(int(st.Uid)):
		return foreign(path, int(st.Uid))
	}
	return nil
}

func trusted(uid int) bool { return uid == 0 || uid == os.Geteuid() }

func foreign(path string, uid int) error {
	return &velos.Error{
		Code:    velos.Denied,
		Message: "connect to " + path + ": it belongs to user " + strconv.Itoa(uid),
		Hint:    "set VELOS_HOME to a directory of your own",
	}
}

func lstat(path string) (*syscall.Stat_t, error) {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return &st, nil
}

// failed is an error of the system, in a sentence.
func failed(what string, err error) error {
	code := velos.Failed
	if errors.Is(err, fs.ErrPermission) {
		code = velos.Denied
	}
	return &velos.Error{Code: code, Message: what + ": " + err.Error(), Cause: err}
}

// A Conn is one connection. Reads and writes wait in the runtime's poller and
// hold no thread.
type Conn struct {
	file *os.File
	raw  syscall.RawConn
}

// newConn owns fd, also when it fails.
func newConn(fd int, path string) (*Conn, error) {
	file := os.NewFile(uintptr(fd), path)
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, failed("connect to "+path, err)
	}
	return &Conn{file, raw}, nil
}

// Read implements io.Reader.
func (c *Conn) Read(p []byte) (int, error) { return c.file.Read(p) }

// Write implements io.Writer: all of p or an error.
func (c *Conn) Write(p []byte) (int, error) { return c.file.Write(p) }

// Close ends the connection and wakes who waits in Read or Write.
func (c *Conn) Close() error { return c.file.Close() }

// SetReadDeadline bounds Read; the zero time does not. A Read that hits it
// returns os.ErrDeadlineExceeded.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.file.SetReadDeadline(t) }

// SetWriteDeadline bounds Write; the zero time does not. A Write that hits it
// returns os.ErrDeadlineExceeded and may have written a part.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.file.SetWriteDeadline(t) }

// Peer says who is at the other end: who connected, or who listens.
func (c *Conn) Peer() (Peer, error) {
	var p Peer
	var errno error
	if err := c.raw.Control(func(fd uintptr) { p, errno = credentials(int(fd)) }); err != nil {
		return p, err
	}
	if errno != nil {
		return p, failed("ask who is connected", errno)
	}
	return p, nil
}
