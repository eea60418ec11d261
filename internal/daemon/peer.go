package daemon

import (
	"bytes"
	"strings"
	"sync"

	"github.com/velospm/velos/internal/proc"
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
	proc.Lines("/etc/passwd", func(line []byte) bool {
		user, rest, _ := bytes.Cut(line, []byte{':'})
		_, rest, _ = bytes.Cut(rest, []byte{':'})
		number, _, ok := bytes.Cut(rest, []byte{':'})
		if !ok || string(number) != name {
			return true
		}
		name = string(user)
		return false
	})
	users.Store(uid, name)
	return name
}

// exeOf is the short name of a program, as ps shows it; empty when the system
// does not tell.
func exeOf(pid int) (name string) {
	proc.Lines("/proc/"+itoa(pid)+"/comm", func(line []byte) bool {
		name = strings.TrimSpace(string(line))
		return false
	})
	return name
}
