package poll

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A Set is a set of descriptors whose readiness one goroutine waits for.
// Readiness is level-triggered: what was not read is reported again. Add,
// Remove and Wake may be called from any goroutine, Wait from one at a time.
// On this system Wait holds one thread while it blocks.
type Set struct {
	kq   int
	mu   sync.Mutex
	keys map[int]uint64 // a kevent carries the descriptor only
	raws [128]unix.Kevent_t
	shut chan struct{}
	end  sync.Once
}

// wakeIdent names the user event that Wake triggers.
const wakeIdent = 1

// Open makes an empty set.
func Open() (*Set, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(kq)
	s := &Set{kq: kq, keys: map[int]uint64{}, shut: make(chan struct{})}
	var ev unix.Kevent_t
	unix.SetKevent(&ev, wakeIdent, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR)
	if _, err := unix.Kevent(kq, []unix.Kevent_t{ev}, nil, nil); err != nil {
		unix.Close(kq)
		return nil, os.NewSyscallError("kevent", err)
	}
	return s, nil
}

// Add makes Wait report fd under key.
func (s *Set) Add(fd int, key uint64) error {
	s.mu.Lock()
	s.keys[fd] = key
	s.mu.Unlock()
	var ev unix.Kevent_t
	unix.SetKevent(&ev, fd, unix.EVFILT_READ, unix.EV_ADD)
	_, err := unix.Kevent(s.kq, []unix.Kevent_t{ev}, nil, nil)
	return os.NewSyscallError("kevent", err)
}

// Remove takes fd out. Events of it that Wait has already returned stay in
// the caller's hands.
func (s *Set) Remove(fd int) error {
	s.mu.Lock()
	delete(s.keys, fd)
	s.mu.Unlock()
	var ev unix.Kevent_t
	unix.SetKevent(&ev, fd, unix.EVFILT_READ, unix.EV_DELETE)
	_, err := unix.Kevent(s.kq, []unix.Kevent_t{ev}, nil, nil)
	return os.NewSyscallError("kevent", err)
}

// Wake makes the current or the next Wait return, with no event if there is
// none.
func (s *Set) Wake() {
	var ev unix.Kevent_t
	unix.SetKevent(&ev, wakeIdent, unix.EVFILT_USER, 0)
	ev.Fflags = unix.NOTE_TRIGGER
	unix.Kevent(s.kq, []unix.Kevent_t{ev}, nil, nil)
}

// Wait blocks until a descriptor is ready or Wake is called, and returns the
// events in buf, at most cap(buf) of them. After Close it returns
// os.ErrClosed.
func (s *Set) Wait(buf []Event) ([]Event, error) {
	buf = buf[:0]
	max := min(cap(buf), len(s.raws))
	if max == 0 {
		return buf, os.ErrInvalid
	}
	n, err := unix.Kevent(s.kq, nil, s.raws[:max], nil)
	select {
	case <-s.shut:
		return buf, os.ErrClosed
	default:
	}
	if err == unix.EINTR {
		return buf, nil
	}
	if err != nil {
		return buf, os.NewSyscallError("kevent", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.raws[:n] {
		ev := &s.raws[i]
		key, ok := s.keys[int(ev.Ident)]
		if ev.Filter != unix.EVFILT_READ || !ok {
			continue
		}
		buf = append(buf, Event{Key: key, Readable: true, Hangup: ev.Flags&unix.EV_EOF != 0})
	}
	return buf, nil
}

// Close ends a blocked Wait and gives the set's own descriptor back. It is
// called once, by the set's owner, when nobody calls Add, Remove or Wake
// any more.
func (s *Set) Close() error {
	s.end.Do(func() { close(s.shut) })
	s.Wake()
	return os.NewSyscallError("close", unix.Close(s.kq))
}
