package digest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/velospm/velos"
)

// poisson draws a count.
func poisson(r *rand.Rand, mean float64) float64 {
	if mean > 60 {
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64()))
	}
	limit, k, p := math.Exp(-mean), 0.0, 1.0
	for {
		if p *= r.Float64(); p < limit {
			return k
		}
		k++
	}
}

// alarms replays minutes and returns those that were judged unusual.
func alarms(metric string, values []float64) map[int]Anomaly {
	d, found := NewDetector(metric, 0), map[int]Anomaly{}
	for i, v := range values {
		if a, ok := d.Add(velos.Time(i)*minute, v); ok {
			found[i] = a
		}
	}
	return found
}

func series(n int, f func(i int) float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = f(i)
	}
	return v
}

func TestEverydayLifeRaisesNoAlarm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		most int // episodes in two days
		f    func(i int) float64
	}{
		"nothing":      {0, func(int) float64 { return 0 }},
		"rare errors":  {1, func(int) float64 { return poisson(r, .05) }},
		"some errors":  {1, func(int) float64 { return poisson(r, 5) }},
		"many lines":   {1, func(int) float64 { return poisson(r, 2000) }},
		"clockwork":    {0, func(int) float64 { return 60 }},
		"every five":   {1, func(i int) float64 { return 12 * float64(max(0, 1-i%5)) }},
		"a daily wave": {2, func(i int) float64 { return poisson(r, 300-225*math.Cos(2*math.Pi*float64(i)/day)) }},
		"every hour": {3, func(i int) float64 { // the first three may alarm
			if i%60 == 7 {
				return 50 + poisson(r, 5)
			}
			return poisson(r, 3)
		}},
	} {
		n, before := 0, -60
		found := alarms(LogVolume, series(2*day, c.f))
		for i := range 2 * day {
			if _, ok := found[i]; ok {
				if i-before > 5 {
					n++
				}
				before = i
			}
		}
		if n > c.most {
			t.Errorf("%s: %d alarms in two days; want at most %d", name, n, c.most)
		}
	}
}

func TestIncidentsAreFoundAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, c := range map[string]struct{ usual, then float64 }{
		"first errors ever":    {0, 9},
		"a burst of errors":    {.1, 8},
		"five times as many":   {5, 25},
		"a third more of many": {2000, 2700},
	} {
		found := alarms(ErrorRate, series(400, func(i int) float64 {
			if i >= 300 && i < 305 {
				return c.then
			}
			return poisson(r, c.usual)
		}))
		a, ok := found[300]
		if !ok {
			t.Errorf("%s: no alarm in the first minute", name)
			continue
		}
		if a.Metric != ErrorRate || a.Current != c.then || a.Time != 300*minute || a.Sigma < WarningSigma || a.StdDev <= 0 || math.Abs(a.Mean-c.usual) > 1+c.usual/20 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestABurstDoesNotHideTheNext(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	found := alarms(ErrorRate, series(400, func(i int) float64 {
		switch {
		case i >= 300 && i < 304:
			return 80
		case i >= 325 && i < 328:
			return 22
		}
		return poisson(r, 4)
	}))
	if _, ok := found[325]; !ok {
		t.Error("the second burst was not found")
	}
}

func TestAnotherLevelIsNormalAfterAWhile(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	found := alarms(LogVolume, series(900, func(i int) float64 {
		if i >= 300 {
			return poisson(r, 120)
		}
		return poisson(r, 50)
	}))
	if _, ok := found[300]; !ok {
		t.Error("the change was not found")
	}
	for i := 360; i < 900; i++ {
		if a, ok := found[i]; ok {
			t.Errorf("an hour later, at %d, it is still unusual: %+v", i, a)
			break
		}
	}
}

func TestASlowRiseIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	found := alarms(ErrorRate, series(600, func(i int) float64 {
		return poisson(r, 2+max(0, float64(i-300)*38/180))
	}))
	first := 600
	for i := range found {
		if i >= 300 {
			first = min(first, i)
		}
	}
	if first > 330 {
		t.Errorf("found at %d; want within half an hour of 300", first)
	}
}

