//go:build linux || darwin

package sockets

import (
	"golang.org/x/sys/unix"
)

// kind is the address family and type of a's socket.
func (a Address) kind(four bool) (family, typ int) {
	typ = unix.SOCK_STREAM
	if a.Network == UDP {
		typ = unix.SOCK_DGRAM
	}
	if a.Network == Unix {
		return unix.AF_UNIX, typ
	}
	if _, six, _ := parseIP(a.Host); six || a.Host == "" && !four {
		return unix.AF_INET6, typ
	}
	return unix.AF_INET, typ
}

// sockaddr is a for the kernel.
func (a Address) sockaddr(family int) (unix.Sockaddr, error) {
	if family == unix.AF_UNIX {
		if len(a.Path) >= len(unix.RawSockaddrUnix{}.Path) {
			return nil, unix.ENAMETOOLONG
		}
		return &unix.SockaddrUnix{Name: a.Path}, nil
	}
	i, _, _ := parseIP(a.Host) // without a host it is all zeros
	if family == unix.AF_INET {
		return &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(i.b[12:])}, nil
	}
	sa := &unix.SockaddrInet6{Port: a.Port, Addr: i.b}
	var err error
	if i.zone != "" {
		sa.ZoneId, err = zone(i.zone)
	}
	return sa, err
}

// bind makes a socket that has the address, and does not listen yet.
func bind(a Address, four, reuse bool) (fd int, err error) {
	family, typ := a.kind(four)
	sa, err := a.sockaddr(family)
	if err != nil {
		return -1, err
	}
	if fd, err = socket(family, typ); err != nil {
		return -1, err
	}
	if family == unix.AF_UNIX {
		err = bindPath(fd, sa, a.Path)
	} else if err = options(fd, a, family, reuse); err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func options(fd int, a Address, family int, reuse bool) error {
	type option struct{ level, name, value int }
	var list []option
	if family == unix.AF_INET6 {
		only := 0
		if a.Only6 {
			only = 1
		}
		list = append(list, option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only})
	}
	if a.Network == TCP || a.Shares {
		// A port whose former connections are still dying is free.
		list = append(list, option{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1})
	}
	if reuse {
		list = append(list, option{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
	}
	for _, o := range list {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}

// open makes a socket that listens.
func open(a Address, four, reuse, blocking bool) (fd int, err error) {
	if fd, err = bind(a, four, reuse); err != nil {
		return -1, err
	}
	if a.Network != UDP {
		err = unix.Listen(fd, backlog)
	}
	if err == nil && blocking {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// probe finds out whether the address is free, and which port 0 becomes.
func probe(a Address, four bool) (port int, err error) {
	fd, err := bind(a, four, false)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	port, _, ok := bound(fd)
	if !ok {
		return 0, unix.EINVAL
	}
	return port, nil
}

// bound is the port that an internet socket has.
func bound(fd int) (port int, four, ok bool) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return 0, false, false
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port, true, true
	case *unix.SockaddrInet6:
		return sa.Port, false, true
	}
	return 0, false, false
}

// boundPath is the path that a unix socket has.
func boundPath(fd int) (path string, ok bool) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return "", false
	}
	u, ok := sa.(*unix.SockaddrUnix)
	if !ok {
		return "", false
	}
	return u.Name, true
}

// bindPath binds to a path. What lies there is removed only when it is a
// socket that nobody answers on. The file's mode is what the umask leaves of
// 0660; it is only ever narrowed, so nobody gets in before that is done.
func bindPath(fd int, sa unix.Sockaddr, path string) error {
	err := unix.Bind(fd, sa)
	if err == unix.EADDRINUSE && stale(sa, path) {
		if err = unix.Unlink(path); err == nil || err == unix.ENOENT {
			err = unix.Bind(fd, sa)
		}
	}
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK {
		_ = unix.Chmod(path, uint32(st.Mode)&0o660)
	}
	return nil
}

// stale reports whether a socket lies at path that was left by the dead.
func stale(sa unix.Sockaddr, path string) bool {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return false
	}
	fd, err := socket(unix.AF_UNIX, unix.SOCK_STREAM)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Connect(fd, sa) == unix.ECONNREFUSED
}

// A file is which file a path was.
type file struct{ dev, ino uint64 }

func fileAt(path string) file {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return file{}
	}
	return file{dev: uint64(st.Dev), ino: st.Ino}
}

func remove(path string) { _ = unix.Unlink(path) }

func closeFD(fd int) { _ = unix.Close(fd) }
