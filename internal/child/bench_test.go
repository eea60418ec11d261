//go:build linux

package child

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// sleepers starts n quiet children and ends them after the benchmark.
func sleepers(b *testing.B, h *Host, n int) {
	for range n {
		start(b, h, "/bin/sleep", "300")
	}
}

var crowds = []int{0, 1000}

func BenchmarkStart(b *testing.B) {
	for _, o := range []Options{{}, {NoCgroup: true}} {
		for _, n := range crowds {
			b.Run("cgroup="+strconv.FormatBool(!o.NoCgroup)+"/children="+strconv.Itoa(n), func(b *testing.B) {
				h := open(b, o)
				sleepers(b, h, n)
				b.ResetTimer()
				b.ReportAllocs()
				for b.Loop() {
					p, err := h.Start(Command{Path: "/bin/true", Args: []string{"true"}, Stdout: -1, Stderr: -1})
					if err != nil {
						b.Fatal(err)
					}
					<-p.Exited()
				}
			})
		}
	}
}

// What the system itself takes for the same.
func BenchmarkBareForkExecWait(b *testing.B) {
	null, _ := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	defer syscall.Close(null)
	attr := &syscall.ProcAttr{Files: []uintptr{uintptr(null), uintptr(null), uintptr(null)}, Sys: &syscall.SysProcAttr{Setsid: true}}
	b.ReportAllocs()
	for b.Loop() {
		pid, err := syscall.ForkExec("/bin/true", []string{"true"}, attr)
		if err != nil {
			b.Fatal(err)
		}
		var ws syscall.WaitStatus
		syscall.Wait4(pid, &ws, 0, nil)
	}
}

// Start against the bare system call, in turns.
func BenchmarkStartAgainstBare(b *testing.B) {
	for _, o := range []Options{{}, {NoCgroup: true}} {
		for _, n := range crowds {
			b.Run("cgroup="+strconv.FormatBool(!o.NoCgroup)+"/children="+strconv.Itoa(n), func(b *testing.B) {
				h := open(b, o)
				sleepers(b, h, n)
				attr := &syscall.ProcAttr{Files: []uintptr{uintptr(h.null), uintptr(h.null), uintptr(h.null)}, Sys: &syscall.SysProcAttr{Setsid: true}}
				var ours, bare []time.Duration
				for b.Loop() {
					t := time.Now()
					p, err := h.Start(Command{Path: "/bin/sleep", Args: []string{"sleep", "0"}, Stdout: -1, Stderr: -1})
					ours = append(ours, time.Since(t))
					if err != nil {
						b.Fatal(err)
					}
					<-p.Gone()
					t = time.Now()
					pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "0"}, attr)
					bare = append(bare, time.Since(t))
					if err != nil {
						b.Fatal(err)
					}
					for syscall.Kill(pid, 0) == nil { // the host's reaper waits for it
						time.Sleep(50 * time.Microsecond)
					}
				}
				report(b, "start", ours)
				report(b, "bare", bare)
			})
		}
	}
}

// The time from kill -9 until Exited delivers, and that of Start alone.
func BenchmarkCrash(b *testing.B) {
	for _, o := range []Options{{}, {NoCgroup: true}} {
		for _, n := range crowds {
			b.Run("cgroup="+strconv.FormatBool(!o.NoCgroup)+"/children="+strconv.Itoa(n), func(b *testing.B) {
				h := open(b, o)
				sleepers(b, h, n)
				var crash, begin []time.Duration
				for b.Loop() {
					t := time.Now()
					p, err := h.Start(Command{Path: "/bin/sleep", Args: []string{"sleep", "300"}, Env: os.Environ(), Stdout: -1, Stderr: -1})
					if err != nil {
						b.Fatal(err)
					}
					begin = append(begin, time.Since(t))
					t = time.Now()
					syscall.Kill(p.PID(), syscall.SIGKILL)
					if x := <-p.Exited(); x.Leftover {
						b.Fatal("leftovers")
					}
					crash = append(crash, time.Since(t))
				}
				report(b, "crash", crash)
				report(b, "start", begin)
			})
		}
	}
}

func report(b *testing.B, name string, d []time.Duration) {
	slices.Sort(d)
	b.ReportMetric(float64(d[0].Microseconds()), name+"-min-us")
	b.ReportMetric(float64(d[len(d)/2].Microseconds()), name+"-med-us")
}

// What making and removing a group costs.
func BenchmarkCgroupDirectory(b *testing.B) {
	c := openCgroups(0)
	if c == nil {
		b.Skip("no writable cgroup2 here")
	}
	defer c.close()
	var rm []time.Duration
	for b.Loop() {
		n, fd := c.make()
		if fd < 0 {
			b.Fatal("no group")
		}
		syscall.Close(fd)
		t := time.Now()
		if err := syscall.Rmdir(c.name(n)); err != nil {
			b.Fatal(err)
		}
		rm = append(rm, time.Since(t))
	}
	report(b, "rmdir", rm)
}
