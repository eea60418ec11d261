//go:build !linux && !darwin

package channel

import "github.com/velospm/velos"

var unsupported = &velos.Error{Code: velos.Unsupported, Message: "Node's channel is not there on this system"}

// A reader has nothing to read here.
type reader struct{ message Message }

func newReader() *reader                     { return &reader{} }
func (r *reader) receive(int) ([]byte, bool) { return nil, false }
func transmit(int, []byte, int) (int, error) { return 0, unsupported }
func again(error) bool                       { return false }
func duplicate(int) (int, error)             { return -1, unsupported }
func closeFD(int)                            {}

// Pair answers velos.Unsupported.
func Pair() (ours, theirs int, err error) { return -1, -1, unsupported }
