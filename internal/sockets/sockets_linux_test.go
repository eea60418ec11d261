package sockets

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/velospm/velos"
	"golang.org/x/sys/unix"
)

func parsed(t *testing.T, text string) Address {
	t.Helper()
	a, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func group(t *testing.T, text string, shared bool) *Group {
	t.Helper()
	g := NewGroup(parsed(t, text), shared, false)
	t.Cleanup(g.Close)
	return g
}

func opened(t *testing.T, g *Group, p Place) int {
	t.Helper()
	s, err := g.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	return s.FD
}

func dup(t *testing.T, fd int) int {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// listener makes net's listener of a copy of fd.
func listener(t *testing.T, fd int) net.Listener {
	t.Helper()
	f := os.NewFile(uintptr(dup(t, fd)), "socket")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// tally counts what each listener accepts.
func tally(t *testing.T, fds ...int) []*atomic.Int64 {
	counts := make([]*atomic.Int64, len(fds))
	for i, fd := range fds {
		l, n := listener(t, fd), new(atomic.Int64)
		counts[i] = n
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				n.Add(1)
				c.Close()
			}
		}()
	}
	return counts
}

func knock(t *testing.T, address string, times int) {
	t.Helper()
	for range times {
		c, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		c.Read(make([]byte, 1)) // the end comes from whoever accepted
		c.Close()
	}
}

func at(g *Group, host string) string { return net.JoinHostPort(host, fmt.Sprint(g.Address().Port)) }

func TestConnectionsAreSpreadEvenlyOverTheActiveSockets(t *testing.T) {
	const total = 1000
	for _, c := range []struct{ listen, dial string }{{"tcp://:0", "127.0.0.1"}, {"tcp://:0", "::1"}, {"tcp://127.0.0.1:0", "127.0.0.1"}, {"tcp://[::1]:0", "::1"}} {
		for _, n := range []int{2, 4} {
			t.Run(fmt.Sprint(c.listen, " to ", c.dial, " by ", n), func(t *testing.T) {
				g := group(t, c.listen, false)
				var active []Place
				var fds []int
				for slot := range n {
					opened(t, g, Place{Slot: slot, Side: 1}) // these get nothing
					fds = append(fds, opened(t, g, Place{Slot: slot}))
					active = append(active, Place{Slot: slot})
				}
				if err := g.Steer(active); err != nil {
					t.Fatal(err)
				}
				// The ports of one client have some chance in them: one round
				// in a hundred may be just outside.
				var worst float64
				counts := tally(t, fds...)
				for range 3 {
					for _, n := range counts {
						n.Store(0)
					}
					knock(t, at(g, c.dial), total)
					worst = 0
					var got []int64
					for _, n := range counts {
						got = append(got, n.Load())
					}
					for _, v := range got {
						even := float64(total) / float64(n)
						worst = max(worst, (float64(v)-even)/even, (even-float64(v))/even)
					}
					t.Log(got)
					if worst <= 0.1 {
						return
					}
				}
				t.Errorf("%.0f %% from even", worst*100)
			})
		}
	}
}

func TestOnlyActiveSocketsGetConnections(t *testing.T) {
	g := group(t, "tcp://127.0.0.1:0", false)
	old, next := Place{}, Place{Side: 1}
	counts := tally(t, opened(t, g, old), opened(t, g, next))
	for i, p := range []Place{old, next, old} {
		if err := g.Steer([]Place{p}); err != nil {
			t.Fatal(err)
		}
		before := [2]int64{counts[0].Load(), counts[1].Load()}
		knock(t, at(g, "127.0.0.1"), 50)
		if got := counts[p.Side].Load() - before[p.Side]; got != 50 {
			t.Errorf("turn %d: %d of 50", i, got)
		}
	}
	if err := g.Steer([]Place{{Slot: 7}}); err != nil { // nobody: all stays as it is
		t.Fatal(err)
	}
	before := counts[0].Load()
	knock(t, at(g, "127.0.0.1"), 20)
	if got := counts[0].Load() - before; got != 20 {
		t.Errorf("%d of 20", got)
	}
	fd := opened(t, g, Place{Slot: 7}) // it was named before it was there
	late := tally(t, fd)
	knock(t, at(g, "127.0.0.1"), 20)
	if got := late[0].Load(); got != 20 {
		t.Errorf("%d of 20", got)
	}
}

func TestSteeringNeedsNoPrivilege(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("everybody else has none")
	}
	// Credentials belong to the thread; this one is not used again.
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, 65534, 65534, 65534); e != 0 {
			done <- e
			return
		}
		g := NewGroup(parsed(t, "tcp://127.0.0.1:0"), false, false)
		defer g.Close()
		_, err1 := g.Open(Place{})
		_, err2 := g.Open(Place{Slot: 1})
		done <- errors.Join(err1, err2, g.Steer([]Place{{}, {Slot: 1}}))
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestQueuedConnectionsAreCounted(t *testing.T) {
	g := group(t, "tcp://127.0.0.1:0", false)
	opened(t, g, Place{})
	fd := opened(t, g, Place{Side: 1})
	g.Steer([]Place{{Side: 1}})
	for range 5 {
		c, err := net.Dial("tcp", at(g, "127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if a, b := g.Queued(Place{}), g.Queued(Place{Side: 1}); a != 0 || b != 5 {
		t.Fatalf("%d and %d wait; want 0 and 5", a, b)
	}
	g.Steer([]Place{{}}) // those who wait stay
	l := listener(t, fd)
	for i := range 5 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if n := g.Queued(Place{Side: 1}); n != 4-i {
			t.Errorf("%d wait; want %d", n, 4-i)
		}
	}
}

func TestAPortThatIsTakenIsAConflictEvenWhenItsHolderShares(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		g := group(t, network+"://127.0.0.1:0", false)
		opened(t, g, Place{})
		opened(t, g, Place{Slot: 1})
		other := group(t, network+"://127.0.0.1:"+fmt.Sprint(g.Address().Port), false)
		_, err := other.Open(Place{})
		if velos.CodeOf(err) != velos.Conflict || !errors.Is(err, syscall.EADDRINUSE) || velos.HintOf(err) == "" {
			t.Errorf("%s: got %v", network, err)
		}
	}
}

