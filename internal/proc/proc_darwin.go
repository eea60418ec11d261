package proc

import (
	"bytes"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// TicksPerSecond is the unit of Stat.Start: microseconds of the wall clock.
const TicksPerSecond = 1_000_000

// Age does not know: what Start tells is not of a clock that nobody sets.
func Age(uint64) (time.Duration, bool) { return 0, false }

// Ticks does not know, either.
func Ticks() uint64 { return 0 }

type scanner struct{}

func (*scanner) scan(out []Stat) ([]Stat, error) {
	list, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return out, os.NewSyscallError("sysctl kern.proc.all", err)
	}
	for i := range list {
		out = append(out, statOf(&list[i]))
	}
	return out, nil
}

// statOf is what macOS tells of a process without a library: CPU, RSS and
// Threads stay 0. A session is only known for processes that we may ask about.
func statOf(k *unix.KinfoProc) Stat {
	s := Stat{
		PID:   int(k.Proc.P_pid),
		PPID:  int(k.Eproc.Ppid),
		PGID:  int(k.Eproc.Pgid),
		Start: uint64(k.Proc.P_starttime.Sec)*TicksPerSecond + uint64(k.Proc.P_starttime.Usec),
	}
	s.Terminal = k.Eproc.Tdev != -1 && k.Eproc.Tdev != 0
	if n := int(k.Proc.P_stat); n > 0 && n <= 5 {
		s.State = "IRSTZ"[n-1]
	}
	if sid, err := unix.Getsid(s.PID); err == nil {
		s.SID = sid
	}
	return s
}

// One is the process pid; the error is ESRCH when there is none.
func One(pid int) (Stat, error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return Stat{}, syscall.ESRCH
	}
	if int(k.Proc.P_pid) != pid {
		return Stat{}, syscall.ESRCH
	}
	return statOf(k), nil
}

// BootID names this run of the system; empty when it does not say.
func BootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}

// Environ is the value that key had in the environment of pid when its program
// began; ok is false also where the system hides it.
func Environ(pid int, key string) (value string, ok bool) {
	return variable(block(pid), key)
}

// Variables gives each variable of the environment of pid, NAME=VALUE, as it
// was when its program began, and no more than most bytes of it.
func Variables(pid, most int, take func([]byte)) {
	for rest := block(pid); len(rest) > 0; {
		one, more, _ := bytes.Cut(rest, []byte{0})
		if len(one) > 0 {
			take(one[:min(len(one), most)])
		}
		rest = more
	}
}

// block is the environment of pid, each variable ended by NUL.
func block(pid int) []byte {
	b, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(b) < 4 {
		return nil
	}
	// A count, the path, then arguments and environment, each ended by NUL.
	count := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	b = b[4:]
	for ; count >= 0; count-- {
		n := bytes.IndexByte(b, 0)
		if n < 0 {
			return nil
		}
		b = bytes.TrimLeft(b[n:], "\x00")
	}
	return b
}

// Children is the direct children of this process.
func Children() ([]int, error) { return ChildrenOf(os.Getpid(), nil) }

// ChildrenOf appends the direct children of pid to out.
func ChildrenOf(pid int, out []int) ([]int, error) {
	list, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return out, err
	}
	for i := range list {
		if int(list[i].Eproc.Ppid) == pid {
			out = append(out, int(list[i].Proc.P_pid))
		}
	}
	return out, nil
}

// Arguments gives the words of the command line of pid, at most most of them.
func Arguments(pid, most int) (list []string) {
	b, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(b) < 4 {
		return nil
	}
	count := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	_, b, _ = bytes.Cut(b[4:], []byte{0}) // the path
	for b = bytes.TrimLeft(b, "\x00"); len(b) > 0 && len(list) < min(count, most); {
		word, rest, _ := bytes.Cut(b, []byte{0})
		list, b = append(list, string(word)), rest
	}
	return list
}

// Directory is not told.
func Directory(int) string { return "" }
