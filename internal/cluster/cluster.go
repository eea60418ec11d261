// Package cluster is the primary of Node's cluster module for all apps of the
// daemon, and passes listening sockets to programs in any language. It owns
// the sockets of apps, the channels of their runs and what is said on them;
// when a run starts, which runs get connections and when one has to go is for
// its caller to say.
//
// # What is spoken
//
// Node's workers ask for their sockets (queryServer) and get them as
// descriptors: nothing is proxied. The words and their shapes are those of
// Node 18 to 24. Beside them there is one message of our own, drain, which
// drain.cjs understands; a worker that has loaded that says hello.
//
// # What outlives the daemon
//
// Each socket and each channel is parked: sockets once, when they are opened,
// channels before the fork and again when more is known of their run. A later
// daemon gives them to Inherit, says with Adopted which runs go on, and has
// Settled close the rest.
package cluster

import (
	_ "embed" // for DrainScript
	"slices"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/channel"
	"github.com/velospm/velos/internal/sockets"
)

// DrainScript is what Options.Script has to put on disk.
//
//go:embed drain.cjs
var DrainScript string

// A Seat is where a run sits: a slot of an app, and which of the two sides.
// During a reload a run and its successor share the slot, not the side. A
// successor on the same seat gets the same sockets, and with them the
// connections that waited for it.
type Seat struct {
	App  uint32
	Slot int
	Side int // 0 or 1
}

func (s Seat) place() sockets.Place { return sockets.Place{Slot: s.Slot, Side: s.Side} }

// twin is the other side of the same slot.
func (s Seat) twin() Seat { s.Side = 1 - s.Side; return s }

// A Kind says what a run's channel is for.
type Kind uint8

// The kinds.
const (
	Worker  Kind = iota // a worker of Node's cluster
	Channel             // process.send and messages, nothing else
)

// News is what happened to a run.
type News struct {
	Kind NewsKind
	Text string // of Listening: an address such as tcp://127.0.0.1:3000; without a host it is all of them
}

// A NewsKind is a kind of news.
type NewsKind uint8

// The kinds of news.
const (
	Online       NewsKind = iota + 1 // the worker has begun
	Listening                        // it has a listening socket, one news for each
	Ready                            // process.send('ready')
	Disconnected                     // it says that it means to go
	Closed                           // its channel has ended; mostly, so has it
)

// Options are what a Primary needs. Each of them may be nil.
type Options struct {
	// Park gives a descriptor to whoever outlives this process, to keep a copy
	// of, and Unpark takes that back.
	Park   func(name string, fd int)
	Unpark func(name string)
	// Tell hears what happened to runs, in order, from one goroutine. It must
	// not wait for a call to this Primary that somebody else makes.
	Tell func(Seat, News)
	// Script is the path of a file that holds DrainScript, readable by the
	// app. Without it workers are ended in Node's own way.
	Script func() (string, error)
}

// A Primary serves all apps. Its methods may be called from several
// goroutines.
type Primary struct {
	o   Options
	hub *channel.Hub

	// mu guards all below. It is held over system calls that do not wait.
	mu   sync.Mutex
	apps map[uint32]*app
	runs map[Seat]*run
	ids  map[uint64]*run // those that have a channel
	last uint64          // id of a channel
	seq  int64           // of our messages
	news []telling       // what Tell is to hear when mu is free
}

type telling struct {
	seat Seat
	news News
}

// An app is its sockets.
type app struct {
	id      uint32
	groups  []*group
	active  []sockets.Place
	steered bool // active counts, though it may be empty
}

// New makes a Primary that serves nobody.
func New(o Options) *Primary {
	if o.Park == nil {
		o.Park = func(string, int) {}
	}
	if o.Unpark == nil {
		o.Unpark = func(string) {}
	}
	if o.Tell == nil {
		o.Tell = func(Seat, News) {}
	}
	p := &Primary{o: o, apps: map[uint32]*app{}, runs: map[Seat]*run{}, ids: map[uint64]*run{}}
	p.hub = channel.NewHub(p.hear, p.gone)
	return p
}

