package search

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
)

// A view is what a file holds up to a size, in memory where the system can do
// that.
type view struct {
	file *os.File
	data []byte
	size int64
}

func newView(f *os.File, size int64) view { return view{f, mapped(f, size), size} }

func (v *view) close() {
	unmap(v.data)
	v.data = nil
	if v.file != nil {
		v.file.Close()
	}
}

// at is the bytes of a part of the file; in buf, when they have to be read.
func (v *view) at(off, n int64, buf []byte) ([]byte, error) {
	if off < 0 || n < 0 || off > v.size-n {
		return nil, io.ErrUnexpectedEOF
	}
	if v.data != nil {
		return v.data[off : off+n : off+n], nil
	}
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	m, err := v.file.ReadAt(buf[:n], off)
	if int64(m) < n {
		return buf[:m], errors.Join(err, errGone)
	}
	return buf[:n], nil
}

var errGone = errors.New("it became shorter while it was read")

// guarded runs f, which looks into files that are in memory. A file that is
// truncated meanwhile (velos flush does that) has no memory behind it any
// more, and looking there would end the program.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(interface{ Addr() uintptr }); !ok {
				panic(p)
			}
			err = errGone
		}
	}()
	return f()
}
