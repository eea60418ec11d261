//go:build unix

package daemon

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
)

// A superior is the socket of a service manager of ours.
type superior struct {
	t    *testing.T
	fd   int
	name string
}

func newSuperior(t *testing.T, name string) *superior {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		t.Fatal(err)
	}
	return &superior{t, fd, name}
}

// hears returns the next message, or "" when there is none within limit.
func (s *superior) hears(limit time.Duration) string {
	s.t.Helper()
	p := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	for end := time.Now().Add(limit); ; {
		n, err := unix.Poll(p, int(max(time.Until(end), 0).Milliseconds()))
		if n > 0 {
			break
		}
		if err != unix.EINTR {
			return ""
		}
	}
	var b [4096]byte
	n, _, err := unix.Recvfrom(s.fd, b[:], 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b[:n])
}

// until returns the first message that begins so.
func (s *superior) until(prefix string) string {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if m := s.hears(time.Until(end)); strings.HasPrefix(m, prefix) {
			return m
		}
	}
	s.t.Fatalf("no message begins with %q", prefix)
	return ""
}

func TestAManagerIsFoundInTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		socket, usec, pid string
		want              manager
	}{
		{"", "30000000", "", manager{}},
		{"/run/n", "", "", manager{socket: "/run/n"}},
		{"@n", "30000000", "", manager{"@n", 30 * time.Second}},
		{"/run/n", "30000000", "7", manager{"/run/n", 30 * time.Second}},
		{"/run/n", "30000000", "8", manager{"/run/n", 30 * time.Second}},
		{"/run/n", "30000000", "9", manager{socket: "/run/n"}},
		{"/run/n", "0", "", manager{socket: "/run/n"}},
		{"/run/n", "-5", "", manager{socket: "/run/n"}},
		{"/run/n", "99999999999999999", "", manager{socket: "/run/n"}},
		{"/run/n", "soon", "", manager{socket: "/run/n"}},
		{"vsock:2:9", "30000000", "", manager{}},
	} {
		env := map[string]string{"NOTIFY_SOCKET": c.socket, "WATCHDOG_USEC": c.usec, "WATCHDOG_PID": c.pid}
		if got := findManager(func(k string) string { return env[k] }, 8, 7); got != c.want {
			t.Errorf("%v: %+v; want %+v", env, got, c.want)
		}
	}
}

// managed is a daemon that a manager of ours has started.
func managed(t *testing.T, watch time.Duration) (*Daemon, *superior) {
	t.Helper()
	s := newSuperior(t, filepath.Join(t.TempDir(), "notify"))
	d := live(t)
	d.manager = manager{s.name, watch}
	return d, s
}

func TestSignsOfLifeStopWhileTheSupervisorIsStuck(t *testing.T) {
	d, s := managed(t, 100*time.Millisecond)
	stuck := make(chan bool)
	stop := d.pulse(func(ctx context.Context) error {
		for {
			select {
			case on := <-stuck:
				if on {
					<-stuck
				}
			case <-ctx.Done():
				return ctx.Err()
			default:
				return d.sup.Alive(ctx)
			}
		}
	})
	defer stop()
	for range 3 {
		s.until("WATCHDOG=1")
	}
	stuck <- true
	for s.hears(10*time.Millisecond) != "" { // what was under way
	}
	if m := s.hears(500 * time.Millisecond); m != "" {
		t.Errorf("a stuck supervisor was called alive: %q", m)
	}
	stuck <- false
	s.until("WATCHDOG=1")
}

func TestNoSignsOfLifeWhereNobodyWaitsForThem(t *testing.T) {
	d, s := managed(t, 0)
	d.pulse(func(context.Context) error { t.Error("asked"); return nil })()
	if m := s.hears(50 * time.Millisecond); m != "" {
		t.Errorf("heard %q", m)
	}
}

func TestStoppingAsksForTheTimeOfTheSlowestApp(t *testing.T) {
	d, s := managed(t, 0)
	spec := shell("slow", "exec sleep 600")
	spec.KillTimeout = 300_000
	if _, err := d.sup.Add(*spec, velos.Policy); err != nil {
		t.Fatal(err)
	}
	d.tellStopping()
	m := s.until("STOPPING=1\n")
	if !strings.Contains(m, "\nEXTEND_TIMEOUT_USEC=330000000") || !strings.Contains(m, "\nSTATUS=stopping 1 apps") {
		t.Errorf("heard %q", m)
	}
}

func TestAManagerThatHasGoneDoesNotStopUs(t *testing.T) {
	d := live(t)
	d.manager = manager{socket: filepath.Join(t.TempDir(), "nobody")}
	d.tellReady()
	d.reload()
}
