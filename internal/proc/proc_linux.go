package proc

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TicksPerSecond is the unit of Stat.Start and Stat.CPU. The kernel reports
// both in USER_HZ, which is 100 on every processor that Go runs on.
const TicksPerSecond = 100

// Age is how long ago something began, from its Stat.Start: a clock that nobody
// sets, and that goes on while the machine sleeps. Not every system has one.
func Age(start uint64) (age time.Duration, ok bool) {
	var now unix.Timespec
	if start == 0 || unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0, false
	}
	return max(0, time.Duration(now.Nano())-time.Duration(start)*(time.Second/TicksPerSecond)), true
}

// Ticks is this moment as Stat.Start tells one, 0 where there is no such clock.
func Ticks() uint64 {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return uint64(now.Nano()) / uint64(time.Second/TicksPerSecond)
}

var pageSize = int64(syscall.Getpagesize())

// A scanner reads /proc. Its buffers live as long as a look: it makes no
// garbage, and leaves none behind.
type scanner struct {
	names []byte
	line  []byte
	path  [32]byte
}

func (s *scanner) scan(out []Stat) ([]Stat, error) {
	const names, line = 8 << 10, 1 << 10
	buf := room(names + line)
	defer leave(buf)
	if buf == nil {
		buf = make([]byte, names+line)
	}
	s.names, s.line = buf[:names], buf[names:names+line]
	dir, errno := openAt(atCwd, append(s.path[:0], "/proc\x00"...), syscall.O_DIRECTORY)
	if errno != 0 {
		return out, os.NewSyscallError("open /proc", errno)
	}
	defer syscall.Close(dir)
	for {
		n, err := syscall.ReadDirent(dir, s.names)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return out, os.NewSyscallError("read /proc", err)
		}
		if n <= 0 {
			return out, nil
		}
		out = s.directory(dir, s.names[:n], out)
	}
}

// directory reads the process of each entry in a part of the directory.
func (s *scanner) directory(dir int, list []byte, out []Stat) []Stat {
	for name, _, rest := Entry(list); name != nil; name, _, rest = Entry(rest) {
		if len(name) == 0 || len(name) > 10 || name[0] < '1' || name[0] > '9' {
			continue
		}
		path := append(append(s.path[:0], name...), "/stat\x00"...)
		var stat Stat
		if n, err := readAt(dir, path, s.line); err == 0 && parseStat(s.line[:n], pageSize, &stat) {
			out = append(out, stat)
		}
	}
	return out
}

// readAt reads the beginning of the file that path, which ends in NUL, names
// below dir. It allocates nothing.
func readAt(dir int, path, buf []byte) (int, syscall.Errno) {
	fd, err := openAt(dir, path, 0)
	if err != 0 {
		return 0, err
	}
	n, _, err := syscall.Syscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
	syscall.Syscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(n), 0
}

// openAt opens a path that ends in NUL for reading, without the copy that
// syscall.Open makes of it.
func openAt(dir int, path []byte, flags int) (int, syscall.Errno) {
	fd, _, err := syscall.Syscall6(syscall.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
		uintptr(flags|syscall.O_RDONLY|syscall.O_CLOEXEC), 0, 0, 0)
	return int(fd), err
}

const atCwd = -0x64

// One is the process pid; the error is ESRCH or ENOENT when there is none.
func One(pid int) (Stat, error) {
	var name [32]byte
	var line [1 << 10]byte
	path := append(strconv.AppendInt(append(name[:0], "/proc/"...), int64(pid), 10), "/stat\x00"...)
	n, err := readAt(atCwd, path, line[:])
	if err != 0 {
		return Stat{}, err
	}
	var s Stat
	if !parseStat(line[:n], pageSize, &s) {
		return Stat{}, syscall.EINVAL
	}
	return s, nil
}

// BootID names this run of the system; empty when it does not say.
func BootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
}

