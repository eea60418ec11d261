package digest

import (
	"cmp"
	"math"
	"slices"

	"github.com/velospm/velos"
)

// A Trend says whether something gets more frequent.
type Trend uint8

// The trends.
const (
	Stable Trend = iota
	Rising
	Declining
)

// String is the trend's word.
func (t Trend) String() string {
	return [...]string{"stable", "rising", "declining"}[min(t, Declining)]
}

// A Pattern is a template and what is known about its messages.
type Pattern struct {
	ID          uint64 // of the template's text, the same everywhere
	Template    string
	Count       uint64
	Frequency   float64 // times per minute, over the whole period
	Level       velos.Level
	First, Last velos.Time
	Trend       Trend
	Sample      string // the first message
}

// MinFrequency is how often a template has to be seen to be a pattern.
const MinFrequency = 5

// Templates returns all templates, the most frequent first.
func (m *Miner) Templates() []Pattern {
	list, _ := m.Finder()
	return list
}

// Finder returns all templates, the most frequent first, and a function that
// finds the place of a message's template among them; -1 is none. It is good
// until the next Add.
func (m *Miner) Finder() ([]Pattern, func(message []byte) int) {
	found := clusters(m.nodes, m.similarity)
	list := make([]Pattern, len(found))
	for i, c := range found {
		list[i] = m.pattern(c)
	}
	order := make([]int, len(found))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &list[a], &list[b]
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.First, y.First), cmp.Compare(x.Template, y.Template))
	})
	sorted := make([]Pattern, len(list))
	place := map[*node]int{}
	for to, from := range order {
		sorted[to] = list[from]
		for _, n := range found[from].members {
			place[n] = to
		}
	}
	return sorted, func(message []byte) int {
		m.lex.scan(message)
		n := m.byID[m.lex.id]
		if n == nil {
			n = m.template()
		}
		if i, ok := place[n]; ok {
			return i
		}
		return -1
	}
}

// pattern sums up a cluster.
func (m *Miner) pattern(c *cluster) Pattern {
	s := c.seen(&m.clock)
	minutes := max(1, float64(m.clock.end-m.clock.start)/float64(60*second))
	p := Pattern{Template: c.String(), Count: s.lines, Frequency: float64(s.lines) / minutes, Level: s.level(),
		First: s.first, Last: s.last, Sample: string(c.best().text)}
	p.ID = hash([]byte(p.Template))
	p.Trend = trend(m.clock.halves(&s.line))
	return p
}

// Patterns are the templates that were seen at least so often; 0 is the
// default, MinFrequency.
func (m *Miner) Patterns(least uint64) []Pattern {
	if least == 0 {
		least = MinFrequency
	}
	return slices.DeleteFunc(m.Templates(), func(p Pattern) bool { return p.Count < least })
}

// NewSince are the templates that were never seen before a time, the most
// serious first: what a deploy brought with it. It is worth as much as the
// history that was added.
func (m *Miner) NewSince(t velos.Time) []Pattern {
	list := slices.DeleteFunc(m.Templates(), func(p Pattern) bool { return p.First < t })
	slices.SortStableFunc(list, func(a, b Pattern) int { return cmp.Compare(b.Level, a.Level) })
	return list
}

// Forgotten is how many messages belonged to templates that were dropped
// because there were too many.
func (m *Miner) Forgotten() uint64 { return m.forgotten }

const (
	fewest      = 8    // hits that say anything about a trend
	significant = 0.05 // a constant rate looks like a trend at most this often
	clear2x     = 1.5  // by which the halves of the period have to differ
)

// trend compares the two halves of a period, of which the later is a share.
// Under a constant rate the hits of the later half are binomial.
func trend(early, late uint64, share float64) Trend {
	n := early + late
	if n < fewest || share <= 0 || share >= 1 {
		return Stable
	}
	before, after := float64(early)/(1-share), float64(late)/share
	switch {
	case after >= clear2x*before && 2*binomialTail(n, late, share) < significant:
		return Rising
	case before >= clear2x*after && 2*binomialTail(n, early, 1-share) < significant:
		return Declining
	}
	return Stable
}

// binomialTail is the probability of k or more hits among n.
func binomialTail(n, k uint64, p float64) float64 {
	if n > 2000 {
		mean, sd := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
		return normalTail((float64(k) - .5 - mean) / sd)
	}
	a, _ := math.Lgamma(float64(n) + 1)
	sum := 0.0
	for i := k; i <= n; i++ {
		b, _ := math.Lgamma(float64(i) + 1)
		c, _ := math.Lgamma(float64(n-i) + 1)
		sum += math.Exp(a - b - c + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

// normalTail is the probability that a normal variable is above z.
func normalTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }
