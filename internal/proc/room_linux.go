package proc

import (
	"syscall"
	"unsafe"
)

// room is memory outside of the Go heap for one look at the system. In the
// heap the table of a busy machine would stay resident between two looks: 72
// bytes for each of its processes, and the smaller arrays it grew out of.
func room(bytes int) []byte {
	b, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil // the heap does it, too
	}
	return b
}

func leave(b []byte) {
	if b != nil {
		_ = syscall.Munmap(b)
	}
}

// stats is b as an empty list; nil when there is no b.
func stats(b []byte) []Stat {
	if b == nil {
		return nil
	}
	return unsafe.Slice((*Stat)(unsafe.Pointer(&b[0])), uintptr(len(b))/unsafe.Sizeof(Stat{}))[:0]
}