// Close closes this process's copies of all sockets and channels. What is
// parked stays so. Nobody may call anything else meanwhile.
func (p *Primary) Close() {
	p.hub.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.runs {
		r.closeInherited()
	}
	for _, a := range p.apps {
		for _, g := range a.groups {
			g.Abandon()
		}
	}
	clear(p.apps)
	clear(p.runs)
	clear(p.ids)
}

// tell keeps news until mu is free.
func (p *Primary) tell(r *run, kind NewsKind, text string) {
	p.news = append(p.news, telling{r.seat, News{kind, text}})
}

// hear is called by the hub for each message.
func (p *Primary) hear(id uint64, m *channel.Message) {
	p.turn(id, func(r *run) { p.take(r, m) })
}

// gone is called by the hub when a channel has ended.
func (p *Primary) gone(id uint64) {
	p.turn(id, func(r *run) {
		delete(p.ids, id)
		r.ch = nil
		p.unpark(r)
		p.tell(r, Closed, "")
	})
}

// turn is one turn of the hub's goroutine; only there is anything told.
func (p *Primary) turn(id uint64, f func(*run)) {
	p.mu.Lock()
	r := p.ids[id]
	if r != nil {
		f(r)
	}
	list := p.news
	p.news = nil
	p.mu.Unlock()
	for _, t := range list {
		p.o.Tell(t.seat, t.news)
	}
}

// Activate has new connections of the app go to these seats only, evenly,
// from now on and for sockets opened later, too. What waits at others stays
// with them (see Queued), and for a round trip of the network connections
// that were half made still arrive there. Shared sockets, such as those of unix paths, are for
// whoever accepts first.
func (p *Primary) Activate(id uint32, active []Seat) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.app(id)
	a.active, a.steered = a.active[:0], true
	for _, s := range active {
		if s.App == id {
			a.active = append(a.active, s.place())
		}
	}
	var first error
	for _, g := range a.groups {
		if err := a.steer(g); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Queued is how many connections wait to be accepted at sockets that are the
// seat's alone.
func (p *Primary) Queued(seat Seat) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	if a := p.apps[seat.App]; a != nil {
		for _, g := range a.groups {
			n += g.Queued(seat.place())
		}
	}
	return n
}

// Listening is where the worker on this seat listens, by what it has said.
func (p *Primary) Listening(seat Seat) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.runs[seat]; r != nil {
		return slices.Clone(r.listens)
	}
	return nil
}

// Send sends the run on this seat a message for its process.on('message'), as
// JSON on one line. An error of code NotRunning: it has no channel. Busy: it
// has not read for too long.
func (p *Primary) Send(seat Seat, json string) error {
	for _, c := range []byte(json) {
		if c < ' ' {
			return &velos.Error{Code: velos.Invalid, Message: "send a message: it must be one line of JSON"}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.connected(seat)
	if err != nil {
		return err
	}
	return r.ch.Send([]byte(json))
}

// Drain has a worker finish: it takes no new connections, tells clients with
// each answer that it was the last one on their connection, and disconnects
// when all have gone; Closed is the news of it. Connections that are idle
// last until their client or Node's keepAliveTimeout ends them, or are
// closed at once if idle says so. A worker without drain.cjs is disconnected
// in Node's own way.
func (p *Primary) Drain(seat Seat, idle bool) error {
	word := `{"cmd":"NODE_VELOS","act":"drain","idle":false}`
	if idle {
		word = `{"cmd":"NODE_VELOS","act":"drain","idle":true}`
	}
	return p.finish(seat, word)
}

// Disconnect has a worker close its servers, idle connections with them, and
// leave.
func (p *Primary) Disconnect(seat Seat) error { return p.finish(seat, "") }

func (p *Primary) finish(seat Seat, word string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.connected(seat)
	if err != nil {
		return err
	}
	if r.kind != Worker {
		return &velos.Error{Code: velos.Unsupported, Message: "drain: only workers of a cluster know how"}
	}
	r.leaving = true
	if word == "" || !r.drains {
		word = `{"cmd":"NODE_CLUSTER","act":"disconnect","seq":` + p.number() + "}"
	}
	return r.ch.Send([]byte(word))
}

func (p *Primary) connected(seat Seat) (*run, error) {
	r := p.runs[seat]
	if r == nil || r.ch == nil {
		return nil, &velos.Error{Code: velos.NotRunning, Message: "send a message: the run has no channel"}
	}
	return r, nil
}
