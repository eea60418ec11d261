//go:build linux

package daemon

import (
	"path/filepath"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

func TestAfterARebootAnAppFindsWhatIsAfterItInTheList(t *testing.T) {
	h := home.Home{Dir: filepath.Join(t.TempDir(), "h")}
	if err := h.Prepare(); err != nil {
		t.Fatal(err)
	}
	s := &home.State{Version: home.StateVersion, BootID: "11111111-2222-3333-4444-555555555555", NextID: 50}
	const n = 20
	for i := range n { // each depends on the next one
		spec := shell("app"+itoa(i), "exec sleep 600")
		if i < n-1 {
			spec.DependsOn = []velos.Dependency{{Name: "app" + itoa(i+1), Condition: velos.OnStarted}}
		}
		s.Apps = append(s.Apps, home.Saved{ID: uint32(i + 1), Spec: *spec, Status: velos.Online, Generation: 1,
			Runs: []home.Run{{Wanted: true, Status: velos.Online}}})
	}
	if err := home.Write(h.StateFile(), s); err != nil {
		t.Fatal(err)
	}
	c := dial(t, liveIn(t, h))
	for i := range n {
		await(t, func() bool { return status(t, c, "app"+itoa(i)) == velos.Online })
	}
}
