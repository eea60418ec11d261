package home

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

// maxTrash is how many deleted apps are kept, and largestTrash bounds what is
// read of one.
const (
	maxTrash     = 64
	largestTrash = 8 << 20
)

// TrashDir is where deleted apps are, in a file for each.
func (h Home) TrashDir() string { return h.file("trash") }

func (h Home) trashed(id uint32) string {
	return filepath.Join(h.TrashDir(), strconv.FormatUint(uint64(id), 10)+".json")
}

// Discard puts a deleted app into the trash, without the values of env files.
func (h Home) Discard(t *velos.Trashed) error {
	c := *t
	c.Spec.FileEnv = nil
	if err := os.Mkdir(h.TrashDir(), 0o700); err != nil && !os.IsExist(err) {
		return fault("make", h.TrashDir(), err, "")
	}
	path := h.trashed(t.ID)
	tmp := path + ".tmp"
	err := os.WriteFile(tmp, append(record.AppendJSON(nil, &c), '\n'), 0o600)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return fault("write to the trash", path, err, "")
	}
	return nil
}

// Trash is the deleted apps that can be brought back, the one that was deleted
// last coming first. What is too old, too much or damaged is removed, and gone
// is told of it.
func (h Home) Trash(now velos.Time, gone func(id uint32)) []velos.Trashed {
	names, err := os.ReadDir(h.TrashDir())
	if err != nil {
		return nil
	}
	var list []velos.Trashed
	for _, e := range names {
		path := filepath.Join(h.TrashDir(), e.Name())
		n, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), ".json"), 10, 32)
		if err != nil {
			os.Remove(path) // what a crash has left
			continue
		}
		var t velos.Trashed
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() && st.Size() <= largestTrash {
			if b, err := os.ReadFile(path); err == nil && record.DecodeJSON(b, &t) == nil && uint64(t.ID) == n && t.Expires > now {
				list = append(list, t)
				continue
			}
		}
		os.Remove(path)
		gone(uint32(n))
	}
	slices.SortFunc(list, func(a, b velos.Trashed) int {
		return cmp.Or(cmp.Compare(b.Deleted, a.Deleted), cmp.Compare(b.ID, a.ID))
	})
	for i := maxTrash; i < len(list); i++ {
		h.Undiscard(list[i].ID)
		gone(list[i].ID)
	}
	return list[:min(len(list), maxTrash)]
}

// BoundTrash removes from the trash what was put there longer ago than life, or
// is too much. It does so at every deletion, and reads no file for it.
func (h Home) BoundTrash(life time.Duration, gone func(id uint32)) {
	type entry struct {
		id uint32
		at time.Time
	}
	names, err := os.ReadDir(h.TrashDir())
	if err != nil {
		return
	}
	list := make([]entry, 0, len(names))
	for _, e := range names {
		n, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), ".json"), 10, 32)
		st, failed := e.Info()
		if err == nil && failed == nil {
			list = append(list, entry{uint32(n), st.ModTime()})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.id, a.id)) })
	for i, e := range list {
		if i >= maxTrash || time.Since(e.at) >= life {
			h.Undiscard(e.id)
			gone(e.id)
		}
	}
}

// Undiscard takes an app out of the trash.
func (h Home) Undiscard(id uint32) { os.Remove(h.trashed(id)) }

// EmptyTrash removes every app from it.
func (h Home) EmptyTrash() { os.RemoveAll(h.TrashDir()) }
