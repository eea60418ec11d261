package view

import (
	"bytes"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// job waits for its time; it has run once.
func job() velos.App {
	spec := velos.NewSpec()
	spec.Name, spec.Script, spec.Cwd, spec.Autorestart = "backup", "/srv/backup.sh", "/srv", velos.Never
	spec.Schedule, spec.Overlap = "0 3 * * *", velos.Queue
	return velos.App{ID: 3, Spec: spec, Generation: 1, Status: velos.Stopped, Instances: []velos.Instance{{
		Status: velos.Stopped, Wanted: true, Reason: "exited with code 0 after 5m", LastExit: &velos.Exit{PID: 7, Uptime: 300_000}, NextRun: fixtureNow + 3_600_000,
	}}}
}

// triggeredApp is watched, restarted by cron, and near its limit of memory.
func triggeredApp() velos.App {
	a := fixtures()[1]
	a.Spec.Watch, a.Spec.WatchPaths, a.Spec.WatchIgnore = true, []string{"/srv/jobs/src", "/srv/jobs/x"}, []string{"tmp/", "*.csv"}
	a.Spec.CronRestart, a.Spec.MaxMemory = "TZ=UTC 0 4 * * SUN", 800<<20
	a.Instances[0].NextRun = fixtureNow + 86_400_000
	return a
}

func TestTriggersAndTheNextRunAreShown(t *testing.T) {
	for _, c := range [...]struct {
		show func(b *bytes.Buffer, o Options)
		want string
	}{
		{func(b *bytes.Buffer, o Options) { a := job(); Info(b, &a, o) }, "  next run       in 1h, at 13:00:00\n|  schedule       0 3 * * *, overlap: queue\n"},
		{func(b *bytes.Buffer, o Options) { List(b, []velos.App{job()}, o) }, "in 1h"},
		{func(b *bytes.Buffer, o Options) { Why(b, Report{App: job(), Inst: -1}, o) },
			"  triggers    schedule 0 3 * * *\n|  next run    in 1h, at 13:00:00\n|nothing: it waits for its time; velos restart backup runs it now"},
		{func(b *bytes.Buffer, o Options) {
			a := job()
			a.Instances[0].LastExit.Code = 3
			Why(b, Report{App: a, Inst: -1}, o)
		}, "velos logs backup --err -n 50|velos restart backup runs it again now"},
		{func(b *bytes.Buffer, o Options) { a := triggeredApp(); Info(b, &a, o) },
			"  next run       in 1d, at |  max memory     800 MB for each instance\n|  watch          /srv/jobs/src, /srv/jobs/x, but not tmp/ *.csv; after 1s of quiet\n|  cron           TZ=UTC 0 4 * * SUN\n"},
		{func(b *bytes.Buffer, o Options) { Why(b, Report{App: triggeredApp(), Inst: -1}, o) },
			"  triggers    changed files, cron TZ=UTC 0 4 * * SUN, memory over 800 MB\n|  next run    in 1d, at "},
		{func(b *bytes.Buffer, o Options) {
			a := triggeredApp()
			a.Instances[0].Status, a.Instances[0].PID, a.Instances[0].NextRun, a.Spec.CronRestart = velos.Errored, 0, 0, ""
			Why(b, Report{App: a, Inst: -1}, o)
		}, "  next        started again when a file changes\n"},
		{func(b *bytes.Buffer, o Options) {
			a := triggeredApp()
			Why(b, Report{App: a, Inst: -1, Events: []velos.Event{{Time: fixtureNow, Kind: velos.KindWarning, App: "worker", Inst: 0, Cause: "memory: 740 MB, 92% of max_memory 800 MB"}}}, o)
		}, "timeline\n  12:00:00  warning: memory: 740 MB, 92% of max_memory 800 MB\n"},
	} {
		var b bytes.Buffer
		c.show(&b, Options{Now: fixtureNow})
		for _, want := range strings.Split(c.want, "|") {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%q is missing in\n%s", want, b.String())
			}
		}
	}
}

func TestTheNextRunIsInEveryFormat(t *testing.T) {
	a := job()
	for f, want := range map[Format]string{JSON: `"next_run":`, AI: `"next":"in 1h"`} {
		var b bytes.Buffer
		Why(&b, Report{App: a, Inst: -1}, Options{Now: fixtureNow, Format: f})
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is missing in %s", want, b.String())
		}
		b.Reset()
		List(&b, []velos.App{a}, Options{Now: fixtureNow, Format: f})
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is missing in the list %s", want, b.String())
		}
	}
}

func TestWhyOfAnAppWithTriggersFitsOnOneScreen(t *testing.T) {
	r := Report{App: serving(), Inst: 1, Stderr: fixtureLines()}
	r.App.Spec.Watch, r.App.Spec.CronRestart, r.App.Spec.MaxMemory = true, "@daily", 1<<30
	i := &r.App.Instances[1]
	i.Status, r.App.Spec.WaitReady = velos.Starting, true
	i.NextRun, i.Said, i.Restarts, i.LastExit = fixtureNow+1000, "busy", 3, &velos.Exit{Code: 1, PID: 4000}
	for range 40 {
		r.Events = append(r.Events, fixtureEvents()...)
		r.Stderr = append(r.Stderr, velos.Entry{Inst: 1, Src: velos.Stderr, Msg: []byte("line")})
	}
	var b bytes.Buffer
	Why(&b, r, Options{Now: fixtureNow, TTY: true})
	if lines := strings.Count(b.String(), "\n"); lines > 24 {
		t.Errorf("%d lines:\n%s", lines, b.String())
	}
}
