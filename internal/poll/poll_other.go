//go:build !linux && !darwin

package poll

import "github.com/velospm/velos"

// A Set waits for nothing on this system yet.
type Set struct{}

// Open answers velos.Unsupported.
func Open() (*Set, error) {
	return nil, &velos.Error{Code: velos.Unsupported, Message: "waiting for descriptors is not there yet on this system"}
}

// Add does nothing.
func (s *Set) Add(fd int, key uint64) error { return velos.ErrUnsupported }

// Remove does nothing.
func (s *Set) Remove(fd int) error { return velos.ErrUnsupported }

// Wake does nothing.
func (s *Set) Wake() {}

// Wait answers velos.ErrUnsupported.
func (s *Set) Wait(buf []Event) ([]Event, error) { return buf[:0], velos.ErrUnsupported }

// Close does nothing.
func (s *Set) Close() error { return nil }
