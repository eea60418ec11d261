package sockets

import (
	"slices"
	"syscall"

	"github.com/velospm/velos"
)

// MaxSockets bounds the sockets of a group.
const MaxSockets = 2048

// backlog is how many connections wait at most; the system may allow fewer,
// and a program that listens itself sets its own.
const backlog = 4096

// A Place is who a socket is for: a slot of the app, and which of the two
// sides a run of that slot is on.
type Place struct{ Slot, Side int }

// A Group is the sockets of one address. It belongs to one caller at a time.
// Its sockets are closed by Close only; whoever needs a descriptor for longer
// makes a copy.
type Group struct {
	addr     Address // as asked for
	shared   bool
	blocking bool
	port     int  // the one it got
	four     bool // IPv4, where addr has no host
	members  []member
	active   []Place // to whom new connections go; nil: nobody has said
	file     file    // what a unix path is, so that no other is removed
}

// A member's index is the socket's number in the kernel's group.
type member struct {
	place Place
	fd    int // -1: lost on the way from one daemon to the next
}

// A Socket is what Open gives.
type Socket struct {
	FD    int
	Index int
	Fresh bool // it was opened now
}

// NewGroup makes a group without sockets. shared: all places use one socket;
// that is so in any case for unix sockets, and where the system has nothing
// better. blocking: accept waits, as programs expect that get a socket from
// their parent; Node expects that it does not.
func NewGroup(a Address, shared, blocking bool) *Group {
	// One datagram to many that share a multicast address would become one
	// for each of our sockets, too.
	return &Group{addr: a, shared: shared || !reuses || a.Network == Unix || a.Shares, blocking: blocking}
}

// Address is where the group listens, with the port that it got.
func (g *Group) Address() Address {
	a := g.addr
	if g.port != 0 {
		a.Port = g.port
	}
	return a
}

// Asked is the address that was asked for.
func (g *Group) Asked() Address { return g.addr }

// Shared reports whether all places use one socket.
func (g *Group) Shared() bool { return g.shared }

// Each calls f for each socket.
func (g *Group) Each(f func(p Place, index, fd int)) {
	for i, m := range g.members {
		if m.fd >= 0 {
			f(m.place, i, m.fd)
		}
	}
}

// Empty reports whether the group has no socket.
func (g *Group) Empty() bool {
	return !slices.ContainsFunc(g.members, func(m member) bool { return m.fd >= 0 })
}

// Has reports whether there is a socket for p.
func (g *Group) Has(p Place) bool { return g.find(p) >= 0 }

func (g *Group) find(p Place) int {
	for i, m := range g.members {
		if m.fd >= 0 && (g.shared || m.place == p) {
			return i
		}
	}
	return -1
}

// Open is the socket for p, opened if it is not there. The error is a
// *velos.Error with a syscall.Errno behind it.
func (g *Group) Open(p Place) (Socket, error) {
	if i := g.find(p); i >= 0 {
		return Socket{FD: g.members[i].fd, Index: i}, nil
	}
	fd, err := g.open()
	if err != nil {
		return Socket{}, refused(g.Address(), err)
	}
	if g.shared {
		p = Place{}
	}
	g.members = append(g.members, member{place: p, fd: fd})
	g.learn(fd)
	if g.active != nil {
		err = g.steer() // p may have been named before
	}
	return Socket{FD: fd, Index: len(g.members) - 1, Fresh: true}, err
}

func (g *Group) open() (fd int, err error) {
	switch {
	case !g.addr.valid():
		return -1, syscall.EINVAL
	case len(g.members) >= MaxSockets:
		return -1, syscall.EMFILE
	case len(g.members) > 0:
		return open(g.Address(), g.four, !g.shared, g.blocking)
	}
	fd, err = g.first()
	if g.addr.Network != Unix && g.addr.Host == "" && without6(err) {
		g.four = true
		fd, err = g.first()
	}
	return fd, err
}

// first opens the first socket of a group that shares its address with itself
// only: if that works without sharing, nobody else is there, not even one who
// would let us in.
func (g *Group) first() (fd int, err error) {
	a := g.addr
	if !g.shared && (a.Port != 0 || a.Network == UDP) {
		if a.Port, err = probe(a, g.four); err != nil {
			return -1, err
		}
	}
	return open(a, g.four, !g.shared, g.blocking)
}

// without6 reports whether err says that there is no IPv6.
func without6(err error) bool {
	return err == syscall.EAFNOSUPPORT || err == syscall.EADDRNOTAVAIL
}

// learn asks a socket what became of the address.
func (g *Group) learn(fd int) {
	if g.addr.Network == Unix {
		g.file = fileAt(g.addr.Path)
		return
	}
	if port, four, ok := bound(fd); ok {
		g.port = port
		g.four = g.addr.Host == "" && four
	}
}

// Adopt takes a socket into the group that a former daemon opened. False: its
// number or place is taken, or it is not a socket of this group.
func (g *Group) Adopt(p Place, index, fd int) bool {
	if index < 0 || index >= MaxSockets || g.find(p) >= 0 || g.shared && index != 0 {
		return false
	}
	if len(g.members) > index && g.members[index].fd >= 0 {
		return false
	}
	for len(g.members) <= index {
		g.members = append(g.members, member{fd: -1})
	}
	g.members[index] = member{place: p, fd: fd}
	g.learn(fd)
	return true
}

// Steer has new connections go to these places only, evenly. What already
// waits at others stays there. When none of them has a socket, all stays as
// it is until one has. Shared sockets cannot be steered.
func (g *Group) Steer(active []Place) error {
	g.active = append(make([]Place, 0, len(active)), active...)
	return g.steer()
}

func (g *Group) steer() error {
	if g.shared {
		return nil
	}
	fd, to := -1, make([]int, 0, len(g.active))
	for i, m := range g.members {
		if m.fd < 0 {
			continue
		}
		for _, p := range g.active {
			if p == m.place {
				fd, to = m.fd, append(to, i)
				break
			}
		}
	}
	if len(to) == 0 {
		return nil
	}
	if err := attach(fd, to); err != nil {
		return &velos.Error{Code: velos.Failed, Message: "steer " + g.Address().String() + ": " + err.Error(), Cause: err}
	}
	return nil
}

// Queued is how many connections wait to be accepted at the socket that is
// p's alone; of datagrams it knows only whether there are any.
func (g *Group) Queued(p Place) int {
	i := g.find(p)
	if i < 0 || g.shared {
		return 0
	}
	return queued(g.members[i].fd, g.addr.Network)
}

// Close closes all sockets and removes the path of a unix socket.
func (g *Group) Close() {
	if g.addr.Network == Unix && len(g.members) > 0 && g.file == fileAt(g.addr.Path) {
		remove(g.addr.Path)
	}
	g.Abandon()
}

// Abandon closes this process's sockets and leaves the address to others who
// have copies.
func (g *Group) Abandon() {
	for _, m := range g.members {
		if m.fd >= 0 {
			closeFD(m.fd)
		}
	}
	g.members, g.port = nil, 0
}
