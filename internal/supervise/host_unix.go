//go:build unix

package supervise

import (
	"os"
	"syscall"
)

func openNull() (int, error) {
	return syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
}

func closeFD(fd int) { _ = syscall.Close(fd) }

// say writes a line of ours into a pipe that nobody has written to yet.
func say(fd int, line string) { _, _ = syscall.Write(fd, []byte(line)) }

func chownFD(fd, uid, gid int) error { return syscall.Fchown(fd, uid, gid) }
