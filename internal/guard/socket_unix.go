//go:build unix

package guard

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/velospm/velos"
)

// listenUnix binds a socket that only its user can connect to, from its first
// moment. The umask is the whole process's: doors are opened before anything
// else happens.
func listenUnix(path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, refused(path, err)
	case info.Mode()&fs.ModeSocket == 0:
		return nil, denied("listen on "+path+": there is something that is not a socket", "move it away")
	default:
		if c, err := net.Dial("unix", path); err == nil {
			_ = c.Close()
			return nil, &velos.Error{Code: velos.Conflict, Message: "listen on " + path + ": something answers there already", Hint: "end it, or give another --socket"}
		}
		if err := os.Remove(path); err != nil {
			return nil, refused(path, err)
		}
	}
	mask := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(mask)
	if err != nil {
		return nil, refused(path, err)
	}
	return l, nil
}

// private reports whether nobody else may read a file.
func private(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
