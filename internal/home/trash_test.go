package home

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func TestTheTrashIsBoundedInNumberAndAge(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	now := velos.TimeOf(time.Now())
	for id := range uint32(maxTrash + 10) {
		if err := h.Discard(&velos.Trashed{ID: id + 1, Spec: velos.NewSpec(), Deleted: now + velos.Time(id), Expires: now + 60_000}); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(id) * time.Millisecond)
		if id == maxTrash+9 { // the newest but for its age
			at = time.Now().Add(-2 * time.Hour)
		}
		if err := os.Chtimes(h.trashed(id+1), at, at); err != nil {
			t.Fatal(err)
		}
	}
	stranger := filepath.Join(h.TrashDir(), "1.json.tmp") // somebody is writing it
	if err := os.WriteFile(stranger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	gone := map[uint32]bool{}
	h.BoundTrash(time.Hour, func(id uint32) { gone[id] = true })
	if len(gone) != 10 || !gone[1] || !gone[9] || !gone[maxTrash+10] {
		t.Errorf("gone: %v; want the first nine and the one that is too old", gone)
	}
	list := h.Trash(now, func(id uint32) { t.Errorf("%d is gone, too", id) })
	if len(list) != maxTrash || list[0].ID != maxTrash+9 {
		t.Errorf("%d are left, the newest is %d", len(list), list[0].ID)
	}
}
