package home

import (
	"io/fs"

	"github.com/velospm/velos"
)

// The modes that Windows reports say nothing about who may enter: that is
// the parent directory's access list, which a user's profile inherits.
const hasModes = false

func owned(fs.FileInfo) bool { return true }

func writable(string) error { return nil }

const plain = 0

// NTFS keeps its own journal of renames.
func syncDir(string) error { return nil }

// A Lock says that this process is the daemon of a home.
type Lock struct{}

// Lock is not there on Windows yet.
func (h Home) Lock() (*Lock, error) {
	return nil, &velos.Error{Code: velos.Unsupported, Message: "lock " + h.LockFile() + ": the daemon does not run on Windows yet"}
}

// Close gives the lock up.
func (l *Lock) Close() error { return nil }

// FD is not there on this platform.
func (l *Lock) FD() int { return -1 }

// Inherit is not there on this platform.
func Inherit(int) (*Lock, error) {
	return nil, &velos.Error{Code: velos.Unsupported, Message: "inherit the lock: not on this platform"}
}

// Leave is not there on this platform.
func (l *Lock) Leave(int) error { return nil }

// Idle is never true on this platform.
func (h Home) Idle() (pid int, ok bool) { return 0, false }

// Holds is always true on this platform.
func (l *Lock) Holds(Home) bool { return true }

// Rest is not there on this platform.
func Rest(fd, pid int) error { return nil }

// Kept is never true on this platform.
func (h Home) Kept() bool { return false }
