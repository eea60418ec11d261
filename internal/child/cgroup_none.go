//go:build unix && !linux

package child

import (
	"syscall"

	"github.com/velospm/velos"
)

// There are no control groups here.
type (
	cgroup  struct{ dir string }
	cgroups struct{}
)

func openCgroups(int) *cgroups                                             { return nil }
func (*cgroups) close()                                                    {}
func (*cgroups) join(*Process, *syscall.SysProcAttr)                       {}
func (*cgroups) forked(*Process, *syscall.SysProcAttr, error) (again bool) { return false }
func (*cgroups) adopt(*Process, string, bool)                              {}
func (*cgroups) refused()                                                  {}
func (*cgroups) leave(*Process)                                            {}
func (*cgroups) kill(*Host, *Process)                                      {}

func (*cgroups) outOfMemory(*Process) bool { return false }

func (*cgroups) bound(_ *Process, bounds []Bound) error {
	if len(bounds) == 0 {
		return nil
	}
	return fault(velos.Unsupported, nil, "leave it out; max_memory stops what takes too much", "limit ", bounds[0].File, ": there are no control groups on this system")
}
