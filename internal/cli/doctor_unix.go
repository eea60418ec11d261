//go:build unix

package cli

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos/internal/unit"
)

// freeBytes is what an ordinary user can still write where dir is.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(uint64(st.Bavail) * uint64(st.Bsize)), nil
}

// fewFiles is how many descriptors are too few: a program takes two of the
// daemon's, and its keeper holds them too.
const fewFiles = 1024

// checkLimits looks at the limits of the daemon, which its programs inherit.
func (d *doctor) checkLimits(pid int) {
	if runtime.GOOS != "linux" {
		return
	}
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/limits")
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "Max open files")
		words := strings.Fields(rest)
		if !ok || len(words) < 2 {
			continue
		}
		if n, err := strconv.Atoi(words[0]); err == nil && n < fewFiles {
			d.say("limits", odd, "velosd and its programs may open "+words[0]+" files each", "ulimit -n 65536; velos kill --leave && velos list")
			return
		}
		d.say("limits", fine, "velosd may open "+words[0]+" files", "")
	}
}

// checkBoot looks whether apps come back with the system, in the same way as
// startup does.
func (d *doctor) checkBoot() {
	init, running := unit.Detect(d.machine())
	if init == "" || !running {
		return
	}
	if exists("/.dockerenv") || exists("/run/.containerenv") {
		return // the container's own start brings them back
	}
	b := &boot{session: d.session, verb: "startup", machine: d.machine(), euid: os.Geteuid()}
	if err := b.plan(); err != nil {
		d.say("boot", odd, err.Error(), "")
		return
	}
	for _, file := range b.service.Files {
		if !exists(file.Path) {
			d.say("boot", odd, "apps do not come back with the system: there is no "+file.Path, "velos startup")
			return
		}
	}
	d.say("boot", fine, "apps come back with the system ("+string(init)+")", "")
	if init != unit.Systemd || b.facts.System {
		return
	}
	if !exists("/var/lib/systemd/linger/" + b.facts.User) {
		d.say("linger", odd, "the service begins with the first login and ends with the last", line([]string{"sudo", "loginctl", "enable-linger", b.facts.User}))
	}
}
