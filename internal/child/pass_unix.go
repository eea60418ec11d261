//go:build unix

package child

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
)

// passRole in VELOS_ROLE has this program only become another one, which finds
// descriptors as systemd passes them: LISTEN_PID must be the number of the
// process that uses them, and that is known after the fork only.
const passRole = "VELOS_ROLE=pass"

// through changes c so that it is started by way of this program.
func through(c *Command) error {
	if err := executable(c.Path); err != nil {
		return explain(err, *c)
	}
	self, err := ownPath()
	if err != nil {
		return fault(velos.Failed, err, "", "find this program: ", err.Error())
	}
	c.Args = append([]string{"velosd", c.Path}, c.Args...)
	// What the program is given may be written by the user it runs as, who does
	// not decide which user that is: of two values the first would count.
	c.Env = slices.DeleteFunc(slices.Clone(c.Env), ours)
	c.Env = append(c.Env, passRole)
	if c.Rights != nil {
		c.Env = append(c.Env, rightsName+c.Rights.encode())
	}
	c.Path = self
	return nil
}

// executable is the error that executing the file would end with, as far as it
// can be told before: afterwards it would be the program's end, and not an
// answer to who has started it.
func executable(path string) error {
	if err := unix.Access(path, unix.X_OK); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return syscall.EACCES
	}
	if name := shebang(path); name != "" && unix.Access(name, unix.F_OK) == unix.ENOENT {
		return syscall.ENOENT
	}
	return nil
}

// ours reports whether a variable is one of those that Pass goes by.
func ours(e string) bool {
	return strings.HasPrefix(e, "VELOS_ROLE=") || strings.HasPrefix(e, rightsName)
}

// Pass becomes the program that passRole names; in any other role it returns
// at once. To be called before anything else.
func Pass() {
	if v, _ := syscall.Getenv("VELOS_ROLE"); "VELOS_ROLE="+v != passRole {
		return
	}
	if len(os.Args) < 3 {
		os.Exit(127)
	}
	env := make([]string, 0, len(os.Environ()))
	passed, rights := false, ""
	for _, e := range os.Environ() {
		passed = passed || strings.HasPrefix(e, "LISTEN_FDS=")
		switch {
		case e == passRole, strings.HasPrefix(e, "LISTEN_PID="):
		case strings.HasPrefix(e, rightsName):
			rights = e[len(rightsName):]
		default:
			env = append(env, e)
		}
	}
	if passed {
		env = append(env, "LISTEN_PID="+strconv.Itoa(os.Getpid()))
	}
	if err := assume(rights); err != nil {
		_, _ = os.Stderr.WriteString("velosd: " + err.Error() + "\n")
		os.Exit(126)
	}
	err := syscall.Exec(os.Args[1], os.Args[2:], env)
	_, _ = os.Stderr.WriteString("velosd: execute " + os.Args[1] + ": " + err.Error() + "\n")
	if err != syscall.ENOENT {
		os.Exit(126) // as shells say that a program is there and cannot be executed
	}
	os.Exit(127)
}
