package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

func TestReload(t *testing.T) {
	d := newFake(t, "api", "worker")
	want(t, d, 0, "api: reloaded (id 1, pid 1010)\nworker: reloaded", "", "reload", "all", "--parallel", "2")
	if r := d.reloads[0]; r.Parallel != 2 || r.Inst != -1 || r.Spec != nil {
		t.Errorf("got %+v", r)
	}
	d.reloads = nil
	want(t, d, 0, "api:0: reloaded", "", "graceful-reload", "api:0")
	want(t, d, 0, "api: reloaded", "", "gracefulReload", "api", "--update-env")
	if a, b := d.reloads[0], d.reloads[1]; a.Inst != 0 || b.Inst != -1 || b.Spec == nil || b.Spec.Env["HOME"] != d.home || b.Parallel != 1 {
		t.Errorf("got %+v", d.reloads)
	}
	want(t, d, 4, "", "reload wroker: no such app\n  hint: did you mean worker?", "reload", "api", "wroker")
	if len(d.reloads) != 2 {
		t.Error("api was reloaded all the same")
	}
}

func TestAReloadThatFailsIsToldWithTheLastWordsOfTheNewRun(t *testing.T) {
	d := newFake(t, "api", "worker")
	d.crash["api"] = "reload api: the new run exited with code 1 after 10ms; the old one goes on"
	_, errs := want(t, d, 1, "worker: reloaded", "api ! Error: no such table\nvelos: reload api: the new run exited", "reload", "all")
	if strings.Contains(errs, "GET /") {
		t.Errorf("the old run's words are there: %s", errs)
	}
	want(t, d, 1, `{"error":{"code":"failed","message":"reload api: the new run exited`, "", "reload", "api", "--json")
}

func TestAppsThatCannotOverlapAreRestartedAndThatIsSaid(t *testing.T) {
	d := newFake(t, "api", "worker", "web")
	d.apart = map[string]string{"api": "fork mode without listen", "worker": "fork mode without listen"}
	_, errs := want(t, d, 0, "api: restarted, not reloaded", "", "reload", "all")
	if errs != "velos: api, worker: restarted one instance after the other, since two runs cannot overlap: fork mode without listen\n" {
		t.Errorf("said %q", errs)
	}
	want(t, d, 0, `"did":"restarted, not reloaded"`, "cannot overlap", "reload", "api", "--json")
}

func TestReloadOfAFileTakesOverWhatItSays(t *testing.T) {
	d := newFake(t, "one")
	d.file(t, "app.sh", "#!/bin/sh\n")
	d.file(t, "velos.toml", "[apps.one]\nscript = \"app.sh\"\n[apps.two]\nscript = \"app.sh\"\n")
	want(t, d, 0, "one: reloaded (id 1, pid 1010)\ntwo: online", "", "reload", "velos.toml", "one")
	if len(d.reloads) != 1 || d.reloads[0].Spec == nil || d.app(t, "one").Spec.Source == "" {
		t.Errorf("got %+v", d.reloads)
	}
}

func TestScale(t *testing.T) {
	d := newFake(t, "api")
	for _, c := range []struct {
		words, said string
		ask         wire.Scale
	}{
		{"api 4", "scaled from 1 to 4", wire.Scale{ID: 1, Count: 4}},
		{"api +3", "scaled from 4 to 7", wire.Scale{ID: 1, Count: 3, By: true}},
		{"api -1", "scaled from 7 to 6", wire.Scale{ID: 1, Count: -1, By: true}},
		{"-1 --timeout 5s api", "scaled from 6 to 5", wire.Scale{ID: 1, Count: -1, By: true}},
		{"all -1 --json", "scaled from 5 to 4", wire.Scale{ID: 1, Count: -1, By: true}},
		{"api -- -1", "scaled from 4 to 3", wire.Scale{ID: 1, Count: -1, By: true}},
		{"api 3", "api: has 3 already", wire.Scale{}},
		{"1 2", "scaled from 3 to 2", wire.Scale{ID: 1, Count: 2}},
	} {
		d.scales = nil
		want(t, d, 0, c.said, "", append([]string{"scale"}, strings.Fields(c.words)...)...)
		switch {
		case c.ask == wire.Scale{} && len(d.scales) == 0:
		case len(d.scales) != 1 || d.scales[0] != c.ask:
			t.Errorf("%s: asked %+v, want %+v", c.words, d.scales, c.ask)
		}
	}
	want(t, d, 0, "", "", "scale", "api", "max")
	if n := d.app(t, "api").Spec.Instances; n < 1 {
		t.Errorf("%d instances", n)
	}
}

func needs(names ...string) (list []velos.Dependency) {
	for _, n := range names {
		list = append(list, velos.Dependency{Name: n, Condition: velos.OnReady})
	}
	return list
}

func TestWhatDependsOnOthersStopsBeforeThem(t *testing.T) {
	d := newFake(t, "disk", "db", "api", "web", "alone")
	d.apps[1].Spec.DependsOn = needs("disk")
	d.apps[2].Spec.DependsOn = needs("db", "disk")
	d.apps[3].Spec.DependsOn = needs("api")
	out, _ := want(t, d, 0, "disk: stopped", "", "stop", "all")
	if !strings.HasPrefix(out, "disk: stopped (id 1)\ndb: stopped") {
		t.Errorf("the answer is in another order than the words:\n%s", out)
	}
	at := map[uint32]int{}
	for i, s := range d.stops {
		at[s.ID] = i
	}
	if !(at[4] < at[3] && at[3] < at[2] && at[2] < at[1]) || len(at) != 5 {
		t.Errorf("stopped in the order %v", d.stops)
	}
	want(t, d, 0, "disk: deleted\ndb: deleted", "", "delete", "disk", "db")
}

