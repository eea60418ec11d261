//go:build !linux && !darwin

package wire

import (
	"time"

	"github.com/velospm/velos"
)

// A Listener is the daemon's socket.
type Listener struct{}

// A Conn is one connection.
type Conn struct{}

func unsupported() error {
	return &velos.Error{Code: velos.Unsupported, Message: "the daemon's socket is not supported on this system yet"}
}

// Listen is an error with the code velos.Unsupported.
func Listen(path string) (*Listener, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	return nil, unsupported()
}

// Accept is an error with the code velos.Unsupported.
func (l *Listener) Accept() (*Conn, error) { return nil, unsupported() }

// Close does nothing.
func (l *Listener) Close() error { return nil }

// Dial is an error with the code velos.Unsupported.
func Dial(path string) (*Conn, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	return nil, unsupported()
}

// Read is an error with the code velos.Unsupported.
func (c *Conn) Read([]byte) (int, error) { return 0, unsupported() }

// Write is an error with the code velos.Unsupported.
func (c *Conn) Write([]byte) (int, error) { return 0, unsupported() }

// Close does nothing.
func (c *Conn) Close() error { return nil }

// SetReadDeadline is an error with the code velos.Unsupported.
func (c *Conn) SetReadDeadline(time.Time) error { return unsupported() }

// SetWriteDeadline is an error with the code velos.Unsupported.
func (c *Conn) SetWriteDeadline(time.Time) error { return unsupported() }

// Peer is an error with the code velos.Unsupported.
func (c *Conn) Peer() (Peer, error) { return Peer{}, unsupported() }
