//go:build unix

package foreign

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

// whole lets the end of a command be the end of what it has started, too.
func whole(cmd *exec.Cmd) {
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
}
