package verb

import (
	"hash/fnv"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/project"
)

// Auto is the word for a port that Velos chooses.
const Auto = config.AutoPort

// The range of ports that are chosen: below those that systems hand out by
// themselves.
const (
	FirstPort = 20_000
	LastPort  = 29_999
	stride    = 7919 // has no divisor with the number of ports in common: a walk meets each once
)

// SetPort puts a port into the environment of a program: a number, or with
// Auto one that is the same each time for the same project, worktree and name,
// and that nobody has. An app that has got one before keeps it.
func SetPort(s *velos.Spec, port string, apps []velos.App) error {
	if port == "" {
		return nil
	}
	if s.EnvFrom[velos.PortVar] == velos.FromFlags {
		return &velos.Error{Code: velos.Invalid, Message: "port " + port + ": PORT is set as a variable, too", Hint: "leave one of them out"}
	}
	if port != Auto {
		n, err := ParsePort(port)
		if err != nil {
			return err
		}
		setVar(s, strconv.Itoa(n), velos.FromPort)
		return nil
	}
	n, err := ChoosePort(s, apps, func(int) bool { return false })
	if err == nil {
		setVar(s, strconv.Itoa(n), velos.FromAuto)
	}
	return err
}

// ParsePort reads a port that is not to be chosen.
func ParsePort(port string) (int, error) {
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > velos.MaxPort {
		return 0, &velos.Error{Code: velos.Invalid, Message: "port " + strconv.Quote(port) + ": must be auto or a number up to 65535", Hint: "auto is a stable one that is free"}
	}
	return n, nil
}

// ChoosePort is the port that SetPort gives a program with Auto; none that is
// taken.
func ChoosePort(s *velos.Spec, apps []velos.App, taken func(port int) bool) (int, error) {
	n, ok := choose(s, apps, func(port int) bool { return !taken(port) && FreePort(port) }, taken)
	if !ok {
		return 0, &velos.Error{Code: velos.Conflict, Message: "port auto: no port from " + strconv.Itoa(FirstPort) + " to " + strconv.Itoa(LastPort) + " is free", Hint: "velos ports shows who has them"}
	}
	return n, nil
}

// UsualPort is the port that ChoosePort gives where nothing is known of who
// has what.
func UsualPort(s *velos.Spec, taken func(port int) bool) (int, error) {
	n, _ := choose(s, nil, func(port int) bool { return !taken(port) }, taken)
	return n, nil
}

// setVar gives a program its port, and leaves the maps that others may share
// alone.
func setVar(s *velos.Spec, value, from string) {
	with := func(m map[string]string, v string) map[string]string {
		c := make(map[string]string, len(m)+1)
		for k, old := range m {
			c[k] = old
		}
		c[velos.PortVar] = v
		return c
	}
	s.Env, s.EnvFrom = with(s.Env, value), with(s.EnvFrom, from)
}

// choose finds the port of a program: that of the app that it is, unless it
// does not run and somebody else has got hold of it; else the first of its own
// walk through the range that neither another app was given nor anybody listens
// on. Instances that run each on its own need as many in a row.
func choose(s *velos.Spec, apps []velos.App, free, taken func(port int) bool) (port int, ok bool) {
	root, given := project.Root(s.Cwd), map[int]bool{}
	for i := range apps {
		a := &apps[i].Spec
		if strings.EqualFold(a.Name, s.Name) && project.Root(a.Cwd) == root {
			n := a.Port()
			if a.EnvFrom[velos.PortVar] == velos.FromAuto && !taken(n) && (up(&apps[i]) || free(n)) {
				return n, true
			}
			continue // its own port is no stranger's
		}
		n, _ := strconv.Atoi(a.Env[velos.PortVar])
		for k := range max(a.PortRow(), 1) {
			given[n+k] = true
		}
	}
	h := fnv.New32a()
	h.Write([]byte(root + "\x00" + strings.ToLower(s.Name)))
	const size = LastPort - FirstPort + 1
	at, row := int(h.Sum32()%size), rowOf(s)
	for range size {
		n, fits := FirstPort+at, FirstPort+at+row-1 <= LastPort
		for k := 0; k < row && fits; k++ {
			fits = !given[n+k] && free(n+k)
		}
		if fits {
			return n, true
		}
		at = (at + stride) % size
	}
	return 0, false
}

// up reports whether an app has a process.
func up(a *velos.App) bool {
	return slices.ContainsFunc(a.Instances, func(in velos.Instance) bool { return in.PID != 0 })
}

// rowOf is how many ports in a row a program will take that has none yet.
func rowOf(s *velos.Spec) int {
	then := *s
	setVar(&then, strconv.Itoa(FirstPort), velos.FromAuto)
	return then.PortRow()
}

// FreePort reports whether nobody listens on a port of loopback, by trying.
func FreePort(port int) bool {
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			_ = l.Close()
		} else if host == "127.0.0.1" || isTaken(err) {
			return false // without ::1 the machine has no IPv6
		}
	}
	return true
}

func isTaken(err error) bool { return strings.Contains(err.Error(), "in use") }
