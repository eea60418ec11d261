package notify

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

// place is a short path for a socket.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "notify")
}

// hear opens a socket whose messages arrive in the channel.
func hear(t *testing.T, path string) (*Socket, chan Message) {
	t.Helper()
	got := make(chan Message, 10_000)
	s, err := Open(path, func(m Message) { got <- m })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, got
}

func next(t *testing.T, got chan Message) Message {
	t.Helper()
	select {
	case m := <-got:
		return m
	case <-time.After(time.Minute):
		t.Fatal("no message came")
	}
	return Message{}
}

func sender(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func send(t *testing.T, fd int, path, text string, control []byte) {
	t.Helper()
	if err := unix.Sendmsg(fd, []byte(text), control, &unix.SockaddrUnix{Name: path}, 0); err != nil {
		t.Fatal(err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

func TestAMessageHasTheSenderThatTheKernelKnows(t *testing.T) {
	s, got := hear(t, place(t))
	send(t, sender(t), s.Path(), "READY=1\nMAINPID=1", nil)
	if m, want := next(t, got), (Message{PID: os.Getpid(), UID: os.Getuid(), Ready: true, MainPID: 1}); m != want {
		t.Errorf("got %+v; want %+v", m, want)
	}
}

func TestOtherProgramsAreUnderstood(t *testing.T) {
	s, got := hear(t, place(t))
	for name, c := range map[string]struct {
		argv []string
		want Message
	}{
		"systemd-notify": {[]string{"systemd-notify", "--ready", "--status=up, 3 workers"}, Message{Ready: true, Status: "up, 3 workers", HasStatus: true}},
		"python3": {[]string{"python3", "-c", "import os, socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n" +
			"s.connect(os.environ['NOTIFY_SOCKET'])\ns.send(b'WATCHDOG=1')"}, Message{Watchdog: true}},
	} {
		if _, err := exec.LookPath(c.argv[0]); err != nil {
			t.Log("not installed: ", name)
			continue
		}
		cmd := exec.Command(c.argv[0], c.argv[1:]...)
		cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+s.Path())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", name, err, out)
			continue
		}
		m := next(t, got)
		if m.PID <= 0 || m.UID != os.Getuid() {
			t.Errorf("%s: sent by %d of user %d", name, m.PID, m.UID)
		}
		c.want.PID, c.want.UID, c.want.MainPID = m.PID, m.UID, m.MainPID // some versions name themselves
		if m != c.want {
			t.Errorf("%s: got %+v; want %+v", name, m, c.want)
		}
	}
}

func TestABarrierEndsWhenAllBeforeItIsHeard(t *testing.T) {
	path := place(t)
	free := make(chan struct{})
	s, err := Open(path, func(m Message) { <-free })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	fd := sender(t)
	send(t, fd, path, "READY=1", nil)
	send(t, fd, path, "BARRIER=1", unix.UnixRights(p[1]))
	unix.Close(p[1])
	if ended(p[0], 20) {
		t.Error("the barrier ended before READY=1 was heard")
	}
	close(free)
	if !ended(p[0], 20_000) {
		t.Error("the barrier did not end")
	}
}

// ended waits for the other end of a pipe to be closed.
func ended(fd, ms int) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	for {
		if n, err := unix.Poll(p, ms); err != unix.EINTR {
			return n == 1 && p[0].Revents&unix.POLLHUP != 0
		}
	}
}

func TestDescriptorsThatComeAlongAreClosed(t *testing.T) {
	s, got := hear(t, place(t))
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := sender(t)
	before := descriptors(t)
	many := make([]int, 200)
	for i := range many {
		many[i] = int(null.Fd())
	}
	for _, text := range []string{"FDSTORE=1", "READY=1", strings.Repeat("x", 10_000), ""} {
		send(t, fd, s.Path(), text, unix.UnixRights(many...))
		send(t, fd, s.Path(), text, unix.UnixRights(many[:3]...))
	}
	send(t, fd, s.Path(), "STOPPING=1", nil)
	for m := next(t, got); !m.Stopping; m = next(t, got) {
		if !m.Ready {
			t.Errorf("got %+v", m)
		}
	}
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors became %d", before, now)
	}
}

