//go:build unix && !linux

package child

import "syscall"

// There are no control groups here.
type (
	cgroup  struct{ dir string }
	cgroups struct{}
)

func openCgroups() *cgroups                                                { return nil }
func (*cgroups) close()                                                    {}
func (*cgroups) join(*Process, *syscall.SysProcAttr)                       {}
func (*cgroups) forked(*Process, *syscall.SysProcAttr, error) (again bool) { return false }
func (*cgroups) adopt(*Process, string, bool)                              {}
func (*cgroups) refused()                                                  {}
func (*cgroups) leave(*Process)                                            {}
func (*cgroups) kill(*Host, *Process)                                      {}