func TestAllSocketsOfPort0HaveOnePort(t *testing.T) {
	for _, text := range []string{"tcp://:0", "tcp://127.0.0.1:0", "tcp://[::1]:0", "udp://:0", "udp://127.0.0.1:0"} {
		g := group(t, text, false)
		for slot := range 3 {
			fd := opened(t, g, Place{Slot: slot})
			if port, _, _ := bound(fd); port == 0 || port != g.Address().Port {
				t.Errorf("%s: port %d of %d", text, port, g.Address().Port)
			}
		}
		if g.Asked().Port != 0 {
			t.Errorf("%s: asked for %v", text, g.Asked())
		}
	}
}

func TestAPlaceKeepsItsSocket(t *testing.T) {
	g := group(t, "tcp://127.0.0.1:0", false)
	a, b := opened(t, g, Place{}), opened(t, g, Place{Slot: 3, Side: 1})
	if a == b || opened(t, g, Place{}) != a || opened(t, g, Place{Slot: 3, Side: 1}) != b || g.Has(Place{Slot: 3}) {
		t.Error("places and sockets do not belong together")
	}
	s := group(t, "tcp://127.0.0.1:0", true)
	if opened(t, s, Place{}) != opened(t, s, Place{Slot: 9}) {
		t.Error("a shared group has two sockets")
	}
}

