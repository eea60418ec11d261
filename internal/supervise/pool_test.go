package supervise

import (
	"sync"
	"testing"
)

func TestAPoolRestsAfterTheLastJobAndNotBetween(t *testing.T) {
	var p pool
	var mu sync.Mutex
	done, rests, at := 0, 0, -1
	p.rest = func() {
		mu.Lock()
		defer mu.Unlock()
		rests++
		at = done
	}
	gate := make(chan struct{})
	const jobs = 100
	for range jobs {
		p.do(func() {
			<-gate
			mu.Lock()
			done++
			mu.Unlock()
		})
	}
	close(gate)
	p.wait.Wait()
	if at != jobs || rests < 1 || rests > lanes {
		t.Errorf("%d rests, the last after %d of %d jobs; want one for each lane at most", rests, at, jobs)
	}
}
