package daemon

import (
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

// Who looked through the trash once removed what another delete was writing.
func TestWhatIsDeletedAtTheSameTimeIsAllInTheTrash(t *testing.T) {
	d := &Daemon{home: home.Home{Dir: t.TempDir()}}
	const many = 40
	var group sync.WaitGroup
	now := velos.TimeOf(time.Now())
	for id := range uint32(many) {
		group.Go(func() {
			if err := d.throw(&velos.Trashed{ID: id + 1, Spec: velos.NewSpec(), Deleted: now, Expires: now + 60_000}); err != nil {
				t.Error(err)
			}
			d.emptyTrash()
		})
	}
	group.Wait()
	if list := d.emptyTrash(); len(list) != many {
		t.Errorf("%d of %d are in the trash", len(list), many)
	}
}
