//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hung is how long a client waits for a connection or an answer. Who waited
// so long in vain is counted as failed, and as hung.
const hung = 10 * time.Second

// A load is clients in a closed loop: each sends a request when it has the
// answer to the one before. Nothing is asked twice, so that whatever goes
// wrong on the wire is seen; libraries, net/http too, repeat silently what
// failed on a connection that was used before. They make their system calls
// themselves, and block in them: on a machine of two cores what a client costs
// is missing at the server.
type load struct {
	ports   []int // each client speaks to one of them
	clients int
	keep    bool          // keep-alive; otherwise each request has a connection of its own
	think   time.Duration // between an answer and the next request

	stop chan struct{}
	all  sync.WaitGroup
	own  []tally
}

// A tally is what clients have seen.
type tally struct {
	requests, failed, refused, hung int
	reasons                         map[string]int
	took                            []time.Duration // of requests that were answered
	by                              map[string]int  // answers of each process
}

func (t *tally) add(o tally) {
	t.requests += o.requests
	t.failed += o.failed
	t.refused += o.refused
	t.hung += o.hung
	t.took = append(t.took, o.took...)
	for k, n := range o.reasons {
		t.reason(k, n)
	}
	for k, n := range o.by {
		t.answered(k, n)
	}
}

func (t *tally) reason(why string, n int) {
	if t.reasons == nil {
		t.reasons = map[string]int{}
	}
	t.reasons[why] += n
}

func (t *tally) answered(by string, n int) {
	if t.by == nil {
		t.by = map[string]int{}
	}
	t.by[by] += n
}

// why is what failed, the most frequent first.
func (t *tally) why() string {
	var list []string
	for k := range t.reasons {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b string) int { return t.reasons[b] - t.reasons[a] })
	for i, k := range list {
		list[i] = fmt.Sprintf("%d × %s", t.reasons[k], k)
	}
	return strings.Join(list, "; ")
}

func (l *load) start() {
	l.stop, l.own = make(chan struct{}), make([]tally, l.clients)
	for i := range l.clients {
		c := &client{port: l.ports[i%len(l.ports)], keep: l.keep}
		l.all.Go(func() {
			defer c.hangUp()
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				if !c.turn(&l.own[i]) || l.think > 0 {
					time.Sleep(max(l.think, time.Millisecond)) // a refused client would count as many as it can
				}
			}
		})
	}
}

func (l *load) end() (sum tally) {
	close(l.stop)
	l.all.Wait()
	for _, t := range l.own {
		sum.add(t)
	}
	return sum
}

// during is the tally of a load while f runs.
func (l *load) during(f func() error) (tally, error) {
	l.start()
	err := f()
	return l.end(), err
}

// A client has one connection at a time.
type client struct {
	port int
	keep bool
	conn conn // 0: none
	r    *bufio.Reader
}

// A conn is a blocking socket; it gives up after hung.
type conn int

func dial(port int) (c conn, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	limit := unix.NsecToTimeval(int64(hung))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	if err == unix.EINTR { // by the Go runtime; it goes on
		err = connected(fd)
	}
	if err != nil {
		unix.Close(fd)
		return 0, os.NewSyscallError("connect", err)
	}
	return conn(fd), nil
}

// connected waits for the outcome of a connect.
func connected(fd int) error {
	for end := time.Now().Add(hung); time.Now().Before(end); {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(hung/time.Millisecond))
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if err == nil && code != 0 {
				err = syscall.Errno(code)
			}
			return err
		}
	}
	return unix.ETIMEDOUT
}

func (c conn) Read(b []byte) (int, error) {
	for {
		switch n, err := unix.Read(int(c), b); {
		case err == unix.EINTR:
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (c conn) Write(b []byte) (int, error) {
	for {
		n, err := unix.SendmsgN(int(c), b, nil, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return n, os.NewSyscallError("write", err)
		}
	}
}

// timedOut reports whether err is that of a call that gave up.
func timedOut(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINPROGRESS) || errors.Is(err, unix.ETIMEDOUT)
}

func (c *client) hangUp() {
	if c.conn != 0 {
		unix.Close(int(c.conn))
		c.conn = 0
	}
}

// turn is one request.
func (c *client) turn(t *tally) bool {
	began, used := time.Now(), c.conn != 0
	by, err := c.ask()
	t.requests++
	if err == nil {
		t.took = append(t.took, time.Since(began))
		t.answered(by, 1)
		return true
	}
	c.hangUp()
	t.failed++
	if timedOut(err) {
		t.hung++
	}
	if errors.Is(err, unix.ECONNREFUSED) {
		t.refused++
	}
	why := reason(err)
	if used {
		why += " on a connection that was used before"
	}
	t.reason(why, 1)
	return false
}

// reason is an error without what differs from one to the next.
func reason(err error) string {
	var call *os.SyscallError
	switch {
	case timedOut(err):
		return "no answer in time"
	case errors.As(err, &call):
		return call.Error()
	}
	return err.Error()
}

var (
	once  = []byte("GET /users/7 HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
	again = []byte("GET /users/7 HTTP/1.1\r\nHost: bench\r\n\r\n")
)

// ask sends one request and returns who answered.
func (c *client) ask() (by string, err error) {
	if c.conn == 0 {
		if c.conn, err = dial(c.port); err != nil {
			return "", err
		}
		if c.r == nil {
			c.r = bufio.NewReaderSize(c.conn, 4096)
		}
		c.r.Reset(c.conn)
	}
	request := once
	if c.keep {
		request = again
	}
	if _, err := c.conn.Write(request); err != nil {
		return "", err
	}
	body, last, err := response(c.r)
	if err != nil {
		return "", err
	}
	if last || !c.keep {
		c.hangUp()
	}
	text, ok := bytes.CutPrefix(body, []byte("ok "))
	if !ok {
		return "", fmt.Errorf("the answer is %.40q", body)
	}
	return string(text), nil
}

// response reads one answer; last: the connection ends with it.
func response(r *bufio.Reader) (body []byte, last bool, err error) {
	line, err := r.ReadSlice('\n')
	if err == io.EOF && len(line) == 0 {
		return nil, false, errors.New("closed without an answer")
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the answer: %w", err)
	}
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || string(line[9:12]) != "200" {
		return nil, false, fmt.Errorf("the answer begins with %.40q", line)
	}
	last = line[7] == '0'
	length, chunked := -1, false
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, false, fmt.Errorf("read the head of the answer: %w", err)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			length, _ = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
	switch {
	case chunked:
		if body, err = io.ReadAll(httputil.NewChunkedReader(r)); err == nil {
			_, err = r.Discard(2)
		}
	case length >= 0:
		body = make([]byte, length)
		_, err = io.ReadFull(r, body)
	default:
		last = true
		body, err = io.ReadAll(r)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the body of the answer: %w", err)
	}
	return body, last, nil
}
