package supervise

import (
	"os"
	"sync"
	"testing"

	"github.com/velospm/velos/internal/cluster"
	"github.com/velospm/velos/internal/home"
)

func TestWorkersThatStartAtOnceAllGetTheDrainScript(t *testing.T) {
	for range 50 {
		d := drainScript{home: home.Home{Dir: t.TempDir()}}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				path, err := d.put()
				if err != nil {
					t.Error(err)
					return
				}
				if b, err := os.ReadFile(path); err != nil || string(b) != cluster.DrainScript {
					t.Errorf("%d bytes, %v", len(b), err)
				}
			})
		}
		all.Wait()
	}
}
