//go:build !linux && !darwin

package sockets

import "github.com/velospm/velos"

const reuses = false

var unsupported = &velos.Error{Code: velos.Unsupported, Message: "sockets that the daemon opens are not there on this system"}

func open(Address, bool, bool, bool) (int, error) { return -1, unsupported }
func probe(Address, bool) (int, error)            { return 0, unsupported }
func bound(int) (int, bool, bool)                 { return 0, false, false }
func boundPath(int) (string, bool)                { return "", false }
func attach(int, []int) error                     { return unsupported }
func queued(int, Network) int                     { return 0 }

// A file is which file a path was.
type file struct{}

func fileAt(string) file { return file{} }
func remove(string)      {}
func closeFD(int)        {}
