package cli

import (
	"path/filepath"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
)

// left is what a start that the daemon has died under is to the next one.
func left(t *testing.T, d *fake, st step, apps []velos.App, since velos.Time) (did string) {
	t.Helper()
	c, err := client.Dial(filepath.Join(d.home, "velos.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o := (&session{conn: c}).startOrder(st, true)
	if did, _, err = o.after(apps, since)(t.Context()); err != nil {
		t.Error(err)
	}
	return did
}

func TestAnAppWhoseIdWasNotOnDiskIsFoundByItsNameAlone(t *testing.T) {
	spec := velos.NewSpec()
	spec.Name, spec.Script = "api", "/srv/api.js"
	made := velos.App{ID: 1, Spec: spec, Created: 10}
	other := made
	other.Spec.Name, other.Created = "mail", 11 // has the id now

	d := newFake(t)
	left(t, d, step{app: &made, made: &spec, inst: -1}, []velos.App{other}, 9)
	if len(d.starts) != 1 || d.starts[0].ID != 0 || d.starts[0].Spec == nil || d.starts[0].Spec.Name != "api" {
		t.Errorf("starts %+v; want the whole Spec once more", d.starts)
	}

	d = newFake(t, "mail", "api")
	moved := d.apps[1]
	moved.Created = 12
	left(t, d, step{app: &made, made: &spec, inst: -1}, []velos.App{other, moved}, 9)
	if len(d.starts) != 1 || d.starts[0].ID != moved.ID {
		t.Errorf("starts %+v; want the id that the next daemon has for it", d.starts)
	}

	d = newFake(t)
	before := made
	before.Created = 5 // somebody else's
	left(t, d, step{spec: &spec, inst: -1}, []velos.App{before}, 9)
	if len(d.starts) != 1 || d.starts[0].Spec == nil {
		t.Errorf("starts %+v; want it given again: the daemon says that the name is taken", d.starts)
	}
}

func TestAnAppThatIsOnlyAddedIsNotSaidToHaveEnded(t *testing.T) {
	d := newFake(t, "other")
	spec := velos.NewSpec()
	spec.Name, spec.Autostart = "api", false
	d.add(spec, velos.Stopped).Created = 7
	if did := left(t, d, step{spec: &spec, inst: -1}, d.apps, 6); did != notStarted || len(d.starts) > 0 {
		t.Errorf("%q, starts %+v; want %q", did, d.starts, notStarted)
	}
}
