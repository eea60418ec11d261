package child

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"syscall"

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
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 8<<10))
	_, rest, ok := bytes.Cut(text, []byte("\nSigIgn:\t"))
	if !ok || len(rest) < 16 {
		return nil
	}
	mask, _ := strconv.ParseUint(string(rest[:16]), 16, 64)
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
