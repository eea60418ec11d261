//go:build unix

package mcp

import (
	"io/fs"
	"os"
	"syscall"
)

// private reports a file that nobody but its owner, who we are, may read.
func private(i fs.FileInfo) bool {
	st, ok := i.Sys().(*syscall.Stat_t)
	return ok && i.Mode().Perm()&0o077 == 0 && int(st.Uid) == os.Geteuid()
}
