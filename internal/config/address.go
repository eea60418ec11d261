package config

import (
	"context"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
)

// listenForms is what an address of listen may look like.
const listenForms = `such as 8080, "127.0.0.1:8080", "udp://:53" or "unix:run/api.sock"`

// lookup finds the address that a name stands for: the daemon asks nobody.
func (e Environ) lookup(host string) (string, error) {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return "127.0.0.1", nil
	}
	if e.Lookup != nil {
		return e.Lookup(host)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	best := list[0].Unmap() // there is one at least, or there is an error
	for _, a := range list {
		if a = a.Unmap(); a.Is4() {
			best = a
			break
		}
	}
	return best.String(), nil
}

func (d *draft) resolveListen(env Environ) *problem {
	for _, a := range d.listen {
		address, p := d.address(a, env)
		if p != nil {
			return p.in("listen")
		}
		d.spec.Listen = append(d.spec.Listen, address)
	}
	return nil
}

// address is an address of listen as a Spec has it.
func (d *draft) address(a string, env Environ) (string, *problem) {
	network, rest, scheme := strings.Cut(a, "://")
	if path, ok := strings.CutPrefix(a, "unix:"); ok || isPath(a) && !scheme {
		path = strings.TrimPrefix(path, "//")
		switch {
		case !ok:
			path = a
		case path == "" || strings.HasPrefix(path, "@"):
			return "", wrong(shown(a)+": needs the path of a socket", "such as unix:/run/api.sock")
		}
		return "unix:" + absIn(d.base, path, env), nil
	}
	switch {
	case !scheme:
		network, rest = "tcp", a
		if strings.Trim(a, "0123456789") == "" {
			rest = ":" + a
		}
	case network != "tcp" && network != "udp":
		return "", wrong(shown(a)+": must begin with tcp://, udp:// or unix:", listenForms)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return "", wrong(shown(a)+": needs a port, and around an IPv6 address brackets", listenForms)
	}
	if !portNumber(port, 0) {
		return "", wrong(shown(a)+": a port is a number from 0 to 65535", listenForms)
	}
	if host == "*" {
		host = ""
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
	} else if host != "" {
		if host, err = env.lookup(host); err != nil {
			return "", wrong(shown(a)+": no address for this name", "write an IP address, or leave it out to listen on all")
		}
	}
	return network + "://" + net.JoinHostPort(host, port), nil
}

func portNumber(s string, least int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= least && n <= 65535 && s[0] != '+'
}

// resolveProbes completes what may be written short, and looks up commands
// and variables.
func (d *draft) resolveProbes(env Environ) *problem {
	for _, f := range [...]struct {
		name  string
		probe *velos.Probe
	}{{"ready", d.spec.Ready}, {"health", d.spec.Health}} {
		var p *problem
		switch pr := f.probe; {
		case pr == nil:
		case pr.HTTP != "":
			p = d.probeURL(&pr.HTTP).in(f.name + ".http")
		case pr.TCP != "":
			p = d.probeTCP(&pr.TCP).in(f.name + ".tcp")
		case len(pr.Exec) > 0:
			if p = d.variables(pr.Exec[1:]...); p == nil {
				p = d.probeProgram(&pr.Exec[0], env)
			}
			p = p.in(f.name + ".exec")
		}
		if p != nil {
			return p
		}
	}
	return nil
}

// probeURL makes /health and :3000/health whole URLs.
func (d *draft) probeURL(url *string) *problem {
	const whole = "such as http://127.0.0.1:3000/health"
	u := *url
	switch {
	case strings.HasPrefix(u, "/"):
		if _, ok := d.variable("PORT"); !ok {
			return wrong(shown(u)+" is short for http://127.0.0.1:$PORT"+u+", and PORT is not set", "set PORT in env, or write the whole URL")
		}
		u = "http://127.0.0.1:$PORT" + u
	case strings.HasPrefix(u, ":"):
		u = "http://127.0.0.1" + u
	case strings.HasPrefix(u, "https://"):
		return wrong("https is not spoken by probes", "use the port behind it, or tcp, or exec with curl")
	}
	rest, ok := strings.CutPrefix(u, "http://")
	if !ok {
		return wrong("must be a URL that begins with http://, or a path, not "+shown(u), whole)
	}
	host, path := rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
		if path[0] == '?' {
			path = "/" + path
		}
	}
	switch {
	case strings.ContainsAny(path, " \t\r\n#"):
		return wrong("must not contain blanks, nor #", whole)
	case strings.Contains(host, "@"):
		return wrong("a user name is not supported", "let the address that is asked need none")
	}
	if !strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":") {
		host += ":80"
	}
	if p := d.probeHost(host, whole); p != nil {
		return p
	}
	*url = "http://" + host + path
	return d.variables(*url)
}

func (d *draft) probeTCP(address *string) *problem {
	a := strings.TrimPrefix(*address, "tcp://")
	switch {
	case !strings.Contains(a, ":"):
		a = "127.0.0.1:" + a
	case strings.HasPrefix(a, ":"):
		a = "127.0.0.1" + a
	}
	if p := d.probeHost(a, `such as "127.0.0.1:3000"`); p != nil {
		return p
	}
	*address = a
	return d.variables(a)
}

// probeHost checks HOST:PORT. A probe asks the app itself, so a name that is
// not localhost is a mistake; it would also have to be looked up by the
// daemon, again and again.
func (d *draft) probeHost(address, hint string) *problem {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return wrong(shown(address)+": must be HOST:PORT", hint)
	}
	if ip, err := netip.ParseAddr(host); (err != nil || ip.Zone() != "") && host != "localhost" && !hasVariable(host) {
		return wrong("the host must be an IP address or localhost, not "+shown(host), hint)
	}
	if !portNumber(port, 1) && !hasVariable(port) {
		return wrong("a port is a number from 1 to 65535, not "+shown(port), hint)
	}
	return nil
}

// named finds $NAME and ${NAME} in a text, as probes do: $$ is a $, and any
// other $ is itself.
var named = regexp.MustCompile(`\$\$|\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

func hasVariable(text string) bool {
	m := named.FindStringSubmatch(text)
	return m != nil && m[0] != "$$"
}

// variables checks that what texts name is set for the app.
func (d *draft) variables(texts ...string) *problem {
	for _, text := range texts {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			name := m[1] + m[2]
			if _, set := d.variable(name); name != "" && !set && name != "NODE_APP_INSTANCE" && !strings.HasPrefix(name, "VELOS_") {
				return wrong(name+" is not set", "set "+name+" in env; for a $ that is no variable write $$")
			}
		}
	}
	return nil
}

// probeProgram finds the program of a command: the daemon has no PATH.
func (d *draft) probeProgram(name *string, env Environ) *problem {
	path, _ := d.variable("PATH")
	if !isPath(*name) {
		found := which(*name, path)
		if found == "" {
			return wrong("no such program in PATH: "+shown(*name), "install it, or name it by its path")
		}
		*name = found
		return nil
	}
	file := absIn(d.base, *name, env)
	st, err := os.Stat(file)
	switch {
	case err != nil:
		return wrong("no such file: "+shown(*name), "check the path")
	case st.IsDir() || !executable(st):
		return wrong(shown(*name)+" is not executable", "name a program, or sh and the script")
	}
	*name = file
	return nil
}
