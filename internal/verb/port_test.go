package verb

import (
	"strconv"
	"testing"

	"github.com/velospm/velos"
)

func app(name, cwd string) *velos.Spec {
	s := velos.NewSpec()
	s.Name, s.Cwd = name, cwd
	return &s
}

func TestAPortIsTheSameEachTimeAndNobodysElse(t *testing.T) {
	none := func(int) bool { return true }
	dir := t.TempDir()
	first, ok := choose(app("web", dir), nil, none)
	again, _ := choose(app("web", dir), nil, none)
	if !ok || first != again || first < FirstPort || first > LastPort {
		t.Fatal(first, again, ok)
	}
	other, _ := choose(app("web", t.TempDir()), nil, none)
	if other == first {
		t.Error("two projects have the same port")
	}
	next, _ := choose(app("web", dir), nil, func(p int) bool { return p != first })
	if next == first || next < FirstPort || next > LastPort {
		t.Error("a port that is taken was chosen:", next)
	}
	own := app("web", dir)
	setVar(own, portVar, strconv.Itoa(next), velos.FromAuto)
	if kept, _ := choose(app("web", dir), []velos.App{{Spec: *own}}, func(int) bool { return false }); kept != next {
		t.Errorf("the app's own port %d was not kept: %d", next, kept)
	}
	given := app("else", t.TempDir())
	setVar(given, portVar, strconv.Itoa(first), velos.FromAuto)
	if p, _ := choose(app("web", dir), []velos.App{{Spec: *given}}, none); p == first {
		t.Error("another app's port was chosen")
	}
	if _, ok := choose(app("web", dir), nil, func(int) bool { return false }); ok {
		t.Error("there was a port although none is free")
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
