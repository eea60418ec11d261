//go:build linux || darwin

package search

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// noFollow keeps a symbolic link from leading elsewhere, and a FIFO from
// making us wait.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// mapped is the file in memory; nil when that is not possible, and it is read
// instead.
func mapped(f *os.File, size int64) []byte {
	if size <= 0 || size != int64(int(size)) {
		return nil
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil
	}
	return b
}

func unmap(b []byte) {
	if b != nil {
		_ = unix.Munmap(b)
	}
}

func inode(st os.FileInfo) uint64 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}
