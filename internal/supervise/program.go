package supervise

import (
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

// A program is a Child of the running system: a process, and what is heard of
// it on other ways than its end.
type program struct {
	*child.Process // set when it is forked
	host           *Host
	seat           Seat
	spec           *velos.Spec

	mu   sync.Mutex
	hear func(News)
	kept []News // until somebody hears
}

// Hear implements Child.
func (p *program) Hear(f func(News)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hear = f
	for _, n := range p.kept {
		f(n)
	}
	p.kept = nil
}

func (p *program) tell(n News) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hear == nil {
		p.kept = append(p.kept, n)
		return
	}
	p.hear(n)
}

// Finish implements Child.
func (p *program) Finish(patient bool) bool { return false }

// Say implements Child.
func (p *program) Say(message string) error { return velos.ErrNotRunning }

// adopted is the program of a run that a former daemon has started.
func (h *Host) adopted(r record, c *child.Process, spec *velos.Spec) Child {
	return &program{Process: c, host: h, seat: r.Seat, spec: spec}
}

// Serve implements Machine.
func (h *Host) Serve(id uint32, seats []Seat) {}

// Rested implements Machine.
func (h *Host) Rested(id uint32) {}
