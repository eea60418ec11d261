package cli

import (
	"bytes"
	"os"
	"strconv"
)

// zombie reports a process that has ended and was not waited for: in a
// container without an init nobody ever will.
func zombie(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(b, ')')
	return i >= 0 && len(b) > i+2 && b[i+2] == 'Z'
}
