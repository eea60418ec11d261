// Package notify hears what programs say of themselves in the way that systemd
// has made common (sd_notify): I am ready, I am stopping, I am alive. It owns a
// socket for each who may speak and the meaning of a datagram. Whether the
// sender belongs to a run, and what follows, is the business of its callers: a
// Message has the sender's pid as the kernel knows it.
//
// Whoever may write into the socket is not trusted: a datagram is at most 4 KiB,
// a flood of them is taken slowly, and descriptors that come along are closed.
package notify

import (
	"bytes"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// A Message is one datagram. What it does not say is zero.
type Message struct {
	PID, UID int // of the sender

	Ready     bool
	Stopping  bool
	Reloading bool
	// Watchdog is a sign of life; WatchdogTrigger says that the program has
	// found itself ill.
	Watchdog, WatchdogTrigger bool
	// Status is a line for people, at most MaxStatus bytes, without control
	// characters. HasStatus tells an empty one, which takes the last one back,
	// from none.
	Status    string
	HasStatus bool
	MainPID   int
	Errno     int
	// ExtendTimeout asks for so much time from now on for what is going on.
	ExtendTimeout time.Duration
}

const (
	// MaxPath is the longest path of a socket, in bytes.
	MaxPath = 107
	// MaxStatus bounds Message.Status.
	MaxStatus = 256

	maxMessage = 4 << 10 // what systemd takes, too
	maxExtend  = 24 * time.Hour
	maxErrno   = 4095
)

// empty reports whether the message says nothing that we know.
func (m *Message) empty() bool {
	return *m == Message{PID: m.PID, UID: m.UID}
}

// parse adds what a datagram says. Lines that it does not know, or whose value
// is not what it should be, are left out; where a key is there twice, the last
// one counts.
func (m *Message) parse(b []byte) {
	b = bytes.TrimRight(b, "\x00") // some send the end of a C string along
	if bytes.IndexByte(b, 0) >= 0 {
		return
	}
	for len(b) > 0 {
		line := b
		if end := bytes.IndexByte(b, '\n'); end >= 0 {
			line, b = b[:end], b[end+1:]
		} else {
			b = nil
		}
		if at := bytes.IndexByte(line, '='); at > 0 {
			m.take(line[:at], line[at+1:])
		}
	}
}

// take adds one line.
func (m *Message) take(key, value []byte) {
	one := string(value) == "1"
	switch string(key) {
	case "READY":
		m.Ready = m.Ready || one
	case "STOPPING":
		m.Stopping = m.Stopping || one
	case "RELOADING":
		m.Reloading = m.Reloading || one
	case "WATCHDOG":
		m.Watchdog = m.Watchdog || one
		m.WatchdogTrigger = m.WatchdogTrigger || string(value) == "trigger"
	case "STATUS":
		m.Status, m.HasStatus = clean(value), true
	case "MAINPID":
		if n, ok := number(value, 1<<31-1); ok {
			m.MainPID = int(n)
		}
	case "ERRNO":
		if n, ok := number(value, maxErrno); ok {
			m.Errno = int(n)
		}
	case "EXTEND_TIMEOUT_USEC":
		if n, ok := number(value, 1<<63-1); ok {
			m.ExtendTimeout = time.Duration(min(n, uint64(maxExtend/time.Microsecond))) * time.Microsecond
		}
	}
}

// number reads a decimal number from 1 to limit.
func number(b []byte, limit uint64) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	return n, err == nil && n > 0 && n <= limit
}

// clean makes a status fit to be kept and shown: blanks for control characters,
// the replacement character for what is no UTF-8, and an end.
func clean(b []byte) string {
	b = bytes.TrimSpace(b)
	out := make([]byte, 0, min(len(b), MaxStatus))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if unicode.IsControl(r) {
			r = ' '
		}
		if len(out)+utf8.RuneLen(r) > MaxStatus {
			break
		}
		out, b = utf8.AppendRune(out, r), b[n:]
	}
	return string(bytes.TrimSpace(out))
}

func checkPath(path string) error {
	switch {
	case len(path) == 0 || path[0] != '/':
		return &velos.Error{Code: velos.Invalid, Message: "listen for notifications on " + strconv.Quote(path) + ": not an absolute path"}
	case len(path) > MaxPath:
		return &velos.Error{Code: velos.Invalid, Message: "listen for notifications on " + path + ": the path has " + strconv.Itoa(len(path)) +
			" bytes, the system takes " + strconv.Itoa(MaxPath), Hint: "set VELOS_HOME to a shorter directory"}
	}
	return nil
}
