//go:build !linux && !darwin && !windows

package proc

import (
	"errors"
	"time"

	"github.com/velospm/velos"
)

// TicksPerSecond is the unit of Stat.Start and Stat.CPU.
const TicksPerSecond = 100

var errUnsupported error = &velos.Error{Code: velos.Unsupported, Message: "the process table cannot be read on this system", Cause: errors.ErrUnsupported}

// Age does not know: what Start tells is not of a clock that nobody sets.
func Age(uint64) (time.Duration, bool) { return 0, false }

// Ticks does not know, either.
func Ticks() uint64 { return 0 }

type scanner struct{}

func (*scanner) scan(out []Stat) ([]Stat, error) { return out, errUnsupported }

// One answers Unsupported.
func One(pid int) (Stat, error) { return Stat{}, errUnsupported }

// BootID is empty.
func BootID() string { return "" }

// Environ answers no.
func Environ(pid int, key string) (value string, ok bool) { return "", false }

// Variables knows none on this system.
func Variables(pid, most int, take func([]byte)) {}

// Children answers Unsupported.
func Children() ([]int, error) { return nil, errUnsupported }

// ChildrenOf answers Unsupported.
func ChildrenOf(pid int, out []int) ([]int, error) { return out, errUnsupported }

// Arguments is not told.
func Arguments(int, int) []string { return nil }

// Directory is not told.
func Directory(int) string { return "" }
