package supervise

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/velospm/velos"
)

func TestEnvironmentsOfAppsThatAreGoneAreForgotten(t *testing.T) {
	var e envs
	apps := map[uint32]*app{}
	stays := testSpec()
	stays.Env = map[string]string{"SHELL": "/bin/sh"}
	e.share(&stays, apps)
	a := &app{id: 1}
	a.spec.Store(&stays)
	apps[1] = a
	for i := range 1000 {
		s := testSpec()
		s.Env = map[string]string{"N": strconv.Itoa(i)}
		e.share(&s, apps)
		if most := 2*len(apps) + spare + 1; len(e.maps) > most {
			t.Fatalf("after %d apps %d environments are kept; at most %d may be", i+1, len(e.maps), most)
		}
	}
	again := velos.Spec{Env: map[string]string{"SHELL": "/bin/sh"}}
	e.share(&again, apps)
	if reflect.ValueOf(again.Env).Pointer() != reflect.ValueOf(stays.Env).Pointer() {
		t.Error("an app that is there shares its environment no more")
	}
}
