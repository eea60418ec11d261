//go:build faults && unix

package fault

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// wanted is the point that VELOS_FAULT names, and the number of the pass that
// is the last: POINT or POINT:N.
var wanted, pass = parse(os.Getenv("VELOS_FAULT"))

var passes atomic.Int64

func parse(v string) (string, int64) {
	point, number, _ := strings.Cut(v, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		n = 1
	}
	return point, n
}

// Here is the point of that name. It kills this process with SIGKILL when it
// is the wanted one, once for each home: a file there says that it was reached.
func Here(point string) {
	if point != wanted || passes.Add(1) != pass {
		return
	}
	fd, err := syscall.Open(filepath.Join(os.Getenv("VELOS_HOME"), "fault-reached"), syscall.O_CREAT|syscall.O_EXCL|syscall.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	syscall.Close(fd)
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
