package supervise

import "sync"

// lanes bounds how many jobs of a pool run at once. On one processor forks take
// turns anyway; the other lanes are for one that hangs in a dead
// network file system while the rest go on. Turns of runners never block.
const lanes = 4

// together bounds the jobs whose ahead is done in one go: what they open for
// the programs is open until those are forked, and makes each fork dearer.
const together = 8

// A pool runs turns of actors, and what takes too long for one. Its goroutines
// end when there is nothing to do: an idle daemon has none.
type pool struct {
	mu    sync.Mutex
	jobs  []job
	ready []job // whose ahead is done: they go first
	lanes int
	wait  sync.WaitGroup
	rest  func() // called by a lane that finds no more jobs, and after each ahead; may be nil
}

// A job may have something that is done ahead of it, together with that of the
// jobs behind it. It must not block.
type job struct{ ahead, run func() }

// do never blocks.
func (p *pool) do(run func()) { p.enter(job{run: run}) }

func (p *pool) enter(j job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs = append(p.jobs, j)
	if p.lanes < lanes {
		p.open()
	}
}

// open adds a lane. The caller holds mu.
func (p *pool) open() {
	p.lanes++
	p.wait.Add(1)
	go p.lane()
}

func (p *pool) lane() {
	defer p.wait.Done()
	rested := true
	for {
		p.mu.Lock()
		none := len(p.jobs)+len(p.ready) == 0
		if none && p.rest != nil && !rested {
			p.mu.Unlock()
			p.rest()
			rested = true
			continue
		}
		if none {
			p.lanes--
			p.jobs, p.ready = nil, nil
			p.mu.Unlock()
			return
		}
		run := p.next()
		p.mu.Unlock()
		if run == nil {
			p.goAhead()
			continue
		}
		run()
		rested = false
	}
}

// next takes a job out, if there is one with nothing ahead of it. The caller
// holds mu.
func (p *pool) next() (run func()) {
	from := &p.jobs
	if len(p.ready) > 0 {
		from = &p.ready
	} else if p.jobs[0].ahead != nil {
		return nil
	}
	run = (*from)[0].run
	(*from)[0] = job{}
	*from = (*from)[1:]
	return run
}

// goAhead does what is ahead of the first jobs. Then any lane may take them:
// one that hangs keeps none from the others.
func (p *pool) goAhead() {
	var some [together]job
	n := 0
	p.mu.Lock()
	for n < together && len(p.jobs) > 0 && p.jobs[0].ahead != nil {
		some[n] = p.jobs[0]
		p.jobs[0] = job{}
		p.jobs = p.jobs[1:]
		n++
	}
	p.mu.Unlock()
	for i := range some[:n] {
		some[i].ahead()
		some[i].ahead = nil
	}
	if p.rest != nil && n > 0 {
		p.rest()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, some[:n]...)
	for n--; n > 0 && p.lanes < lanes; n-- { // those that found nothing meanwhile have ended
		p.open()
	}
}
