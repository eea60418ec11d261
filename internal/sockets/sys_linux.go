package sockets

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// reuses: several sockets may share an address, and can be steered.
const reuses = true

func socket(family, typ int) (int, error) {
	return unix.Socket(family, typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
}

// queued asks the kernel what waits at a socket: for one that listens,
// tcpi_unacked is the length of the accept queue.
func queued(fd int, n Network) int {
	switch n {
	case TCP:
		if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			return int(info.Unacked)
		}
	case UDP:
		if size, err := unix.IoctlGetInt(fd, unix.SIOCINQ); err == nil && size > 0 {
			return 1
		}
	}
	return 0
}

// zone is the number of the interface in fe80::1%eth0.
func zone(name string) (uint32, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	fd, err := socket(unix.AF_INET6, unix.SOCK_DGRAM)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req)
	return req.Uint32(), err
}

// Where a program finds its packet: negative offsets count from the network
// header, which is there for IPv4 and IPv6 alike, whatever the socket is.
const (
	netOff    = 0xfff00000 // SKF_NET_OFF
	versionAt = netOff
	port4At   = netOff + 20 // source port, behind a header without options
	port6At   = netOff + 40
)

// attach gives the group of fd a program that picks one of these numbers for
// each new connection (SO_ATTACH_REUSEPORT_CBPF); it needs no privilege.
//
// It picks by the client's port, so that all packets of one flow meet at one
// socket: datagrams need that, and so do SYN cookies. One client's ports
// rise by a small random step, 9 on average, from one connection to the
// next. Taken 16 at a time they pass the sockets in turn, which spreads a
// thousand connections twice as evenly as their last bits or chance would.
//
// A number that is not there is no number to the kernel: it goes by its own
// hash then.
func attach(fd int, to []int) error {
	code := program(to)
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

// A statement is op and value; jumps are op, value and how far for yes and no.
const (
	loadByte = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
	loadHalf = unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
	and      = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	shift    = unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K
	modulo   = unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K
	equal    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jump     = unix.BPF_JMP | unix.BPF_JA
	answer   = unix.BPF_RET | unix.BPF_K
)

func program(to []int) []unix.SockFilter {
	last := len(to) - 1
	code := make([]unix.SockFilter, 0, 9+2*last)
	if last > 0 {
		code = append(code,
			unix.SockFilter{Code: loadByte, K: versionAt},
			unix.SockFilter{Code: and, K: 0xf0},
			unix.SockFilter{Code: equal, K: 0x60, Jf: 2},
			unix.SockFilter{Code: loadHalf, K: port6At},
			unix.SockFilter{Code: jump, K: 1},
			unix.SockFilter{Code: loadHalf, K: port4At},
			unix.SockFilter{Code: shift, K: 4},
			unix.SockFilter{Code: modulo, K: uint32(len(to))})
		for i, n := range to[:last] {
			code = append(code,
				unix.SockFilter{Code: equal, K: uint32(i), Jf: 1},
				unix.SockFilter{Code: answer, K: uint32(n)})
		}
	}
	return append(code, unix.SockFilter{Code: answer, K: uint32(to[last])})
}
