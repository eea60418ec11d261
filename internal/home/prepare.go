package home

import (
	"io/fs"
	"os"

	"github.com/velospm/velos"
)

const elsewhere = "set VELOS_HOME to a directory that belongs to you and to nobody else"

// Prepare makes the home and its log directory where they are missing and
// sees to it that nobody else can enter. The error has code Denied when a
// directory is a symbolic link, belongs to somebody else, is not writable, or
// is open to others and holds foreign files; Failed when the system refused
// for another reason.
func (h Home) Prepare() error {
	for _, dir := range []string{h.Dir, h.LogDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fault("make the directory", dir, err, elsewhere)
		}
		if err := h.guard(dir); err != nil {
			return err
		}
	}
	return nil
}

// guard refuses a directory that others could have put something into, or
// could read from.
func (h Home) guard(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fault("look at the directory", dir, err, elsewhere)
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return denied("use "+dir+": it is a symbolic link", "set VELOS_HOME to the directory itself")
	case !info.IsDir():
		return denied("use "+dir+": it is not a directory", elsewhere)
	case !owned(info):
		return denied("use "+dir+": it belongs to another user", elsewhere)
	case info.Mode().Perm()&0o077 != 0 && hasModes:
		if err := h.shut(dir, info); err != nil {
			return err
		}
	}
	if err := writable(dir); err != nil {
		return fault("write to the directory", dir, err, elsewhere)
	}
	return nil
}

// shut closes a directory to others. A directory that was never ours and is
// not empty stays as it is: VELOS_HOME=/tmp must not lock everybody out.
func (h Home) shut(dir string, info fs.FileInfo) error {
	if _, err := os.Lstat(h.LockFile()); err != nil && !empty(dir) {
		return denied("use "+dir+": others can enter it, and it holds files that are not ours",
			"run chmod 700 "+dir+" if it is meant for Velos alone, or "+elsewhere)
	}
	if err := os.Chmod(dir, info.Mode().Perm()&0o700); err != nil {
		return fault("close to others", dir, err, elsewhere)
	}
	return nil
}

func empty(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	names, _ := f.Readdirnames(1)
	return len(names) == 0
}

func denied(what, hint string) error {
	return &velos.Error{Code: velos.Denied, Message: what, Hint: hint}
}
