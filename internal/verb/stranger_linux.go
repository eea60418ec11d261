package verb

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sees: what processes listen on can be seen here.
const sees = true

// stranger finds the process that listens on a TCP port, as far as we may
// look: the processes of others hide what they have open.
func stranger(port int) []Port {
	var list []Port
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(b), "\n") {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" { // listening
				continue
			}
			_, hexPort, _ := strings.Cut(f[1], ":")
			b, err := hex.DecodeString(hexPort)
			if err != nil || len(b) != 2 || int(b[0])<<8|int(b[1]) != port {
				continue
			}
			pid, program := owner("socket:[" + f[9] + "]")
			p := Port{Port: port, Address: "tcp://:" + strconv.Itoa(port), PID: pid, Program: program}
			if pid > 0 {
				p.Cwd, _ = os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
			}
			list = append(list, p)
		}
	}
	return list[:min(len(list), 1)]
}

// owner is the process that has a descriptor with this name.
func owner(name string) (pid int, program string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		fds, _ := os.ReadDir(dir + "/fd")
		for _, fd := range fds {
			if to, err := os.Readlink(dir + "/fd/" + fd.Name()); err != nil || to != name {
				continue
			}
			pid, _ = strconv.Atoi(filepath.Base(dir))
			comm, _ := os.ReadFile(dir + "/comm")
			return pid, strings.TrimSpace(string(comm))
		}
	}
	return 0, ""
}
