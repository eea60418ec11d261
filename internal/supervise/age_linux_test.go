package supervise

import (
	"os"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

func TestARunIsAsOldAsItsProcessWhateverTheClockSaidThen(t *testing.T) {
	st, err := proc.One(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	age, ok := proc.Age(st.Start)
	if !ok || age > time.Hour {
		t.Fatalf("this test is %v old, %v", age, ok)
	}
	for _, step := range []time.Duration{-time.Hour, 0, time.Hour} {
		noted := time.UnixMilli(time.Now().Add(-age + step).UnixMilli())
		if got := time.Since(began(noted, st.Start)); (got - age).Abs() > time.Minute {
			t.Errorf("clock %v ahead then: the run is %v old; want %v", step, got, age)
		}
	}
	now := time.Now()
	if got := began(now.Add(time.Hour), 0); got.Before(now) || time.Since(got) < 0 {
		t.Errorf("without a process that began: %v", got)
	}
}

func TestTimesOfALiveRunAreToldByTheClockAsItIsNow(t *testing.T) {
	const hour = velos.Time(3_600_000)
	s := &Supervisor{age: func(uint64) (time.Duration, bool) { return 10 * time.Minute, true }}
	now := velos.TimeOf(time.Now())
	for _, c := range []struct{ started, since, wantStarted, wantSince velos.Time }{
		{-hour / 6, -hour / 7, -hour / 6, -hour / 7},           // nobody has set it
		{-hour/6 - hour, -hour/7 - hour, -hour / 6, -hour / 7}, // ahead
		{-hour/6 + hour, -hour/7 + hour, -hour / 6, -hour / 7}, // back
		{-hour/6 - hour, -hour / 12, -hour / 6, -hour / 12},    // ahead, and noted after that
		{-hour/6 + hour, -hour / 12, -hour / 6, -hour / 12},    // back, and noted after that
	} {
		i := velos.Instance{PID: 1, Started: now + c.started, Since: now + c.since}
		s.present(&i, 7)
		if d := i.Started - now - c.wantStarted; d < -2000 || d > 2000 {
			t.Errorf("%+v: started %d ms ago", c, now-i.Started)
		}
		if d := i.Since - now - c.wantSince; d < -2000 || d > 2000 {
			t.Errorf("%+v: since %d ms ago", c, now-i.Since)
		}
	}
}
