//go:build unix

package proc

import (
	"bytes"
	"syscall"
)

// Lines gives each line of a text file that the system keeps to f, until that
// returns false. A line is valid until f returns; one of more than 4 KiB is left
// out. Such files have no size that is known before, and what os.ReadFile grows
// for them stays resident in a program that never collects.
func Lines(path string, f func(line []byte) bool) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	var space [4 << 10]byte
	held, cut := 0, false // bytes of a line that is not whole yet; its beginning was left out
	for {
		n, err := syscall.Read(fd, space[held:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		rest := space[:held+n]
		for {
			line, next, ok := bytes.Cut(rest, []byte{'\n'})
			if !ok {
				break
			}
			if !cut && !f(line) {
				return
			}
			rest, cut = next, false
		}
		if held = copy(space[:], rest); held == len(space) {
			held, cut = 0, true
		}
	}
	if held > 0 && !cut {
		f(space[:held])
	}
}
