package proc

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
)

const (
	// maxListening bounds the sockets of the whole system that a look finds,
	// and listenText their addresses as text.
	maxListening = 4096
	listenText   = 256 << 10
	// maxAddresses bounds what one process is said to listen on.
	maxAddresses = 64
)

// A listening is a socket that somebody could reach, with its address as text
// in the memory of the look.
type listening struct {
	inode    uint64
	from, to uint32
}

// A listenTable collects such sockets from the kernel's tables. Its memory is
// given, and what does not fit is left out.
type listenTable struct {
	all  []listening
	text []byte
}

// add takes note of a socket; address appends its text.
func (t *listenTable) add(inode uint64, address func(out []byte) []byte) {
	const longest = 256
	if len(t.all) == cap(t.all) || cap(t.text)-len(t.text) < longest || inode == 0 {
		return
	}
	from := len(t.text)
	t.text = address(t.text)
	t.all = append(t.all, listening{inode, uint32(from), uint32(len(t.text))})
}

// sort makes find possible.
func (t *listenTable) sort() {
	slices.SortFunc(t.all, func(a, b listening) int {
		switch {
		case a.inode < b.inode:
			return -1
		case a.inode > b.inode:
			return 1
		}
		return 0
	})
}

// find is the address of the socket with that inode.
func (t *listenTable) find(inode uint64) ([]byte, bool) {
	i, ok := slices.BinarySearchFunc(t.all, inode, func(l listening, inode uint64) int {
		switch {
		case l.inode < inode:
			return -1
		case l.inode > inode:
			return 1
		}
		return 0
	})
	if !ok {
		return nil, false
	}
	return t.text[t.all[i].from:t.all[i].to], true
}

// A parser of a line of one of the kernel's tables; more is false when no line
// of interest follows.
type lineParser func(t *listenTable, line []byte) (more bool)

// States of a socket as the tables write them.
const (
	stateClosed = 0x07 // of UDP: not connected
	stateListen = 0x0a
)

// tcpLine takes a line of /proc/net/tcp or tcp6. The kernel lists those that
// listen first, and a machine may have very many others.
func tcpLine(t *listenTable, line []byte) (more bool) {
	s, ok := parseInet(line)
	if !ok {
		return true // the heading
	}
	if s.state != stateListen {
		return false
	}
	t.add(s.inode, func(out []byte) []byte { return s.near.append(append(out, "tcp://"...)) })
	return true
}

// udpLine takes a line of /proc/net/udp or udp6.
func udpLine(t *listenTable, line []byte) (more bool) {
	s, ok := parseInet(line)
	if ok && s.state == stateClosed && s.near.port != 0 && s.far.port == 0 {
		t.add(s.inode, func(out []byte) []byte { return s.near.append(append(out, "udp://"...)) })
	}
	return true
}

// unixLine takes a line of /proc/net/unix:
//
//	Num       RefCount Protocol Flags    Type St Inode Path
//	ffff8d…a: 00000002 00000000 00010000 0001 01 22501 /run/x.sock
func unixLine(t *listenTable, line []byte) (more bool) {
	const accepts = 1 << 16 // it listens
	var part [7][]byte
	for i := range part {
		line = bytes.TrimLeft(line, " ")
		end := bytes.IndexByte(line, ' ')
		if end < 0 {
			return true // no path
		}
		part[i], line = line[:end], line[end+1:]
	}
	flags, ok := hex(part[3])
	inode, _, isNumber := number(part[6])
	if !ok || !isNumber || flags&accepts == 0 || inode <= 0 {
		return true
	}
	// An abstract name begins with @. A path with control characters is more
	// likely a joke than an address.
	if len(line) == 0 || len(line) > 108 || line[0] == '@' || bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return true
	}
	t.add(uint64(inode), func(out []byte) []byte { return append(append(out, "unix:"...), line...) })
	return true
}

