package child

import (
	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

const (
	firstRealtime = 0
	lastSignal    = 31
)

func signalName(n int) string {
	switch n {
	case 2:
		return "SIGINT"
	case 9:
		return "SIGKILL"
	case 15:
		return "SIGTERM"
	}
	return ""
}

// A Host is the parent of everything that the daemon runs.
type Host struct{}

type (
	cgroup struct{}
	foster struct{}
)

var errUnsupported = &velos.Error{Code: velos.Unsupported, Message: "programs cannot be run on Windows yet"}

// Open answers Unsupported.
func Open() (*Host, error) { return nil, errUnsupported }

// OpenWith answers Unsupported.
func OpenWith(Options) (*Host, error) { return nil, errUnsupported }

// Close does nothing.
func (*Host) Close() error { return nil }

// Start answers Unsupported.
func (*Host) Start(Command) (*Process, error) { return nil, errUnsupported }

// Adopt answers Unsupported.
func (*Host) Adopt(Adoption) (*Process, error) { return nil, errUnsupported }

// Reaped does nothing.
func (*Host) Reaped(pid int, status uint32) {}

// Settled does nothing.
func (*Host) Settled() {}

// BeforeReap does nothing on this system.
func (*Host) BeforeReap(func(*Process, uint32)) {}

// Cgroup is empty: there are none here.
func (*Process) Cgroup() string { return "" }

// Notify does nothing: there is nothing to tell.
func (*Process) Notify(func()) {}

// Observe does nothing.
func (*Host) Observe(*proc.Table) {}

// Signal answers Unsupported.
func (*Process) Signal(sig int, tree bool) error { return errUnsupported }

// Kill answers Unsupported.
func (*Process) Kill() error { return errUnsupported }
