package supervise

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// storm are lives of which some do what they should and others do not.
var storm = []life{
	worker, {finish: 700 * time.Millisecond, grace: time.Millisecond, news: worker.news}, {grace: 2 * time.Second}, {lives: 30 * time.Millisecond, code: 1},
	{lives: 3 * time.Second, code: 1, news: worker.news}, {forking: 500 * time.Millisecond, news: worker.news}, {grace: -1, finish: time.Hour, news: worker.news},
}

// dice are the same for the same seed.
func dice(seed uint64) func(n int) int {
	x := seed*0x9e3779b97f4a7c15 + 1
	return func(n int) int {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return int(x % uint64(n))
	}
}

// anyOrder gives an order that dice choose, and says where its answer will be.
func (s *scene) anyOrder(roll func(int) int) <-chan error {
	ctx, reply := context.Background(), make(chan error, 1)
	inst, n, wait, what := roll(3)-1, 1+roll(4), roll(2) == 0, roll(10)
	next := s.app().Spec
	next.Args = append(next.Args, "x")
	go func() {
		var err error
		switch what {
		case 0, 1:
			_, err = s.Reload(ctx, s.id, inst, n, nil, human)
		case 2:
			_, err = s.Reload(ctx, s.id, -1, 1, &next, human)
		case 3, 4:
			err = s.Scale(ctx, s.id, n, false, human)
		case 5:
			err = s.Stop(ctx, s.id, inst, 0, -1, wait, human)
		case 6, 7:
			err = s.Start(ctx, s.id, inst, wait, human)
		case 8:
			err = s.Restart(ctx, s.id, inst, wait, human)
		case 9: // without the lock of an Update, for which time would stand still here
			if a, missing := s.find(s.id); missing == nil {
				a.adjust()
			}
		}
		reply <- err
	}()
	return reply
}

func TestOrdersAtRandomLeaveNothingBehind(t *testing.T) { ordersAtRandom(t, 0, nil) }

func TestOrdersAtRandomLeaveNothingBehindWithHooks(t *testing.T) {
	ordersAtRandom(t, 1000, func(s *scene, roll func(int) int) {
		var mu sync.Mutex
		s.hooksAre(func(ctx context.Context, k HookRun) error {
			mu.Lock()
			d, fails := time.Duration(roll(3000))*time.Millisecond, roll(6) == 0
			mu.Unlock()
			if fails {
				return taking(d, exitsWith3)(ctx, k)
			}
			return taking(d, nil)(ctx, k)
		})
		s.change(withHooks(velos.HookNames[:]...))
	})
}

func ordersAtRandom(t *testing.T, first uint64, prepare func(s *scene, roll func(int) int)) {
	for seed := first; seed < first+60; seed++ {
		play(t, func(s *velos.Spec) { clustered(2)(s); s.MaxRestarts, s.ListenTimeout = 3, 2000 }, []life{worker}, func(t *testing.T, s *scene) {
			roll := dice(seed)
			if prepare != nil {
				prepare(s, dice(seed+1))
			}
			for range 200 {
				s.lives = append(s.lives, storm[roll(len(storm))])
			}
			_ = s.start(false)
			var answers []<-chan error
			for range 40 {
				answers = append(answers, s.anyOrder(roll))
				s.after(time.Duration(roll(1500)) * time.Millisecond)
				s.seats()
			}
			s.after(5 * time.Minute)
			for i, ch := range answers {
				if _, ok := answered(ch); !ok {
					t.Errorf("seed %d: order %d got no answer", seed, i)
				}
			}
			if err := s.stop(true); err != nil {
				t.Errorf("seed %d: stop: %v", seed, err)
			}
			s.after(time.Minute)
			if v := s.app(); v.Status != velos.Stopped || len(v.Leaving) != 0 || len(v.Instances) != v.Spec.Instances {
				t.Errorf("seed %d: %s, %d leaving, %d instances of %d", seed, v.Status, len(v.Leaving), len(v.Instances), v.Spec.Instances)
			}
			for _, a := range s.played {
				if !a.dead {
					t.Errorf("seed %d: process %d lives", seed, a.pid)
				}
			}
		})
	}
}