// An inetSocket is what we keep of a line of the tables of TCP and UDP.
type inetSocket struct {
	near, far endpoint
	state     uint64
	inode     uint64
}

// parseInet reads a line of /proc/net/{tcp,tcp6,udp,udp6}:
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//	 0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 24500 1 …
func parseInet(line []byte) (s inetSocket, ok bool) {
	for field := 0; field <= 9; field++ {
		line = bytes.TrimLeft(line, " ")
		word := line
		if end := bytes.IndexByte(line, ' '); end >= 0 {
			word, line = line[:end], line[end:]
		} else {
			line = nil
		}
		ok = true
		switch field {
		case 1:
			s.near, ok = parseEndpoint(word)
		case 2:
			s.far, ok = parseEndpoint(word)
		case 3:
			s.state, ok = hex(word)
		case 9:
			var n int64
			n, _, ok = number(word)
			s.inode = uint64(n)
		}
		if !ok {
			return s, false
		}
	}
	return s, true
}

// An endpoint is an address with its port.
type endpoint struct {
	ip   [16]byte
	size int // of ip: 4 or 16
	port uint16
}

// parseEndpoint reads 0100007F:0BB8. The kernel writes an address as numbers of
// 32 bits in the machine's order of bytes, a port as the number it is.
func parseEndpoint(word []byte) (e endpoint, ok bool) {
	colon := bytes.IndexByte(word, ':')
	if colon != 8 && colon != 32 {
		return e, false
	}
	for ; e.size < colon/2; e.size += 4 {
		v, ok := hex(word[2*e.size : 2*e.size+8])
		if !ok {
			return e, false
		}
		binary.NativeEndian.PutUint32(e.ip[e.size:], uint32(v))
	}
	port, ok := hex(word[colon+1:])
	e.port = uint16(port)
	return e, ok && port <= 1<<16-1
}

// hex reads a hexadecimal number of up to 16 digits.
func hex(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 16 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case c-'0' <= 9:
			v = v<<4 | uint64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | uint64(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// append writes 127.0.0.1:3000 or [::1]:3000. An address of version 4 in the
// clothes of version 6 is shown as what it is.
func (e *endpoint) append(out []byte) []byte {
	b := e.ip[:e.size]
	if mapped := [12]byte{10: 0xff, 11: 0xff}; e.size == 16 && bytes.Equal(b[:12], mapped[:]) {
		b = b[12:]
	}
	if len(b) == 4 {
		for i, c := range b {
			if i > 0 {
				out = append(out, '.')
			}
			out = strconv.AppendUint(out, uint64(c), 10)
		}
	} else {
		out = append(append6(append(out, '['), b), ']')
	}
	return strconv.AppendUint(append(out, ':'), uint64(e.port), 10)
}

// append6 writes an address of version 6, the longest run of zeros as ::.
func append6(out, b []byte) []byte {
	group := func(i int) uint64 { return uint64(b[2*i])<<8 | uint64(b[2*i+1]) }
	gap, size := -1, 1
	for i := 0; i < 8; i++ {
		n := 0
		for i+n < 8 && group(i+n) == 0 {
			n++
		}
		if n > size {
			gap, size = i, n
		}
		i += n
	}
	for i := 0; i < 8; i++ {
		if i == gap {
			out = append(out, "::"...)
			i += size - 1
			continue
		}
		if i > 0 && i != gap+size {
			out = append(out, ':')
		}
		out = strconv.AppendUint(out, group(i), 16)
	}
	return out
}

// socketInode reads what a descriptor's link says: socket:[22501]. Namespaces
// are written in the same way, net:[4026531840].
func socketInode(link []byte, kind string) (uint64, bool) {
	if len(link) < len(kind)+4 || string(link[:len(kind)]) != kind || link[len(kind)] != ':' || link[len(kind)+1] != '[' {
		return 0, false
	}
	n, rest, ok := number(link[len(kind)+2:])
	return uint64(n), ok && n > 0 && len(rest) == 1 && rest[0] == ']'
}
