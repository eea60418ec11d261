package verb

import (
	"testing"

	"github.com/velospm/velos"
)

func TestAnInstanceThatWasStoppedByOrderDoesNotKeepAnAppFromBeingReady(t *testing.T) {
	on := velos.Instance{Status: velos.Online, Wanted: true}
	off := velos.Instance{Status: velos.Stopped}
	late := velos.Instance{Status: velos.Starting, Wanted: true}
	for _, c := range []struct {
		list []velos.Instance
		want bool
	}{
		{nil, false},
		{[]velos.Instance{on, on}, true},
		{[]velos.Instance{on, off}, true},
		{[]velos.Instance{off}, false},
		{[]velos.Instance{on, late}, false},
	} {
		if got := ready(c.list); got != c.want {
			t.Errorf("%v: %v", c.list, got)
		}
	}
}
