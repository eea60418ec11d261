//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// The test binary is velosd too, in both roles.
func TestMain(m *testing.M) {
	if os.Getenv("VELOSD_TEST") != "" {
		main()
	}
	os.Exit(m.Run())
}

const patience = time.Minute

// A service is velosd as a service manager runs it, and the manager's ear.
type service struct {
	t    *testing.T
	home home.Home
	cmd  *exec.Cmd
	ear  int
	over chan error
}

func begin(t *testing.T, socket string) *service {
	t.Helper()
	dir, err := os.MkdirTemp("", "velosd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if socket == "" {
		socket = filepath.Join(dir, "notify")
	}
	s := &service{t: t, home: home.Home{Dir: filepath.Join(dir, "h")}, over: make(chan error, 1)}
	if s.ear, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s.ear) })
	if err := unix.Bind(s.ear, &unix.SockaddrUnix{Name: socket}); err != nil {
		t.Fatal(err)
	}
	// A manager knows the pid of what it starts before it does.
	s.cmd = exec.Command("/bin/sh", "-c", `WATCHDOG_PID=$$ exec "$0"`, os.Args[0])
	s.cmd.Env = append(os.Environ(), "VELOSD_TEST=1", "VELOS_HOME="+s.home.Dir, "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0",
		"NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=4000000")
	if testing.Verbose() {
		s.cmd.Stderr = os.Stderr
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.over <- s.cmd.Wait(); close(s.over) }()
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		if p := s.daemon(); p > 1 {
			syscall.Kill(p, syscall.SIGKILL)
		}
	})
	return s
}

// hears waits for a message that begins so.
func (s *service) hears(prefix string) string {
	s.t.Helper()
	p := []unix.PollFd{{Fd: int32(s.ear), Events: unix.POLLIN}}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if n, _ := unix.Poll(p, 100); n <= 0 {
			continue
		}
		var b [4096]byte
		n, _, err := unix.Recvfrom(s.ear, b[:], 0)
		if err != nil {
			s.t.Fatal(err)
		}
		if m := string(b[:n]); strings.HasPrefix(m, prefix) {
			return m
		}
	}
	s.t.Fatalf("the manager has not heard %q", prefix)
	return ""
}

func (s *service) daemon() int {
	b, _ := os.ReadFile(s.home.PIDFile())
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

func (s *service) dial() *client.Client {
	s.t.Helper()
	c, err := client.Dial(s.home.Socket())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// app starts a program that says what its environment is.
func (s *service) app() (id uint32, pid int) {
	s.t.Helper()
	spec := velos.NewSpec()
	spec.Name, spec.Script, spec.Command, spec.Shell, spec.Cwd = "api", "/bin/sh", "env; exec sleep 600", true, "/"
	spec.MinUptime = 50
	spec.Env = map[string]string{"PATH": "/usr/bin:/bin"}
	got, err := s.dial().Start(s.t.Context(), wire.Start{Spec: &spec, Wait: true, Inst: -1})
	if err != nil {
		s.t.Fatal(err)
	}
	return got.ID, got.PID
}

func (s *service) causes() []string {
	s.t.Helper()
	var list []string
	for e, err := range s.dial().Events(context.Background(), wire.EventsQuery{Last: 100}) {
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, e.Cause)
	}
	return list
}

func TestAServiceManagerHearsOfTheDaemonsLife(t *testing.T) {
	s := begin(t, "@velosd-test-"+strconv.Itoa(os.Getpid()))
	if m := s.hears("READY=1"); !strings.Contains(m, "\nSTATUS=velosd "+velos.Version) {
		t.Errorf("ready: %q", m)
	}
	s.hears("WATCHDOG=1") // though the watchdog is for the keeper's pid

	id, pid := s.app()
	for e, err := range s.dial().Logs(t.Context(), id, velos.Query{Inst: -1}) {
		// The manager's socket is not for the app: it has one of velosd's own.
		if name, value, _ := strings.Cut(string(e.Msg), "="); err != nil || name == "NOTIFY_SOCKET" && value != s.home.NotifySocket() || strings.HasPrefix(name, "WATCHDOG_") {
			t.Errorf("the app got %s, %v", e.Msg, err)
		}
	}

	if err := syscall.Kill(s.cmd.Process.Pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if m := s.hears("RELOADING=1"); !strings.Contains(m, "\nMONOTONIC_USEC=") {
		t.Errorf("reloading: %q", m)
	}
	s.hears("READY=1")
	if list := s.causes(); !slices.Contains(list, "SIGHUP: log files opened anew") {
		t.Errorf("the journal does not know of the reload: %q", list)
	}

	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} { // dead, and not even that
		old := s.daemon()
		if err := syscall.Kill(old, sig); err != nil {
			t.Fatal(err)
		}
		s.hears("READY=1")
		if now := s.daemon(); now == old {
			t.Errorf("%v: the daemon is still %d", sig, now)
		}
		a, err := s.dial().Info(t.Context(), wire.All(id))
		if err != nil || a.Instances[0].PID != pid || a.Instances[0].Restarts != 0 {
			t.Errorf("%v: the app is %+v, %v; want pid %d", sig, a.Instances, err, pid)
		}
		s.hears("WATCHDOG=1")
	}

	if err := syscall.Kill(s.cmd.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.hears("STOPPING=1")
	if err := <-s.over; err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the app is still there: %v", err)
	}
}

func TestAStopThatWasAskedForByAClientIsToldToo(t *testing.T) {
	s := begin(t, "")
	s.hears("READY=1")
	if _, err := s.dial().Shutdown(t.Context(), wire.Shutdown{}); err != nil {
		t.Fatal(err)
	}
	s.hears("STOPPING=1")
	if err := <-s.over; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// A manager that stops a service whose daemon has left still stops programs.
func TestAServiceWhoseDaemonHasLeftIsStoppedInOrder(t *testing.T) {
	s := begin(t, "")
	s.hears("READY=1")
	_, pid := s.app()
	for daemons := range 2 { // the next one may leave, too
		old := s.daemon()
		if _, err := s.dial().Shutdown(t.Context(), wire.Shutdown{Leave: true}); err != nil {
			t.Fatal(err)
		}
		s.hears("WATCHDOG_USEC=0") // else the manager would end the keeper soon
		until(t, "the daemon is gone", func() bool { return syscall.Kill(old, 0) == syscall.ESRCH })
		if daemons == 0 {
			until(t, "the keeper is idle", func() bool { _, idle := s.home.Idle(); return idle })
			keeper, _ := s.home.Idle()
			syscall.Kill(keeper, syscall.SIGUSR1)
			if m := s.hears("READY=1"); !strings.Contains(m, "\nWATCHDOG_USEC=4000000") {
				t.Errorf("the next daemon says %q", m)
			}
			s.hears("WATCHDOG=1")
		}
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the app has not run on: %v", err)
	}
	if err := syscall.Kill(s.cmd.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.hears("STOPPING=1")
	if err := <-s.over; err != nil {
		t.Errorf("ended with %v", err)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the app is still there: %v", err)
	}
	st, _, err := home.Read(s.home.StateFile())
	if err != nil || len(st.Apps) != 1 || st.Apps[0].Status != velos.Online {
		t.Errorf("the state is %+v, %v; want an app that comes back", st, err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
