package verb

import (
	"slices"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

func TestAnAppIsDownWhenNoInstanceRuns(t *testing.T) {
	a := &velos.App{Instances: []velos.Instance{{Inst: 0, Status: velos.Online}, {Inst: 1, Status: velos.Online}, {Inst: 2, Status: velos.Stopped}}}
	state := func(at velos.Time, inst int, from, to velos.Status) velos.Event {
		return velos.Event{Time: at, Inst: inst, From: from, To: to}
	}
	list := []velos.Event{
		state(10, 0, velos.Stopped, velos.Starting), state(11, 0, velos.Starting, velos.Online), state(12, 1, "", velos.Starting),
		state(20, 0, velos.Online, velos.Stopping), state(21, 0, velos.Stopping, velos.Stopped), // the other one is there
		state(30, 1, velos.Online, velos.WaitingRestart), state(40, 0, velos.Stopped, velos.Starting),
	}
	if got, want := gaps(a, list, 5), []digest.Span{{From: 5, To: 10}, {From: 30, To: 40}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := gaps(a, nil, 5); got != nil {
		t.Errorf("without events: %v", got)
	}
}

func TestWhatAStartExplainsIsNoAlarm(t *testing.T) {
	const hour = 60 * velos.MinuteLength
	a := &velos.App{Instances: []velos.Instance{{Status: velos.Online, Started: hour + 1000}}}
	for _, c := range []struct {
		what      string
		metric    string
		from, to  velos.Time
		explained bool
	}{
		{"the words of a start", digest.LogVolume, hour, hour, true},
		{"an app that goes on talking", digest.LogVolume, hour, hour + 5*velos.MinuteLength, false},
		{"errors of a start", digest.ErrorRate, hour, hour, false},
		{"silence around a start", digest.Silence, hour + 2*velos.MinuteLength, hour + 3*velos.MinuteLength, true},
		{"silence of one that ran", digest.Silence, 2 * hour, 2 * hour, false},
	} {
		e := digest.Episode{Anomaly: digest.Anomaly{Metric: c.metric}, Since: c.from, Until: c.to}
		if got := explained(a, &e); got != c.explained {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	a.Instances[0].Status = velos.Stopped
	if e := (digest.Episode{Anomaly: digest.Anomaly{Metric: digest.Silence}, Since: 2 * hour}); !explained(a, &e) {
		t.Error("a stopped app is told to be silent")
	}
}