func TestSilenceOfATalkativeProgramIsTold(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	f := func(i int) float64 {
		if i >= 300 && i < 312 {
			return 0
		}
		return poisson(r, 200)
	}
	found := alarms(LogVolume, series(330, f))
	if a, ok := found[302]; !ok || a.Metric != Silence {
		t.Errorf("in the third silent minute: %+v", a)
	}
	if a, ok := found[301]; ok {
		t.Errorf("in the second silent minute: %+v", a)
	}
	for i, a := range alarms(ErrorRate, series(330, f)) {
		if a.Metric == Silence {
			t.Errorf("no errors are a silence at %d", i)
		}
	}
}

func TestTheThresholdIsTheUsers(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	v := series(day, func(int) float64 { return poisson(r, 5) })
	count := func(sigma float64) int {
		d, n := NewDetector(ErrorRate, sigma), 0
		for i, x := range v {
			if a, ok := d.Add(velos.Time(i)*minute, x); ok {
				n++
				if a.Severity != Warning && a.Sigma < sigma+1.5 {
					t.Errorf("%.1f sigma of %.1f is %s", a.Sigma, sigma, a.Severity)
				}
			}
		}
		return n
	}
	if two, four := count(2), count(4); two <= four {
		t.Errorf("%d alarms at 2 sigma, %d at 4", two, four)
	}
}

func TestADetectorSurvivesAnyNumber(t *testing.T) {
	d := NewDetector(LogVolume, 0)
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -5, 1e300, 0, .5, 3} {
		for k := range 100 {
			a, _ := d.Add(velos.Time(100*i+k)*minute, v)
			if math.IsNaN(a.Sigma) || math.IsNaN(a.Mean) || math.IsNaN(a.StdDev) {
				t.Fatalf("%v: %+v", v, a)
			}
		}
	}
	for i := range 3 * history {
		d.Add(velos.Time(i)*minute, float64(i%7))
	}
	if len(d.raw) > history+day || len(d.normal) > 2*(window+recent) || len(d.lone) > 128 {
		t.Errorf("%d, %d and %d values are kept", len(d.raw), len(d.normal), len(d.lone))
	}
}

func TestQuantilesAreThoseOfTheNormalDistribution(t *testing.T) {
	for _, z := range []float64{0, 1, 2, 3, 4, 5, 6, 6.3, 6.5, 7, 10, 20, 30} {
		if got := quantile(normalTail(z)); math.Abs(got-z) > .01 {
			t.Errorf("the tail beyond %g is that beyond %g", z, got)
		}
	}
	if got := quantile(0); math.IsInf(got, 0) || got < 30 {
		t.Errorf("no tail at all: %g", got)
	}
}

func TestConstantRatesHaveNoTrend(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, n := range []int{4, 8, 10, 20, 100, 3000} {
		wrong := 0
		for range 1000 {
			late := uint64(0)
			for range n {
				if r.Float64() < .5 {
					late++
				}
			}
			if trend(uint64(n)-late, late, .5) != Stable {
				wrong++
			}
		}
		if wrong > 65 {
			t.Errorf("%d hits of a constant rate: a trend in %.1f %%", n, float64(wrong)/10)
		}
	}
	for _, c := range []struct {
		early, late uint64
		share       float64
		want        Trend
	}{
		{0, 8, .5, Rising}, {8, 0, .5, Declining}, {1, 4, .5, Stable}, {10, 30, .5, Rising}, {30, 10, .5, Declining},
		{1000, 1200, .5, Stable}, {10, 90, .9, Stable}, {0, 7, .5, Stable}, {5000, 9000, .5, Rising}, {0, 0, .5, Stable}, {5, 5, 0, Stable}, {5, 50, 1, Stable},
	} {
		if got := trend(c.early, c.late, c.share); got != c.want {
			t.Errorf("%d then %d, the second part being %.1f: %s, want %s", c.early, c.late, c.share, got, c.want)
		}
	}
}
