package verb

import (
	"context"
	"os"
	"path/filepath"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/crash"
	"github.com/velospm/velos/internal/wire"
)

// How much a crash report looks at.
const (
	reportEvents = 200
	reportLines  = 600
)

// Crash reports why the last run of an app ended; inst -1 is whichever ended
// last.
func Crash(ctx context.Context, conn *client.Client, a *velos.App, inst int) (crash.Report, error) {
	v, err := Veil(ctx, conn, a)
	if err != nil {
		return crash.Report{}, err
	}
	m := v.Mask()
	app := m.App(a)
	in := crash.Input{App: &app, Inst: inst, Project: projectDir(a.Spec.Cwd)}
	for e, err := range conn.Events(ctx, wire.EventsQuery{ID: a.ID, Last: reportEvents}) {
		if err != nil {
			return crash.Report{}, err
		}
		in.Events = append(in.Events, m.Event(e))
	}
	for e, err := range conn.Logs(ctx, a.ID, velos.Query{Inst: inst, Last: reportLines}) {
		if err != nil {
			return crash.Report{}, err
		}
		if e.Missed == 0 {
			in.Lines = append(in.Lines, crash.Line{Time: e.Time, Inst: e.Inst, PID: e.PID, Src: e.Src, Level: e.Level, Text: v.Text(&e)})
		}
	}
	r := crash.Of(in)
	if r.Changed, err = changedSince(ctx, conn, a, &r, in.Events); err != nil {
		return r, err
	}
	if r.Port > 0 {
		list, err := conn.List(ctx)
		if err != nil {
			return r, err
		}
		r.Holder = Holder(list.Apps, r.Port)
	}
	return r, nil
}

// changedSince are the keys of the configuration in which the run that ended
// differs from the last one that came online before.
func changedSince(ctx context.Context, conn *client.Client, a *velos.App, r *crash.Report, events []velos.Event) ([]string, error) {
	var good velos.Time
	for i := range events {
		if e := &events[i]; r.Exit != nil && e.Kind == velos.KindState && e.To == velos.Online && e.Inst == r.Inst && e.Time <= r.Exit.Time {
			good = e.Time
		}
	}
	if good == 0 || a.Generation <= 1 {
		return nil, nil
	}
	before, err := conn.History(ctx, wire.History{ID: a.ID})
	if err != nil {
		return nil, err
	}
	now := a.Spec
	now.FileEnv = nil // of former ones it is not known
	at := func(t velos.Time) *velos.Spec {
		for i := range before.List {
			if before.List[i].Until > t {
				return &before.List[i].Spec
			}
		}
		return &now
	}
	var keys []string
	for _, c := range config.Changes(at(good), at(max(good, r.Exit.Time-velos.Time(r.Exit.Uptime)))) {
		keys = append(keys, c.Key)
	}
	return keys, nil
}

// project is the root of the project that a directory belongs to: where the
// repository or the package begins, or else the directory itself.
func projectDir(dir string) string {
	for at := dir; ; {
		for _, mark := range []string{".git", "go.mod", "Cargo.toml"} {
			if _, err := os.Stat(filepath.Join(at, mark)); err == nil {
				return at
			}
		}
		up := filepath.Dir(at)
		if up == at {
			return dir
		}
		at = up
	}
}
