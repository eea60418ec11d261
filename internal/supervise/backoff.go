package supervise

import (
	"time"

	"github.com/velospm/velos"
)

// backoff is the pause before restart number n (from 0) since the app was
// last stable. It is a pure function: jitter is any number, spread over a
// tenth of the pause each way so that apps which fell together do not rise
// together.
func backoff(s *velos.Spec, n int, jitter uint32) time.Duration {
	fixed := s.RestartDelay.Std()
	if s.ExpBackoffRestartDelay <= 0 {
		return fixed
	}
	ceiling := velos.MaxBackoff.Std()
	d := s.ExpBackoffRestartDelay.Std()
	for ; n > 0 && d < ceiling; n-- {
		d *= 2
	}
	d = min(d, ceiling)
	d += time.Duration(int64(d) / 10 * (int64(jitter%2001) - 1000) / 1000)
	return max(min(d, ceiling), fixed)
}

// longest is what no pause before a restart exceeds: a clock that was set back
// meanwhile adds little to one.
func longest(s *velos.Spec) time.Duration { return max(s.RestartDelay, velos.MaxBackoff).Std() }

// restarts reports whether the policy starts the app again after it ended by
// itself like this.
func restarts(s *velos.Spec, x *velos.Exit) bool {
	if x.Error == "" && x.Signal == "" && !x.Unknown {
		for _, c := range s.StopExitCodes {
			if int(c) == x.Code {
				return false
			}
		}
	}
	switch s.Autorestart {
	case velos.Never:
		return false
	case velos.OnFailure:
		return x.Unknown || x.Signal != "" || x.Code != 0
	}
	return true
}
