package supervise

import (
	"sync"
	"testing"
	"testing/synctest"
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

func TestAJobThatHangsKeepsNoneFromTheOthers(t *testing.T) {
	var p pool
	var others sync.WaitGroup
	hang := make(chan struct{})
	for i := range 3 * together {
		run := func() { <-hang }
		if i > 0 {
			others.Add(1)
			run = others.Done
		}
		p.enter(job{ahead: func() {}, run: run})
	}
	others.Wait() // else the test ends here
	close(hang)
	p.wait.Wait()
}

func TestAJobThatHangsKeepsNoneFromThoseThatWereMadeReadyWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pool
		hang, done := make(chan struct{}), 0
		var mu sync.Mutex
		p.more.L = &p.mu
		for i := range together { // all are there before the lanes look
			run := func() { <-hang }
			if i > 0 {
				run = func() {
					mu.Lock()
					defer mu.Unlock()
					done++
				}
			}
			p.jobs = append(p.jobs, job{ahead: func() { time.Sleep(time.Second) }, run: run}) // the other lanes find nothing meanwhile
		}
		p.lanes = lanes
		p.wait.Add(lanes)
		for range lanes {
			go p.lane()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		if done != together-1 {
			t.Errorf("%d of %d jobs are done beside the one that hangs", done, together-1)
		}
		mu.Unlock()
		close(hang)
		p.wait.Wait()
	})
}
