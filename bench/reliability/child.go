//go:build linux

package main

import (
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// childArg makes this program one of the children that it has velosd run.
const childArg = "a-child"

// child is the main function of a child: one that writes, or one that waits
// to be told how to end.
func child(args []string) {
	switch args[0] {
	case "write":
		rate, _ := strconv.Atoi(args[1])
		write(rate)
	case "wait":
		wait()
	case "serve":
		serve()
	}
	os.Exit(2)
}

// wait ends with code 7 at SIGUSR1 and with 0 at SIGTERM.
func wait() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGTERM)
	fmt.Println("ready")
	if <-c == syscall.SIGUSR1 {
		os.Exit(7)
	}
	os.Exit(0)
}

// serve answers on the socket that it was passed, says that it is ready, and
// ends at SIGTERM.
func serve() {
	l, err := net.FileListener(os.NewFile(3, "passed"))
	if err != nil {
		os.Exit(4)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				os.Exit(5)
			}
			_, _ = c.Write([]byte("hello"))
			_ = c.Close()
		}
	}()
	say, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err == nil {
		_, err = say.Write([]byte("READY=1\nSTATUS=serving"))
	}
	if err != nil {
		os.Exit(6)
	}
	wait()
}

// write writes rate numbered lines a second to each of stdout and stderr,
// until SIGTERM. The last lines say how many there were.
func write(rate int) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	began, n := time.Now(), 0
	for tick := time.NewTicker(2 * time.Millisecond); ; {
		select {
		case <-stop:
			for fd := 1; fd <= 2; fd++ {
				writeAll(fd, "end "+strconv.Itoa(n)+"\n")
			}
			os.Exit(0)
		case <-tick.C:
		}
		// What a full pipe has held up is not made up for at once.
		due := int(time.Since(began).Seconds() * float64(rate))
		if due > n+rate/10 {
			began = began.Add(time.Duration(float64(due-n-rate/10) / float64(rate) * 1e9))
			due = n + rate/10
		}
		for ; n < due; n++ {
			for fd := 1; fd <= 2; fd++ {
				text := line(n) + "\n"
				if n%13 == 0 { // in two pieces
					writeAll(fd, text[:len(text)/2])
					text = text[len(text)/2:]
				}
				writeAll(fd, text)
			}
		}
	}
}

func writeAll(fd int, text string) {
	for b := []byte(text); len(b) > 0; {
		n, err := syscall.Write(fd, b)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			os.Exit(3) // nobody is there to read: the next run would show it
		}
		b = b[n:]
	}
}

// line is the line with number n, of a length that depends on n; some do not
// fit into one atomic write to a pipe. The sum at its end tells a torn one.
func line(n int) string {
	size := n * 7919 % 90
	if n%97 == 0 {
		size = 6000
	}
	head := "line " + strconv.Itoa(n) + " " + strings.Repeat(string(rune('a'+n%26)), size)
	return head + " " + strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(head))), 16)
}

// number is the number of a line that is whole, or -1.
func number(text string) int {
	f := strings.Fields(text)
	if len(f) < 3 || f[0] != "line" {
		return -1
	}
	n, err := strconv.Atoi(f[1])
	if err != nil || n < 0 || line(n) != text {
		return -1
	}
	return n
}