func TestWhatIsTooLongOrNothingIsNotHandedOn(t *testing.T) {
	s, got := hear(t, place(t))
	fd := sender(t)
	for _, text := range []string{"READY=1\nSTATUS=" + strings.Repeat("x", maxMessage), "", "\n\n", "X=1", strings.Repeat("\xff", 4096)} {
		send(t, fd, s.Path(), text, nil)
	}
	send(t, fd, s.Path(), "STATUS="+strings.Repeat("x", maxMessage-7), nil)
	if m := next(t, got); m.Ready || len(m.Status) != MaxStatus {
		t.Errorf("got %+v", m)
	}
}

func TestAFloodIsTakenSlowlyAndEndsWithClose(t *testing.T) {
	s, got := hear(t, place(t))
	to := &unix.SockaddrUnix{Name: s.Path()}
	done := make(chan error)
	fd := sender(t)
	start := time.Now()
	go func() {
		var err error
		for err == nil || err == unix.EINTR {
			err = unix.Sendto(fd, []byte("WATCHDOG=1"), 0, to)
		}
		done <- err
	}()
	const n = 5 * batch
	for range n {
		next(t, got)
	}
	if took := time.Since(start); took < 4*window {
		t.Errorf("%d messages were taken within %v", n, took)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != unix.ECONNREFUSED && err != unix.ENOENT && err != unix.ECONNRESET {
		t.Errorf("the sender ended with %v", err)
	}
}

func TestASocketIsBornPrivateWhateverTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077} {
		path := place(t)
		old := unix.Umask(mask)
		s, err := Open(path, func(Message) {})
		unix.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		s.Close()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("umask %o: got %v, %v", mask, info.Mode(), err)
		}
	}
}

func TestCloseRemovesOnlyItsOwnSocket(t *testing.T) {
	path := place(t)
	former, _ := hear(t, path)
	s, got := hear(t, path) // what is left of the former one is stale
	if err := former.Close(); err != nil {
		t.Error(err)
	}
	send(t, sender(t), path, "READY=1", nil)
	next(t, got)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestOnlyASocketIsReplaced(t *testing.T) {
	path := place(t)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); !errors.Is(err, velos.ErrDenied) {
		t.Errorf("got %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("the file has %q", b)
	}
	if _, err := Open("/nonexistent/notify", nil); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}

func TestAPathOfTheLongestKindWorks(t *testing.T) {
	dir := filepath.Dir(place(t))
	path := dir + "/" + strings.Repeat("x", MaxPath-len(dir)-1)
	s, got := hear(t, path)
	send(t, sender(t), path, "READY=1", nil)
	next(t, got)
	s.Close()
}

func TestNothingIsLostBetweenTwoDaemons(t *testing.T) {
	path := place(t)
	s, _ := hear(t, path)
	parked, err := unix.FcntlInt(uintptr(s.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Leave(); err != nil {
		t.Fatal(err)
	}
	fd := sender(t)
	send(t, fd, path, "READY=1", nil)
	send(t, fd, path, "STATUS=hello", nil)
	got := make(chan Message, 10)
	s, err = Adopt(parked, path, func(m Message) { got <- m })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if m := next(t, got); !m.Ready || m.PID != os.Getpid() {
		t.Errorf("got %+v", m)
	}
	if m := next(t, got); m.Status != "hello" {
		t.Errorf("got %+v", m)
	}
	send(t, fd, path, "STOPPING=1", nil)
	if m := next(t, got); !m.Stopping {
		t.Errorf("got %+v", m)
	}
	s.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the adopted socket is still there: %v", err)
	}
}

func TestWhatIsNotTheSocketIsNotAdopted(t *testing.T) {
	path := place(t)
	s, _ := hear(t, path)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	other := sender(t)
	for _, fd := range []int{int(null.Fd()), other, 1 << 20} {
		if _, err := Adopt(fd, path, nil); err == nil {
			t.Errorf("descriptor %d was adopted", fd)
		}
	}
	if _, err := Adopt(s.FD(), path+"2", nil); err == nil {
		t.Error("it was adopted under another path")
	}
	if _, err := unix.FcntlInt(uintptr(other), unix.F_GETFD, 0); err != nil {
		t.Errorf("a refused descriptor was closed: %v", err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	path := place(t)
	s, _ := hear(t, path) // the runtime's poller has descriptors of its own
	s.Close()
	before, fds := runtime.NumGoroutine(), descriptors(t)
	for i := range 20 {
		s, err := Open(path+strconv.Itoa(i), func(Message) {})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	if n := descriptors(t); n > fds {
		t.Errorf("%d descriptors became %d", fds, n)
	}
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines became %d", before, runtime.NumGoroutine())
		}
	}
}
