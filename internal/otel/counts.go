package otel

import (
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/metrics"
)

// counts is when counters began, as it was sent last: a collector takes a
// counter that begins at another moment for a new one, and one that falls
// without that for a mistake.
type counts map[string]count

type count struct {
	value float64
	since velos.Time
}

// sameStart is how far apart two accounts of the same moment may be.
const sameStart = 5_000

// steady gives counters the beginning that they had, or, when they were set
// back, now. Counters that are there no more are forgotten.
func (c *counts) steady(list []metrics.Family, now velos.Time) {
	next := counts{}
	for i := range list {
		f := &list[i]
		if f.Kind != metrics.Counter {
			continue
		}
		for j := range f.Samples {
			s := &f.Samples[j]
			key := f.Name + "\x00" + strings.Join(s.Labels, "\x00")
			before, known := (*c)[key]
			switch {
			case known && s.Value < before.value && s.Since < before.since+sameStart:
				s.Since = now
			case known && s.Since < before.since+sameStart:
				s.Since = before.since
			}
			next[key] = count{s.Value, s.Since}
		}
	}
	*c = next
}
