package foreign

import "os/exec"

// whole would let the end of a command be the end of what it has started, too.
func whole(*exec.Cmd) {}
