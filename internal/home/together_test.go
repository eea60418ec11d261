package home

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/velospm/velos"
)

// Two people may say velos save at the same moment.
func TestTwoWritersOfOneFileDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "saved.json")
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for range 25 {
				s := &State{NextID: uint32(w)}
				for i := range 40 {
					spec := velos.NewSpec()
					spec.Name, spec.Script, spec.Cwd = "api", "/srv/api", "/"
					s.Apps = append(s.Apps, Saved{ID: uint32(i + 1), Spec: spec})
				}
				if err := Write(path, s); err != nil {
					t.Error(err)
				}
				if _, err := Load(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
