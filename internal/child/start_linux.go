package child

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"github.com/velospm/velos/internal/proc"
	"golang.org/x/sys/unix"
)

func firstThread() bool { return unix.Gettid() == os.Getpid() }

// sealDescriptors keeps from children what this program inherited by chance.
func sealDescriptors() {
	if unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC) != nil {
		sealListed("/proc/self/fd")
	}
}

// ignoredSignals is what this program was started to ignore.
func ignoredSignals() (list []os.Signal) {
	var mask uint64
	proc.Lines("/proc/self/status", func(line []byte) bool {
		text, ok := bytes.CutPrefix(line, []byte("SigIgn:\t"))
		if ok {
			mask, _ = strconv.ParseUint(string(text), 16, 64)
		}
		return !ok
	})
	for n := 1; n <= lastSignal; n++ {
		reserved := n >= 32 && n < firstRealtime
		if mask&(1<<(n-1)) != 0 && !reserved && n != int(syscall.SIGCHLD) {
			list = append(list, syscall.Signal(n))
		}
	}
	return list
}

// ownPath is this program, also when its file was replaced.
func ownPath() (string, error) { return "/proc/self/exe", nil }
