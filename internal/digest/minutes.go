package digest

import "strconv"

// judged hands counted minutes to the detectors, each once. Those between them
// had no lines.
func (a *Analysis) judged() {
	list := a.o.Minutes
	if len(list) == 0 {
		return
	}
	a.o.Minutes = nil
	if a.now != 0 && a.now < list[0].Time { // lines of before it was counted
		a.tick(list[0].Time)
	}
	for i := range list {
		a.tick(list[i].Time)
		a.logged, a.failed = float64(list[i].Lines), float64(list[i].Errors)
	}
	if a.o.Until > 0 {
		a.tick(a.o.Until)
	}
}

// Watch judges the minutes of o alone and returns the episodes.
func Watch(o Options) []Episode { return NewAnalysis(o).Anomalies() }

// Sentence is an anomaly in the words that are used everywhere.
func (x *Anomaly) Sentence() string {
	what, where := "error rate", "above"
	switch x.Metric {
	case LogVolume:
		what = "log volume"
	case Silence:
		what, where = "log volume", "below"
	}
	return what + " " + strconv.FormatFloat(min(x.Sigma, 99), 'f', 1, 64) + " sigma " + where + " normal (" +
		amount(x.Current) + "/min vs avg " + amount(x.Mean) + "/min)"
}

// amount is a count a minute: whole from 10 on.
func amount(v float64) string {
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}
