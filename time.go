package velos

import "time"

// Time is a moment in Unix milliseconds; 0 is no moment.
type Time int64

// Millis is a length of time in milliseconds, as configuration files and the
// wire have it.
type Millis int64

// TimeOf converts t; the zero time.Time becomes 0.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMilli())
}

// Std converts t to a time.Time; 0 becomes the zero time.Time.
func (t Time) Std() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(t))
}

// MillisOf converts d, rounding towards zero.
func MillisOf(d time.Duration) Millis { return Millis(d / time.Millisecond) }

// Std converts m to a time.Duration.
func (m Millis) Std() time.Duration { return time.Duration(m) * time.Millisecond }
