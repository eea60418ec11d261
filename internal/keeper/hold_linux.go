package keeper

import "golang.org/x/sys/unix"

// burst is how many parks are held back at most. The system takes 253
// descriptors in one message; but what is held back is not safe yet.
const burst = 24

// A bundle is parks that wait to be sent in one message.
type bundle struct {
	count  int
	names  []byte // each after its length
	rights [unix.SizeofCmsghdr + 4*burst]byte
}

// Hold is Park, but not at once: with what is held after it, in one message,
// which costs keeper and daemon a fraction. It is sent by Flush, by any other
// call, or when enough has come together; until then fd stays open, and only
// Drop takes it back. What is held when this process is killed is lost.
func (l *Line) Hold(name string, fd int) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	many := l.many
	if many && validName(len(name)) {
		defer l.mu.Unlock()
		return l.add(name, fd, false)
	}
	l.mu.Unlock()
	return l.Park(name, fd)
}

// Flush sends what is held.
func (l *Line) Flush() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flush()
}

// add holds one more. The caller holds mu.
func (l *Line) add(name string, fd int, last bool) error {
	h := &l.held
	h.names = append(append(h.names, byte(len(name))), name...)
	put32(h.rights[:unix.CmsgLen(4*h.count)], uint32(fd))
	h.count++
	if last || h.count == burst {
		return l.flush()
	}
	return nil
}

// flush is Flush for who holds mu. One descriptor that is none spoils the
// whole message: then each goes by itself.
func (l *Line) flush() error {
	h := &l.held
	n := h.count
	if n == 0 {
		return nil
	}
	h.count = 0
	names := h.names
	h.names = names[:0]
	l.out = append(append(head(l.out, 'M'), byte(n)), names...)
	err := l.send(seal(h.rights[:], n))
	if err == nil || l.err != nil {
		return err
	}
	c := cursor{b: names}
	for i := range n {
		l.out = append(head(l.out, 'P'), c.take(c.u8())...)
		at := unix.CmsgLen(4 * i)
		copy(l.rights[unix.CmsgLen(0):], h.rights[at:at+4])
		_ = l.send(seal(l.rights[:], 1))
	}
	return err
}

// begin begins a message, after all that is held. The caller holds mu.
func (l *Line) begin(kind byte) {
	_ = l.flush() // a broken line fails what follows, too
	l.out = head(l.out, kind)
}
