package cli

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/unit"
)

// machine is what startup asks about this system.
func (s *session) machine() unit.Machine {
	first, _ := os.ReadFile("/proc/1/comm")
	return unit.Machine{
		OS: runtime.GOOS, First: strings.TrimSpace(string(first)),
		Exists: func(path string) bool { _, err := os.Stat(path); return err == nil },
		Find: func(name string) bool {
			for _, dir := range filepath.SplitList(s.Vars["PATH"]) {
				if st, err := os.Stat(filepath.Join(dir, name)); filepath.IsAbs(dir) && err == nil && !st.IsDir() {
					return true
				}
			}
			return false
		},
	}
}

// account is the name of a user and their home directory; a user whom the
// system does not know goes by the number.
func account(uid int) (name, dir string) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid), ""
	}
	return u.Username, u.HomeDir
}
