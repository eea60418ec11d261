package cli

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// detached starts a process without our console.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}

// gone reports whether no process has this number.
func gone(pid int) bool {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return true
	}
	defer windows.CloseHandle(h)
	event, err := windows.WaitForSingleObject(h, 0)
	return err == nil && event == windows.WAIT_OBJECT_0
}

// lockDir: nothing rotates on Windows yet.
func lockDir(string) (unlock func(), err error) { return func() {}, nil }
