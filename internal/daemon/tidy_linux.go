package daemon

import (
	"bytes"
	"strconv"
	"strings"
	"syscall"
)

// readSelf reads the beginning of a file of /proc into b.
func readSelf(path string, b []byte) []byte {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	n, err := syscall.Read(fd, b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// dropProgram lets go of the pages of our own executable. They are clean and
// in the page cache: what is needed again is mapped again without a disk. The
// start touches 2,870 KiB of them, an idle daemon needs a fifth.
func dropProgram() {
	var space [1 << 10]byte // the executable comes first
	maps := readSelf("/proc/self/maps", space[:])
	for line, rest, ok := bytes.Cut(maps, []byte{'\n'}); ok; line, rest, ok = bytes.Cut(rest, []byte{'\n'}) {
		from, to, ok := ownPages(string(line))
		if ok {
			_, _, _ = syscall.RawSyscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
		}
	}
}

// ownPages reads a line of /proc/self/maps; ok when it is code or constants
// of a program at a fixed address. A position-independent one is left alone:
// among its constants are pages that the loader has written, and those are
// nowhere else.
func ownPages(line string) (from, to uintptr, ok bool) {
	span, rest, _ := strings.Cut(line, " ")
	low, high, _ := strings.Cut(span, "-")
	f, err := strconv.ParseUint(low, 16, strconv.IntSize)
	t, err2 := strconv.ParseUint(high, 16, strconv.IntSize)
	fixed := err == nil && err2 == nil && f < t && t < 1<<32
	file := strings.Contains(rest, "/")
	clean := strings.HasPrefix(rest, "r-xp ") || strings.HasPrefix(rest, "r--p ")
	return uintptr(f), uintptr(t), fixed && file && clean
}
