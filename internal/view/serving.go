package view

import (
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// Addresses are what the processes of an app listen on, each once; before
// they do, what the daemon holds open for them. Without a process there is
// nobody to find.
func Addresses(a *velos.App) []string {
	var list []string
	running := false
	for i := range a.Instances {
		running = running || a.Instances[i].PID != 0
		for _, p := range a.Instances[i].Ports.List() {
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	if list == nil && running {
		return a.Spec.Listen
	}
	return list
}

// URL is where to look at what listens on addresses: the first TCP port, taken
// for a web server's, or else the first path of a socket. Empty: nowhere.
func URL(addresses []string) string {
	for _, a := range addresses {
		host, port, ok := cutAddress(a, "tcp://")
		if !ok || port == "0" {
			continue
		}
		if everywhere(host) || host == "127.0.0.1" || host == "[::1]" {
			host = "localhost"
		}
		return "http://" + host + ":" + port
	}
	for _, a := range addresses {
		if strings.HasPrefix(a, "unix:") {
			return a
		}
	}
	return ""
}

// cutAddress takes tcp://HOST:PORT apart; an IPv6 address keeps its brackets.
func cutAddress(a, scheme string) (host, port string, ok bool) {
	rest, ok := strings.CutPrefix(a, scheme)
	i := strings.LastIndexByte(rest, ':')
	if !ok || i < 0 {
		return "", "", false
	}
	return rest[:i], rest[i+1:], true
}

func everywhere(host string) bool {
	return host == "" || host == "0.0.0.0" || host == "[::]" || host == "::"
}

const (
	mostPorts = 3  // that a cell of a table shows
	pathWidth = 24 // of a socket's path there
)

// portsCell is addresses in as few characters as a table wants: :3000,
// 127.0.0.1:3000, udp:53, a path.
func portsCell(addresses []string) string {
	var words []string
	for _, a := range addresses {
		word := a
		if path, ok := strings.CutPrefix(a, "unix:"); ok {
			word = strings.ReplaceAll(path, " ", "?")
			if n := len([]rune(word)); n > pathWidth {
				word = "…" + string([]rune(word)[n-pathWidth+1:])
			}
		} else if host, port, ok := cutAddress(a, "tcp://"); ok {
			if everywhere(host) {
				host = ""
			}
			word = host + ":" + port
		} else if host, port, ok := cutAddress(a, "udp://"); ok {
			if everywhere(host) {
				host = ""
			}
			word = "udp:" + strings.TrimPrefix(host+":"+port, ":")
		}
		// The same port for IPv4 and for IPv6 is one to whoever reads it.
		if word = Text(word); !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	if n := len(words); n > mostPorts {
		words = append(words[:mostPorts:mostPorts], "+"+strconv.Itoa(n-mostPorts))
	}
	return strings.Join(words, " ")
}

// healthOf is the most alarming health of an app's instances; empty when none
// of them has a probe.
func healthOf(a *velos.App) velos.Health {
	order := []velos.Health{"", velos.Healthy, velos.HealthStarting, velos.Unhealthy}
	worst := 0
	for i := range a.Instances {
		worst = max(worst, slices.Index(order, a.Instances[i].Health))
	}
	return order[worst]
}

func healthColor(h velos.Health) string {
	switch h {
	case velos.Healthy:
		return green
	case velos.Unhealthy:
		return red
	}
	return yellow
}

// shortHealth is a health in --ai; what is as it should be is left out.
func shortHealth(h velos.Health) string {
	switch h {
	case velos.Unhealthy:
		return "bad"
	case velos.HealthStarting:
		return "start"
	}
	return ""
}

// health is what the probe of a run last said, with its reason.
func health(i *velos.Instance) string {
	if i.HealthText == "" || i.Health == velos.Healthy {
		return string(i.Health)
	}
	return string(i.Health) + ": " + i.HealthText
}

// mode is how an app's instances share the work.
func mode(c *velos.Spec) string {
	if c.Instances == 1 {
		return string(c.Mode)
	}
	return string(c.Mode) + ", " + plural(c.Instances, "instance")
}

// readiness says when a run counts as ready.
func readiness(c *velos.Spec) string {
	limit := c.ListenTimeout
	if limit == 0 {
		limit = velos.DefaultListenTimeout
	}
	within := ", within " + Span(limit)
	switch {
	case c.WaitReady:
		return "when it says so itself" + within
	case c.Ready != nil:
		return probe(c.Ready) + within
	case c.Mode == velos.Cluster:
		return ""
	}
	return "when it has lived for " + Span(c.MinUptime)
}

// probe says what is asked, and how often.
func probe(p *velos.Probe) string {
	s := ""
	switch {
	case p.HTTP != "":
		s = p.HTTP
	case p.TCP != "":
		s = "a connection to " + p.TCP
	case len(p.Exec) > 0:
		s = "exit code 0 of " + words(p.Exec)
	case p.Log != "":
		s = "a line with " + strconv.Quote(p.Log)
	}
	if p.Interval > 0 {
		s += ", every " + Span(p.Interval)
	}
	if p.Timeout > 0 {
		s += ", each at most " + Span(p.Timeout)
	}
	if p.Retries > 0 {
		s += ", " + plural(p.Retries, "failure") + " in a row count"
	}
	if p.StartPeriod > 0 {
		s += ", not in the first " + Span(p.StartPeriod)
	}
	return s
}

// ending says how a run is asked to end.
func ending(c *velos.Spec) string {
	how := c.StopSignal
	if c.ShutdownWithMessage {
		how = "message " + c.ShutdownMessage
		if c.ShutdownMessage == "" {
			how = `messages {"type":"shutdown"} and "shutdown"`
		}
	}
	return how + ", killed after " + Span(c.KillTimeout)
}

// servingSheet is what the configuration says about ports, readiness and
// health. What is not configured is no line.
func (o Options) servingSheet(s sheet, c *velos.Spec) {
	listen := strings.Join(c.Listen, ", ")
	if c.ListenReuse {
		listen += ", for each instance its own"
	}
	s.line("listen", listen)
	s.line("ready", readiness(c))
	if c.Health != nil {
		s.line("health", probe(c.Health))
	}
	if c.Watchdog > 0 {
		s.line("watchdog", "it says WATCHDOG=1 every "+Span(c.Watchdog))
	}
	var needs []string
	for _, d := range c.DependsOn {
		needs = append(needs, d.Name+" ("+strings.ReplaceAll(string(d.Condition), "_", " ")+")")
	}
	s.line("depends on", strings.Join(needs, ", "))
}

// beside says what a run is that is none of an app's instances.
func beside(i *velos.Instance) string {
	if i.Leaving {
		return "old run, finishing its connections"
	}
	return "new run, not ready yet"
}

// portText is the port that an app was given, with those of its other
// instances.
func portText(s *velos.Spec) string {
	n, row := s.Port(), s.PortRow()
	if n == 0 {
		return ""
	}
	text := strconv.Itoa(n)
	if row > 1 {
		text += " to " + strconv.Itoa(n+row-1)
	}
	if s.EnvFrom[velos.PortVar] == velos.FromAuto {
		text += " (auto)"
	}
	return text
}
