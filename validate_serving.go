package velos

import (
	"strconv"
	"strings"
)

// MaxListen bounds the addresses of one app.
const MaxListen = 16

// checkServing checks what an app listens on and how it says that it is well.
func (s *Spec) checkServing() *fault {
	if len(s.Listen) > MaxListen {
		return &fault{field: "listen", what: "must be at most " + strconv.Itoa(MaxListen) + " addresses, not " + strconv.Itoa(len(s.Listen)), hint: "leave some out"}
	}
	for i, a := range s.Listen {
		if what := listenProblem(a); what != "" {
			return &fault{field: "listen", what: quote(a) + ": " + what, hint: `such as "tcp://:8080", "tcp://127.0.0.1:8080", "udp://:53" or "unix:/run/api.sock"`}
		}
		for _, b := range s.Listen[:i] {
			if a == b {
				return &fault{field: "listen", what: quote(a) + " is there twice", hint: "leave one out"}
			}
		}
	}
	if s.ListenReuse && len(s.Listen) == 0 {
		return &fault{field: "listen_reuseport", what: "needs listen", hint: `such as listen = ["tcp://:8080"]`}
	}
	if s.WaitReady && s.Ready != nil {
		return &fault{field: "ready", what: "wait_ready is there, too", hint: "leave one of them out"}
	}
	for _, d := range [...]struct {
		field string
		v     Millis
	}{{"listen_timeout", s.ListenTimeout}, {"watchdog", s.Watchdog}} {
		if f := duration(d.field, d.v); f != nil {
			return f
		}
	}
	if s.ShutdownMessage != "" && !s.ShutdownWithMessage {
		return &fault{field: "shutdown_message", what: "needs shutdown_with_message", hint: "shutdown_with_message = true"}
	}
	if strings.ContainsAny(s.ShutdownMessage, "\n\x00") {
		return &fault{field: "shutdown_message", what: "must be one line of JSON", hint: `such as {"type":"shutdown"}`}
	}
	if f := s.Ready.check("ready"); f != nil {
		return f
	}
	return s.Health.check("health")
}

func duration(field string, v Millis) *fault {
	switch {
	case v < 0:
		return &fault{field: field, what: "must be 0 or more, not " + strconv.FormatInt(int64(v), 10), hint: `milliseconds, or a string such as "5s"`}
	case v > MaxDelay:
		return &fault{field: field, what: "must be at most 24 hours, not " + v.String(), hint: `milliseconds, or a string such as "5s"`}
	}
	return nil
}

// listenProblem is what is wrong with an address of listen; empty when
// nothing is.
func listenProblem(a string) string {
	network, rest, ok := strings.Cut(a, ":")
	if !ok {
		return "is no address"
	}
	switch network {
	case "unix":
		switch {
		case !strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "//"):
			return "needs an absolute path"
		case len(rest) > 107:
			return "a path of a socket has at most 107 bytes"
		case strings.IndexByte(rest, 0) >= 0:
			return "must not contain a NUL byte"
		}
		return ""
	case "tcp", "udp":
		host, port, ok := cutPort(strings.TrimPrefix(rest, "//"))
		n, err := strconv.Atoi(port)
		switch {
		case !strings.HasPrefix(rest, "//"):
			return "needs " + network + "://"
		case !ok:
			return "needs a port"
		case err != nil || n < 0 || n > 65535 || port[0] == '+':
			return "a port is a number from 0 to 65535"
		case !ipLike(host):
			return "the host must be an IP address, or empty for all"
		}
		return ""
	}
	return "must begin with tcp://, udp:// or unix:"
}

// cutPort takes [::1]:80 and 127.0.0.1:80 apart.
func cutPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	host, port = s[:i], s[i+1:]
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		return host[1 : len(host)-1], port, true
	}
	return host, port, !strings.Contains(host, ":")
}

// ipLike reports whether host has the letters of an IP address; the daemon's
// own parser has the last word.
func ipLike(host string) bool {
	if strings.Contains(host, ":") {
		return strings.Trim(host, "0123456789abcdefABCDEF:.") == ""
	}
	return host == "" || strings.Trim(host, "0123456789.") == "" && strings.Count(host, ".") == 3
}

// check says what is wrong with a probe; a nil one is right.
func (p *Probe) check(field string) *fault {
	if p == nil {
		return nil
	}
	n := 0
	for _, there := range [...]bool{p.HTTP != "", p.TCP != "", len(p.Exec) > 0, p.Log != ""} {
		if there {
			n++
		}
	}
	switch {
	case n != 1 && field == "health":
		return &fault{field: field, what: "needs one of http, tcp and exec, and no more", hint: field + ` = {http = "http://127.0.0.1:3000/health"}`}
	case n != 1:
		return &fault{field: field, what: "needs one of http, tcp, exec and log, and no more", hint: field + ` = {http = "http://127.0.0.1:3000/health"}`}
	case p.Log != "" && field == "health":
		return &fault{field: field + ".log", what: "is for readiness only", hint: "use http, tcp or exec"}
	case p.HTTP != "" && !strings.HasPrefix(p.HTTP, "http://"):
		return &fault{field: field + ".http", what: "must be a URL that begins with http://, not " + quote(p.HTTP), hint: "such as http://127.0.0.1:3000/health"}
	case p.TCP != "" && !strings.Contains(p.TCP, ":"):
		return &fault{field: field + ".tcp", what: "must be HOST:PORT, not " + quote(p.TCP), hint: "such as 127.0.0.1:3000"}
	case p.Retries < 0:
		return &fault{field: field + ".retries", what: "must be 0 or more, not " + strconv.Itoa(p.Retries), hint: "3 is the default"}
	}
	for _, d := range [...]struct {
		name string
		v    Millis
	}{{"interval", p.Interval}, {"timeout", p.Timeout}, {"start_period", p.StartPeriod}} {
		if f := duration(field+"."+d.name, d.v); f != nil {
			return f
		}
	}
	for _, t := range append([]string{p.HTTP, p.TCP, p.Log}, p.Exec...) {
		if strings.IndexByte(t, 0) >= 0 {
			return nul(field)
		}
	}
	return nil
}

// checkDependencies checks what can be known without the other apps.
func (s *Spec) checkDependencies() *fault {
	for i, d := range s.DependsOn {
		if what, hint := nameProblem(d.Name); what != "" {
			return &fault{field: "depends_on", what: quote(d.Name) + ": " + what, hint: hint}
		}
		if strings.EqualFold(d.Name, s.Name) {
			return &fault{field: "depends_on", what: "an app cannot depend on itself", hint: "leave it out"}
		}
		switch d.Condition {
		case OnStarted, OnReady, OnHealthy, OnExitedOK, OnExited:
		default:
			return &fault{field: "depends_on", what: "condition must be started, ready, healthy, exited_ok or exited, not " + quote(string(d.Condition)), hint: "ready is the default"}
		}
		for _, e := range s.DependsOn[:i] {
			if strings.EqualFold(d.Name, e.Name) {
				return &fault{field: "depends_on", what: d.Name + " is there twice", hint: "leave one out"}
			}
		}
	}
	return nil
}
