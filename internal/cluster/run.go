package cluster

import (
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/channel"
)

// A run is what is known of a program that has a channel.
type run struct {
	seat Seat
	kind Kind
	id   uint64           // of its channel
	ch   *channel.Channel // nil: closed, or not adopted yet
	fd   int              // inherited and not adopted yet; else -1
	name string           // what its channel is parked under; empty: it is not

	up      bool    // a worker that listens, so that its first question was answered
	ready   bool    // it said so
	drains  bool    // it has loaded drain.cjs
	leaving bool    // it is to go, or says that it goes
	asked   []asked // questions whose answers, with descriptors, were not acknowledged
	listens []string
}

// asked is a question of a worker, by its number, and the data that belongs
// into its answer.
type asked struct {
	seq  int64
	data []byte
}

// A Join is what a program needs to be on its seat.
type Join struct {
	FD   int      // to be its descriptor 3; the caller closes this copy after the fork
	Env  []string // to be in its environment
	Args []string // to stand before its script
}

// Join makes the channel for a run that is about to be started. What an
// earlier run of this seat had is closed. id is the worker's number
// in Node's eyes; no two workers of an app have the same. After a fork that
// failed, Left tidies up.
func (p *Primary) Join(seat Seat, kind Kind, id int) (Join, error) {
	if seat.Slot < 0 || seat.Slot > maxSlot || seat.Side < 0 || seat.Side > 1 {
		return Join{}, &velos.Error{Code: velos.Invalid, Message: "join the cluster: there is no such seat"}
	}
	ours, theirs, err := channel.Pair()
	if err != nil {
		e := &velos.Error{Code: velos.Busy, Message: "make a channel: " + err.Error(), Cause: err}
		if velos.CodeOf(err) == velos.Unsupported {
			e.Code = velos.Unsupported
		}
		return Join{}, e
	}
	j := Join{FD: theirs, Env: []string{"NODE_CHANNEL_FD=3", "NODE_CHANNEL_SERIALIZATION_MODE=json"}}
	if kind == Worker {
		j.Env = append(j.Env, "NODE_UNIQUE_ID="+strconv.Itoa(id))
		if p.o.Script != nil {
			if path, err := p.o.Script(); err == nil && path != "" {
				j.Args = []string{"--require", path}
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangUp(seat)
	r := &run{seat: seat, kind: kind, fd: -1}
	p.park(r, ours)
	if err := p.open(r, ours); err != nil {
		p.unpark(r)
		closeFD(theirs)
		return Join{}, &velos.Error{Code: velos.Busy, Message: "make a channel: " + err.Error(), Cause: err}
	}
	p.runs[seat] = r
	return j, nil
}

// open has the hub serve a run's channel.
func (p *Primary) open(r *run, fd int) error {
	p.last++
	ch, err := p.hub.Open(p.last, fd)
	if err != nil {
		return err
	}
	r.id, r.ch = p.last, ch
	p.ids[r.id] = r
	return nil
}

// Left says that the run on this seat is over: its channel is closed. Sockets
// stay for the next one. It is also for runs that only had sockets passed.
//
// When the other side of the slot has taken over, addresses that nobody uses
// any more are closed: the new version of an app may listen elsewhere.
func (p *Primary) Left(seat Seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(seat)
	a := p.apps[seat.App]
	if a == nil {
		return
	}
	twin, next := seat.twin(), p.runs[seat.twin()]
	if next == nil && !slices.ContainsFunc(a.groups, func(g *group) bool { return slices.Contains(g.users, twin) }) ||
		next != nil && next.kind == Worker && !next.up {
		return
	}
	for _, g := range slices.Clone(a.groups) {
		if len(g.users) == 0 {
			p.release(a, g)
		}
	}
}

func (p *Primary) leave(seat Seat) {
	p.hangUp(seat)
	if a := p.apps[seat.App]; a != nil {
		for _, g := range a.groups {
			g.users = slices.DeleteFunc(g.users, func(s Seat) bool { return s == seat })
		}
	}
}

// hangUp closes the seat's channel, if there is one.
func (p *Primary) hangUp(seat Seat) {
	if r := p.runs[seat]; r != nil {
		delete(p.runs, seat)
		delete(p.ids, r.id)
		if r.ch != nil {
			r.ch.Close()
		}
		r.closeInherited()
		p.unpark(r)
	}
}

func (r *run) closeInherited() {
	if r.fd >= 0 {
		closeFD(r.fd)
		r.fd = -1
	}
}

// chanPrefix begins the name of every parked channel:
//
//	chan/APP/SLOT/SIDE/KIND/FLAGS
//
// KIND is w or c. FLAGS are letters: u up, r ready, d drains.
const chanPrefix = "chan/"

// maxSlot bounds what a name may say.
const maxSlot = 9999

func (r *run) parkName() string {
	b := append(make([]byte, 0, 32), chanPrefix...)
	b = append(strconv.AppendUint(b, uint64(r.seat.App), 10), '/')
	b = append(strconv.AppendInt(b, int64(r.seat.Slot), 10), '/')
	b = append(strconv.AppendInt(b, int64(r.seat.Side), 10), '/')
	b = append(b, "wc"[r.kind], '/')
	for i, on := range [...]bool{r.up, r.ready, r.drains} {
		if on {
			b = append(b, "urd"[i])
		}
	}
	return string(b)
}

// parseChannel takes the name of a parked channel apart.
func parseChannel(name string) (r *run, ok bool) {
	part := strings.Split(name, "/")
	if len(part) != 6 || part[0]+"/" != chanPrefix {
		return nil, false
	}
	app, err1 := strconv.ParseUint(part[1], 10, 32)
	slot, err2 := strconv.ParseUint(part[2], 10, 16)
	side, err3 := strconv.ParseUint(part[3], 10, 1)
	if err1 != nil || err2 != nil || err3 != nil || slot > maxSlot || part[4] != "w" && part[4] != "c" {
		return nil, false
	}
	r = &run{seat: Seat{App: uint32(app), Slot: int(slot), Side: int(side)}, name: name, fd: -1}
	if part[4] == "c" {
		r.kind = Channel
	}
	r.up, r.ready, r.drains = strings.Contains(part[5], "u"), strings.Contains(part[5], "r"), strings.Contains(part[5], "d")
	return r, true
}

// park parks a run's channel under what is known of it, and takes the former
// name back afterwards: there is no moment without one.
func (p *Primary) park(r *run, fd int) {
	name := r.parkName()
	if name == r.name {
		return
	}
	p.o.Park(name, fd)
	p.unpark(r)
	r.name = name
}

func (p *Primary) unpark(r *run) {
	if r.name != "" {
		p.o.Unpark(r.name)
		r.name = ""
	}
}

func (p *Primary) number() string {
	p.seq++
	return strconv.FormatInt(p.seq, 10)
}
