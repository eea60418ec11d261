//go:build linux

package rig

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// markSource is a program that tells the time of its first instructions and
// its pid to a datagram socket, and sleeps. It needs no C library, so that
// what is measured is the exec and not the loader.
const markSource = `
#include <time.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static long call(long n, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
	long r; register long r10 __asm__("r10") = d; register long r8 __asm__("r8") = e; register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = n; register long x0 __asm__("x0") = a; register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c; register long x3 __asm__("x3") = d; register long x4 __asm__("x4") = e; register long x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
#endif
}

void _start(void) {
	long m[3] = {0, 0, 0};
	static struct sockaddr_un to = {AF_UNIX, SOCKET};
	call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)m, 0, 0, 0, 0);
	m[2] = call(SYS_getpid, 0, 0, 0, 0, 0, 0);
	long s = call(SYS_socket, AF_UNIX, SOCK_DGRAM, 0, 0, 0, 0);
	call(SYS_sendto, s, (long)m, sizeof m, 0, (long)&to, sizeof to);
	for (;;) { struct timespec t = {3600, 0}; call(SYS_nanosleep, (long)&t, 0, 0, 0, 0, 0); }
}
`

// A Mark is the first sign of life of a process.
type Mark struct {
	PID int
	At  time.Duration // on the clock of Now
}

// Marks hears from a small program how soon it runs.
type Marks struct {
	Program string   // what to start
	Args    []string // and with which arguments

	conn *net.UnixConn
	buf  [64]byte
}

// Marks makes the program and the socket that it speaks to.
func (r *Rig) Marks() (*Marks, error) {
	path := filepath.Join(r.Dir, "marks")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	r.later(func() { conn.Close() })
	m := &Marks{conn: conn}
	m.Program, err = r.Freestanding("mark", markSource, "SOCKET="+strconv.Quote(path))
	if errors.Is(err, errors.ErrUnsupported) {
		r.Note("no C compiler: children are this Go program, whose own start takes about a millisecond")
		m.Program, err = os.Executable()
		m.Args = []string{"mark", path}
	}
	return m, err
}

// init is the marker written in Go.
func init() {
	if len(os.Args) != 3 || os.Args[1] != "mark" {
		return
	}
	b := make([]byte, 24)
	now := Now()
	binary.NativeEndian.PutUint64(b, uint64(now/time.Second))
	binary.NativeEndian.PutUint64(b[8:], uint64(now%time.Second))
	binary.NativeEndian.PutUint64(b[16:], uint64(os.Getpid()))
	if s, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0); err == nil {
		syscall.Sendto(s, b, 0, &syscall.SockaddrUnix{Name: os.Args[2]})
	}
	time.Sleep(time.Hour)
}

// Next waits for the next mark.
func (m *Marks) Next(within time.Duration) (Mark, error) {
	m.conn.SetReadDeadline(time.Now().Add(within))
	n, err := m.conn.Read(m.buf[:])
	if err != nil {
		return Mark{}, fmt.Errorf("wait for a child to run: %w", err)
	}
	if n != 24 {
		return Mark{}, fmt.Errorf("a mark of %d bytes", n)
	}
	word := func(i int) int64 { return int64(binary.NativeEndian.Uint64(m.buf[i:])) }
	return Mark{At: time.Duration(word(0))*time.Second + time.Duration(word(8)), PID: int(word(16))}, nil
}

// Last waits for n marks and returns the time of the latest.
func (m *Marks) Last(n int, within time.Duration) (last time.Duration, pids []int, err error) {
	for range n {
		k, err := m.Next(within)
		if err != nil {
			return last, pids, err
		}
		last = max(last, k.At)
		pids = append(pids, k.PID)
	}
	return last, pids, nil
}

// Now is the monotonic clock that all processes share.
func Now() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
