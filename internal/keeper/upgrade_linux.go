package keeper

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stateVersion is the version of what one keeper leaves to the next.
const stateVersion = 1

// handled are the signals that the keeper acts on.
var handled = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1}

// hand passes the daemon's wish for another program to run, and answers it if
// nothing came of it.
func (k *keeper) hand(b []byte) {
	c := cursor{b: b[2:]}
	u := upgrade{id: c.u32(), path: string(c.rest())}
	k.upgrades <- u
	k.answer(u.id, <-k.verdict)
}

func (k *keeper) answer(id uint32, errno syscall.Errno) {
	k.mu.Lock()
	k.send(put32(put32(head(k.out[:], 'u'), id), uint32(errno)), nil)
	k.mu.Unlock()
}

// become replaces this program by the one at u.path, which must be a velosd:
// it inherits the children, the line, all descriptors, and what the keeper
// knows, in a memory file. become returns only when that was impossible; then
// nothing has changed but the limit of open files, which the daemons to come
// inherit as the keeper has it. serve waits meanwhile.
func (k *keeper) become(u upgrade) syscall.Errno {
	if errno := runnable(u.path); errno != 0 {
		return errno
	}
	fd, err := k.leave(u.id)
	if err != nil {
		return number(err)
	}
	env := append([]string(nil), k.env...)
	env[len(env)-1] = role + "=" + roleKeeper + strconv.Itoa(fd)
	// Ignored, a signal in the milliseconds until the next program listens is
	// lost; otherwise it would end the keeper. Blocked, it would stay blocked
	// in every program that a daemon ever starts.
	signal.Ignore(handled...)
	k.inherit(0)
	err = syscall.Exec(u.path, k.args, env)
	k.inherit(unix.FD_CLOEXEC)
	signal.Notify(k.orders, handled...)
	unix.Close(fd)
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	return number(err)
}

func number(err error) syscall.Errno {
	if errno, ok := err.(syscall.Errno); ok && errno != 0 {
		return errno
	}
	return syscall.EIO
}

// runnable looks at a program as exec would, as far as that can be done
// before it is too late.
func runnable(path string) syscall.Errno {
	if !strings.HasPrefix(path, "/") {
		return syscall.EINVAL
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return number(err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return syscall.EACCES
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		return number(err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return number(err)
	}
	defer unix.Close(fd)
	var b [4]byte
	if n, _ := unix.Read(fd, b[:]); n != len(b) || string(b[:]) != "\x7fELF" {
		return syscall.ENOEXEC
	}
	return 0
}

// inherit sets whether the next program gets what this one holds.
func (k *keeper) inherit(flag int) {
	set := func(fd int) {
		if fd >= 0 {
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flag)
		}
	}
	set(k.line)
	set(k.lock)
	for i := range k.store.slots {
		set(int(k.store.slots[i].fd))
	}
}

// leave writes all that the keeper knows into a memory file, which the next
// program inherits.
func (k *keeper) leave(id uint32) (fd int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := put32([]byte{stateVersion}, id)
	b = put32(put64(put32(b, uint32(k.pid)), uint64(k.began.UnixNano())), uint32(k.strikes))
	b = append(b, flag(k.asked), flag(k.proven), flag(k.watched))
	b = put32(put32(put64(b, k.told), k.starts), k.refused)
	b = put32(put32(b, uint32(k.line)), uint32(k.lock))
	b = put32(put64(b, k.store.last), uint32(len(k.store.slots)))
	for i := range k.store.slots {
		s := &k.store.slots[i]
		b = append(put32(put64(b, s.number), uint32(s.fd)), byte(len(s.name)))
		b = append(b, s.name...)
	}
	b = put32(put32(put64(b, k.ends.last), k.ends.lost), uint32(len(k.ends.list)))
	for i := range k.ends.list {
		b = k.ends.list[i].append(b)
	}
	if fd, err = unix.MemfdCreate("velosd-keeper", 0); err != nil {
		return -1, err
	}
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil {
			unix.Close(fd)
			return -1, err
		}
		b = b[n:]
	}
	return fd, nil
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// former is the descriptor with what a former keeper in this process has
// left, or -1.
func former() int {
	v, _ := syscall.Getenv(role)
	text, ok := strings.CutPrefix(v, roleKeeper)
	if !ok {
		return -1
	}
	_ = syscall.Unsetenv(role)
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return 1<<31 - 1 // nothing can be read there
	}
	return fd
}

// resume goes on where the former keeper stopped.
func (k *keeper) resume(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	b, err := unix.Mmap(fd, 0, int(st.Size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	unix.Close(fd)
	id, ok := k.read(&cursor{b: b})
	_ = unix.Munmap(b)
	if !ok {
		return syscall.EPROTO
	}
	k.inherit(unix.FD_CLOEXEC)
	if k.line >= 0 {
		k.answer(id, 0)
		go k.serve(k.line)
	}
	return nil
}

// read is the reverse of leave.
func (k *keeper) read(c *cursor) (id uint32, ok bool) {
	if c.u8() != stateVersion {
		return 0, false
	}
	id = c.u32()
	k.pid, k.began, k.strikes = int(c.u32()), time.Unix(0, int64(c.u64())), int(c.u32())
	k.asked, k.proven, k.watched = c.u8() == 1, c.u8() == 1, c.u8() == 1
	k.ready = k.proven // it has asked for this
	k.told, k.starts, k.refused = c.u64(), c.u32(), c.u32()
	k.line, k.lock = int(int32(c.u32())), int(int32(c.u32()))
	last := c.u64()
	for n := c.u32(); n > 0 && !c.short; n-- {
		number, fd := c.u64(), int(c.u32())
		name := c.take(c.u8())
		if !c.short {
			k.store.add(name, hash(name), number, fd)
		}
	}
	k.store.last = last
	k.ends.last, k.ends.lost = c.u64(), c.u32()
	for n := c.u32(); n > 0 && !c.short; n-- {
		var e end
		if e.read(c); !c.short {
			k.ends.list = append(k.ends.list, e)
		}
	}
	return id, c.whole()
}
