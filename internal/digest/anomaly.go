package digest

import (
	"math"
	"slices"

	"github.com/velospm/velos"
)

// The metrics that are watched, counts per minute.
const (
	ErrorRate = "error_rate"
	LogVolume = "log_volume"
	Silence   = "log_silence" // of LogVolume: far too little
)

// A Severity is how unusual an anomaly is.
type Severity uint8

// The severities.
const (
	Warning Severity = iota + 1
	Critical
)

// String is the severity's word.
func (s Severity) String() string { return [...]string{"", "warning", "critical"}[min(s, Critical)] }

// An Anomaly is a minute in which a metric was far from what it is. Sigma is
// how improbable the value is, as a distance of the normal distribution.
type Anomaly struct {
	Metric   string
	Current  float64
	Mean     float64
	StdDev   float64
	Sigma    float64
	Time     velos.Time // the beginning of the minute
	Severity Severity
}

// Thresholds of a Detector, unless it is told others.
const (
	WarningSigma  = 3.5
	CriticalSigma = 5.0
)

const (
	window    = 60        // minutes that are normal
	recent    = 10        // minutes of the second scale
	day       = 24 * 60   // minutes
	history   = 3*day + 2 // minutes that are remembered, for periods
	learning  = 5         // minutes without a judgement
	accepted  = 15        // minutes after which another level is normal
	quiet     = 3         // minutes that make a silence
	chatty    = 20        // lines a minute of which silence is unusual
	nothing   = .02       // of the mean is silence
	certain   = 5         // sigma of each silent minute
	mostNoise = 60        // variance over mean that is believed
)

// A Detector watches one metric, a minute at a time.
type Detector struct {
	metric            string
	warning, critical float64
	raw               []float64   // the newest last, up to history
	normal            []float64   // the same without what is unusual, which is NaN; the last window+recent
	alarms, silent    int         // minutes in a row
	lone              []excursion // single minutes that stood out, of the last day
	high              int         // minutes in a row that stand out
	peak              float64     // sigma of the first of them
	count             int         // minutes so far
}

// An excursion is a single minute that stood out from its neighbours.
type excursion struct {
	minute int
	sigma  float64
}

// NewDetector watches a metric. An anomaly is a warning from sigma on, and
// critical 1.5 above; 0 is the default.
func NewDetector(metric string, sigma float64) *Detector {
	if sigma <= 0 {
		sigma = WarningSigma
	}
	return &Detector{metric: metric, warning: sigma, critical: sigma + CriticalSigma - WarningSigma}
}

// Add judges the count of the next minute, that begins at a time.
func (d *Detector) Add(at velos.Time, count float64) (Anomaly, bool) {
	if !(count >= 0) {
		count = 0
	}
	count = min(count, 1e12)
	a, v := d.judge(at, count)
	d.remember(count, v)
	return a, v == alarm || v == silent
}

// skip passes over a minute of which nothing is known.
func (d *Detector) skip() {
	d.silent, d.high = 0, 0
	d.remember(0, expected)
}

// A verdict is what a minute is.
type verdict uint8

const (
	ordinary verdict = iota
	expected         // unusual, but it always is at this time
	alarm
	silent
)

// remember stores a minute: what is unusual does not become normal, unless it
// lasts.
func (d *Detector) remember(count float64, v verdict) {
	if v == alarm {
		d.alarms++
	} else {
		d.alarms = 0
	}
	if len(d.raw) == history+day {
		d.raw = append(d.raw[:0], d.raw[day:]...)
	}
	d.raw = append(d.raw, count)
	d.count++
	if v == expected || v == alarm && d.alarms <= accepted {
		count = math.NaN()
	}
	if len(d.normal) == 2*(window+recent) {
		d.normal = append(d.normal[:0], d.normal[window+recent:]...)
	}
	d.normal = append(d.normal, count)
}

// judge compares a count with the minutes before.
func (d *Detector) judge(at velos.Time, x float64) (Anomaly, verdict) {
	var space [window]float64
	past := known(space[:0], last(d.normal, window))
	if len(past) < learning {
		return Anomaly{}, ordinary
	}
	m := modelOf(past)
	m.mean = max(m.mean, median(last(past, recent)), d.yesterday())
	a := Anomaly{Metric: d.metric, Current: x, Mean: m.mean, StdDev: m.sd(), Sigma: m.sigma(x), Time: at}
	if d.silence(x, &m) {
		a.Metric, a.Sigma = Silence, m.lower(x)
		a.Severity = d.severity(a.Sigma)
		return a, silent
	}
	usual := d.excursion(a.Sigma)
	if a.Sigma >= d.warning && notable(x, m.mean) {
		if usual || d.periodic(x, m.mean) {
			return a, expected
		}
		a.Severity = d.severity(a.Sigma)
		return a, alarm
	}
	if s, ok := d.slow(x); ok {
		s.Metric, s.Time, s.Current = d.metric, at, x
		s.Severity = d.severity(s.Sigma)
		return s, alarm
	}
	return a, ordinary
}

