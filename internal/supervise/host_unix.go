//go:build unix

package supervise

import "syscall"

func closeBoth(a, b int) {
	_ = syscall.Close(a)
	if a != b {
		_ = syscall.Close(b)
	}
}
