package cli

import "golang.org/x/sys/windows"

// freeBytes is what this user can still write where dir is.
func freeBytes(dir string) (int64, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(path, &free, nil, nil)
	return int64(free), err
}

// There are no such limits, and no services of ours.
func (d *doctor) checkLimits(int) {}
func (d *doctor) checkBoot()      {}
