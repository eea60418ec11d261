package probe

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// An ip is an address of version 4 (its first four bytes) or 6.
type ip struct {
	b  [16]byte
	v6 bool
}

var (
	loopback4 = ip{b: [16]byte{127, 0, 0, 1}}
	loopback6 = ip{b: [16]byte{15: 1}, v6: true}
)

// A target is whom to ask, and for what.
type target struct {
	host string // with the port, as it was written: for people and the Host field
	ips  []ip   // to be tried in this order
	port uint16
	path string // of a URL, with the query
}

// url is the target for people. The query stays out of it: it may hold a token.
func (t *target) url() string {
	path, _, _ := strings.Cut(t.path, "?")
	return "http://" + t.host + path
}

// parseURL takes a URL of scheme http apart.
func parseURL(url string) (*target, error) {
	rest, ok := strings.CutPrefix(url, "http://")
	if !ok {
		return nil, wrong(url, "not a URL that begins with http://")
	}
	rest, _, _ = strings.Cut(rest, "#")
	host, path := rest, ""
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		host, path = rest[:at], rest[at:]
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if strings.IndexByte(host, '@') >= 0 {
		return nil, wrong("http://…"+host[strings.LastIndexByte(host, '@'):], "a user name is not supported")
	}
	for i := range len(rest) {
		if rest[i] <= ' ' || rest[i] == 0x7f {
			return nil, wrong(strconv.Quote(url), "a URL has no blanks and control characters")
		}
	}
	t := &target{host: host, path: escape(path)}
	name, port, ok := cutPort(host)
	if !ok {
		port = "80"
	}
	if err := t.resolve(url, name, port); err != nil {
		return nil, err
	}
	if name == "" {
		t.host = "localhost" + host
	}
	return t, nil
}

// escape makes ASCII of a path.
func escape(path string) string {
	const digits = "0123456789ABCDEF"
	var b []byte
	for i := range len(path) {
		if c := path[i]; c < 0x80 {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// parseAddress takes HOST:PORT apart.
func parseAddress(address string) (*target, error) {
	host, port, ok := cutPort(address)
	if !ok {
		return nil, wrong(address, "not HOST:PORT")
	}
	t := &target{host: address}
	if err := t.resolve(address, host, port); err != nil {
		return nil, err
	}
	if host == "" {
		t.host = "localhost" + address
	}
	return t, nil
}

// resolve finds the addresses of host, which is one itself, or this machine.
func (t *target) resolve(text, host, port string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return wrong(text, "a port is a number from 1 to 65535")
	}
	t.port = uint16(n)
	if host == "" || strings.EqualFold(host, "localhost") {
		t.ips = []ip{loopback4, loopback6}
		return nil
	}
	a, ok := parseIP(host)
	if !ok {
		return wrong(text, "the host must be an IP address or localhost, not "+strconv.Quote(host))
	}
	t.ips = []ip{a}
	return nil
}

func wrong(text, what string) error {
	return &velos.Error{Code: velos.Invalid, Message: text + ": " + what, Hint: "such as http://127.0.0.1:3000/health or 127.0.0.1:3000"}
}

// cutPort takes [::1]:80 and 127.0.0.1:80 apart; without a port ok is false.
func cutPort(s string) (host, port string, ok bool) {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return s, "", false
		}
		port, ok = strings.CutPrefix(s[end+1:], ":")
		if !ok && s[end+1:] != "" {
			return s, "", false
		}
		return s[1:end], port, ok
	}
	return strings.Cut(s, ":")
}

// parseIP reads an address as text, without a zone.
func parseIP(s string) (a ip, ok bool) {
	if strings.IndexByte(s, ':') < 0 {
		ok = parse4(s, a.b[:4])
		return a, ok
	}
	a.v6 = true
	ok = parse6(s, a.b[:])
	return a, ok
}

// parse4 reads four decimal numbers into b.
func parse4(s string, b []byte) bool {
	for i := range 4 {
		part, rest, more := strings.Cut(s, ".")
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || len(part) > 1 && part[0] == '0' || more != (i < 3) {
			return false
		}
		b[i], s = byte(n), rest
	}
	return true
}

// parse6 reads up to eight groups of 16 bits, of which :: stands for those that
// are missing and the last two may be written as an address of version 4.
func parse6(s string, b []byte) bool {
	gap, n := -1, 0
	if strings.HasPrefix(s, "::") {
		gap, s = 0, s[2:]
	}
	for s != "" {
		if n == 16 {
			return false
		}
		part, rest, more := strings.Cut(s, ":")
		if strings.IndexByte(part, '.') >= 0 {
			if more || n > 12 || !parse4(part, b[n:n+4]) {
				return false
			}
			n += 4
			break
		}
		v, err := strconv.ParseUint(part, 16, 16)
		if err != nil || len(part) > 4 {
			return false
		}
		b[n], b[n+1] = byte(v>>8), byte(v)
		n += 2
		switch {
		case more && rest == "":
			return false // ends with one colon
		case more && rest[0] == ':':
			if gap >= 0 {
				return false
			}
			gap, rest = n, rest[1:]
		}
		s = rest
	}
	if gap < 0 {
		return n == 16
	}
	if n == 16 {
		return false
	}
	copy(b[gap+16-n:], b[gap:n])
	clear(b[gap : gap+16-n])
	return true
}
