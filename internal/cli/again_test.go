package cli

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

func TestWhatBecameOfAnOrderIsToldByItsProcesses(t *testing.T) {
	const since = 1000
	before := &velos.Instance{PID: 7}
	for _, c := range []struct {
		name string
		old  *velos.Instance
		in   velos.Instance
		over bool
		code error
	}{
		{"nothing yet", nil, velos.Instance{Status: velos.Stopped}, false, nil},
		{"an end of long ago", nil, velos.Instance{Status: velos.Stopped, LastExit: &velos.Exit{PID: 5, Code: 1, Time: since - 1}}, false, nil},
		{"it comes up", nil, velos.Instance{Status: velos.Starting, PID: 8}, false, nil},
		{"it is up", nil, velos.Instance{Status: velos.Online, PID: 8}, false, nil},
		{"it crashed and is started again", nil, velos.Instance{Status: velos.Starting, PID: 9, Wanted: true, LastExit: &velos.Exit{PID: 8, Code: 1, Time: since}}, true, velos.ErrCrashed},
		{"it has given up", nil, velos.Instance{Status: velos.Errored, Wanted: true, LastExit: &velos.Exit{PID: 8, Code: 1, Time: since}}, true, velos.ErrCrashed},
		{"it came to its end", nil, velos.Instance{Status: velos.Stopped, LastExit: &velos.Exit{PID: 8, Time: since}}, true, nil},
		{"nobody knows how it ended", nil, velos.Instance{Status: velos.Stopped, LastExit: &velos.Exit{PID: 8, Unknown: true, Time: since}}, true, velos.ErrCrashed},
		{"somebody has stopped it", nil, velos.Instance{Status: velos.Stopped, LastExit: &velos.Exit{PID: 8, Asked: true, Time: since}}, true, velos.ErrCancelled},
		{"the former process has ended", before, velos.Instance{Status: velos.Starting, PID: 8, Wanted: true, LastExit: &velos.Exit{PID: 7, Signal: "SIGTERM", Time: since}}, false, nil},
		{"and so has the next one", before, velos.Instance{Status: velos.WaitingRestart, Wanted: true, LastExit: &velos.Exit{PID: 8, Code: 1, Time: since}}, true, velos.ErrCrashed},
	} {
		a := velos.App{Spec: velos.Spec{Name: "api"}, Instances: []velos.Instance{c.in}}
		over, err := outcome(&a, &c.in, since, c.old)
		if over != c.over || !errors.Is(err, c.code) {
			t.Errorf("%s: over %v, %v; want %v, %v", c.name, over, err, c.over, c.code)
		}
	}
}

func TestOnlyInstancesWhoseProcessIsTheOldOneAreRestartedAgain(t *testing.T) {
	d := newFake(t, "api")
	d.apps[0].Spec.Instances = 3
	d.apps[0].Instances = []velos.Instance{{Inst: 0}, {Inst: 1}, {Inst: 2}}
	set(&d.apps[0], -1, velos.Online)
	old := d.apps[0]
	old.Instances = append([]velos.Instance(nil), old.Instances...)
	d.apps[0].Instances[0].PID, d.apps[0].Instances[2].PID = 5000, 5002 // these have been restarted
	c, err := client.Dial(filepath.Join(d.home, "velos.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := &session{conn: c}
	again := func() { t.Error("all of it is done a second time") }
	do := s.restartAfter(target{&old, -1}, wire.Restart{Target: wire.All(old.ID), Wait: true}, settledBy(again))(d.apps, 0)
	if did, _, err := do(t.Context()); did != "restarted" || err != nil {
		t.Errorf("%q, %v", did, err)
	}
	if len(d.restarts) != 1 || d.restarts[0].Inst != 1 || len(d.starts) != 1 || d.starts[0].Inst != -1 {
		t.Errorf("restarts %+v, starts %+v; want a restart of api:1, and a start that waits for all", d.restarts, d.starts)
	}
}

func TestAStartThatNobodyHasSeenIsGivenAgain(t *testing.T) {
	d := newFake(t, "other")
	spec := velos.NewSpec()
	spec.Name = "api"
	given := 0
	s := &session{}
	do := s.startAfter(&step{spec: &spec, inst: -1}, settledBy(func() { given++ }), true)(d.apps, 0)
	if _, _, err := do(t.Context()); err != nil || given != 1 {
		t.Errorf("given %d times, %v", given, err)
	}
	d.add(spec, velos.Stopped).Created = 5 // somebody else's, of before
	do = s.startAfter(&step{spec: &spec, inst: -1}, settledBy(func() { given++ }), true)(d.apps, 6)
	if _, _, err := do(t.Context()); err != nil || given != 2 {
		t.Errorf("given %d times, %v: the daemon says that the name is taken", given, err)
	}
}

func TestAnAppWhoseIdWasNotOnDiskIsFoundByItsNameAlone(t *testing.T) {
	d := newFake(t)
	spec := velos.NewSpec()
	spec.Name, spec.Script = "api", "/srv/api.js"
	d.add(spec, velos.Stopped).Created = 10
	c, err := client.Dial(filepath.Join(d.home, "velos.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := &session{conn: c}
	made := d.apps[0]
	other := made
	other.Spec.Name, other.Created = "mail", 11 // has the id now
	st := step{app: &made, made: &spec, inst: -1}
	given := 0
	do := s.startAfter(&st, settledBy(func() { given++ }), true)([]velos.App{other}, 9)
	if _, _, err := do(t.Context()); err != nil || given != 1 || st.app != nil || st.spec != &spec {
		t.Errorf("given %d times, %v, step %+v; want the whole Spec once more", given, err, st)
	}
	// The next one has it, under another id.
	moved := made
	moved.ID, moved.Created = made.ID+5, 12
	s.startAfter(&st, settledBy(func() { given++ }), true)([]velos.App{other, moved}, 9)
	if given != 1 || st.app == nil || st.app.ID != moved.ID || st.spec != nil || st.made != &spec {
		t.Errorf("given %d times, step %+v; want what the list has", given, st)
	}
	// Orders about apps that were known are not for who has the id now.
	for verb, do := range map[string]doing{
		"start":   s.startAfter(&step{app: &made, inst: -1}, settledBy(func() { given++ }), true)([]velos.App{other}, 9),
		"restart": s.restartAfter(target{&made, -1}, wire.Restart{}, settledBy(func() { given++ }))([]velos.App{other}, 9),
	} {
		if _, _, err := do(t.Context()); given != 1 || velos.CodeOf(err) != velos.NotFound {
			t.Errorf("%s: given %d times, %v; want NotFound", verb, given, err)
		}
	}
}

func TestAnAppThatIsOnlyAddedIsNotSaidToHaveEnded(t *testing.T) {
	d := newFake(t, "other")
	spec := velos.NewSpec()
	spec.Name, spec.Autostart = "api", false
	d.add(spec, velos.Stopped).Created = 7
	again := settledBy(func() { t.Error("it is added a second time") })
	do := (&session{}).startAfter(&step{spec: &spec, inst: -1}, again, true)(d.apps, 6)
	if did, _, err := do(t.Context()); did != notStarted || err != nil {
		t.Errorf("%q, %v; want %q", did, err, notStarted)
	}
}

func settledBy(f func()) doing {
	return func(ctx context.Context) (string, *velos.App, error) { f(); return "", nil, nil }
}
