package keeper

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

// patience is how long the keeper may keep the daemon waiting.
const patience = 5 * time.Second

// A Line is the daemon's connection to its keeper. All methods may be called
// from several goroutines. A nil Line stands for "no keeper": it parks and
// lists nothing, and that is no error.
//
// A line that is broken stays so: every method returns an error, and whoever
// follows it is told once. Then the daemon goes on without a keeper.
type Line struct {
	version atomic.Int32
	keeper  int
	fd      int
	file    *os.File // the same descriptor, known to the runtime's poller
	raw     syscall.RawConn
	over    chan struct{} // closed when the reader has ended
	closed  atomic.Bool

	mu     sync.Mutex // one sender at a time
	out    []byte
	rights [24]byte
	held   bundle
	many   bool  // the keeper takes many descriptors in one message
	err    error // why the line is broken
	exit   func(Exit)
	asked  uint32 // the last question about exits
	lost   func(error)

	asking  sync.Mutex // one question at a time
	id      atomic.Uint32
	answers chan answer
}

// An answer is what came back to a question.
type answer struct {
	id   uint32
	kind byte
	body []byte
	fds  []int
}

// Dial takes over the daemon's end of the line, usually LineFD, and greets
// the keeper. It may be called again for the same descriptor by the next
// program in this process, if that was replaced by exec; FD says which one to
// leave open. An error of code Unreachable: fd is no line to this process's
// parent; fd is left as it is.
func Dial(fd int) (*Line, error) {
	if err := check(fd); err != nil {
		return nil, err
	}
	return dial(fd, os.Getppid())
}

func dial(fd, keeper int) (*Line, error) {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, broken("set non-blocking", err)
	}
	l := &Line{keeper: keeper, fd: fd, file: os.NewFile(uintptr(fd), "keeper"),
		over: make(chan struct{}), answers: make(chan answer, 1)}
	// Answers to the questions of a former program in this process are told
	// apart by their ids.
	l.id.Store(uint32(time.Now().UnixNano() >> 10))
	var err error
	if l.raw, err = l.file.SyscallConn(); err != nil {
		return nil, errors.Join(broken("wait", err), l.file.Close())
	}
	go l.read()
	if _, err := l.State(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func check(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_SEQPACKET {
		return broken("dial", syscall.ENOTSOCK)
	}
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || int(peer.Pid) != os.Getppid() {
		return broken("dial", syscall.ENOTCONN)
	}
	return nil
}

func broken(what string, err error) error {
	return &velos.Error{Code: velos.Unreachable, Message: "keeper: " + what + ": " + err.Error(), Cause: err}
}

// Park gives the keeper a copy of fd to hold under name, 1 to MaxName bytes.
// What it held under that name it closes. Park does not wait for the keeper:
// the copy is safe when Park returns, whatever happens to this process. Only
// a keeper that is out of descriptors loses it; State counts that.
func (l *Line) Park(name string, fd int) error {
	if l == nil {
		return nil
	}
	return l.name('P', name, fd)
}

// Drop makes the keeper close what it holds under name, if anything. It does
// not wait either; order among parks and drops is kept.
func (l *Line) Drop(name string) error {
	if l == nil {
		return nil
	}
	return l.name('D', name, -1)
}

func (l *Line) name(kind byte, name string, fd int) error {
	if !validName(len(name)) {
		return &velos.Error{Code: velos.Invalid, Message: "keeper: a name has 1 to 120 bytes: " + name}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind == 'P' && l.held.count > 0 {
		return l.add(name, fd, true)
	}
	l.begin(kind)
	l.out = append(l.out, name...)
	if fd < 0 {
		return l.send(nil)
	}
	put32(l.rights[:unix.CmsgLen(0)], uint32(fd))
	return l.send(seal(l.rights[:], 1))
}

// Ready tells the keeper that the start is over: from now on a death is
// followed by a new start.
func (l *Line) Ready() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin('R')
	return l.send(nil)
}

// Beat tells the keeper that the daemon is well, and that it is to be killed
// and started anew if it does not say so again before within is over; 0 takes
// that back. It does not wait for the keeper.
func (l *Line) Beat(within time.Duration) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ms := min(max(within, 0).Milliseconds(), maxBeat.Milliseconds())
	l.begin('B')
	l.out = put32(l.out, uint32(ms))
	return l.send(nil)
}

// Ack tells the keeper that an exit has been dealt with, and is not to be told
// again, not even to the next daemon. All exits are to be acknowledged, those
// of processes that nobody knows too.
func (l *Line) Ack(x Exit) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin('A')
	l.out = put64(l.out, x.Number)
	return l.send(nil)
}

