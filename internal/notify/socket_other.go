//go:build !linux

package notify

import (
	"errors"

	"github.com/velospm/velos"
)

// A Socket is where one program's notifications arrive.
type Socket struct{}

func unsupported() error {
	return &velos.Error{Code: velos.Unsupported, Message: "notifications of programs (NOTIFY_SOCKET) are for Linux only", Cause: errors.ErrUnsupported}
}

// Open is an error with the code velos.Unsupported.
func Open(path string, f func(Message)) (*Socket, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	return nil, unsupported()
}

// Adopt is an error with the code velos.Unsupported.
func Adopt(fd int, path string, f func(Message)) (*Socket, error) { return nil, unsupported() }

// Path is empty.
func (s *Socket) Path() string { return "" }

// FD is no descriptor.
func (s *Socket) FD() int { return -1 }

// Close does nothing.
func (s *Socket) Close() error { return nil }

// Leave does nothing.
func (s *Socket) Leave() error { return nil }
