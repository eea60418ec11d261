package notify

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

const (
	// Of descriptors that come along so many get as far as here; the kernel
	// closes the rest.
	maxRights = 16
	// So many messages are taken within a window of time. Whoever sends more
	// waits in the kernel, whose queue for a socket holds some ten of them.
	batch  = 32
	window = 10 * time.Millisecond
)

var controlSize = unix.CmsgSpace(unix.SizeofUcred) + unix.CmsgSpace(4*maxRights)

// A Socket is where one program's notifications arrive. A goroutine of its own
// hands them on until Close or Leave.
type Socket struct {
	path string
	dev  uint64
	ino  uint64
	fd   int
	file *os.File
	raw  syscall.RawConn
	f    func(Message)
	once sync.Once
	gone chan struct{} // closed when the goroutine is to end
	over sync.WaitGroup
}

// Open makes a socket at path, born with the permissions 0600, and hands each
// message to f, one after the other, from a goroutine of its own. F should not
// block, and must not call Close or Leave.
//
// What is left of a former socket of ours at path is removed; anything else
// there stays, and is an error with the code velos.Denied.
func Open(path string, f func(Message)) (*Socket, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	fd, err := bound(path)
	if err != nil {
		return nil, failed(path, err)
	}
	return start(fd, path, f), nil
}

// bound is a socket at path.
func bound(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	// The file inherits the mode of the socket. The umask, which would do as
	// well, belongs to all who are creating files at this moment.
	if err = unix.Fchmod(fd, 0o600); err == nil {
		// Before anybody can send: what was sent before has no sender.
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err == nil {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Adopt goes on with the socket at path, fd being the copy of its descriptor
// that a former daemon had given away: what was sent in between is still there.
// Fd is the Socket's from now on, but stays the caller's when there is an error.
func Adopt(fd int, path string, f func(Message)) (*Socket, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, failed(path, err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return nil, failed(path, err)
	}
	if u, ok := name.(*unix.SockaddrUnix); !ok || u.Name != path || kind != unix.SOCK_DGRAM {
		return nil, failed(path, errors.New("descriptor "+strconv.Itoa(fd)+" is not this socket"))
	}
	unix.CloseOnExec(fd)
	err = errors.Join(unix.SetNonblock(fd, true), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
	if err != nil {
		return nil, failed(path, err)
	}
	return start(fd, path, f), nil
}

// start owns fd.
func start(fd int, path string, f func(Message)) *Socket {
	s := &Socket{path: path, fd: fd, f: f, gone: make(chan struct{})}
	var st unix.Stat_t
	if unix.Lstat(path, &st) == nil { // somebody may have removed it
		s.dev, s.ino = st.Dev, st.Ino
	}
	s.file = os.NewFile(uintptr(fd), path)
	s.raw, _ = s.file.SyscallConn() // only a nil file has none
	s.over.Go(s.run)
	return s
}

// removeStale makes way for a new socket at path.
func removeStale(path string) error {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	switch {
	case err == unix.ENOENT:
		return nil
	case err != nil:
		return failed(path, err)
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return &velos.Error{Code: velos.Denied, Message: "listen for notifications on " + path + ": there is something that is not a socket", Hint: "move it away"}
	case int(st.Uid) != os.Geteuid():
		return &velos.Error{Code: velos.Denied, Message: "listen for notifications on " + path + ": the socket there belongs to user " + strconv.Itoa(int(st.Uid))}
	}
	if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
		return failed(path, err)
	}
	return nil
}

func failed(path string, err error) error {
	code := velos.Failed
	switch {
	case errors.Is(err, fs.ErrPermission):
		code = velos.Denied
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
		code = velos.Busy
	}
	return &velos.Error{Code: code, Message: "listen for notifications on " + path + ": " + err.Error(), Cause: err}
}

// Path is where programs send to: the value of NOTIFY_SOCKET.
func (s *Socket) Path() string { return s.path }

// FD is the descriptor, to give a copy of it away. It stays the Socket's.
func (s *Socket) FD() int { return s.fd }

// Close ends the goroutine, waits for its end, and removes the socket from its
// directory unless somebody else's is there by now.
func (s *Socket) Close() error {
	var st unix.Stat_t
	if err := unix.Lstat(s.path, &st); err == nil && s.ino != 0 && st.Dev == s.dev && st.Ino == s.ino {
		_ = unix.Unlink(s.path)
	}
	return s.Leave()
}

// Leave is Close for a socket whose descriptor somebody else holds by now: the
// path stays, and what is sent waits for Adopt.
func (s *Socket) Leave() (err error) {
	s.once.Do(func() {
		close(s.gone)
		err = s.file.Close()
		s.over.Wait()
	})
	return err
}

// run receives until the end.
func (s *Socket) run() {
	var from time.Time // of the window
	taken := 0
	for {
		n := 0
		var broke error
		err := s.raw.Read(func(fd uintptr) bool {
			n, broke = s.receive(int(fd), batch-taken)
			return n > 0 || broke != nil
		})
		if err != nil {
			return // closed
		}
		if now := time.Now(); now.Sub(from) >= window {
			from, taken = now, 0
		}
		if taken += n; taken < batch && broke == nil {
			continue
		}
		// A flood, or a system without memory: this is a time for others.
		taken = 0
		t := time.NewTimer(time.Until(from.Add(window)))
		select {
		case <-t.C:
		case <-s.gone:
			t.Stop()
			return
		}
	}
}

// receive takes at most limit messages and returns how many there were. It has
// memory only while there are some.
func (s *Socket) receive(fd, limit int) (n int, err error) {
	var buf []byte
	for n < limit {
		if buf == nil {
			if !waiting(fd) {
				return n, nil
			}
			buf = make([]byte, maxMessage+controlSize)
		}
		text, control := buf[:maxMessage], buf[maxMessage:]
		size, used, flags, _, err := unix.Recvmsg(fd, text, control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		switch err {
		case nil:
			n++
			s.hand(text[:size], control[:used], flags)
		case unix.EINTR:
			n++
		case unix.EAGAIN:
			return n, nil
		default:
			return n, err
		}
	}
	return n, nil
}

// waiting reports whether there is a message.
func waiting(fd int) bool {
	p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p[:], 0)
	return n > 0 || err != nil
}

// hand gives a message to f. Descriptors are closed only then: whoever sends
// one with BARRIER=1 waits for its end, and knows then that all he has sent
// before has been heard.
func (s *Socket) hand(text, control []byte, flags int) {
	var m Message
	known := false
	fds := attached(control, func(pid, uid int) { m.PID, m.UID, known = pid, uid, pid > 0 })
	if known && flags&unix.MSG_TRUNC == 0 {
		m.parse(text)
		if !m.empty() {
			s.f(m)
		}
	}
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// attached reads what came with a message: its sender, and descriptors.
func attached(control []byte, sender func(pid, uid int)) (fds []int) {
	for len(control) >= unix.SizeofCmsghdr {
		head, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return fds
		}
		control = rest
		switch {
		case head.Level != unix.SOL_SOCKET:
		case head.Type == unix.SCM_CREDENTIALS && len(data) >= unix.SizeofUcred:
			sender(int(int32(binary.NativeEndian.Uint32(data))), int(binary.NativeEndian.Uint32(data[4:])))
		case head.Type == unix.SCM_RIGHTS:
			for ; len(data) >= 4; data = data[4:] {
				fds = append(fds, int(int32(binary.NativeEndian.Uint32(data))))
			}
		}
	}
	return fds
}
