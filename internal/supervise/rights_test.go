//go:build unix

package supervise

import (
	"os"
	"testing"

	"github.com/velospm/velos"
)

func TestAnotherUserCannotBeAskedToSpeakOnASocketItCannotReach(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs programs as others")
	}
	for _, c := range []struct {
		name string
		set  func(*velos.Spec)
		want velos.Code
	}{
		{"wait_ready", func(s *velos.Spec) { s.WaitReady = true }, velos.Invalid},
		{"watchdog", func(s *velos.Spec) { s.Watchdog = 1000 }, velos.Invalid},
		{"Node has its channel", func(s *velos.Spec) { s.WaitReady, s.Interpreter = true, "/usr/bin/node" }, 0},
		{"Node has no watchdog", func(s *velos.Spec) { s.Watchdog, s.Interpreter = 1000, "/usr/bin/node" }, velos.Invalid},
		{"root", func(s *velos.Spec) { s.WaitReady, s.Identity = true, &velos.Identity{} }, 0},
		{"neither", func(*velos.Spec) {}, 0},
	} {
		spec := testSpec()
		spec.Identity = &velos.Identity{UID: 65534, GID: 65534}
		c.set(&spec)
		_, err := rights(&spec)
		if c.want == 0 && err != nil || c.want != 0 && (velos.CodeOf(err) != c.want || velos.HintOf(err) == "") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
