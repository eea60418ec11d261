//go:build linux

package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Memory is what the kernel says a process holds, in bytes.
type Memory struct {
	RSS  int64 // resident
	Anon int64 // resident and anonymous: not shared with any file
	PSS  int64 // resident, shared pages divided by those who share them

	Threads, Descriptors int
}

// MemoryOf reads the memory of a process, or the sum over several.
func MemoryOf(pids ...int) (Memory, error) {
	var m Memory
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid)
		status, err := os.ReadFile(dir + "/status")
		if err != nil {
			return m, err
		}
		rollup, err := os.ReadFile(dir + "/smaps_rollup")
		if err != nil {
			return m, err
		}
		fds, err := os.ReadDir(dir + "/fd")
		if err != nil {
			return m, err
		}
		m.RSS += field(string(status), "VmRSS:") << 10
		m.Anon += field(string(status), "RssAnon:") << 10
		m.PSS += field(string(rollup), "Pss:") << 10
		m.Threads += int(field(string(status), "Threads:"))
		m.Descriptors += len(fds)
	}
	return m, nil
}

// field is the number behind a key of a file like /proc/PID/status.
func field(text, key string) int64 {
	_, rest, _ := strings.Cut("\n"+text, "\n"+key)
	line, _, _ := strings.Cut(rest, "\n")
	if f := strings.Fields(line); len(f) > 0 {
		n, _ := strconv.ParseInt(f[0], 10, 64)
		return n
	}
	return 0
}

// CPUOf is the processor time that the live threads of processes have used.
func CPUOf(pids ...int) (time.Duration, error) {
	var sum int64
	for _, pid := range pids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		if len(files) == 0 {
			return 0, fmt.Errorf("the kernel keeps no schedstat for process %d", pid)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				continue // the thread has ended
			}
			n, _, _ := strings.Cut(string(b), " ")
			ns, _ := strconv.ParseInt(n, 10, 64)
			sum += ns
		}
	}
	return time.Duration(sum), nil
}

// ShareOf is how much of a core a process takes over a window that begins when
// it has come to rest, in percent.
func ShareOf(pid int, window time.Duration) (float64, error) {
	time.Sleep(3 * time.Second)
	cpu, err := CPUOf(pid)
	if err != nil {
		return 0, err
	}
	at := time.Now()
	time.Sleep(window)
	after, err := CPUOf(pid)
	return (after - cpu).Seconds() / time.Since(at).Seconds() * 100, err
}

// WakesOf is how often the live threads of a process have gone to sleep of
// their own will.
func WakesOf(pid int) (n int64) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			n += field(string(b), "voluntary_ctxt_switches:")
		}
	}
	return n
}
