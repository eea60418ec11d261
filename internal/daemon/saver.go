package daemon

import (
	"sync"
	"time"

	"github.com/velospm/velos/internal/home"
)

// settle is how long changes may gather before they are written when nobody
// waits for it.
const settle = 100 * time.Millisecond

// A saver writes the state file: soon after a change, at once for somebody
// who waits, and one write for all who came meanwhile.
type saver struct {
	mu      sync.Mutex
	changes uint64 // made so far
	written uint64 // of them on disk
	tried   uint64 // of them in the last attempt
	err     error  // of the last attempt
	waiting bool
	frozen  bool
	done    chan struct{} // closed and made anew after each attempt
	nudge   chan struct{}
	quit    chan struct{}
	ended   sync.WaitGroup
}

func newSaver() *saver {
	return &saver{done: make(chan struct{}), nudge: make(chan struct{}, 1), quit: make(chan struct{})}
}

func (s *saver) run(state func() *home.State, write func(*home.State) error) {
	s.ended.Add(1)
	go func() {
		defer s.ended.Done()
		for {
			select {
			case <-s.quit:
				return
			case <-s.nudge:
			}
			s.gather()
			s.mu.Lock()
			upTo := s.changes
			s.waiting = false
			s.mu.Unlock()
			s.attempted(upTo, write(state()))
		}
	}()
}

// gather waits for more changes, unless somebody waits for the write.
func (s *saver) gather() {
	s.mu.Lock()
	hurry := s.waiting
	s.mu.Unlock()
	if hurry {
		return
	}
	t := time.NewTimer(settle)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.quit:
	case <-s.nudge: // somebody waits
	}
}

func (s *saver) attempted(upTo uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.err = upTo, err
	if err == nil {
		s.written = upTo
	} else {
		say("velosd: " + err.Error())
	}
	close(s.done)
	s.done = make(chan struct{})
	if s.changes > upTo {
		s.poke()
	}
}

// touch notes a change.
func (s *saver) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen {
		return
	}
	s.changes++
	if s.changes == s.tried+1 {
		s.poke()
	}
}

func (s *saver) poke() {
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// sync returns when every change so far is on disk, or with the reason why
// not.
func (s *saver) sync() error {
	s.mu.Lock()
	want := s.changes
	for s.written < want && !s.frozen {
		if s.tried >= want && s.err != nil {
			err := s.err
			s.mu.Unlock()
			return err
		}
		s.waiting = true
		s.poke()
		done := s.done
		s.mu.Unlock()
		<-done
		s.mu.Lock()
	}
	s.mu.Unlock()
	return nil
}

// freeze writes what is outstanding and takes no change from then on: what
// runs while the daemon ends is saved as running.
func (s *saver) freeze() {
	_ = s.sync() // said in the log by attempted
	s.mu.Lock()
	s.frozen = true
	close(s.done)
	s.done = make(chan struct{})
	s.mu.Unlock()
	close(s.quit)
	s.ended.Wait()
}
