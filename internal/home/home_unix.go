//go:build unix

package home

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const hasModes = true

func owned(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

func writable(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// plain are flags for opening a file of ours: a link there was not made by
// us, and a pipe must not hold us up.
const plain = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// syncDir makes a rename in dir outlive a power cut.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
