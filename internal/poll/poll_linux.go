package poll

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Set is a set of descriptors whose readiness one goroutine waits for.
// Readiness is level-triggered: what was not read is reported again. Add,
// Remove and Wake may be called from any goroutine, Wait from one at a time.
type Set struct {
	file   *os.File // the epoll descriptor, known to the runtime's own poller
	raw    syscall.RawConn
	epfd   int
	wakefd int
	awake  atomic.Bool // a wake is on its way
	mu     sync.Mutex  // no Wake may write into a descriptor that was closed and is another's by now
	closed atomic.Bool
	wait   func(fd uintptr) bool
	raws   [128]unix.EpollEvent
	n      int
	err    error
}

// Open makes an empty set.
func Open() (*Set, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epfd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	// Only a non-blocking descriptor is taken into the runtime's poller.
	unix.SetNonblock(epfd, true)
	s := &Set{file: os.NewFile(uintptr(epfd), "epoll"), epfd: epfd, wakefd: wakefd}
	if s.raw, err = s.file.SyscallConn(); err == nil {
		err = s.Add(wakefd, wakeKey)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.wait = s.collect
	return s, nil
}

// Add makes Wait report fd under key.
func (s *Set) Add(fd int, key uint64) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(uint32(key)), Pad: int32(uint32(key >> 32))}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.epfd, unix.EPOLL_CTL_ADD, fd, &ev))
}

// Remove takes fd out. Events of it that Wait has already returned stay in
// the caller's hands.
func (s *Set) Remove(fd int) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.epfd, unix.EPOLL_CTL_DEL, fd, nil))
}

// Wake makes the current or the next Wait return, with no event if there is
// none.
func (s *Set) Wake() {
	if s.awake.Swap(true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed.Load() {
		one := [8]byte{1}
		unix.Write(s.wakefd, one[:]) // it fails only when a wake is pending anyway
	}
}

// Wait blocks until a descriptor is ready or Wake is called, and returns the
// events in buf, at most cap(buf) of them. The goroutine sleeps in the
// runtime's poller: no thread is held. After Close it returns os.ErrClosed.
func (s *Set) Wait(buf []Event) ([]Event, error) {
	buf = buf[:0]
	max := min(cap(buf), len(s.raws))
	if max == 0 {
		return buf, os.ErrInvalid
	}
	s.n = max
	if err := s.raw.Read(s.wait); err != nil {
		if s.closed.Load() {
			return buf, os.ErrClosed
		}
		return buf, err
	}
	if s.err != nil {
		return buf, os.NewSyscallError("epoll_wait", s.err)
	}
	for _, ev := range s.raws[:s.n] {
		key := uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
		if key == wakeKey {
			var b [8]byte
			unix.Read(s.wakefd, b[:])
			s.awake.Store(false)
			continue
		}
		buf = append(buf, Event{Key: key,
			Readable: ev.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0,
			Hangup:   ev.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0})
	}
	return buf, nil
}

// collect asks once, without blocking; false sends the goroutine to sleep
// until the epoll descriptor itself is readable.
func (s *Set) collect(fd uintptr) bool {
	for {
		n, err := unix.EpollWait(int(fd), s.raws[:s.n], 0)
		if err == unix.EINTR {
			continue
		}
		if n == 0 && err == nil {
			return false
		}
		s.n, s.err = max(n, 0), err
		return true
	}
}

// Close ends a blocked Wait and gives the set's own descriptors back. It is
// called once, by the set's owner, when nobody calls Add or Remove any more.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed.Store(true)
	err := s.file.Close()
	unix.Close(s.wakefd)
	return err
}
