//go:build linux || darwin

package logs

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

// TestMain plays the other processes when the environment says so.
func TestMain(m *testing.M) {
	patience = time.Minute // a busy machine is no hung disk
	switch os.Getenv("LOGS_TEST_ROLE") {
	case "writer":
		playWriter()
	case "ingester":
		playIngester()
	case "flood":
		playFlood()
	default:
		os.Exit(m.Run())
	}
}

// playFlood writes a number of lines of 120 bytes as fast as it can.
func playFlood() {
	n, _ := strconv.Atoi(os.Getenv("LOGS_TEST_N"))
	w := bufio.NewWriterSize(os.Stdout, 64<<10)
	line := []byte("2026-01-02T03:04:05Z worker 17 handled request GET /api/items/4711 in 12ms status 200 bytes 18231 user anna trace abcd \n")
	if len(line) != 120 {
		panic(len(line))
	}
	for range n {
		w.Write(line)
	}
	w.Flush()
}

// playWriter writes numbered lines to both streams, in pieces that are not
// lines, until it has written as many as it was told.
func playWriter() {
	n, _ := strconv.Atoi(os.Getenv("LOGS_TEST_N"))
	var buf [2][]byte
	for i := range n {
		k := i % 3 / 2 // two thirds to stdout
		buf[k] = fmt.Appendf(buf[k], "line %d %s\n", i, padding[:i%len(padding)])
		if cut := 1000 + i%3000; len(buf[k]) > cut {
			writeAll(k+1, buf[k][:cut])
			buf[k] = append(buf[k][:0], buf[k][cut:]...)
			if i%7 == 0 {
				time.Sleep(time.Duration(i%400) * time.Microsecond)
			}
		}
	}
	writeAll(1, buf[0])
	writeAll(2, buf[1])
}

var padding = func() string {
	b := make([]byte, 300)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return string(b)
}()

func writeAll(fd int, b []byte) {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			os.Exit(3)
		}
		b = b[n:]
	}
}

// playIngester adopts the pipes at 3 and 4 and reads on until it is killed,
// or until both have ended.
func playIngester() {
	s, err := Open(os.Getenv("LOGS_TEST_DIR"), Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(4)
	}
	l, err := s.Log(1, crashPolicy)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
	unix.SetNonblock(3, true)
	unix.SetNonblock(4, true)
	l.Adopt(0, velos.Stdout, 3)
	l.Adopt(0, velos.Stderr, 4)
	l.Began(0, 77)
	for {
		ended := false
		s.do("look", func() error { ended = l.pipes == nil; return nil })
		if ended {
			s.Close()
			os.Exit(0)
		}
		time.Sleep(time.Millisecond)
	}
}

var crashPolicy = Policy{Name: "api", MaxSize: 300 << 10, MaxFiles: 1000}
