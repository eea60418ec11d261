//go:build linux || darwin

package wire

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// TestMain makes the test binary a client too: as another user it can be one
// that must be refused, and with few descriptors a daemon in trouble.
func TestMain(m *testing.M) {
	switch os.Getenv("WIRE_TEST_ROLE") {
	case "dial":
		_, err := Dial(os.Getenv("WIRE_TEST_PATH"))
		if err != nil {
			os.Stdout.WriteString(velos.CodeOf(err).String() + ": " + err.Error())
		}
		os.Exit(0)
	case "starve":
		os.Stdout.WriteString(starve(os.Getenv("WIRE_TEST_PATH")))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func role(name, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "WIRE_TEST_ROLE="+name, "WIRE_TEST_PATH="+path)
	return cmd
}

// place is a short path for a socket.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "w")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "velos.sock")
}

// pair is both ends of a connection.
func pair(t *testing.T) (near, far *Conn) {
	t.Helper()
	path := place(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = Dial(path); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func TestSocketCarriesFramesBothWays(t *testing.T) {
	near, far := pair(t)
	big := AppendRequest(nil, 1, StateLoad, &StatePath{Path: strings.Repeat("x", 4<<20)})
	go near.Write(big)
	if p, err := NewReader(far).Next(); err != nil || !bytes.Equal(p, big[HeaderSize:]) {
		t.Fatalf("%d bytes, %v", len(p), err)
	}
	go far.Write(AppendResponse(nil, 1, OK, nil))
	if _, err := NewReader(near).Next(); err != nil {
		t.Fatal(err)
	}
	far.Close()
	if _, err := NewReader(near).Next(); err != io.EOF {
		t.Errorf("after close: %v", err)
	}
}

func TestPeersAreKnownToEachOther(t *testing.T) {
	near, far := pair(t)
	want := Peer{PID: os.Getpid(), UID: os.Getuid(), GID: os.Getgid()}
	for _, c := range []*Conn{near, far} {
		if got, err := c.Peer(); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestDeadlinesBoundReadsAndWrites(t *testing.T) {
	near, _ := pair(t)
	_ = near.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	_ = near.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := near.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
}

func TestCloseWakesAReader(t *testing.T) {
	near, _ := pair(t)
	done := make(chan error)
	go func() { _, err := near.Read(make([]byte, 1)); done <- err }()
	near.Close()
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestCloseWakesAcceptAndRemovesTheSocket(t *testing.T) {
	path := place(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { _, err := l.Accept(); done <- err }()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != os.ErrClosed {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if _, err := Dial(path); !errors.Is(err, velos.ErrUnreachable) {
		t.Errorf("dial: %v", err)
	}
}

func TestSocketIsBornPrivate(t *testing.T) {
	path := place(t)
	old := syscall.Umask(0)
	l, err := Listen(path)
	after := syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if after != 0 {
		t.Errorf("the umask became %o", after)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := place(t)
	former, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// The former one's end must not take the new one's socket away.
	if err := former.Close(); err != nil {
		t.Error(err)
	}
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestOnlyASocketIsReplaced(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a file":      func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"a link": func(path string) error {
			l, err := Listen(path + "2")
			if err == nil {
				t.Cleanup(func() { l.Close() })
				err = os.Symlink(path+"2", path)
			}
			return err
		},
	} {
		path := place(t)
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(path); !errors.Is(err, velos.ErrDenied) {
			t.Errorf("listen over %s: %v", name, err)
		}
		if _, err := Dial(path); !errors.Is(err, velos.ErrDenied) {
			t.Errorf("dial %s: %v", name, err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

func TestSocketOfSomebodyElseIsRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a socket away")
	}
	path := place(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(path); !errors.Is(err, velos.ErrDenied) || !strings.Contains(err.Error(), "65534") {
		t.Errorf("dial: %v", err)
	}
	if _, err := Listen(path); !errors.Is(err, velos.ErrDenied) {
		t.Errorf("listen: %v", err)
	}
}

func TestAnotherUserIsKeptOut(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	path := place(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// The binary is where only root may look: run it through a descriptor.
	self, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd := role("dial", path)
	cmd.Path, cmd.ExtraFiles, cmd.Dir = "/proc/self/fd/3", []*os.File{self}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Skipf("cannot run as another user here: %v %s", err, out)
	}
	if !strings.HasPrefix(string(out), "denied: ") {
		t.Errorf("got %s", out)
	}
}

func TestLongPathsAreRefusedWithTheirLength(t *testing.T) {
	for n, ok := range map[int]bool{103: true, 104: false, 300: false} {
		dir := filepath.Dir(place(t))
		path := dir + "/" + strings.Repeat("x", n-len(dir)-1)
		l, err := Listen(path)
		if ok {
			if err != nil {
				t.Errorf("%d bytes: %v", n, err)
				continue
			}
			c, err := Dial(path)
			if err != nil {
				t.Errorf("%d bytes: %v", n, err)
			} else {
				c.Close()
			}
			l.Close()
			continue
		}
		for _, err := range []error{err, second(Dial(path))} {
			if !errors.Is(err, velos.ErrInvalid) || !strings.Contains(err.Error(), strconv.Itoa(n)) || velos.HintOf(err) == "" {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
	if _, err := Listen(""); !errors.Is(err, velos.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if _, err := Listen("/nonexistent/velos.sock"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestNoDescriptorsLeftIsATemporaryErrorAndNoConnectionIsLost(t *testing.T) {
	out, err := role("starve", place(t)).CombinedOutput()
	if err != nil || string(out) != "busy, then accepted" {
		t.Errorf("got %q, %v", out, err)
	}
}

// starve accepts without a descriptor to spare, and again with one.
func starve(path string) string {
	l, err := Listen(path)
	if err != nil {
		return err.Error()
	}
	defer l.Close()
	c, err := Dial(path)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	var limit syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	limit.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err.Error()
	}
	if _, err := l.Accept(); !errors.Is(err, velos.ErrBusy) {
		return "without descriptors: " + err.Error()
	}
	limit.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err.Error()
	}
	if _, err := l.Accept(); err != nil {
		return "with descriptors: " + err.Error()
	}
	return "busy, then accepted"
}

func TestChildrenInheritNoSocket(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no /proc")
	}
	near, far := pair(t)
	for _, c := range []*Conn{near, far} {
		_ = c.raw.Control(func(fd uintptr) {
			flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0)
			if errno != 0 || flags&syscall.FD_CLOEXEC == 0 {
				t.Errorf("flags %x, %v", flags, errno)
			}
		})
	}
}

func TestManyDialAtOnce(t *testing.T) {
	path := place(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const n = 3 * backlog
	var dials sync.WaitGroup
	for range n {
		dials.Go(func() {
			c, err := Dial(path)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = c.Write([]byte{1})
			c.Close()
		})
	}
	for range n {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	dials.Wait()
}
