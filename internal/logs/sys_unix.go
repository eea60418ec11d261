//go:build linux || darwin

package logs

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A stat is what of fstat matters here.
type stat struct {
	ino     uint64
	size    int64
	mtime   int64 // Unix milliseconds
	links   uint64
	regular bool
}

func toStat(st *unix.Stat_t) stat {
	return stat{ino: uint64(st.Ino), size: st.Size, mtime: int64(st.Mtim.Sec)*1000 + int64(st.Mtim.Nsec)/1e6,
		links: uint64(st.Nlink), regular: st.Mode&unix.S_IFMT == unix.S_IFREG}
}

func fstat(fd int) (stat, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstat(fd, &st) })
	return toStat(&st), err
}

func lstat(path string) (stat, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Lstat(path, &st) })
	return toStat(&st), err
}

// statOf is fstat of an os.File, which stays as it is.
func statOf(f *os.File) (st stat, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return st, err
	}
	if cerr := raw.Control(func(fd uintptr) { st, err = fstat(int(fd)) }); cerr != nil {
		err = cerr
	}
	return st, err
}

func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// openAppend opens a log file. It never follows a symbolic link in the last
// part of the path and never waits for the reader of a FIFO.
func openAppend(path string) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Open(path, unix.O_RDWR|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		return err
	})
	return fd, err
}

// openSpool opens a spool file; never with O_APPEND, which splice refuses.
func openSpool(path string, fresh bool) (fd int, err error) {
	mode := unix.O_RDWR | unix.O_CREAT | unix.O_CLOEXEC | unix.O_NOFOLLOW
	if fresh {
		mode |= unix.O_TRUNC
	}
	err = retry(func() error {
		fd, err = unix.Open(path, mode, 0o600)
		return err
	})
	return fd, err
}

func closeFD(fd int) { unix.Close(fd) }
func truncate(fd int, size int64) error {
	return retry(func() error { return unix.Ftruncate(fd, size) })
}
func rename(from, to string) error { return os.Rename(from, to) }
func pread(fd int, b []byte, off int64) (n int, err error) {
	err = retry(func() error { n, err = unix.Pread(fd, b, off); return err })
	return max(n, 0), err
}
func pwrite(fd int, b []byte, off int64) (n int, err error) {
	err = retry(func() error { n, err = unix.Pwrite(fd, b, off); return err })
	return max(n, 0), err
}

// write writes all of b, or as much as the file takes.
func write(fd int, b []byte) (done int, err error) {
	for done < len(b) {
		n, err := unix.Write(fd, b[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		if n == 0 {
			return done, unix.EIO
		}
		done += n
	}
	return done, nil
}

// read reads from a pipe: n 0 without an error is the end; again means that
// there is nothing at the moment.
func read(fd int, b []byte) (n int, again bool, err error) {
	err = retry(func() error { n, err = unix.Read(fd, b); return err })
	if err == unix.EAGAIN {
		return 0, true, nil
	}
	return max(n, 0), false, err
}

// buffered says how many bytes wait in a pipe.
func buffered(fd int) int {
	n, err := unix.IoctlGetInt(fd, fionread)
	if err != nil {
		return 0
	}
	return n
}

// freeSpace is how many bytes the file system of dir can still take from us.
func freeSpace(dir string) int64 {
	var st unix.Statfs_t
	if retry(func() error { return unix.Statfs(dir, &st) }) != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}

// hungUp reports whether nobody can write into a pipe any more.
func hungUp(fd int) bool {
	p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p[:], 0)
	return err == nil && n == 1 && p[0].Revents&unix.POLLHUP != 0
}

// diskFull reports whether err is of the kind that goes away by itself when
// there is space again.
func diskFull(err error) bool {
	return err == syscall.ENOSPC || err == syscall.EDQUOT || err == syscall.EFBIG
}

// lockDir takes the lock that a compressor holds while it swaps a rotated
// file for its compressed form; ok is false when somebody has it.
func lockDir(dir string) (unlock func(), ok bool) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_DIRECTORY, 0)
	if err != nil {
		return func() {}, true // there is no compressor where there is no directory
	}
	if err := retry(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }); err == unix.EWOULDBLOCK {
		unix.Close(fd)
		return nil, false
	}
	return func() { unix.Close(fd) }, true
}

// allocPages returns zeroed memory outside Go's heap, so that giving it back
// is felt at once. n is rounded up to whole pages by the system.
func allocPages(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return make([]byte, n)
	}
	return b
}

// freePages gives memory of allocPages back.
func freePages(b []byte) {
	if b != nil {
		unix.Munmap(b[:cap(b)]) // refuses what it did not map: then it was the heap's
	}
}

func mapFile(fd int, n int) ([]byte, error) {
	return unix.Mmap(fd, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func unmapFile(b []byte) {
	if b != nil {
		unix.Munmap(b)
	}
}
