package supervise

import "sync"

// lanes bounds how many jobs of a pool run at once. On one processor forks take
// turns anyway; the other lanes are for one that hangs in a dead
// network file system while the rest go on. Turns of runners never block.
const lanes = 4

// A pool runs turns of actors, and what takes too long for one. Its goroutines
// end when there is nothing to do: an idle daemon has none.
type pool struct {
	mu    sync.Mutex
	jobs  []func()
	lanes int
	wait  sync.WaitGroup
	rest  func() // called by a lane that finds no more jobs; may be nil
}

// do never blocks.
func (p *pool) do(job func()) {
	p.mu.Lock()
	p.jobs = append(p.jobs, job)
	if p.lanes == lanes {
		p.mu.Unlock()
		return
	}
	p.lanes++
	p.wait.Add(1)
	p.mu.Unlock()
	go p.lane()
}

func (p *pool) lane() {
	defer p.wait.Done()
	rested := true
	for {
		p.mu.Lock()
		if len(p.jobs) == 0 && p.rest != nil && !rested {
			p.mu.Unlock()
			p.rest()
			rested = true
			continue
		}
		if len(p.jobs) == 0 {
			p.lanes--
			p.jobs = nil
			p.mu.Unlock()
			return
		}
		job := p.jobs[0]
		p.jobs[0] = nil
		p.jobs = p.jobs[1:]
		p.mu.Unlock()
		job()
		rested = false
	}
}