// standsOut is the sigma from which a minute is an excursion.
const standsOut = 2.5

// excursion notes single minutes that stood out, and reports that this minute,
// if it is one, is like several of the day before: some programs are like that.
func (d *Detector) excursion(sigma float64) bool {
	if sigma < standsOut {
		if d.high == 1 {
			d.lone = append(d.lone, excursion{d.count - 1, d.peak})
		}
		d.high = 0
		return false
	}
	if d.high++; d.high > 1 {
		return false
	}
	d.peak = sigma
	for len(d.lone) > 0 && (d.lone[0].minute < d.count-day || len(d.lone) > 64) {
		d.lone = d.lone[1:]
	}
	n := 0
	for _, e := range d.lone {
		if e.sigma >= .8*sigma {
			n++
		}
	}
	return n >= 3
}

// known copies the minutes that are not NaN.
func known(to, from []float64) []float64 {
	for _, v := range from {
		if v == v {
			to = append(to, v)
		}
	}
	return to
}

func (d *Detector) severity(sigma float64) Severity {
	if sigma >= d.critical {
		return Critical
	}
	return Warning
}

// notable keeps what is improbable and does not matter from being an alarm:
// two errors instead of none, 5 % more of a thousand lines.
func notable(x, mean float64) bool {
	times := 1.2
	switch {
	case mean < 5:
		times = 2
	case mean < 50:
		times = 1.5
	}
	return x >= 3 && x >= times*mean
}

// slow compares the last ten minutes with the hour before them: leaks and weak
// long incidents.
func (d *Detector) slow(x float64) (Anomaly, bool) {
	n := len(d.normal)
	if n < window/2+recent {
		return Anomaly{}, false
	}
	var space [window]float64
	before := known(space[:0], last(d.normal[:n-recent+1], window))
	if len(before) < window/2 {
		return Anomaly{}, false
	}
	m := modelOf(before)
	now := x
	for _, v := range last(d.normal, recent-1) {
		if v != v { // that was an alarm of its own
			v = m.mean
		}
		now += v
	}
	m.mean = max(m.mean, d.yesterday())
	ten := m
	ten.mean *= recent
	sigma := ten.sigma(now)
	times := 1.6
	if m.mean < 5 {
		times = 2
	}
	ok := sigma >= d.warning+.5 && now >= 3*2 && now/recent >= times*m.mean && x >= 3 && x > m.mean && !d.periodicSum(now, m.mean)
	return Anomaly{Mean: m.mean, StdDev: m.sd(), Sigma: sigma}, ok
}

// periods are those of pollers and jobs, in minutes.
var periods = [...]int{5, 10, 15, 30, 60, day}

// periodic reports a comparable excess at the same minute of two of the three
// periods before.
func (d *Detector) periodic(x, mean float64) bool {
	return d.repeats(mean+(x-mean)/2, func(i int) float64 {
		return slices.Max(d.raw[max(0, i-1):min(i+2, len(d.raw))])
	})
}

// periodicSum is the same for ten minutes.
func (d *Detector) periodicSum(sum, mean float64) bool {
	return d.repeats(mean*recent+(sum-mean*recent)/2, func(i int) float64 {
		s := 0.0
		for _, v := range d.raw[max(0, i-recent+1) : i+1] {
			s += v
		}
		return s
	})
}

// repeats reports that a value at the same phase was at least so high in two of
// the three periods before, for some period.
func (d *Detector) repeats(least float64, at func(i int) float64) bool {
	now := len(d.raw)
	for _, p := range periods {
		hits := 0
		for k := 1; k <= 3; k++ {
			if i := now - k*p; i >= 0 && at(i) >= least {
				hits++
			}
		}
		if hits >= 2 {
			return true
		}
	}
	return false
}

// yesterday is the median of these 15 minutes a day ago, 0 when that is not
// known.
func (d *Detector) yesterday() float64 {
	i := len(d.raw) - day
	if i < 0 {
		return 0
	}
	return median(d.raw[max(0, i-7):min(i+8, len(d.raw))])
}

// silence counts minutes in which hardly anything of a chatty program came.
func (d *Detector) silence(x float64, m *model) bool {
	if d.metric != LogVolume || m.mean < chatty || x > nothing*m.mean || m.lower(x) < certain {
		d.silent = 0
		return false
	}
	d.silent++
	return d.silent >= quiet
}
