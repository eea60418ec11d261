package wire

import (
	"strconv"

	"github.com/velospm/velos"
)

// maxPath is the longest socket path that every system takes, in bytes.
const maxPath = 103

// A Peer is the process at the other end of a connection. PID is 0 where the
// system does not tell.
type Peer struct{ PID, UID, GID int }

// checkPath refuses what no socket can be bound to.
func checkPath(path string) error {
	switch {
	case path == "":
		return &velos.Error{Code: velos.Invalid, Message: "socket path is empty"}
	case len(path) > maxPath:
		return &velos.Error{
			Code: velos.Invalid,
			Message: "socket path is too long: " + path + " has " + strconv.Itoa(len(path)) +
				" bytes, the system takes " + strconv.Itoa(maxPath),
			Hint: "set VELOS_HOME to a shorter directory",
		}
	}
	return nil
}
