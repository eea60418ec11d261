package tui

import (
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// A link is how the connection to the daemon is.
type link struct {
	up      bool
	since   time.Time // when it came or went; the zero time is never
	version string
	pid     int
	why     string // it is down: what dialling says
	hint    string // what can be done about it
	none    bool   // there has never been one
}

// News is what the feed has heard since it last told. What is nil has not
// changed.
type news struct {
	link    *link
	listed  bool
	apps    []velos.App
	figures []wire.Metrics
	fresh   []velos.App // that have changed, between two rounds
	events  []velos.Event
	epoch   int // of the lines
	lines   []velos.Entry
	bytes   int // of them
	dropped int // lines that came faster than they can be shown
}

// Bounds of what waits to be told.
const (
	mostLines   = 2000
	mostBytes   = 8 << 20 // of those lines
	mostEvents  = 500
	mostFigures = 4096
)

// A post gathers news and hands them on at most so often.
type post struct {
	mu    sync.Mutex
	n     news
	some  bool
	epoch int
	awake chan struct{} // holds one token when there is something
}

func newPost() *post { return &post{awake: make(chan struct{}, 1)} }

// add changes what waits, under the lock.
func (p *post) add(change func(n *news)) {
	p.mu.Lock()
	change(&p.n)
	p.n.bound()
	p.some = true
	p.mu.Unlock()
	select {
	case p.awake <- struct{}{}:
	default:
	}
}

// turn begins another epoch of lines: what is on its way from the former one
// is of no use.
func (p *post) turn(epoch int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epoch, p.n.lines, p.n.bytes, p.n.dropped = epoch, nil, 0, 0
}

// line adds lines, if they are of the present epoch.
func (p *post) line(epoch int, e velos.Entry) {
	p.add(func(n *news) {
		if epoch == p.epoch {
			n.lines = append(n.lines, e)
			n.bytes += len(e.Msg)
		}
	})
}

// take is what waits, if something does.
func (p *post) take() (news, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, some := p.n, p.some
	n.epoch = p.epoch
	p.n, p.some = news{}, false
	return n, some
}

func (n *news) bound() {
	if over := surplus(len(n.lines), mostLines, mostLines/4, n.bytes-mostBytes, func(i int) int { return len(n.lines[i].Msg) }); over > 0 {
		for _, e := range n.lines[:over] {
			n.bytes -= len(e.Msg)
		}
		n.lines = append(n.lines[:0:0], n.lines[over:]...)
		n.dropped += over
	}
	if over := len(n.events) - mostEvents; over > mostEvents/4 {
		n.events = append(n.events[:0:0], n.events[over:]...)
	}
	if over := len(n.figures) - mostFigures; over > mostFigures/4 {
		n.figures = append(n.figures[:0:0], n.figures[over:]...)
	}
}
