package digest

import (
	"fmt"
	"math"

	"github.com/velospm/velos"
)

// A Deduction is why the health is not 100.
type Deduction struct {
	Points int
	Reason string
}

// Facts are what a health score needs besides the log.
type Facts struct {
	Name        string
	Offline     bool       // it should run and does not
	Restarts    int        // unasked for, in the period
	LastRestart velos.Time // 0: none in the period
}

// Weights of the health score.
const (
	benefit         = 100 // events without errors that are added: a few lines say little
	mostByShare     = 35  // for errors among lines
	mostByRate      = 25  // for errors per minute
	forWarning      = 8
	forCritical     = 15
	mostByAnomalies = 25
	forRestart      = 5
	mostByRestarts  = 25
	forOffline      = 40
)

// health is a heuristic: rates and not sums, so that a long period or a
// talkative program does not look ill, each with a bound.
func (s *Summary) health(f *Facts) {
	take := func(points float64, format string, args ...any) {
		if p := int(math.Round(points)); p > 0 {
			s.Deductions = append(s.Deductions, Deduction{p, fmt.Sprintf(format, args...)})
			s.Health -= p
		}
	}
	s.Health = 100
	errors := s.Errors()
	if errors > 0 {
		share := 1000 * float64(errors) / float64(s.Events()+benefit)
		take(mostByShare*(1-math.Exp(-share/10)), "%s errors per 1,000 events", figure(1000*float64(errors)/float64(max(1, s.Events()))))
		rate := float64(errors) / s.Minutes()
		take(mostByRate*(1-math.Exp(-rate/5)), "%s errors per minute", figure(rate))
	}
	warnings, criticals := 0, 0
	for _, e := range s.Anomalies {
		if e.Severity == Critical {
			criticals++
		} else {
			warnings++
		}
	}
	if warnings+criticals > 0 {
		take(float64(min(mostByAnomalies, forWarning*warnings+forCritical*criticals)), "%s", plural(warnings+criticals, "anomaly", "anomalies"))
	}
	if f.Restarts > 0 {
		take(float64(min(mostByRestarts, forRestart*f.Restarts)), "%s", plural(f.Restarts, "restart", "restarts"))
	}
	if f.Offline {
		take(forOffline, "not online")
	}
	s.Health = max(0, s.Health)
}

// figure is a rate for people: three digits of a small one, all of a large one.
func figure(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
