//go:build unix

package child

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

var limits = map[string]int{
	"as": syscall.RLIMIT_AS, "core": syscall.RLIMIT_CORE, "cpu": syscall.RLIMIT_CPU, "data": syscall.RLIMIT_DATA, "fsize": syscall.RLIMIT_FSIZE,
	"memlock": unix.RLIMIT_MEMLOCK, "nofile": syscall.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "stack": syscall.RLIMIT_STACK,
}

// assume takes on what encode has written. The thread stays: nice is a
// thread's, and the one that executes the program counts.
func assume(encoded string) error {
	runtime.LockOSThread()
	for _, part := range strings.Fields(encoded) {
		f := strings.Split(part, ":")
		if err := assumeOne(f[0], f[1:]); err != nil {
			return errors.New("set " + strings.ReplaceAll(part, ":", " ") + ": " + err.Error())
		}
	}
	return nil
}

func assumeOne(what string, words []string) error {
	if what == "limit" && len(words) == 3 {
		soft, err := strconv.ParseUint(words[1], 10, 64)
		hard, err2 := strconv.ParseUint(words[2], 10, 64)
		resource, ok := limits[words[0]]
		if err != nil || err2 != nil || !ok {
			return syscall.EINVAL
		}
		return syscall.Setrlimit(resource, limitOf(soft, hard))
	}
	numbers := make([]int, len(words))
	for i, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil {
			return syscall.EINVAL
		}
		numbers[i] = n
	}
	switch {
	case what == "nice" && len(numbers) == 1:
		return syscall.Setpriority(syscall.PRIO_PROCESS, 0, numbers[0])
	case what == "umask" && len(numbers) == 1:
		syscall.Umask(numbers[0])
		return nil
	case what == "user" && len(numbers) >= 2:
		return become(numbers[0], numbers[1], numbers[2:])
	}
	return syscall.EINVAL
}

// become gives up what we are: groups first, then the group, the user last,
// who may change none of them any more.
func become(uid, gid int, groups []int) error {
	if err := syscall.Setgroups(groups); err != nil {
		return err
	}
	if err := syscall.Setgid(gid); err != nil {
		return err
	}
	return syscall.Setuid(uid)
}

func limitOf(soft, hard uint64) *syscall.Rlimit {
	const most = uint64(unix.RLIM_INFINITY & (1<<64 - 1))
	return &syscall.Rlimit{Cur: min(soft, most), Max: min(hard, most)}
}