func TestACircleOfAppsStopsAllTheSame(t *testing.T) {
	d := newFake(t, "a", "b")
	d.apps[0].Spec.DependsOn = needs("b")
	d.apps[1].Spec.DependsOn = needs("a")
	want(t, d, 0, "a: stopped (id 1)\nb: stopped", "", "stop", "all")
}

const web = `
[apps.api]
script = "app.sh"
depends_on = ["db"]
[apps.db]
script = "app.sh"
args = ["db"]
[apps.mail]
script = "app.sh"
depends_on = ["outside"]
`

func TestOnlyBringsDependenciesAlong(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	d.file(t, "velos.toml", web)
	out, _ := want(t, d, 0, "api: online (id 1", "", "start", "velos.toml", "--only", "api")
	if !strings.Contains(out, "db: online (id 2") || strings.Contains(out, "mail") {
		t.Errorf("got %s", out)
	}
	// All are known before any starts.
	var held []bool
	for _, s := range d.starts {
		held = append(held, s.Hold)
	}
	if !slices.Equal(held, []bool{true, true, false, false}) {
		t.Errorf("got %v", held)
	}
	d.restarts = nil
	want(t, d, 0, "api: restarted", "", "restart", "velos.toml", "--only", "api")
	if len(d.restarts) != 1 {
		t.Errorf("restarted %+v", d.restarts)
	}
}

func TestADependencyMustBeInTheFileOrKnown(t *testing.T) {
	d := newFake(t, "api")
	d.file(t, "app.sh", "#!/bin/sh\n")
	d.file(t, "velos.toml", web)
	want(t, d, 2, "", "velos.toml:10:1: apps.mail.depends_on: there is no app outside", "start", "velos.toml")
	want(t, d, 2, "", "there is no app outside", "reload", "velos.toml")
	d.file(t, "velos.toml", strings.ReplaceAll(web, "outside", "api"))
	want(t, d, 9, "", "start api: the name is taken by /srv/api.js of another project, in /srv", "start", "velos.toml", "--only", "mail")
	if len(d.starts) != 0 {
		t.Errorf("started %+v", d.starts)
	}
	d.apps[0].Spec.Cwd = d.home
	want(t, d, 0, "mail: online", "", "start", "velos.toml", "--only", "mail")
}

func TestAKnownAppBringsWhatItNeeds(t *testing.T) {
	d := newFake(t, "disk", "db", "job", "api")
	for i := range d.apps {
		set(&d.apps[i], -1, velos.Stopped)
	}
	d.apps[2].Instances[0].LastExit = &velos.Exit{}
	d.apps[1].Spec.DependsOn = needs("disk")
	d.apps[3].Spec.DependsOn = append(needs("db"), velos.Dependency{Name: "job", Condition: velos.OnExitedOK}, velos.Dependency{Name: "gone", Condition: velos.OnReady})
	out, _ := want(t, d, 0, "", "", "start", "api")
	if out != "api: online (id 4, pid 1040)\ndb: online, which api needs (id 2, pid 1020)\ndisk: online, which db needs (id 1, pid 1010)\n" {
		t.Errorf("got %s", out)
	}
	want(t, d, 0, "api: already online", "", "start", "api")
	d.apps[2].Instances[0].LastExit.Code = 1
	set(&d.apps[3], -1, velos.Stopped)
	want(t, d, 0, "api: online (id 4, pid 1040)\njob: online, which api needs", "", "start", "api")
}

func TestMoreAppsThanSlotsStartInTheOrderOfTheirNeeds(t *testing.T) {
	orders := make([]order, 3*atOnce)
	for i := range orders {
		orders[i].app = "app" + strings.Repeat("x", i)
		if i+1 < len(orders) {
			orders[i].behind = []string{"app" + strings.Repeat("x", i+1)}
		}
	}
	sequence, behind := arrange(orders)
	if len(sequence) != len(orders) || sequence[0] != len(orders)-1 || len(behind[0]) != 1 || behind[0][0] != 1 {
		t.Errorf("%v, %v", sequence, behind)
	}
}

func TestFlagsOfServing(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	want(t, d, 0, "app: online", "app: cluster mode is for scripts that node runs, and app.sh is a program of its own", "start", "app.sh", "-i", "2", "--mode", "cluster",
		"--listen", ":8080", "--listen", "unix:a.sock", "--listen-reuseport", "--wait-ready", "--listen-timeout", "20s", "--shutdown-with-message")
	sp := d.starts[0].Spec
	if !slices.Equal(sp.Listen, []string{"tcp://:8080", "unix:" + d.home + "/a.sock"}) || !sp.ListenReuse || !sp.WaitReady || sp.ListenTimeout != 20_000 ||
		!sp.ShutdownWithMessage || sp.Mode != velos.Fork || sp.Instances != 2 {
		t.Errorf("got %+v", sp)
	}
	want(t, d, 2, "", "--listen: x: needs a port", "start", "app.sh", "-n", "b", "--listen", "x")
	want(t, d, 2, "", "--mode: must be fork or cluster", "start", "app.sh", "-n", "b", "--mode", "x")
}
