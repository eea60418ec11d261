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
	n := len(o.Minutes)
	if n == 0 {
		return nil
	}
	if onlineSince(a) == 0 {
		o.Until = min(end, o.Minutes[n-1].Time+velos.MinuteLength)
	}
	var err error
	o.Down, err = downtimes(ctx, conn, a, o.Minutes[0].Time)
	return err
}

// downtimes are when no instance of an app ran, as far as the journal knows.
func downtimes(ctx context.Context, conn *client.Client, a *velos.App, since velos.Time) ([]digest.Span, error) {
	var list []velos.Event
	for e, err := range conn.Events(ctx, wire.EventsQuery{ID: a.ID, Since: since}) {
		if err != nil {
			return nil, err
		}
		if e.Kind == velos.KindState && e.Inst >= 0 {
			list = append(list, velos.Event{Time: e.Time, Inst: e.Inst, From: e.From, To: e.To})
		}
	}
	return gaps(a, list, since), nil
}

// gaps are the times without a run. How an instance was at the beginning says
// its first event or, when there is none, how it is now.
func gaps(a *velos.App, list []velos.Event, since velos.Time) (spans []digest.Span) {
	up := map[int]bool{}
	for i := range a.Instances {
		up[a.Instances[i].Inst] = runs(a.Instances[i].Status)
	}
	for i := len(list) - 1; i >= 0; i-- {
		up[list[i].Inst] = runs(list[i].From)
	}
	from := since
	for _, e := range list {
		was := anyOf(up)
		up[e.Inst] = runs(e.To)
		switch is := anyOf(up); {
		case was && !is:
			from = e.Time
		case !was && is:
			spans = append(spans, digest.Span{From: from, To: e.Time})
		}
	}
	return spans
}

func runs(s velos.Status) bool {
	return s == velos.Starting || s == velos.Online || s == velos.Stopping
}

func anyOf(up map[int]bool) bool {
	for _, yes := range up {
		if yes {
			return true
		}
	}
	return false
}

// onlineSince is when the first of the instances that are online was started;
// 0: none is.
func onlineSince(a *velos.App) (first velos.Time) {
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
	for _, e := range digest.Watch(o) {
		if e.Until < now-goesOn || explained(a, &e) {
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

// explained reports that an episode needs no alarm: the silence of an app that
// has just come, or is not there, and the many words with which one begins.
func explained(a *velos.App, e *digest.Episode) bool {
	switch e.Metric {
	case digest.Silence:
		since := onlineSince(a)
		return since == 0 || since > e.Since-quietFor
	case digest.LogVolume:
		for i := range a.Instances {
			if at := a.Instances[i].Started; at > 0 && e.Since >= at-at%velos.MinuteLength && e.Until <= at+velos.MinuteLength {
				return true
			}
		}
	}
	return false
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
