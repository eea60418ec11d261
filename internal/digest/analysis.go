package digest

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"

	"github.com/velospm/velos"
)

// A Line is what a program wrote at some time.
type Line struct {
	Time  velos.Time  // 0 is unknown
	Level velos.Level // velos.LevelNone: to be classified
	From  uint64      // tells streams apart: an output of an instance
	Text  []byte      // without its newline
}

// Options are the keys of configuration. Zero values are the defaults.
type Options struct {
	Similarity   float64 // of templates
	MinFrequency uint64  // of patterns
	Sigma        float64 // of anomalies
	// Begins says which lines begin an event; nil: the engine tells.
	Begins *regexp.Regexp
	// Minutes are what somebody has counted, oldest first, the last of them
	// over: from the first on, anomalies are found in them and not in the
	// lines. Until is how far they reach; 0 is to the last one.
	Minutes []velos.Minute
	Until   velos.Time
	// Down are the times at which the program did not run, in order: its
	// silence then says nothing.
	Down []Span
	// Since is when the period begins. Lines before it tell what is normal
	// and are not counted.
	Since velos.Time
}

// A Span is a length of time.
type Span struct{ From, To velos.Time }

// Bounds of an Analysis.
const (
	mostStreams  = 256
	mostEpisodes = 64
	mostGap      = 3 * day // minutes without a line that are counted as silence
	mostError    = 4096    // bytes of the last error
	topPatterns  = 5
)

const minute = 60 * second

// An Analysis takes the lines of an app in time order and sums them up. What
// it keeps is bounded. It is not safe for concurrent use.
type Analysis struct {
	o           Options
	miner       *Miner
	streams     map[uint64]*Stream
	first, last velos.Time
	lines       uint64
	levels      [velos.Fatal + 1]uint64
	lastError   []byte
	lastErrorAt velos.Time
	now         velos.Time // the minute that is counted
	logged      float64    // its lines
	failed      float64    // its errors
	volume      *Detector
	errors      *Detector
	episodes    []Episode
	counted     velos.Time // from here on Minutes tell, not lines
}

// An Episode is anomalies of one metric that follow each other: one incident.
type Episode struct {
	Anomaly            // the most unusual minute
	Since   velos.Time // the beginning of its first minute
	Until   velos.Time // and of its last one
}

// NewAnalysis returns an Analysis of one app.
func NewAnalysis(o Options) *Analysis {
	a := &Analysis{o: o, miner: NewMiner(o.Similarity), streams: map[uint64]*Stream{},
		volume: NewDetector(LogVolume, o.Sigma), errors: NewDetector(ErrorRate, o.Sigma), counted: latest}
	if len(o.Minutes) > 0 {
		a.counted = o.Minutes[0].Time
	}
	return a
}

// Add takes the next line.
func (a *Analysis) Add(l *Line) {
	at := min(max(l.Time, 0), latest)
	s := a.streams[l.From]
	if s == nil {
		if len(a.streams) >= mostStreams {
			a.endAll()
			clear(a.streams)
		}
		s = NewStream(a.o.Begins)
		a.streams[l.From] = s
	}
	if e, ok := s.Add(l.Text, at, l.Level); ok {
		a.event(&e)
	}
	if at > 0 && at < a.counted {
		a.tick(at)
		a.logged++
		if s.failed() {
			a.failed++
		}
	}
	if at < a.o.Since {
		return
	}
	a.lines++
	if a.first == 0 {
		a.first = at
	}
	a.last = max(a.last, at)
}

// Close ends what is still open. Lines may be added after it.
func (a *Analysis) Close() {
	a.endAll()
}

func (a *Analysis) endAll() {
	keys := make([]uint64, 0, len(a.streams))
	for k := range a.streams {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if e, ok := a.streams[k].Close(); ok {
			a.event(&e)
		}
	}
}

func (a *Analysis) event(e *Event) {
	if e.Time < a.o.Since {
		return
	}
	a.levels[min(e.Level, velos.Fatal)]++
	a.miner.Add(e.Message, e.Time, e.Level)
	if e.Level >= velos.Err {
		if e.Time >= a.lastErrorAt {
			a.lastErrorAt = e.Time
			text := bytes.TrimSpace(e.Text)
			a.lastError = append(a.lastError[:0], text[:min(len(text), mostError)]...)
		}
	}
}

