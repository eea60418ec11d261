package cluster

import (
	"slices"
	"strings"

	"github.com/velospm/velos/internal/sockets"
)

// Inherit takes over a descriptor that a former daemon parked, if its name is
// one of ours; false: it is not, and fd is left alone.
func (p *Primary) Inherit(name string, fd int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ok bool
	switch {
	case strings.HasPrefix(name, sockets.Prefix):
		ok = p.inheritSocket(name, fd)
	case strings.HasPrefix(name, chanPrefix):
		ok = p.inheritChannel(name, fd)
	default:
		return false
	}
	if !ok {
		closeFD(fd)
		p.o.Unpark(name)
	}
	return true
}

func (p *Primary) inheritSocket(name string, fd int) bool {
	n, ok := sockets.ParseName(name, fd)
	if !ok {
		return false
	}
	a := p.app(n.App)
	g := a.find(keyOf(n.Use, n.Address))
	if g == nil {
		g = a.add(n.Use, n.Address, n.Shared)
	}
	if g.Adopt(n.Place, n.Index, fd) {
		return true
	}
	if g.Empty() {
		p.release(a, g)
	}
	return false
}

// inheritChannel keeps a channel until Adopted or Settled: what its run says
// is not heard before there is somebody to tell. Of two for one seat, left by
// a daemon that was just parking it anew, the one that tells more counts.
func (p *Primary) inheritChannel(name string, fd int) bool {
	r, ok := parseChannel(name)
	if !ok {
		return false
	}
	if old := p.runs[r.seat]; old != nil {
		if old.fd < 0 || len(old.name) >= len(name) {
			return false
		}
		p.leave(r.seat)
	}
	r.fd = fd
	p.runs[r.seat] = r
	return true
}

// A Standing is how far a run had come under a former daemon.
type Standing struct {
	Channel bool // it has one
	Up      bool // a worker that listens; one that does not may wait for an answer that got lost
	Ready   bool // it said that it is ready
}

// Adopted says, after all was inherited, that the run on this seat goes on.
// Its channel is heard from now on.
func (p *Primary) Adopted(seat Seat) Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.runs[seat]
	if r != nil && r.fd >= 0 {
		fd := r.fd
		r.fd = -1
		if p.open(r, fd) != nil {
			p.leave(seat)
			r = nil
		}
	}
	if a := p.apps[seat.App]; a != nil {
		a.resume(seat, r)
	}
	if r == nil || r.ch == nil {
		return Standing{}
	}
	return Standing{Channel: true, Up: r.up, Ready: r.ready}
}

// resume takes the seat for a user of all that it has sockets for: who has an
// address open is not parked, but who can have it is known.
func (a *app) resume(seat Seat, r *run) {
	for _, g := range a.groups {
		if g.use != passed && (r == nil || !r.up) || !g.Has(seat.place()) || slices.Contains(g.users, seat) {
			continue
		}
		g.users = append(g.users, seat)
		if g.use != passed && len(r.listens) < maxListens {
			r.listens = append(r.listens, g.Address().String())
		}
	}
}

// Settled says that all apps have been restored and all their runs adopted:
// channels that nobody has asked for and sockets of unknown apps are closed.
func (p *Primary) Settled(known func(app uint32) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for seat, r := range p.runs {
		if r.fd >= 0 || !known(seat.App) {
			p.leave(seat)
		}
	}
	for id := range p.apps {
		if !known(id) {
			p.releaseAll(id)
		}
	}
}
