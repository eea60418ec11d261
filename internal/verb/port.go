package verb

import (
	"hash/fnv"
	"net"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/project"
)

// Auto is the word for a port that Velos chooses.
const Auto = "auto"

// The range of ports that are chosen: below those that systems hand out by
// themselves.
const (
	FirstPort = 20_000
	LastPort  = 29_999
	stride    = 7919 // has no divisor with the number of ports in common: a walk meets each once
)

// portVar is the variable that programs learn their port from.
const portVar = "PORT"

// SetPort puts a port into the environment of a program: a number, or with
// Auto one that is the same each time for the same project, worktree and name,
// and that nobody has. An app that has got one before keeps it.
func SetPort(s *velos.Spec, port string, apps []velos.App) error {
	if port == "" {
		return nil
	}
	if port != Auto {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return &velos.Error{Code: velos.Invalid, Message: "port " + strconv.Quote(port) + ": must be auto or a number up to 65535", Hint: "auto is a stable one that is free"}
		}
		setVar(s, portVar, strconv.Itoa(n), velos.FromFlags)
		return nil
	}
	n, ok := choose(s, apps, free)
	if !ok {
		return &velos.Error{Code: velos.Conflict, Message: "port auto: no port from " + strconv.Itoa(FirstPort) + " to " + strconv.Itoa(LastPort) + " is free", Hint: "velos ports shows who has them"}
	}
	setVar(s, portVar, strconv.Itoa(n), velos.FromAuto)
	return nil
}

// setVar gives a program a variable, and leaves the map that others may share
// alone.
func setVar(s *velos.Spec, key, value, from string) {
	with := func(m map[string]string, v string) map[string]string {
		c := make(map[string]string, len(m)+1)
		for k, old := range m {
			c[k] = old
		}
		c[key] = v
		return c
	}
	s.Env, s.EnvFrom = with(s.Env, value), with(s.EnvFrom, from)
}

// PortOf is the port that was chosen for an app; 0: none was.
func PortOf(s *velos.Spec) int {
	if s.EnvFrom[portVar] != velos.FromAuto {
		return 0
	}
	n, _ := strconv.Atoi(s.Env[portVar])
	return n
}

// choose finds the port of a program: that of the app that it is, else the
// first of its own walk through the range that neither another app has been
// given nor anybody listens on. Several instances with a variable that counts
// need as many in a row.
func choose(s *velos.Spec, apps []velos.App, free func(port int) bool) (port int, ok bool) {
	root := project.Root(s.Cwd)
	given := map[int]bool{}
	for i := range apps {
		a := &apps[i].Spec
		n := PortOf(a)
		if n != 0 && strings.EqualFold(a.Name, s.Name) && project.Root(a.Cwd) == root {
			return n, true
		}
		for k := 0; n != 0 && k < row(a); k++ {
			given[n+k] = true
		}
	}
	h := fnv.New32a()
	h.Write([]byte(root + "\x00" + strings.ToLower(s.Name)))
	const size = LastPort - FirstPort + 1
	at := int(h.Sum32() % size)
	for range size {
		n, fits := FirstPort+at, FirstPort+at+row(s)-1 <= LastPort
		for k := 0; k < row(s) && fits; k++ {
			fits = !given[n+k] && free(n+k)
		}
		if fits {
			return n, true
		}
		at = (at + stride) % size
	}
	return 0, false
}

// row is how many ports in a row an app takes.
func row(s *velos.Spec) int {
	if s.IncrementVar == portVar {
		return max(s.Instances, 1)
	}
	return 1
}

// free reports whether nobody listens on a port of loopback, by trying.
func free(port int) bool {
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
