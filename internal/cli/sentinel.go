package cli

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/wire"
)

// vigilance bounds a look at all that were named.
const vigilance = 20 * time.Second

// setupSentinel looks closer at apps of which the daemon thinks that their last
// minute was unusual, and has it record the alarms. The daemon runs it: it does
// not know the detector.
func setupSentinel(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		if err := s.dial(); err != nil { // and start none: a sentinel without a daemon has nobody to serve
			return err
		}
		ctx, stop := context.WithTimeout(ctx, vigilance)
		defer stop()
		for _, word := range args {
			id, err := strconv.ParseUint(word, 10, 32)
			if err != nil {
				return invalid("sentinel: "+quote(word)+" is no id of an app", "this is a helper of velosd; people use velos logs NAME --anomalies")
			}
			a, err := s.conn.Info(ctx, wire.All(uint32(id)))
			if velos.CodeOf(err) == velos.NotFound {
				continue // deleted meanwhile
			}
			if err == nil {
				err = s.alarm(ctx, &a)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// alarm tells of an app what is to be told.
func (s *session) alarm(ctx context.Context, a *velos.App) error {
	list, err := verb.Alarms(ctx, s.conn, a, velos.TimeOf(s.Now()))
	if err != nil {
		return err
	}
	for i := range list {
		if _, err := s.conn.Tell(ctx, alarmOf(a.ID, &list[i])); err != nil {
			return err
		}
	}
	return nil
}

func alarmOf(id uint32, e *digest.Episode) wire.Finding {
	short := func(v float64) float64 { return math.Round(min(v, 1e9)*1000) / 1000 }
	return wire.Finding{ID: id, Kind: velos.KindAlarm, Cause: e.Sentence(), Alarm: &velos.Alarm{Metric: e.Metric, Current: short(e.Current), Mean: short(e.Mean),
		StdDev: short(e.StdDev), Sigma: short(e.Sigma), Severity: e.Severity.String(), Since: e.Since}}
}
