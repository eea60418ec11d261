//go:build unix

package daemon

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

func TestNothingButAlarmsIsAddedToTheJournal(t *testing.T) {
	d := live(t)
	c, ctx := dial(t, d), t.Context()
	started, err := c.Start(ctx, wire.Start{Spec: shell("api", "exec sleep 600"), Wait: true, Inst: -1})
	if err != nil {
		t.Fatal(err)
	}
	alarm := velos.Alarm{Metric: "error_rate", Current: 7, Mean: .5, StdDev: .7, Sigma: 4.2, Severity: "warning", Since: 60_000}
	good := wire.Finding{ID: started.ID, Kind: velos.KindAlarm, Cause: "error rate 4.2 sigma above normal (7/min vs avg 0.5/min)", Alarm: &alarm}
	for what, change := range map[string]func(f *wire.Finding, a *velos.Alarm){
		"another kind":     func(f *wire.Finding, _ *velos.Alarm) { f.Kind = velos.KindExit },
		"no alarm":         func(f *wire.Finding, _ *velos.Alarm) { f.Alarm = nil },
		"no cause":         func(f *wire.Finding, _ *velos.Alarm) { f.Cause = "" },
		"a long cause":     func(f *wire.Finding, _ *velos.Alarm) { f.Cause = strings.Repeat("x", mostCause+1) },
		"another severity": func(_ *wire.Finding, a *velos.Alarm) { a.Severity = "dire" },
		"no number":        func(_ *wire.Finding, a *velos.Alarm) { a.Sigma = math.NaN() },
		"no metric":        func(_ *wire.Finding, a *velos.Alarm) { a.Metric = "" },
	} {
		f, a := good, alarm
		f.Alarm = &a
		change(&f, &a)
		if _, err := c.Tell(ctx, f); !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	unknown := good
	unknown.ID = 99
	if _, err := c.Tell(ctx, unknown); !errors.Is(err, velos.ErrNotFound) {
		t.Errorf("an unknown app: %v", err)
	}
	if _, err := c.Tell(ctx, good); err != nil {
		t.Fatal(err)
	}
	var got []velos.Event
	for e, err := range c.Events(ctx, wire.EventsQuery{ID: started.ID}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == velos.KindAlarm {
			got = append(got, e)
		}
	}
	if len(got) != 1 || got[0].App != "api" || got[0].Cause != good.Cause || got[0].Alarm == nil || *got[0].Alarm != alarm || got[0].Actor.Kind != "user" {
		t.Errorf("the journal has %+v", got)
	}
}

func TestMinutesAreStreamed(t *testing.T) {
	d := live(t)
	c, ctx := dial(t, d), t.Context()
	started, err := c.Start(ctx, wire.Start{Spec: shell("api", "echo one; echo ERROR two; exec sleep 600"), Wait: true, Inst: -1})
	if err != nil {
		t.Fatal(err)
	}
	var all velos.Minute // the minute may end between the two lines
	await(t, func() bool {
		all = velos.Minute{}
		for m, err := range c.Minutes(ctx, wire.MinutesQuery{ID: started.ID}) {
			if err != nil {
				t.Fatal(err)
			}
			all.Lines, all.Errors = all.Lines+m.Lines, all.Errors+m.Errors
		}
		return all.Lines == 2
	})
	if all.Errors != 1 {
		t.Errorf("got %+v", all)
	}
	for _, err := range c.Minutes(ctx, wire.MinutesQuery{ID: 99}) {
		if !errors.Is(err, velos.ErrNotFound) {
			t.Errorf("an unknown app: %v", err)
		}
	}
}
