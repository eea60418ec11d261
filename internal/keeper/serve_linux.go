package keeper

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// serve does what the daemon at the other end of line says, until there is no
// other end and nothing left to read. It owns line.
func (k *keeper) serve(line int) {
	b, oob := k.in[:], k.oob[:]
	for {
		n, oobn, flags, err := receive(line, b, oob, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != 0 || n == 0 && oobn == 0 && hungUp(line) {
			break
		}
		fds := k.take(oob[:oobn])
		cut := flags&unix.MSG_TRUNC != 0
		short := flags&unix.MSG_CTRUNC != 0 // descriptors did not fit into this process
		k.mu.Lock()
		kept, ok := 0, false
		switch {
		case n > 2 && b[1] == 'M' && b[0] == Version && !cut:
			kept, ok = k.parkAll(b[2:n], fds)
		case !cut && !short && len(fds) <= 1:
			fd := -1
			if len(fds) == 1 {
				fd = int(fds[0])
			}
			var took bool
			if took, ok = k.handle(b[:n], fd); took {
				kept = 1
			}
		case n > 2 && b[1] == 'P':
			// What was to replace it has not come. Better none than the old one.
			k.store.drop(b[2:n])
		}
		if !ok {
			k.refused++
		}
		k.nudge()
		k.mu.Unlock()
		for _, fd := range fds[kept:] {
			unix.Close(int(fd))
		}
		if ok && n > 1 && b[1] == 'U' {
			k.hand(b[:n])
		}
	}
	k.mu.Lock()
	unix.Close(line)
	k.line = -1
	k.mu.Unlock()
	k.drained <- struct{}{}
}

// receive is recvmsg without the sender's address, and so without garbage.
func receive(fd int, b, oob []byte, how int) (n, oobn, flags int, err syscall.Errno) {
	iov := unix.Iovec{Base: &b[0]}
	iov.SetLen(len(b))
	m := unix.Msghdr{Iov: &iov, Control: &oob[0]}
	m.SetIovlen(1)
	m.SetControllen(len(oob))
	r, _, err := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), uintptr(how))
	if err != 0 {
		return 0, 0, 0, err
	}
	return int(r), int(m.Controllen), int(m.Flags), 0
}

