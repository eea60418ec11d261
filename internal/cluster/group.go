package cluster

import (
	"slices"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/sockets"
)

// maxGroups bounds the addresses of an app.
const maxGroups = 128

// passed is the use of sockets that are passed when a program starts. That
// of those that workers ask for is workers and a number, which tells apart
// several servers of one worker with the same address.
const (
	passed  = "l"
	workers = "n"
)

// A group is one address of an app and who uses it.
type group struct {
	*sockets.Group
	use   string
	key   string          // what workers call it
	data  []byte          // what the first worker wants all others to know
	users []Seat          // runs that have it open
	shut  []sockets.Place // runs that had it open, live on, and accept no more
}

func keyOf(use string, a sockets.Address) string { return use + ":" + a.String() }

func (p *Primary) app(id uint32) *app {
	a := p.apps[id]
	if a == nil {
		a = &app{id: id}
		p.apps[id] = a
	}
	return a
}

func (a *app) find(key string) *group {
	for _, g := range a.groups {
		if g.key == key {
			return g
		}
	}
	return nil
}

// add makes a group for an address that has none.
func (a *app) add(use string, addr sockets.Address, shared bool) *group {
	g := &group{Group: sockets.NewGroup(addr, shared, use == passed), use: use, key: keyOf(use, addr)}
	a.groups = append(a.groups, g)
	return g
}

// socket is the seat's socket at an address; it is opened and parked if it is
// not there. The descriptor stays the group's.
func (p *Primary) socket(seat Seat, use string, addr sockets.Address, shared bool) (*group, int, error) {
	a := p.app(seat.App)
	g := a.find(keyOf(use, addr))
	if g == nil {
		if len(a.groups) >= maxGroups {
			return nil, -1, &velos.Error{Code: velos.Busy, Message: "listen " + addr.String() + ": the app has " + strconv.Itoa(maxGroups) + " addresses"}
		}
		g = a.add(use, addr, shared)
	}
	before := len(g.shut)
	g.shut = slices.DeleteFunc(g.shut, func(s sockets.Place) bool { return s == seat.place() })
	s, err := g.Open(seat.place())
	if err != nil {
		if g.Empty() {
			p.release(a, g)
		}
		return nil, -1, err
	}
	if s.Fresh {
		if name := a.name(g, seat.place(), s.Index); name != "" {
			p.o.Park(name, s.FD)
		}
	}
	if !slices.Contains(g.users, seat) {
		g.users = append(g.users, seat)
	}
	if s.Fresh && a.steered || len(g.shut) < before {
		err = a.steer(g)
	}
	return g, s.FD, err
}

// name is what a socket of a group is parked under.
func (a *app) name(g *group, place sockets.Place, index int) string {
	if g.Shared() {
		place = sockets.Place{}
	}
	return sockets.Name{App: a.id, Place: place, Index: index, Shared: g.Shared(), Use: g.use, Address: g.Asked()}.String()
}

// steer has a group's connections go to the active seats, or to all who use
// it as long as nobody has said which are active; not to those who have
// closed it and live on.
func (a *app) steer(g *group) error {
	var to []sockets.Place
	if a.steered {
		to = append(to, a.active...)
	} else {
		for _, s := range g.users {
			to = append(to, s.place())
		}
	}
	to = slices.DeleteFunc(to, func(s sockets.Place) bool { return slices.Contains(g.shut, s) })
	return g.Steer(to)
}

// closed: the worker on this seat has closed its server of a group. The last
// one closes the port, as it would with Node's own primary, unless it goes:
// then its successor may be on its way.
func (p *Primary) closed(r *run, key string) {
	a := p.apps[r.seat.App]
	if a == nil {
		return
	}
	g := a.find(key)
	if g == nil || !slices.Contains(g.users, r.seat) {
		return
	}
	g.users = slices.DeleteFunc(g.users, func(s Seat) bool { return s == r.seat })
	r.listens = slices.DeleteFunc(r.listens, func(s string) bool { return s == g.Address().String() })
	if len(g.users) == 0 && !r.leaving {
		p.release(a, g)
		return
	}
	g.shut = append(g.shut, r.seat.place())
	_ = a.steer(g) // the app has been served by what there is, and still is
}

// release closes a group and takes its sockets back from where they are
// parked.
func (p *Primary) release(a *app, g *group) {
	g.Each(func(place sockets.Place, index, _ int) {
		if name := a.name(g, place, index); name != "" {
			p.o.Unpark(name)
		}
	})
	g.Close()
	a.groups = slices.DeleteFunc(a.groups, func(x *group) bool { return x == g })
}

// Release closes all sockets of an app: it is stopped or deleted.
func (p *Primary) Release(id uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.releaseAll(id)
}

func (p *Primary) releaseAll(id uint32) {
	a := p.apps[id]
	if a == nil {
		return
	}
	for _, g := range slices.Clone(a.groups) {
		p.release(a, g)
	}
	delete(p.apps, id)
}

// Passed is the seat's sockets at these addresses (see sockets.Parse), opened
// if they are not there, for a program that finds them as systemd's do:
// LISTEN_FDS and LISTEN_FDNAMES. reuse: each seat has its own. The
// descriptors stay the Primary's; they wait in accept, until somebody
// changes that. With an error, what was opened stays until Release.
func (p *Primary) Passed(seat Seat, listen []string, reuse bool) (fds []int, names []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range listen {
		addr, err := sockets.Parse(text)
		if err != nil {
			return nil, nil, err
		}
		_, fd, err := p.socket(seat, passed, addr, !reuse)
		if err != nil {
			return nil, nil, err
		}
		fds, names = append(fds, fd), append(names, nameOf(addr))
	}
	return fds, names, nil
}

// nameOf is what LISTEN_FDNAMES calls a socket: tcp-8080, or unix and the
// last part of the path. A colon separates names.
func nameOf(a sockets.Address) string {
	if a.Network != sockets.Unix {
		return a.Network.String() + "-" + strconv.Itoa(a.Port)
	}
	b := []byte(a.Path)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] == '/' {
			b = b[i+1:]
			break
		}
		if b[i] <= ' ' || b[i] >= 0x7f || b[i] == ':' {
			b[i] = '_'
		}
	}
	return "unix-" + string(b)
}
