package daemon

import (
	"os"
	"strings"
	"sync"
)

// users remembers the names of the few users that ever ask.
var users sync.Map // uid → name

// userName reads the password file by hand: os/user would double the daemon's
// dependencies for one line.
func userName(uid int) string {
	if n, ok := users.Load(uid); ok {
		return n.(string)
	}
	name := itoa(uid)
	b, err := os.ReadFile("/etc/passwd")
	if err == nil {
		for line := range strings.SplitSeq(string(b), "\n") {
			f := strings.Split(line, ":")
			if len(f) > 2 && f[2] == itoa(uid) {
				name = f[0]
				break
			}
		}
	}
	users.Store(uid, name)
	return name
}

// exeOf is the short name of a program, as ps shows it; empty when the system
// does not tell.
func exeOf(pid int) string {
	b, err := os.ReadFile("/proc/" + itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
