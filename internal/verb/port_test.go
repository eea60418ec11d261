package verb

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func app(name, cwd string) *velos.Spec {
	s := velos.NewSpec()
	s.Name, s.Cwd = name, cwd
	return &s
}

func TestAPortIsTheSameEachTimeAndNobodysElse(t *testing.T) {
	none, not := func(int) bool { return true }, func(int) bool { return false }
	dir := t.TempDir()
	first, ok := choose(app("web", dir), nil, none, not)
	again, _ := choose(app("web", dir), nil, none, not)
	if !ok || first != again || first < FirstPort || first > LastPort {
		t.Fatal(first, again, ok)
	}
	other, _ := choose(app("web", t.TempDir()), nil, none, not)
	if other == first {
		t.Error("two projects have the same port")
	}
	next, _ := choose(app("web", dir), nil, func(p int) bool { return p != first }, not)
	if next == first || next < FirstPort || next > LastPort {
		t.Error("a port that is taken was chosen:", next)
	}
	own := app("web", dir)
	setVar(own, strconv.Itoa(next), velos.FromAuto)
	running := velos.App{Spec: *own, Instances: []velos.Instance{{PID: 1}}}
	if kept, _ := choose(app("web", dir), []velos.App{running}, not, not); kept != next {
		t.Errorf("the app's own port %d was not kept: %d", next, kept)
	}
	if kept, _ := choose(app("web", dir), []velos.App{{Spec: *own}}, none, not); kept != next {
		t.Errorf("the port %d of the app that is down was not kept: %d", next, kept)
	}
	if moved, _ := choose(app("web", dir), []velos.App{{Spec: *own}}, func(p int) bool { return p != next }, not); moved != first {
		t.Errorf("the app that is down waits for the port %d that somebody else has: %d", next, moved)
	}
	if moved, _ := choose(app("web", dir), []velos.App{running}, none, func(p int) bool { return p == next }); moved == next {
		t.Error("a port that its file gives to another app was kept")
	}
	given := app("else", t.TempDir())
	setVar(given, strconv.Itoa(first), velos.FromAuto)
	if p, _ := choose(app("web", dir), []velos.App{{Spec: *given}}, none, not); p == first {
		t.Error("another app's port was chosen")
	}
	if _, ok := choose(app("web", dir), nil, not, not); ok {
		t.Error("there was a port although none is free")
	}
	several := app("web", dir)
	several.Instances = 3
	if p, _ := choose(several, nil, func(p int) bool { return p != first+2 }, not); p == first || p+2 > LastPort {
		t.Error("three instances were given a row that somebody is in:", p)
	}
}

func TestAPortIsSaidOnceAndOneThatThereIs(t *testing.T) {
	for _, bad := range []string{"0", "65536", "-1", "3000.5", "http", "autos"} {
		if err := SetPort(app("web", t.TempDir()), bad, nil); velos.CodeOf(err) != velos.Invalid || err == nil {
			t.Errorf("port %s: %v", bad, err)
		}
	}
	s := app("web", t.TempDir())
	s.Env, s.EnvFrom = map[string]string{"PORT": "1"}, map[string]string{"PORT": velos.FromFlags}
	if err := SetPort(s, "3000", nil); err == nil {
		t.Error("--set PORT=1 --port 3000 was taken")
	}
	s.EnvFrom = nil // the shell's
	if err := SetPort(s, "3000", nil); err != nil || s.Port() != 3000 || s.EnvFrom["PORT"] != velos.FromPort {
		t.Error(err, s.Env, s.EnvFrom)
	}
}

func TestEnsureTellsAnAppWithAnotherPort(t *testing.T) {
	old := app("web", t.TempDir())
	for _, c := range []struct {
		port, env, from, want string
	}{
		{"", "3000", velos.FromPort, ""},
		{"3000", "3000", velos.FromPort, ""},
		{"3000", "3000", velos.FromFile, ""},
		{"3000", "4000", velos.FromPort, `port: "4000", wanted: "3000"`},
		{Auto, "3000", velos.FromPort, ""},
		{Auto, "", "", `port: "", wanted: "auto"`},
	} {
		old.Env, old.EnvFrom = map[string]string{"PORT": c.env}, map[string]string{"PORT": c.from}
		e := Ensure{Spec: *old, Port: c.port}
		if got := strings.Join(e.Diff(old), "; "); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestANameOfAnotherProjectGetsTheDirectoryBehindIt(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	apps := []velos.App{{Spec: *app("api", one)}}
	if old, _ := claim(apps, "API", one); old != &apps[0] {
		t.Error("the project's own app was not found")
	}
	old, name := claim(apps, "api", two)
	if old != nil || name != "api-002" {
		t.Error(old, name)
	}
	apps = append(apps, velos.App{Spec: *app(name, two)})
	if old, _ := claim(apps, "api", two); old != &apps[1] {
		t.Error("the second one was not found again")
	}
}

func TestAnAppThatDoesNotListenWhereItWasToldTo(t *testing.T) {
	a := velos.App{Status: velos.Online, Spec: *app("web", t.TempDir()), Instances: []velos.Instance{{PID: 1, Ports: "tcp://[::]:3000"}}}
	a.Spec.Instances = 2
	for _, c := range []struct {
		port, from string
		status     velos.Status
		want       []int
	}{
		{"3000", velos.FromFile, velos.Online, nil},
		{"3000", velos.FromPort, velos.Online, []int{3001}}, // the second instance's
		{"4000", velos.FromFlags, velos.Online, []int{4000}},
		{"4000", velos.FromFlags, velos.Starting, nil},
		{"4000", "", velos.Online, nil}, // the shell's
		{"/run/a.sock", velos.FromFile, velos.Online, nil},
	} {
		a.Status, a.Spec.Env, a.Spec.EnvFrom = c.status, map[string]string{"PORT": c.port}, map[string]string{"PORT": c.from}
		if got := Deaf(&a); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
