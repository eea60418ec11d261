//go:build unix && !linux

package child

import "syscall"

// There are no pidfds here: foster children are looked at now and then, and
// only the keeper can tell how they ended.
func openPidfd(int) (int, error) { return -1, syscall.ENOSYS }

func pidfdOver(int) bool { return false }

func pidfdStatus(int) (ws syscall.WaitStatus, final bool) { return unknownEnd, true }

func (h *Host) fosterGroup(p *Process, sig int) error { return p.signalGroup(sig) }

func (*Host) lose(int) {}

func (*Host) disown(int) {}

func outputsOf(int) (pipes [2]uint64) { return pipes }
