package supervise

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/proc"
)

// forked reports whether a process is one that a former daemon has forked and
// that has not become its program yet: it does not carry its mark so long.
func forked(pid int) bool {
	if pid == os.Getpid() {
		return false
	}
	if _, marked := proc.Environ(pid, "VELOS_ID"); marked {
		return false
	}
	its, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return false
	}
	ours, err := os.Executable()
	return err == nil && filepath.Base(strings.TrimSuffix(its, " (deleted)")) == filepath.Base(ours)
}
