//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ownerOf is who a home belongs to. One that is not there yet will belong to
// the owner of what it will be made in.
func ownerOf(dir string) (uid int, err error) {
	for {
		st, err := os.Stat(dir)
		if err == nil {
			return int(st.Sys().(*syscall.Stat_t).Uid), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return 0, err
		}
		dir = filepath.Dir(dir)
	}
}