// tick judges the minutes that are over. A clock that goes back counts into
// the minute it left.
func (a *Analysis) tick(at velos.Time) {
	m := at - at%minute
	switch {
	case a.now == 0:
		a.now = m
		return
	case m <= a.now:
		return
	case (m-a.now)/minute > mostGap:
		a.minute()
		a.volume, a.errors = NewDetector(LogVolume, a.o.Sigma), NewDetector(ErrorRate, a.o.Sigma)
		a.now = m
		return
	}
	for a.now < m {
		a.minute()
		a.now += minute
	}
}

// minute hands the counts of a.now to the detectors.
func (a *Analysis) minute() {
	if a.logged == 0 && a.down() {
		a.volume.skip()
		a.errors.skip()
		return
	}
	if x, ok := a.volume.Add(a.now, a.logged); ok {
		a.anomaly(x)
	}
	if x, ok := a.errors.Add(a.now, a.failed); ok {
		a.anomaly(x)
	}
	a.logged, a.failed = 0, 0
}

// down reports that the program did not run in some part of a.now.
func (a *Analysis) down() bool {
	for len(a.o.Down) > 0 && a.o.Down[0].To <= a.now {
		a.o.Down = a.o.Down[1:]
	}
	return len(a.o.Down) > 0 && a.o.Down[0].From < a.now+minute
}

// together is how far two anomalies of an episode may be from each other.
const together = 5 * minute

func (a *Analysis) anomaly(x Anomaly) {
	for i := len(a.episodes) - 1; i >= 0; i-- {
		e := &a.episodes[i]
		if e.Metric != x.Metric {
			continue
		}
		if x.Time-e.Until > together {
			break
		}
		e.Until = x.Time
		if x.Sigma > e.Sigma {
			e.Anomaly = x
		}
		return
	}
	if len(a.episodes) >= mostEpisodes {
		a.episodes = append(a.episodes[:0], a.episodes[1:]...)
	}
	a.episodes = append(a.episodes, Episode{x, x.Time, x.Time})
}

// Anomalies are the episodes so far, the oldest first. The minute that is not
// over yet is not judged.
func (a *Analysis) Anomalies() []Episode {
	a.judged()
	return slices.Clone(a.episodes)
}

// Patterns are the templates that were seen often enough.
func (a *Analysis) Patterns() []Pattern { return a.miner.Patterns(a.o.MinFrequency) }

// NewSince are the templates that were first seen at a time or after it.
func (a *Analysis) NewSince(t velos.Time) []Pattern { return a.miner.NewSince(t) }

// A Summary is what a log comes to.
type Summary struct {
	Process     string
	From, To    velos.Time
	Lines       uint64                  // as written
	ByLevel     [velos.Fatal + 1]uint64 // events: a stack trace is one
	Top         []Pattern               // the five most frequent
	Anomalies   []Episode               // of the period
	LastError   string                  // the whole text
	LastErrorAt velos.Time
	LastRestart velos.Time
	Health      int // 0 to 100, a heuristic
	Deductions  []Deduction
}

// Errors is how many events were errors, fatal ones among them.
func (s *Summary) Errors() uint64 { return s.ByLevel[velos.Err] + s.ByLevel[velos.Fatal] }

// Events is how many events there were.
func (s *Summary) Events() uint64 {
	var n uint64
	for _, k := range s.ByLevel {
		n += k
	}
	return n
}

// Minutes is the length of the period, at least one.
func (s *Summary) Minutes() float64 { return max(1, float64(s.To-s.From)/float64(minute)) }

// Summary sums up a period; 0 is the time of the first, or the last line.
// Anomalies before it are history and not told again.
func (a *Analysis) Summary(f Facts, from, to velos.Time) Summary {
	a.Close()
	a.judged()
	from, to = cmp.Or(from, a.o.Since, a.first), cmp.Or(to, a.last)
	s := Summary{Process: f.Name, From: from, To: to, Lines: a.lines, ByLevel: a.levels, LastRestart: f.LastRestart,
		LastError: string(a.lastError), LastErrorAt: a.lastErrorAt}
	for _, e := range a.episodes {
		if e.Until >= from {
			s.Anomalies = append(s.Anomalies, e)
		}
	}
	s.Top = a.miner.Patterns(a.o.MinFrequency)
	s.Top = s.Top[:min(len(s.Top), topPatterns)]
	s.health(&f)
	return s
}

// Templates are all templates, the most frequent first.
func (a *Analysis) Templates() []Pattern { return a.miner.Templates() }