// Follow has exit called for each exit that was not acknowledged, and then for
// each new one at once, in order and each once; lost is called when the line
// breaks, but not for Close. Both are called from the line's own goroutine and
// must not ask anything of the line; Park, Drop and Ack are fine. Follow is to
// be called once.
func (l *Line) Follow(exit func(Exit), lost func(error)) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.exit, l.lost = exit, lost
	}
	return l.askExits(0)
}

// State asks the keeper about itself.
func (l *Line) State() (State, error) {
	if l == nil {
		return State{}, nil
	}
	l.asking.Lock()
	defer l.asking.Unlock()
	return l.state()
}

// state is State for who holds asking.
func (l *Line) state() (State, error) {
	a, err := l.ask('H', nil, 'h')
	if err != nil {
		return State{}, err
	}
	c := cursor{b: a.body}
	flags := c.u8()
	l.mu.Lock()
	l.many = flags&flagMany != 0
	l.mu.Unlock()
	s := State{Locked: flags&flagLocked != 0, PID: int(c.u32()), Starts: int(c.u32()), Parked: int(c.u32()),
		Refused: int(c.u32()), Pending: int(c.u32()), Lost: int(c.u32())}
	if c.short {
		return s, broken("read its state", syscall.EPROTO)
	}
	return s, nil
}

// List is all that the keeper holds, in the order in which it was parked, as
// descriptors of this process. With an error, those that came are closed.
func (l *Line) List() (list []Parked, err error) {
	if l == nil {
		return nil, nil
	}
	l.asking.Lock()
	defer l.asking.Unlock()
	var after uint64
	for more := true; more; {
		a, err := l.ask('L', put64(nil, after), 'l')
		if err != nil {
			closeParked(list)
			return nil, err
		}
		c := cursor{b: a.body}
		more = c.u8() == 1
		n := c.u8()
		after = c.u64()
		if n != len(a.fds) || more && n == 0 {
			closeAll(a.fds)
			closeParked(list)
			return nil, broken("list", syscall.EMFILE) // they did not fit into this process
		}
		for _, fd := range a.fds {
			list = append(list, Parked{Name: string(c.take(c.u8())), FD: fd})
		}
	}
	return list, nil
}

// Upgrade makes the keeper become the program at path, an absolute path, while
// children, line and all that it holds stay. Whether path is a velosd that
// knows how to go on must have been found out before. The error, if any, is
// why it stayed what it was.
func (l *Line) Upgrade(path string) error {
	if l == nil {
		return broken("upgrade", syscall.ENOTCONN)
	}
	if path == "" || len(path) > maxPath {
		return &velos.Error{Code: velos.Invalid, Message: "keeper: this is no path to upgrade to: " + path}
	}
	l.asking.Lock()
	defer l.asking.Unlock()
	l.mu.Lock()
	_ = l.flush()
	l.many = false // until it says so again
	l.mu.Unlock()
	a, err := l.ask('U', []byte(path), 'u')
	if err != nil {
		return err
	}
	defer func() { _, _ = l.state() }() // for what the next program knows
	c := cursor{b: a.body}
	if errno := syscall.Errno(c.u32()); errno != 0 {
		return &velos.Error{Code: velos.Failed, Message: "keeper: become " + path + ": " + errno.Error(), Cause: errno}
	}
	return nil
}

// PID is the keeper's process id.
func (l *Line) PID() int {
	if l == nil {
		return 0
	}
	return l.keeper
}

// Version is that of the keeper's protocol, as it last said: after an upgrade
// of the daemon it may be older than this program's Version.
func (l *Line) Version() int {
	if l == nil {
		return 0
	}
	return int(l.version.Load())
}

// FD is the line's descriptor, for a program that is about to be replaced.
func (l *Line) FD() int {
	if l == nil {
		return -1
	}
	return l.fd
}

// Close ends the line. The keeper keeps what it holds and takes no more.
func (l *Line) Close() error {
	if l == nil || l.closed.Swap(true) {
		return nil
	}
	_ = l.file.SetWriteDeadline(time.Unix(1, 0)) // whoever waits for room, waits no more
	l.mu.Lock()
	if l.err == nil { // else the descriptor may be another's already
		l.err = broken("use the line", os.ErrClosed)
		_ = unix.Shutdown(l.fd, unix.SHUT_RDWR)
	}
	l.mu.Unlock()
	<-l.over
	return nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func closeParked(list []Parked) {
	for _, p := range list {
		unix.Close(p.FD)
	}
}
