//go:build unix

package home

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
)

// TestMain lets the test binary be the other process that a test needs.
func TestMain(m *testing.M) {
	switch os.Getenv("VELOS_TEST_ROLE") {
	case "hold":
		if _, err := (Home{Dir: os.Getenv("VELOS_HOME")}).Lock(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("held")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	case "inherit":
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestPreparedHomeIsForUsAlone(t *testing.T) {
	h := Home{Dir: filepath.Join(t.TempDir(), "a", "b")}
	for range 2 {
		if err := h.Prepare(); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{h.Dir, h.LogDir()} {
		if info, err := os.Lstat(dir); err != nil || info.Mode() != os.ModeDir|0o700 {
			t.Errorf("%s: got %v, %v; want a directory with mode 0700", dir, info.Mode(), err)
		}
	}
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func chmod(t *testing.T, path string, m os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, m); err != nil {
		t.Fatal(err)
	}
}

func TestOpenHomeIsShutWhenItIsEmptyOrWasOurs(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	chmod(t, h.Dir, 0o755)
	if err := h.Prepare(); err != nil || mode(t, h.Dir) != 0o700 {
		t.Errorf("empty: got mode %o, %v; want 700", mode(t, h.Dir), err)
	}
	l, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	chmod(t, h.Dir, 0o777)
	chmod(t, h.LogDir(), 0o750)
	if err := h.Prepare(); err != nil || mode(t, h.Dir) != 0o700 || mode(t, h.LogDir()) != 0o700 {
		t.Errorf("ours: got modes %o %o, %v; want 700", mode(t, h.Dir), mode(t, h.LogDir()), err)
	}
}

func TestOpenDirectoryWithForeignFilesIsLeftAlone(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	chmod(t, h.Dir, 0o777)
	if err := os.WriteFile(filepath.Join(h.Dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := h.Prepare()
	if !errors.Is(err, velos.ErrDenied) || velos.HintOf(err) == "" || mode(t, h.Dir) != 0o777 {
		t.Errorf("got %v, mode %o; want denied with a hint and the mode as it was", err, mode(t, h.Dir))
	}
}

func TestHomeThatIsNotOurDirectoryIsDenied(t *testing.T) {
	top := t.TempDir()
	for _, d := range []string{"real", "nologs"} {
		if err := os.Mkdir(filepath.Join(top, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Symlink(filepath.Join(top, "real"), filepath.Join(top, "link")),
		os.Symlink(filepath.Join(top, "real"), filepath.Join(top, "nologs", "logs")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"link", "nologs"} {
		err := Home{Dir: filepath.Join(top, dir)}.Prepare()
		if !errors.Is(err, velos.ErrDenied) || !strings.Contains(err.Error(), "symbolic link") || velos.HintOf(err) == "" {
			t.Errorf("%s: got %v; want denied for the link, with a hint", dir, err)
		}
	}
}

func TestForeignHomeIsDenied(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	h := Home{Dir: t.TempDir()}
	if err := os.Chown(h.Dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	err := h.Prepare()
	if !errors.Is(err, velos.ErrDenied) || !strings.Contains(err.Error(), "another user") {
		t.Errorf("got %v; want denied", err)
	}
}

func TestHomeThatCannotBeMadeSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Home{Dir: filepath.Join(file, "home")}.Prepare()
	if err == nil || !strings.Contains(err.Error(), "not a directory") || velos.HintOf(err) == "" {
		t.Errorf("below a file: got %v; want the reason and a hint", err)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	shut := t.TempDir()
	chmod(t, shut, 0o500)
	for _, dir := range []string{shut, filepath.Join(shut, "home")} {
		err := Home{Dir: dir}.Prepare()
		if !errors.Is(err, velos.ErrDenied) || velos.HintOf(err) == "" {
			t.Errorf("%s: got %v; want denied with a hint", dir, err)
		}
	}
}

// other runs the test binary in a role and returns its first line; end closes
// its standard input and waits.
func other(t *testing.T, h Home, role string) (line string, cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "VELOS_TEST_ROLE="+role, "VELOS_HOME="+h.Dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() { in.Close(); cmd.Wait() }
	t.Cleanup(end)
	if role == "hold" {
		line, _ = bufio.NewReader(out).ReadString('\n')
	}
	return strings.TrimSpace(line), cmd, end
}

func TestSecondDaemonIsRefusedWithThePidOfTheFirst(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	said, cmd, _ := other(t, h, "hold")
	if said != "held" {
		t.Fatal(said)
	}
	l, err := h.Lock()
	if l != nil || !errors.Is(err, velos.ErrConflict) || !strings.Contains(err.Error(), "pid "+strconv.Itoa(cmd.Process.Pid)) {
		t.Fatalf("got %v, %v; want a conflict with pid %d", l, err, cmd.Process.Pid)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if l, err = h.Lock(); err != nil {
		t.Fatalf("after its death: %v; want the lock", err)
	}
	l.Close()
	if _, err := os.Lstat(h.LockFile()); err != nil {
		t.Errorf("the lock file must stay: %v", err)
	}
}

func TestLockIsNotInheritedAndOutlivesTheCollector(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	l, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Lock(); !errors.Is(err, velos.ErrConflict) {
		t.Errorf("second lock in the same process: got %v; want a conflict", err)
	}
	flags, err := unix.FcntlInt(uintptr(l.fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %x, %v; want close-on-exec", flags, err)
	}
	_, _, _ = other(t, h, "inherit")
	l.Close()
	l.Close()
	again, err := h.Lock()
	if err != nil {
		t.Fatalf("a child that lives on holds the lock: %v", err)
	}
	again.Close()
}

func TestLockFileThatIsALinkIsNotFollowed(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	target := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(target, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, h.LockFile()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Lock(); err == nil {
		t.Error("a link was taken for the lock file")
	}
	if b, _ := os.ReadFile(target); string(b) != "x" {
		t.Errorf("the link's target is now %q", b)
	}
}

func TestTheLockSaysWhetherADaemonIsToBeExpected(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	look := func(what string, kept bool, keeper int) {
		t.Helper()
		pid, idle := h.Idle()
		if h.Kept() != kept || pid != keeper || idle != (keeper != 0) {
			t.Errorf("%s: kept %v, idle %v (pid %d); want %v, pid %d", what, h.Kept(), idle, pid, kept, keeper)
		}
	}
	look("no file", false, 0)
	l, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	look("a daemon", true, 0)
	Rest(l.FD(), 4711)
	look("a keeper that starts the next one soon", true, 4711)
	l.Leave(4711)
	look("a keeper that waits until one is wanted", false, 4711)
	l.Close()
	look("nobody", false, 0)
}
