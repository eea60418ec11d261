// Package sockets opens the sockets that apps listen on, keeps them, and says
// which of them the kernel gives new connections to. It owns addresses, groups
// of sockets and the names under which they are parked; it accepts nothing and
// knows neither programs nor who holds copies.
//
// A Group is one address of one app. Where the system lets several sockets
// share an address, each Place, that is a slot and a side, has its own: during a reload the
// successor of a run uses the other side. A socket stays where it is until the
// whole group is closed, because the kernel steers by numbers, and closing one
// would give another its number.
package sockets

import (
	"errors"
	"strconv"
	"strings"
	"syscall"

	"github.com/velospm/velos"
)

// A Network is a kind of socket.
type Network uint8

// The networks.
const (
	TCP Network = iota
	UDP
	Unix
)

var networks = [...]string{TCP: "tcp", UDP: "udp", Unix: "unix"}

// String is the network as it is written in an address.
func (n Network) String() string { return networks[n] }

// An Address is where a group listens.
type Address struct {
	Network Network
	Host    string // an IP address; empty: all, IPv6 and IPv4
	Port    int    // 0: whichever is free
	Path    string // of a unix socket
	Only6   bool   // an IPv6 address is not to take IPv4, too
	Shares  bool   // UDP: others may have the same address (SO_REUSEADDR)
}

// Parse reads an address as it is written in listen: tcp://HOST:PORT,
// udp://HOST:PORT or unix:/PATH.
func Parse(text string) (Address, error) {
	a, ok := parse(text)
	if !ok || !a.valid() {
		return a, &velos.Error{Code: velos.Invalid, Message: "listen " + text + ": this is no address",
			Hint: "such as tcp://:8080, tcp://127.0.0.1:8080, udp://:53 or unix:/run/api.sock"}
	}
	return a, nil
}

func parse(text string) (a Address, ok bool) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return Address{Network: Unix, Path: path}, true
	}
	rest, ok := strings.CutPrefix(text, "tcp://")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "udp://"); !ok {
			return a, false
		}
		a.Network = UDP
	}
	i := strings.LastIndexByte(rest, ':')
	if i < 0 {
		return a, false
	}
	host, port := rest[:i], rest[i+1:]
	inner, closed := strings.CutSuffix(host, "]")
	inner, opened := strings.CutPrefix(inner, "[")
	if opened != closed || opened && inner == "" || !opened && strings.IndexByte(host, ':') >= 0 {
		return a, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	a.Host, a.Port = inner, int(n)
	return a, err == nil
}

// valid reports whether the address can be given to the kernel.
func (a Address) valid() bool {
	if a.Network == Unix {
		return strings.HasPrefix(a.Path, "/") && strings.IndexByte(a.Path, 0) < 0
	}
	if a.Port < 0 || a.Port > 65535 {
		return false
	}
	if a.Host == "" {
		return true
	}
	_, _, ok := parseIP(a.Host)
	return ok
}

// String is the address as Parse reads it.
func (a Address) String() string {
	if a.Network == Unix {
		return "unix:" + a.Path
	}
	host := a.Host
	if strings.IndexByte(host, ':') >= 0 {
		host = "[" + host + "]"
	}
	return a.Network.String() + "://" + host + ":" + strconv.Itoa(a.Port)
}

// An ip is an IPv6 address, or an IPv4 address in its last four bytes.
type ip struct {
	b    [16]byte
	six  bool
	zone string
}

// parseIP reads an IP address; six says which kind.
func parseIP(s string) (a ip, six, ok bool) {
	if strings.IndexByte(s, ':') < 0 {
		ok = parse4(a.b[12:], s)
		return a, false, ok
	}
	s, a.zone, ok = strings.Cut(s, "%")
	if a.six = true; ok && a.zone == "" || strings.ContainsAny(a.zone, "/%") || len(a.zone) > 15 {
		return a, true, false
	}
	head, tail, gap := strings.Cut(s, "::")
	n, ok := parse6(a.b[:], head)
	if !gap {
		return a, true, ok && n == 16
	}
	var end [16]byte
	m, ok2 := parse6(end[:], tail)
	if !ok || !ok2 || n+m > 14 || strings.IndexByte(head, '.') >= 0 {
		return a, true, false
	}
	copy(a.b[16-m:], end[:m])
	return a, true, true
}

// parse4 reads four numbers between dots.
func parse4(to []byte, s string) bool {
	for i := range 4 {
		part, rest, more := strings.Cut(s, ".")
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || more != (i < 3) || len(part) > 1 && part[0] == '0' {
			return false
		}
		to[i], s = byte(n), rest
	}
	return true
}

// parse6 reads numbers between colons, the last one perhaps an IPv4 address,
// and says how many bytes they are.
func parse6(to []byte, s string) (n int, ok bool) {
	for more := s != ""; more; {
		var part string
		part, s, more = strings.Cut(s, ":")
		if !more && strings.IndexByte(part, '.') >= 0 {
			if n > 12 || !parse4(to[n:], part) {
				return n, false
			}
			return n + 4, true
		}
		v, err := strconv.ParseUint(part, 16, 16)
		if err != nil || len(part) > 4 || n > 14 {
			return n, false
		}
		to[n], to[n+1] = byte(v>>8), byte(v)
		n += 2
	}
	return n, true
}

// refused is why an address could not be opened.
func refused(a Address, err error) error {
	e := &velos.Error{Code: velos.CodeOf(err), Message: "listen " + a.String() + ": " + err.Error(), Cause: err}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Code = velos.Conflict
		if a.Network == Unix {
			e.Hint = "another program answers there, or the path is taken; see: ls -l " + a.Path
		} else {
			e.Hint = "another program has the port; see who: ss -anp 'sport = :" + strconv.Itoa(a.Port) + "'"
		}
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		e.Code = velos.Denied
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		e.Code = velos.Busy
	}
	return e
}
