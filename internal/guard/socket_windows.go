package guard

import (
	"io/fs"
	"net"

	"github.com/velospm/velos"
)

func listenUnix(path string) (net.Listener, error) {
	return nil, &velos.Error{Code: velos.Unsupported, Message: "listen on " + path + ": sockets with permissions are not there on Windows", Hint: "use --port"}
}

// private: the directory's access list has decided.
func private(fs.FileInfo) bool { return true }
