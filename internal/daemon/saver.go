package daemon

import (
	"sync"
	"time"

	"github.com/velospm/velos/internal/home"
)

// settle is how long changes may gather before they are written when nobody
// waits for it.
const settle = 100 * time.Millisecond

// again is how long after an attempt that failed the next one is made by
// itself.
const again = 5 * time.Second

// A saver writes the state file: soon after a change, at once for somebody
// who waits, and one write for all who came meanwhile.
type saver struct {
	mu       sync.Mutex
	changes  uint64 // made so far
	written  uint64 // of them on disk
	tried    uint64 // of them in the last attempt
	err      error  // of the last attempt
	begun    uint64 // attempts
	finished uint64 // attempts
	waiting  bool
	held     chan struct{} // full while somebody writes, or wants nothing written
	frozen   bool
	done     chan struct{} // closed and made anew after each attempt
	nudge    chan struct{}
	quit     chan struct{}
	ended    sync.WaitGroup
}

func newSaver() *saver {
	return &saver{held: make(chan struct{}, 1), done: make(chan struct{}), nudge: make(chan struct{}, 1), quit: make(chan struct{})}
}

func (s *saver) run(state func() *home.State, write func(*home.State) error) {
	s.ended.Add(1)
	go func() {
		defer s.ended.Done()
		var retry <-chan time.Time
		for {
			select {
			case <-s.quit:
				return
			case <-s.nudge:
			case <-retry:
			}
			s.gather()
			upTo, outstanding := s.begin()
			if !outstanding {
				continue // an older nudge, for what is written already
			}
			s.held <- struct{}{}
			err := write(state())
			<-s.held
			s.attempted(upTo, err)
			if retry = nil; err != nil {
				retry = time.After(again)
			}
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

// begin says up to which change the next attempt writes, and whether there is
// anything to write.
func (s *saver) begin() (upTo uint64, outstanding bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = false
	if s.written == s.changes {
		return 0, false
	}
	s.begun++
	return s.changes, true
}

func (s *saver) attempted(upTo uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.written = upTo
	} else if s.err == nil || s.err.Error() != err.Error() {
		say("velosd: " + err.Error())
	}
	s.tried, s.err, s.finished = upTo, err, s.begun
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
	mine := s.begun + 1 // what an older attempt met may be over
	for s.written < want && !s.frozen {
		if s.finished >= mine && s.err != nil {
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

// hold keeps the file as it is until release is called.
func (s *saver) hold() (release func()) {
	s.held <- struct{}{}
	return func() { <-s.held }
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