// hungUp tells an empty message from the end of the line.
func hungUp(line int) bool {
	if n, err := unix.IoctlGetInt(line, unix.SIOCINQ); err == nil && n > 0 {
		return false
	}
	p := [1]unix.PollFd{{Fd: int32(line), Events: unix.POLLIN}}
	_, err := unix.Poll(p[:], 0)
	return err != nil && err != unix.EINTR || p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// take finds the descriptors that came with a message.
func (k *keeper) take(oob []byte) []int32 {
	fds := k.fds[:0]
	for len(oob) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(oob) {
			break
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_RIGHTS {
			for at := unix.CmsgLen(0); at+4 <= size; at += 4 {
				fds = append(fds, *(*int32)(unsafe.Pointer(&oob[at])))
			}
		}
		oob = oob[min(unix.CmsgSpace(size-unix.CmsgLen(0)), len(oob)):]
	}
	return fds
}

// parkAll does an M. The descriptors are there from the first on; of the names
// that got none, nothing is held any more. The caller holds mu.
func (k *keeper) parkAll(b []byte, fds []int32) (kept int, ok bool) {
	c := cursor{b: b}
	n := c.u8()
	for i := range n {
		name := c.take(c.u8())
		if !validName(len(name)) {
			return kept, false
		}
		if i >= len(fds) || i > kept || !k.store.park(name, int(fds[i])) {
			k.store.drop(name)
			continue
		}
		kept++
	}
	return kept, c.whole() && kept == n && n == len(fds)
}

// handle does one message, and reports whether it kept the descriptor that
// came with it and whether the message made sense. The caller holds mu.
func (k *keeper) handle(b []byte, fd int) (kept, ok bool) {
	if len(b) < 2 || b[0] != Version && b[1] != 'H' {
		return false, false
	}
	c := cursor{b: b[2:]}
	switch b[1] {
	case 'H':
		id := c.u32()
		if c.short {
			return false, false
		}
		k.greet(id)
		return false, true
	case 'R':
		if c.whole() {
			k.proven, k.ready = true, true
			select {
			case k.readied <- struct{}{}:
			default:
			}
		}
	case 'P':
		name := c.rest()
		if fd < 0 || !validName(len(name)) {
			return false, false
		}
		kept = k.store.park(name, fd)
		return kept, kept
	case 'D':
		name := c.rest()
		if !validName(len(name)) {
			return false, false
		}
		k.store.drop(name)
	case 'L':
		if id, after := c.u32(), c.u64(); c.whole() {
			k.list(id, after)
		}
	case 'X':
		if id, after := c.u32(), c.u64(); c.whole() {
			k.watched, k.nudged = true, false
			k.tell(id, after)
		}
	case 'A':
		if number := c.u64(); c.whole() {
			k.ends.remove(number)
		}
	case 'B':
		if ms := c.u32(); c.whole() {
			k.beat(ms)
		}
	case 'U':
		c.u32()
		n := len(c.rest())
		return false, n > 0 && n <= maxPath
	default:
		return false, false
	}
	return false, c.whole()
}

// send hands a message to the daemon if it can be had at once. One that does
// not read what it asked for gets no more.
func (k *keeper) send(b, rights []byte) bool {
	if k.line < 0 {
		return false
	}
	for {
		_, err := unix.SendmsgN(k.line, b, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// nudge tells the daemon once that there are exits which it was not told.
func (k *keeper) nudge() {
	if n := len(k.ends.list); k.watched && !k.nudged && n > 0 && k.ends.list[n-1].number > k.told {
		k.nudged = k.send(head(k.out[:], 'n'), nil)
	}
}

func (k *keeper) greet(id uint32) {
	b := put32(head(k.out[:], 'h'), id)
	flags := byte(flagMany)
	if k.lock >= 0 {
		flags |= flagLocked
	}
	b = put32(append(b, flags), uint32(syscall.Getpid()))
	b = put32(put32(put32(b, k.starts), uint32(len(k.store.slots))), k.refused)
	k.send(put32(put32(b, uint32(len(k.ends.list))), k.ends.lost), nil)
}

// list answers with as many descriptors as fit into one message.
func (k *keeper) list(id uint32, after uint64) {
	const more, count, last = 6, 7, 8
	b := put64(append(put32(head(k.out[:], 'l'), id), 0, 0), after)
	rights := k.rights[:unix.CmsgLen(0)]
	i := k.store.after(after)
	for ; i < len(k.store.slots) && b[count] < batch; i++ {
		s := &k.store.slots[i]
		if len(b)+1+len(s.name) > maxMessage {
			break
		}
		b = append(append(b, byte(len(s.name))), s.name...)
		put64(b[:last], s.number)
		b[count]++
		rights = put32(rights, uint32(s.fd))
	}
	if i < len(k.store.slots) {
		b[more] = 1
	}
	n := int(b[count])
	if n == 0 {
		k.send(b, nil)
		return
	}
	k.send(b, seal(k.rights[:], n))
}

// seal puts the header before n descriptors in b.
func seal(b []byte, n int) []byte {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.SOL_SOCKET, unix.SCM_RIGHTS
	h.SetLen(unix.CmsgLen(4 * n))
	return b[:unix.CmsgSpace(4*n)]
}

// tell answers with as many exits as fit into one message.
func (k *keeper) tell(id uint32, after uint64) {
	const more, count, room = 6, 7, (maxMessage - 8) / endSize
	b := append(put32(head(k.out[:], 'x'), id), 0, 0)
	list := k.ends.list[k.ends.after(after):]
	if len(list) > room {
		list = list[:room]
		b[more] = 1
	}
	b[count] = byte(len(list))
	for i := range list {
		b = list[i].append(b)
	}
	if k.send(b, nil) {
		k.nudged = b[more] == 1 // it will ask for the rest
		k.told = after
		if len(list) > 0 {
			k.told = list[len(list)-1].number
		}
	}
}
