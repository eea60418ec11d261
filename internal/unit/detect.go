package unit

// A Machine is what Detect asks about a system.
type Machine struct {
	OS     string                 // as runtime.GOOS
	First  string                 // name of process 1; empty: not known
	Exists func(path string) bool // a file or directory
	Find   func(name string) bool // a program
}

// Detect finds the init system: the one that runs, else one that is installed.
// Running tells which; an empty Init means that there is none that Make knows.
func Detect(m Machine) (i Init, running bool) {
	if m.OS == "darwin" {
		return Launchd, true
	}
	if m.OS != "linux" {
		return "", false
	}
	switch {
	case m.Exists("/run/systemd/system"): // what sd_booted looks at
		return Systemd, true
	case m.First == "s6-svscan":
		return S6, true
	case m.First == "runit", m.Exists("/run/runit.stopit"), m.Exists("/run/runit"):
		return Runit, true
	case m.Exists("/run/openrc"): // last: it may be there beside s6 and runit
		return OpenRC, true
	case m.Find("systemctl"):
		return Systemd, false
	case m.Exists("/sbin/openrc-run"):
		return OpenRC, false
	case m.Find("runsvdir"):
		return Runit, false
	case m.Find("s6-svscan"):
		return S6, false
	}
	return "", false
}

// Places finds the directories of runit and s6 on this machine.
func Places(i Init, m Machine) (services, scan string) {
	first := func(paths ...string) string {
		for _, p := range paths {
			if m.Exists(p) {
				return p
			}
		}
		return paths[0]
	}
	switch i {
	case Runit: // Void, Debian; Artix
		return first("/etc/sv", "/etc/runit/sv"), first("/var/service", "/etc/service", "/etc/runit/runsvdir/default", "/service")
	case S6:
		return "/etc/s6/sv", ""
	}
	return "", ""
}
