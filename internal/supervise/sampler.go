package supervise

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
)

// How often trees are measured: rarely by itself, oftener while somebody
// watches or a tree has a limit, and at once for a client that asks when the last figures are old.
const (
	quietSample   = 15 * time.Second
	watchedSample = 2 * time.Second
	staleSample   = 400 * time.Millisecond
)

// A sampler measures the trees of all live instances in one pass.
type sampler struct {
	done     sync.WaitGroup
	over     func()
	nudge    chan struct{}
	mu       sync.Mutex
	last     time.Time
	watchers int
	brisk    atomic.Bool // it looks every other second
	roots    []int
	byRoot   map[int]*runner
}

func (m *sampler) run(s *Supervisor) {
	m.nudge = make(chan struct{}, 1)
	m.byRoot = map[int]*runner{}
	m.done.Add(1)
	go func() {
		defer m.done.Done()
		for {
			t := time.NewTimer(m.pause(s))
			select {
			case <-s.ctx.Done():
				t.Stop()
				return
			case <-m.nudge:
				t.Stop()
			case <-t.C:
				m.sample(s, time.Second)
				if m.over != nil {
					m.over()
				}
			}
		}
	}()
}

func (m *sampler) wait() { m.done.Wait() }

func (m *sampler) pause(s *Supervisor) time.Duration {
	m.mu.Lock()
	watched := m.watchers > 0
	m.mu.Unlock()
	m.brisk.Store(true) // before the look: who comes up after it calls
	if watched || s.limited() {
		return watchedSample
	}
	m.brisk.Store(false)
	return quietSample
}

// hurry has the sampler look more often: a run with a limit has begun.
func (m *sampler) hurry() {
	if m.brisk.Load() {
		return
	}
	select {
	case m.nudge <- struct{}{}:
	default:
	}
}

// fresh measures now unless that was done a moment ago.
func (m *sampler) fresh(s *Supervisor) { m.sample(s, staleSample) }

// sample measures unless the last time is less than age ago.
func (m *sampler) sample(s *Supervisor, age time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if !m.last.IsZero() && now.Sub(m.last) < age {
		return
	}
	m.last = now
	m.roots = m.roots[:0]
	clear(m.byRoot)
	for _, a := range s.all() {
		for _, r := range a.cast.Load().everybody() {
			if pid := r.snapshot.Load().PID; pid != 0 {
				m.roots = append(m.roots, pid)
				m.byRoot[pid] = r
			}
		}
	}
	if len(m.roots) == 0 {
		return
	}
	// An error leaves the former figures in place; the next pass may do better.
	_ = s.machine.Sample(now, m.roots, func(root int, u velos.Usage) {
		r := m.byRoot[root]
		if r == nil {
			return
		}
		if old := r.usage.Load(); old == nil || *old != u {
			r.usage.Store(&u)
		}
		r.weigh(root, u.Memory, now)
	})
}

// Watch measures more often until the returned function is called.
func (s *Supervisor) Watch() (unwatch func()) {
	m := &s.sampler
	m.mu.Lock()
	m.watchers++
	m.mu.Unlock()
	select {
	case m.nudge <- struct{}{}:
	default:
	}
	return sync.OnceFunc(func() {
		m.mu.Lock()
		m.watchers--
		m.mu.Unlock()
	})
}