func TestDatagramsOfOneClientStayTogether(t *testing.T) {
	g := group(t, "udp://127.0.0.1:0", false)
	fds := []int{opened(t, g, Place{}), opened(t, g, Place{Slot: 1}), opened(t, g, Place{Slot: 2})}
	g.Steer([]Place{{}, {Slot: 2}})
	got := make([]int, 3)
	for range 60 {
		c, err := net.Dial("udp", at(g, "127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			c.Write([]byte("x"))
		}
		c.Close()
		for i, fd := range fds {
			for n := 0; ; n++ {
				if _, _, err := unix.Recvfrom(fd, make([]byte, 8), unix.MSG_DONTWAIT); err != nil {
					if n == 1 {
						t.Error("one flow met two sockets")
					}
					got[i] += n
					break
				}
			}
		}
	}
	if got[0]+got[2] != 120 || got[1] != 0 || got[0] < 20 || got[2] < 20 {
		t.Errorf("got %v", got)
	}
}

func TestAUnixPathIsSharedAndGoesWithItsGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	g := group(t, "unix:"+path, false)
	if opened(t, g, Place{}) != opened(t, g, Place{Slot: 1}) {
		t.Error("a path has two sockets")
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm()&^0o660 != 0 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	other := group(t, "unix:"+path, false)
	if _, err := other.Open(Place{}); velos.CodeOf(err) != velos.Conflict {
		t.Errorf("a path that is answered on was taken: %v", err)
	}
	g.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the path is still there: %v", err)
	}
}

func TestOnlyAStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, _ := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	g := group(t, "unix:"+path, false)
	opened(t, g, Place{})
	if c, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	file := filepath.Join(t.TempDir(), "f")
	os.WriteFile(file, []byte("precious"), 0o600)
	if _, err := group(t, "unix:"+file, false).Open(Place{}); velos.CodeOf(err) != velos.Conflict {
		t.Errorf("got %v", err)
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Error("a file was removed")
	}
	long := group(t, "unix:/"+strings.Repeat("x", 120), false)
	if _, err := long.Open(Place{}); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("got %v", err)
	}
}

func TestAPathThatIsAnothersByNowStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	g := group(t, "unix:"+path, false)
	opened(t, g, Place{})
	os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestALaterDaemonSteersWhatItInherited(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("long", 12))
	for _, text := range []string{"tcp://:0", "tcp://127.0.0.1:0", "unix:" + path} {
		g := group(t, text, false)
		parked := map[string]int{}
		park := func(g *Group) {
			g.Each(func(p Place, index, fd int) {
				name := Name{App: 7, Place: p, Index: index, Shared: g.Shared(), Use: "n0", Address: g.Asked()}.String()
				if _, ok := parked[name]; !ok && name != "" {
					parked[name] = dup(t, fd)
				}
			})
		}
		for slot := range 2 {
			opened(t, g, Place{Slot: slot})
			opened(t, g, Place{Slot: slot, Side: 1})
		}
		park(g)
		var heir *Group
		for name, fd := range parked {
			n, ok := ParseName(name, fd)
			if !ok || n.App != 7 || n.Use != "n0" {
				t.Fatalf("%s: %+v, %v", name, n, ok)
			}
			if heir == nil {
				heir = NewGroup(n.Address, n.Shared, false)
				defer heir.Close()
			}
			if !heir.Adopt(n.Place, n.Index, fd) {
				t.Errorf("%s was not taken", name)
			}
		}
		if heir.Address() != g.Address() || heir.Asked() != g.Asked() {
			t.Errorf("got %v; want %v", heir.Address(), g.Address())
		}
		if heir.Shared() {
			continue
		}
		s, err := heir.Open(Place{Slot: 2})
		if err != nil || !s.Fresh || s.Index != 4 {
			t.Fatalf("got %+v, %v", s, err)
		}
		heir.Steer([]Place{{Slot: 1, Side: 1}})
		counts := tally(t, opened(t, heir, Place{Slot: 1, Side: 1}))
		knock(t, at(heir, "127.0.0.1"), 20)
		if n := counts[0].Load(); n != 20 {
			t.Errorf("%s: %d of 20", text, n)
		}
	}
}

func TestALongestNameFits(t *testing.T) {
	host := strings.Repeat("ffff:", 6) + "255.255.255.255%" + strings.Repeat("i", 15)
	n := Name{App: 1<<32 - 1, Place: Place{Slot: 9999, Side: 1}, Index: 2047, Shared: true, Use: "n9",
		Address: Address{Network: UDP, Host: host, Port: 65535, Only6: true, Shares: true}}
	if s := n.String(); s == "" {
		t.Error("it does not")
	} else if m, ok := ParseName(s, -1); !ok || m != n {
		t.Errorf("%s became %+v", s, m)
	}
}
