//go:build unix && !linux

package child

import (
	"os"
	"syscall"
)

// wait takes one end, if there is any.
func (h *Host) wait(ws *syscall.WaitStatus) (pid int, err error) {
	return syscall.Wait4(-1, ws, syscall.WNOHANG, nil)
}

// ownPath is this program.
func ownPath() (string, error) { return os.Executable() }
