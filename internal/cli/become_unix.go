//go:build unix

package cli

import (
	"os"
	"syscall"

	"github.com/velospm/velos"
)

// become makes this process another program with the same arguments. It
// returns only when that fails.
func become(path string) error {
	err := syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ())
	return &velos.Error{Code: velos.Failed, Message: "start " + path + ": " + err.Error(), Cause: err}
}