// Environ is the value that key had in the environment of pid when its program
// began, or its first 256 bytes. It is for our own user's processes; another's
// environment is closed to us, and ok is false.
func Environ(pid int, key string) (value string, ok bool) {
	Variables(pid, len(key)+1+256, func(v []byte) {
		if !ok {
			value, ok = variable(v, key)
		}
	})
	return value, ok
}

// Variables gives each variable of the environment of pid, NAME=VALUE, as it
// was when its program began, and no more than most bytes of it. What it gives
// is valid until take returns. Environments can be megabytes: it holds a page.
func Variables(pid, most int, take func([]byte)) {
	fd, err := syscall.Open("/proc/"+strconv.Itoa(pid)+"/environ", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	var page [4 << 10]byte
	one := make([]byte, 0, most)
	for {
		n, err := syscall.Read(fd, page[:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		for _, c := range page[:n] {
			switch {
			case c == 0:
				take(one)
				one = one[:0]
			case len(one) < most:
				one = append(one, c)
			}
		}
	}
	if len(one) > 0 {
		take(one)
	}
}

// Children is the direct children of this process, zombies included. Its cost
// grows with their number and not with the system. The kernel gives no snapshot:
// a child may be missing when others end at the same moment.
func Children() ([]int, error) { return ChildrenOf(os.Getpid(), nil) }

// ChildrenOf appends the direct children of pid, of all its threads, to out.
func ChildrenOf(pid int, out []int) ([]int, error) {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return out, err
	}
	defer syscall.Close(fd)
	var names [1 << 10]byte
	for {
		n, err := syscall.ReadDirent(fd, names[:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return out, err
		}
		for _, tid := range threads(names[:n]) {
			if out, err = ChildrenOfThread(pid, tid, out); err != nil && err != syscall.ENOENT && err != syscall.ESRCH {
				return out, err
			}
		}
	}
}

// threads reads the numeric names in a part of a directory.
func threads(list []byte) (tids []int) {
	for name, _, rest := Entry(list); name != nil; name, _, rest = Entry(rest) {
		if tid, _, ok := number(name); ok {
			tids = append(tids, int(tid))
		}
	}
	return tids
}

// Entry takes the first entry off a part of a directory, as getdents64(2)
// writes it: its name, behind which a NUL stands, and a DT_ constant. Without a
// name there is none left.
func Entry(list []byte) (name []byte, kind byte, rest []byte) {
	const header = 19 // d_ino, d_off, d_reclen, d_type
	if len(list) <= header {
		return nil, 0, nil
	}
	size := int(*(*uint16)(unsafe.Pointer(&list[16])))
	if size < header || size > len(list) {
		return nil, 0, nil
	}
	end := bytes.IndexByte(list[header:size], 0)
	if end < 0 {
		return nil, 0, nil
	}
	return list[header : header+end], list[header-1], list[size:]
}

// ChildrenOfThread appends the children of one thread of pid to out. Each
// child hangs on the thread that made it; orphans that come to a subreaper
// hang on its first thread, whose number is that of the process.
func ChildrenOfThread(pid, tid int, out []int) ([]int, error) {
	var name [64]byte
	path := strconv.AppendInt(append(name[:0], "/proc/"...), int64(pid), 10)
	path = append(strconv.AppendInt(append(path, "/task/"...), int64(tid), 10), "/children"...)
	fd, err := syscall.Open(string(path), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return out, err
	}
	defer syscall.Close(fd)
	var space [1 << 10]byte
	held := 0 // digits of a number that the last read cut
	for {
		n, err := syscall.Read(fd, space[held:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return numbers(space[:held], out), err
		}
		part := space[:held+n]
		cut := bytes.LastIndexByte(part, ' ') + 1
		out = numbers(part[:cut], out)
		held = copy(space[:], part[cut:])
	}
}

// Arguments gives the words of the command line of pid, at most most of them.
func Arguments(pid, most int) (list []string) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	for err == nil && len(b) > 0 && len(list) < most {
		word, rest, _ := bytes.Cut(b, []byte{0})
		list, b = append(list, string(word)), rest
	}
	return list
}

// Directory is the working directory of pid; empty: it is not told.
func Directory(pid int) string {
	dir, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	return dir
}
