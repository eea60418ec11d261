//go:build unix

package child

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/velospm/velos"
)

// explain turns what the system said about a start into a sentence. The system
// gives one number for program, interpreter and directory alike, so it looks
// which of them it was.
func explain(err error, c Command) error {
	switch err {
	case syscall.EAGAIN:
		return fault(velos.Busy, err, "raise the limit of processes (ulimit -u, or TasksMax of the service), or stop something", "the limit of processes is reached")
	case syscall.EMFILE, syscall.ENFILE:
		return fault(velos.Busy, err, "raise the limit of open files (ulimit -n)", "the limit of open files is reached")
	case syscall.ENOMEM:
		return fault(velos.Busy, err, "", "there is not enough memory to start ", c.Path)
	case syscall.E2BIG:
		return fault(velos.TooLarge, err, "pass less on the command line or in the environment", "arguments and environment are too long for ", c.Path)
	case syscall.ETXTBSY:
		return fault(velos.Busy, err, "it is being written; try again when that is done", "the program file is open for writing: ", c.Path)
	case syscall.ENOEXEC:
		return fault(velos.Invalid, err, "give an interpreter, or begin the file with a #! line", "not a program this system can run: ", c.Path)
	}
	if strings.IndexByte(c.Path, 0) >= 0 || strings.IndexByte(c.Dir, 0) >= 0 {
		return fault(velos.Invalid, err, "", "a path holds a NUL byte")
	}
	if err == syscall.EINVAL {
		return fault(velos.Invalid, err, "remove NUL bytes from arguments and environment", "invalid arguments or environment for ", c.Path)
	}
	if e := explainDir(err, c.Dir); e != nil {
		return e
	}
	return explainPath(err, c)
}

// explainDir is nil when the directory can be entered.
func explainDir(err error, dir string) error {
	if dir == "" {
		return nil
	}
	info, serr := os.Stat(dir)
	switch {
	case os.IsPermission(serr):
		return fault(velos.Denied, err, "", "permission denied: ", dir)
	case serr != nil:
		return fault(velos.NotFound, err, "create it, or set another cwd", "no such directory: ", dir)
	case !info.IsDir():
		return fault(velos.Invalid, err, "", "not a directory: ", dir)
	case syscall.Access(dir, 1) != nil:
		return fault(velos.Denied, err, "the daemon may not enter this cwd", "permission denied: ", dir)
	}
	return nil
}

func explainPath(err error, c Command) error {
	path := c.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	info, serr := os.Stat(path)
	switch {
	case os.IsPermission(serr):
		return fault(velos.Denied, err, "", "permission denied: ", c.Path)
	case serr != nil:
		return fault(velos.NotFound, err, "", "no such file: ", c.Path)
	case info.IsDir():
		return fault(velos.Invalid, err, "", "is a directory: ", c.Path)
	case err == syscall.ENOENT || err == syscall.ENOTDIR:
		if name := shebang(path); name != "" {
			return fault(velos.NotFound, err, "install it, or give another interpreter", "no such interpreter: ", name, " (first line of ", c.Path, ")")
		}
		return fault(velos.NotFound, err, "it may be built for another system or C library", "the loader that the program asks for does not exist: ", c.Path)
	case err == syscall.EACCES && info.Mode()&0o111 == 0:
		return fault(velos.Denied, err, "make it executable (chmod +x), or give an interpreter", "not executable: ", c.Path)
	case err == syscall.EACCES || err == syscall.EPERM:
		return fault(velos.Denied, err, "", "permission denied: ", c.Path)
	}
	return fault(velos.Failed, err, "", err.Error(), ": ", c.Path)
}

// shebang is the interpreter that the first line of a script names.
func shebang(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var space [256]byte
	n, _ := f.Read(space[:])
	line, ok := bytes.CutPrefix(space[:n], []byte("#!"))
	if !ok {
		return ""
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := bytes.Fields(line)
	if len(words) == 0 {
		return ""
	}
	return strings.ToValidUTF8(string(words[0]), "�")
}
