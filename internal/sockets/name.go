package sockets

import (
	"strconv"
	"strings"
)

// Prefix begins the name of every parked socket.
const Prefix = "sock/"

// maxName is what a keeper takes.
const maxName = 120

// A Name is all that a later daemon has to know of a parked socket.
type Name struct {
	App     uint32
	Place   Place
	Index   int    // the socket's number in its group
	Shared  bool   // it is the only one of its group
	Use     string // the group's owner's own mark: letters and digits
	Address Address
}

// String is the name:
//
//	sock/APP/SLOT/SIDE/INDEX/FLAGS/USE/ADDRESS
//
// FLAGS are letters: s shared, 6 only IPv6, r others may have the address.
// The address is the one that was asked for; the port that 0 became, and the
// path of a unix socket, which may be longer than a name, are asked of the
// socket itself. Empty: this socket cannot be named.
func (n Name) String() string {
	b := append(make([]byte, 0, maxName), Prefix...)
	for _, v := range [...]int{int(n.App), n.Place.Slot, n.Place.Side, n.Index} {
		b = append(strconv.AppendInt(b, int64(v), 10), '/')
	}
	if n.Shared {
		b = append(b, 's')
	}
	if n.Address.Only6 {
		b = append(b, '6')
	}
	if n.Address.Shares {
		b = append(b, 'r')
	}
	a := n.Address
	a.Path = ""
	b = append(append(append(append(b, '/'), n.Use...), '/'), a.String()...)
	if len(b) > maxName {
		return ""
	}
	return string(b)
}

// ParseName takes the name of a parked socket apart; fd is that socket.
func ParseName(name string, fd int) (n Name, ok bool) {
	part := strings.SplitN(name, "/", 8)
	if len(part) != 8 || part[0]+"/" != Prefix {
		return n, false
	}
	app, err := strconv.ParseUint(part[1], 10, 32)
	if n.App = uint32(app); err != nil {
		return n, false
	}
	for i, to := range [...]*int{&n.Place.Slot, &n.Place.Side, &n.Index} {
		v, err := strconv.ParseUint(part[2+i], 10, 16)
		if err != nil {
			return n, false
		}
		*to = int(v)
	}
	if n.Place.Side > 1 || n.Index >= MaxSockets {
		return n, false
	}
	if n.Address, ok = parse(part[7]); !ok {
		return n, false
	}
	if n.Address.Network == Unix {
		if n.Address.Path, _ = boundPath(fd); n.Address.Path == "" {
			return n, false
		}
	}
	n.Shared = strings.Contains(part[5], "s")
	n.Address.Only6 = strings.Contains(part[5], "6")
	n.Address.Shares = strings.Contains(part[5], "r")
	n.Use = part[6]
	return n, n.Address.valid()
}
