package supervise

import (
	"sync"
	"testing"
	"time"
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

func TestWhatIsAheadOfJobsIsDoneTogetherAndRestedBefore(t *testing.T) {
	const jobs = 10 * together
	const ahead, rested = 1, 2
	var p pool
	var mu sync.Mutex
	var states [jobs]int
	rests := 0
	p.rest = func() {
		mu.Lock()
		defer mu.Unlock()
		rests++
		for i, s := range states {
			if s == ahead {
				states[i] = rested
			}
		}
	}
	gate := make(chan struct{})
	for i := range jobs {
		p.enter(job{
			ahead: func() {
				<-gate
				mu.Lock()
				defer mu.Unlock()
				states[i]++
			},
			run: func() {
				mu.Lock()
				defer mu.Unlock()
				if states[i] != rested {
					t.Errorf("job %d runs in state %d; want %d", i, states[i], rested)
				}
			},
		})
	}
	close(gate)
	p.wait.Wait()
	if most := jobs/together + 2*lanes; rests > most {
		t.Errorf("%d rests for %d jobs; want %d at most", rests, jobs, most)
	}
}

// TestAJobThatHangsKeepsNoneFromTheOthers, also where one lane has taken all of
// them before the other lanes came.
func TestAJobThatHangsKeepsNoneFromTheOthers(t *testing.T) {
	for _, n := range []int{2, together, 3 * together} {
		var p pool
		var others sync.WaitGroup
		hang, done := make(chan struct{}), make(chan struct{})
		for i := range n {
			run := func() { <-hang }
			if i > 0 {
				others.Add(1)
				run = others.Done
			}
			p.jobs = append(p.jobs, job{ahead: func() {}, run: run})
		}
		p.mu.Lock()
		p.open()
		p.mu.Unlock()
		go func() { others.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Errorf("of %d jobs some wait for one that hangs", n)
		}
		close(hang)
		p.wait.Wait()
	}
}
