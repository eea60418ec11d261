package digest

import "github.com/velospm/velos"

// slots is how many counts over time are kept.
const slots = 32

// A histogram is counts over time. Its slots are as wide as the timeline said
// when it was last counted in.
type histogram struct {
	counts [slots]uint32
	folds  uint8
}

// add sums two histograms of the same timeline that are aligned.
func (h *histogram) add(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
}

// A timeline says which time a slot is. It begins with the first time it is
// told; when a time lies behind its end, slots become twice as wide.
type timeline struct {
	start, width velos.Time // width 0: nothing was counted yet
	end          velos.Time // the latest time
	folds        uint8
}

// second is the first width of a slot.
const second = velos.Time(1000)

// latest bounds what clocks may say, so that no sum overflows.
const latest = velos.Time(1) << 50

// count notes a time; 0 is none.
func (c *timeline) count(h *histogram, at velos.Time) {
	if at == 0 {
		return
	}
	if c.width == 0 {
		c.start, c.width = at, second
	}
	c.end = max(c.end, at)
	for at-c.start >= c.width*slots && c.folds < 40 {
		c.width *= 2
		c.folds++
	}
	c.align(h)
	// Clocks go back: what is before the start is in the first slot.
	i := max(0, at-c.start) / c.width
	h.counts[min(i, slots-1)]++
}

// align folds a histogram to the width of the timeline.
func (c *timeline) align(h *histogram) {
	for ; h.folds < c.folds; h.folds++ {
		for i := range slots / 2 {
			h.counts[i] = h.counts[2*i] + h.counts[2*i+1]
		}
		clear(h.counts[slots/2:])
	}
}

// halves splits the counts at the middle of the time from the start to the
// end, and says which part of that time the second half is: slots are coarse.
func (c *timeline) halves(h *histogram) (early, late uint64, share float64) {
	c.align(h)
	used := int((c.end-c.start)/max(1, c.width)) + 1
	middle := min(used, slots) / 2
	for i, n := range h.counts {
		if i < middle {
			early += uint64(n)
		} else {
			late += uint64(n)
		}
	}
	span := float64(c.end-c.start) + 1
	return early, late, 1 - float64(middle)*float64(c.width)/span
}
