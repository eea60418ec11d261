package home

import "github.com/velospm/velos"

// Own is not there on Windows yet.
func (h Home) Own(name string) (*Lock, error) {
	return nil, &velos.Error{Code: velos.Unsupported, Message: "lock " + name + ": the daemon does not run on Windows yet"}
}
