package proc

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"
	"unsafe"
)

const (
	netLine = 16 << 10 // of a table read at once
	fdNames = 4 << 10  // of a directory read at once
	// maxDescriptors is how many descriptors of a process are looked at, the
	// lowest first: what listens is opened early.
	maxDescriptors = 4096
	// maxNamespaces bounds the network name spaces of a look.
	maxNamespaces = 64
)

// Listeners finds the addresses that processes listen on. The zero value is
// ready; between two looks it holds no memory and no descriptor.
type Listeners struct {
	table listenTable
	names []byte
	line  []byte
	path  [64]byte
	link  [64]byte
	seen  []uint64 // network name spaces whose tables were read
}

// Of tells for each of pids what it listens on: tcp://0.0.0.0:3000,
// tcp://[::]:3000, udp://127.0.0.1:53, unix:/run/x.sock; sorted, and each
// address once. A process that has gone, that we may not look at or that listens
// on nothing is left out, and so is what is beyond the bounds: the first 64
// addresses and 4,096 descriptors of a process. Not for concurrent use.
func (l *Listeners) Of(pids []int) (map[int][]string, error) {
	if len(pids) == 0 {
		return nil, nil
	}
	const size = maxListening*int(unsafe.Sizeof(listening{})) + listenText + netLine + fdNames
	mem := room(size)
	if mem == nil {
		return nil, os.NewSyscallError("mmap", syscall.ENOMEM)
	}
	defer func() {
		leave(mem)
		*l = Listeners{}
	}()
	l.lay(mem)
	proc, errno := openAt(atCwd, append(l.path[:0], "/proc\x00"...), syscall.O_DIRECTORY)
	if errno != 0 {
		return nil, os.NewSyscallError("open /proc", errno)
	}
	defer syscall.Close(proc)
	for _, pid := range pids {
		l.namespace(proc, pid)
	}
	if len(l.table.all) == 0 {
		return nil, nil
	}
	l.table.sort()
	var found map[int][]string
	for _, pid := range pids {
		list := l.process(proc, pid)
		if len(list) == 0 {
			continue
		}
		if found == nil {
			found = make(map[int][]string)
		}
		slices.Sort(list)
		found[pid] = list
	}
	return found, nil
}

// lay divides the memory of a look.
func (l *Listeners) lay(mem []byte) {
	l.table.all = unsafe.Slice((*listening)(unsafe.Pointer(&mem[0])), maxListening)[:0]
	mem = mem[maxListening*int(unsafe.Sizeof(listening{})):]
	l.table.text, mem = mem[0:0:listenText], mem[listenText:]
	l.line, l.names = mem[:netLine], mem[netLine:]
}

// below is PID/name, ended by NUL, in the memory for paths.
func (l *Listeners) below(pid int, name string) []byte {
	return append(append(strconv.AppendInt(l.path[:0], int64(pid), 10), name...), 0)
}

// namespace reads the tables that pid sees, unless they were read already.
func (l *Listeners) namespace(proc, pid int) {
	n, errno := readLink(proc, l.below(pid, "/ns/net"), l.link[:])
	if errno != 0 {
		return
	}
	id, ok := socketInode(l.link[:n], "net")
	if !ok || slices.Contains(l.seen, id) || len(l.seen) == maxNamespaces {
		return
	}
	whole := true
	for _, t := range [...]struct {
		name  string
		parse lineParser
	}{
		{"/net/tcp", tcpLine}, {"/net/tcp6", tcpLine}, {"/net/udp", udpLine}, {"/net/udp6", udpLine}, {"/net/unix", unixLine},
	} {
		fd, errno := openAt(proc, l.below(pid, t.name), 0)
		if errno != 0 {
			// Without IPv6 there is no table of it; without the process, no first one.
			whole = whole && t.name != "/net/tcp"
			continue
		}
		l.read(fd, t.parse)
		syscall.Close(fd)
	}
	if whole {
		l.seen = append(l.seen, id)
	}
}

// read gives the lines of a table to parse.
func (l *Listeners) read(fd int, parse lineParser) {
	held := 0 // bytes of a line that the last read cut
	for {
		n, err := syscall.Read(fd, l.line[held:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		part := l.line[:held+n]
		for {
			end := bytes.IndexByte(part, '\n')
			if end < 0 {
				break
			}
			if !parse(&l.table, part[:end]) {
				return
			}
			part = part[end+1:]
		}
		if held = copy(l.line, part); held == len(l.line) {
			return // no table has such lines
		}
	}
}

// process is what pid listens on.
func (l *Listeners) process(proc, pid int) (list []string) {
	dir, errno := openAt(proc, l.below(pid, "/fd"), syscall.O_DIRECTORY)
	if errno != 0 {
		return nil
	}
	defer syscall.Close(dir)
	for left := maxDescriptors; left > 0 && len(list) < maxAddresses; {
		n, err := syscall.ReadDirent(dir, l.names)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return list
		}
		list, left = l.descriptors(dir, l.names[:n], list, left)
	}
	return list
}

// descriptors looks at those in a part of a directory, at most left of them.
func (l *Listeners) descriptors(dir int, names []byte, list []string, left int) ([]string, int) {
	for name, _, rest := Entry(names); name != nil && left > 0 && len(list) < maxAddresses; name, _, rest = Entry(rest) {
		if len(name) == 0 || name[0] == '.' {
			continue
		}
		left--
		n, errno := readLink(dir, name[:len(name)+1], l.link[:])
		if errno != 0 {
			continue
		}
		inode, ok := socketInode(l.link[:n], "socket")
		if !ok {
			continue
		}
		address, ok := l.table.find(inode)
		if ok && !slices.ContainsFunc(list, func(s string) bool { return s == string(address) }) {
			list = append(list, string(address))
		}
	}
	return list, left
}

// readLink reads the link that path, which ends in NUL, names below dir.
func readLink(dir int, path, buf []byte) (int, syscall.Errno) {
	n, _, err := syscall.Syscall6(syscall.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	return int(n), err
}
