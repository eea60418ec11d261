package supervise

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// A slow machine takes its time to find out who listens on what.
type slow struct {
	stand
	looks atomic.Int32
	begun chan struct{}
	let   chan struct{}
}

func (m *slow) Addresses(roots []int, set func(int, velos.Addresses)) error {
	m.looks.Add(1)
	select {
	case m.begun <- struct{}{}:
	default:
	}
	<-m.let
	return m.stand.Addresses(roots, set)
}

func TestALookForAddressesIsForAllWhoWaitForOne(t *testing.T) {
	m := &slow{begun: make(chan struct{}, 1), let: make(chan struct{})}
	s := &Supervisor{machine: m}
	var list []*runner
	for i := range 101 {
		r := &runner{}
		r.snapshot.Store(&velos.Instance{PID: 1000 + i})
		list = append(list, r)
	}
	var all sync.WaitGroup
	all.Go(func() { s.lookAt(list[:1], freshLook) })
	<-m.begun
	for _, r := range list[1:] {
		all.Go(func() { s.lookAt([]*runner{r}, freshLook) })
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s.lookLater.Lock()
		n := len(s.toLookAt)
		s.lookLater.Unlock()
		if n == 100 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d wait", n)
		}
	}
	close(m.let)
	all.Wait()
	if n := m.looks.Load(); n != 2 {
		t.Errorf("%d looks for one and a hundred", n)
	}
	for _, r := range list {
		if l := r.look.Load(); l == nil || l.found == "" {
			t.Fatal("one was not looked at")
		}
	}
	s.lookAt(list, oldLook)
	if n := m.looks.Load(); n != 2 {
		t.Errorf("what was seen a moment ago is looked at again: %d", n)
	}
}
