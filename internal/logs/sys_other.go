//go:build !linux && !darwin

package logs

import (
	"os"

	"github.com/velospm/velos"
)

// exact is false: there is no output path on this system yet.
const exact = false

type stat struct {
	ino     uint64
	size    int64
	mtime   int64
	links   uint64
	regular bool
}

var errNotHere = &velos.Error{Code: velos.Unsupported, Message: "capturing output is not there yet on this system"}

func fstat(fd int) (stat, error)                           { return stat{}, errNotHere }
func openAppend(path string) (int, error)                  { return -1, errNotHere }
func openSpool(path string, fresh bool) (int, error)       { return -1, errNotHere }
func closeFD(fd int)                                       {}
func truncate(fd int, size int64) error                    { return errNotHere }
func rename(from, to string) error                         { return os.Rename(from, to) }
func pread(fd int, b []byte, off int64) (int, error)       { return 0, errNotHere }
func pwrite(fd int, b []byte, off int64) (int, error)      { return 0, errNotHere }
func write(fd int, b []byte) (int, error)                  { return 0, errNotHere }
func read(fd int, b []byte) (n int, again bool, err error) { return 0, false, errNotHere }
func buffered(fd int) int                                  { return 0 }
func diskFull(err error) bool                              { return false }
func lockDir(dir string) (unlock func(), ok bool)          { return func() {}, true }
func allocPages(n int) []byte                              { return make([]byte, n) }
func freePages(b []byte)                                   {}
func mapFile(fd int, n int) ([]byte, error)                { return nil, errNotHere }
func unmapFile(b []byte)                                   {}
func makePipe() (r, w int, err error)                      { return -1, -1, errNotHere }
func widen(fd, size int) bool                              { return false }
func punch(fd int, n int64)                                {}
func rest(b []byte)                                        {}
func move(pipe, spool int, off int64, max int) (n int, again bool, err error) {
	return 0, false, errNotHere
}

func lstat(path string) (stat, error) {
	st, err := os.Lstat(path)
	if err != nil {
		return stat{}, err
	}
	return stat{size: st.Size(), mtime: st.ModTime().UnixMilli(), links: 1, regular: st.Mode().IsRegular()}, nil
}

func statOf(f *os.File) (stat, error) {
	st, err := f.Stat()
	if err != nil {
		return stat{}, err
	}
	return stat{size: st.Size(), mtime: st.ModTime().UnixMilli(), links: 1, regular: true}, nil
}

func freeSpace(dir string) int64 { return 0 }

func hungUp(fd int) bool { return false }
