package verb

import (
	"context"
	"regexp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/digest"
	"github.com/velospm/velos/internal/wire"
)

// Reading is how an app wants its lines digested. What is 0 is the default.
func Reading(s *velos.Spec) digest.Options {
	o := digest.Options{Similarity: s.SimilarityThreshold, Sigma: s.SigmaThreshold}
	if s.Multiline != "" {
		o.Begins, _ = regexp.Compile(s.Multiline) // who has set it has checked it; else the engine tells
	}
	return o
}

// Counted has anomalies found in what the daemon has counted since a time and
// until another; 0 is now. The minute that is open is left out, and so is the
// time after the last line of an app that is not online: that is no silence.
func Counted(ctx context.Context, conn *client.Client, a *velos.App, o *digest.Options, since, until, now velos.Time) error {
	end := now - now%velos.MinuteLength
	if until > 0 {
		end = min(end, until-until%velos.MinuteLength)
	}
	o.Minutes, o.Until = nil, end
	for m, err := range conn.Minutes(ctx, wire.MinutesQuery{ID: a.ID, Since: since, Until: end}) {
		if velos.CodeOf(err) == velos.Unsupported {
			return nil // a daemon of before
		}
		if err != nil {
			return err
		}
		o.Minutes = append(o.Minutes, m)
	}
	if n := len(o.Minutes); n > 0 && OnlineSince(a) == 0 {
		o.Until = min(end, o.Minutes[n-1].Time+velos.MinuteLength)
	}
	return nil
}

// OnlineSince is when the first of the instances that are online was started;
// 0: none is.
func OnlineSince(a *velos.App) (first velos.Time) {
	for i := range a.Instances {
		if in := &a.Instances[i]; in.Status == velos.Online && (first == 0 || in.Started < first) {
			first = in.Started
		}
	}
	return first
}

// Remembered is how far back a detector looks.
const Remembered = 3*24*60*velos.MinuteLength + 2*velos.MinuteLength

// Alarms are the episodes of an app that are to be told now: those that go on,
// and of which the journal does not yet have as serious a word.
func Alarms(ctx context.Context, conn *client.Client, a *velos.App, now velos.Time) ([]digest.Episode, error) {
	o := Reading(&a.Spec)
	if err := Counted(ctx, conn, a, &o, now-Remembered, 0, now); err != nil || len(o.Minutes) == 0 {
		return nil, err
	}
	var fresh []digest.Episode
	for _, e := range digest.Watch(o.Minutes, o.Until, o.Sigma) {
		if e.Until < now-goesOn || e.Metric == digest.Silence && (OnlineSince(a) == 0 || OnlineSince(a) > e.Since-quietFor) {
			continue
		}
		known, err := told(ctx, conn, a.ID, &e)
		if err != nil {
			return nil, err
		}
		if !known {
			fresh = append(fresh, e)
		}
	}
	return fresh, nil
}

const (
	goesOn   = 3 * velos.MinuteLength // after its last minute an episode may still be told
	quietFor = 3 * velos.MinuteLength // a silence is told when it has lasted so long
)

// told reports whether the journal has an episode, as serious as it is now.
func told(ctx context.Context, conn *client.Client, id uint32, e *digest.Episode) (bool, error) {
	found := false
	for ev, err := range conn.Events(ctx, wire.EventsQuery{ID: id, Since: e.Since}) {
		if err != nil {
			return false, err
		}
		if ev.Kind == velos.KindAlarm && ev.Alarm != nil && ev.Alarm.Metric == e.Metric &&
			(ev.Alarm.Severity == e.Severity.String() || ev.Alarm.Severity == digest.Critical.String()) {
			found = true
		}
	}
	return found, nil
}
