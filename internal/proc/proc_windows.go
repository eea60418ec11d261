package proc

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// TicksPerSecond is the unit of Stat.Start and Stat.CPU, both 0 for now.
const TicksPerSecond = 10_000_000

// Age does not know: what Start tells is not of a clock that nobody sets.
func Age(uint64) (time.Duration, bool) { return 0, false }

// Ticks does not know, either.
func Ticks() uint64 { return 0 }

type scanner struct{}

func (*scanner) scan(out []Stat) ([]Stat, error) {
	snap, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return out, os.NewSyscallError("CreateToolhelp32Snapshot", err)
	}
	defer windows.CloseHandle(snap)
	e := windows.ProcessEntry32{}
	e.Size = uint32(unsafe.Sizeof(e))
	for err = windows.Process32First(snap, &e); err == nil; err = windows.Process32Next(snap, &e) {
		out = append(out, Stat{PID: int(e.ProcessID), PPID: int(e.ParentProcessID), Threads: int(e.Threads)})
	}
	return out, nil
}

// One is the process pid.
func One(pid int) (Stat, error) {
	var t Table
	if err := t.Scan(); err != nil {
		return Stat{}, err
	}
	if s, ok := t.Find(pid); ok {
		return s, nil
	}
	return Stat{}, windows.ERROR_NOT_FOUND
}

// BootID is empty: Windows has no name for a run of the system.
func BootID() string { return "" }

// Environ always answers no: another process's environment is closed to us.
func Environ(pid int, key string) (value string, ok bool) { return "", false }

// Variables knows none on this system.
func Variables(pid, most int, take func([]byte)) {}

// Children is the direct children of this process.
func Children() ([]int, error) { return ChildrenOf(os.Getpid(), nil) }

// ChildrenOf appends the direct children of pid to out.
func ChildrenOf(pid int, out []int) ([]int, error) {
	var t Table
	if err := t.Scan(); err != nil {
		return out, err
	}
	for _, s := range t.All() {
		if s.PPID == pid {
			out = append(out, s.PID)
		}
	}
	return out, nil
}

// Arguments is not told.
func Arguments(int, int) []string { return nil }

// Directory is not told.
func Directory(int) string { return "" }
