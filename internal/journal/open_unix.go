//go:build unix

package journal

import "syscall"

// plain are flags for opening a file of ours: a link there was not made by
// us, and a pipe must not hold us up.
const plain = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
