//go:build unix

package cluster

import "syscall"

func closeFD(fd int) { _ = syscall.Close(fd) }
