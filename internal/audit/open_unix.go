//go:build unix

package audit

import (
	"os"

	"golang.org/x/sys/unix"
)

// plain refuses a symbolic link, and does not wait for whoever is at the other
// end of a pipe.
const plain = unix.O_NOFOLLOW | unix.O_NONBLOCK

// roomy reports whether the file system takes more. One that does not say does.
func roomy(f *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &st) != nil {
		return true
	}
	return uint64(st.Bavail)*uint64(st.Bsize) > 2*maxLine
}
