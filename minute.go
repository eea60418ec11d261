package velos

// A Minute is how much an app wrote in one minute. A minute in which it wrote
// nothing is not told.
type Minute struct {
	Time   Time   `json:"ts"` // its beginning
	Lines  uint32 `json:"lines"`
	Warn   uint32 `json:"warn,omitempty"`
	Errors uint32 `json:"error,omitempty"` // and fatal ones; the indented lines of a stack trace do not count
}

// Fields implements Record.
func (m *Minute) Fields(f Fields) {
	Int(f, "ts", &m.Time)
	Int(f, "lines", &m.Lines)
	Int(f, "warn", &m.Warn)
	Int(f, "error", &m.Errors)
}

// MinuteLength is a minute.
const MinuteLength = Time(60_000)

// An Alarm is a figure of an app that is far from what it is as a rule.
type Alarm struct {
	Metric   string  `json:"metric"` // error_rate, log_volume, log_silence
	Current  float64 `json:"current"`
	Mean     float64 `json:"mean"`
	StdDev   float64 `json:"std_dev"`
	Sigma    float64 `json:"sigma"`
	Severity string  `json:"severity"` // warning, critical
	Since    Time    `json:"since"`    // when the episode began
}

// Fields implements Record.
func (a *Alarm) Fields(f Fields) {
	f.String("metric", &a.Metric)
	f.Float("current", &a.Current)
	f.Float("mean", &a.Mean)
	f.Float("std_dev", &a.StdDev)
	f.Float("sigma", &a.Sigma)
	f.String("severity", &a.Severity)
	Int(f, "since", &a.Since)
}
