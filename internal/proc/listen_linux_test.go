package proc

import (
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// addresses opens sockets of all kinds until the test is over, and returns
// those that count, sorted.
func addresses(t *testing.T) (want []string) {
	t.Helper()
	for _, network := range []string{"tcp4", "tcp6"} {
		host := map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[network]
		l, err := net.Listen(network, host)
		if err != nil {
			t.Log(err)
			continue
		}
		t.Cleanup(func() { l.Close() })
		want = append(want, "tcp://"+l.Addr().String())
		// A second descriptor of the same socket is no second address.
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		c, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	u, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	want = append(want, "udp://"+u.LocalAddr().String())
	c, err := net.Dial("udp4", u.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	dir, err := os.MkdirTemp("", "p")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "x.sock")
	x, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	want = append(want, "unix:"+path)
	slices.Sort(want)
	return want
}

func TestWhatAProcessListensOnIsFound(t *testing.T) {
	want := addresses(t)
	var l Listeners
	for range 2 {
		found, err := l.Of([]int{os.Getpid(), os.Getpid()})
		if err != nil || !slices.Equal(found[os.Getpid()], want) || len(found) != 1 {
			t.Errorf("got %v, %v; want %v", found, err, want)
		}
	}
}

func TestProcessesThatListenOnNothingAreLeftOut(t *testing.T) {
	_ = addresses(t) // this process does
	cmd := exec.Command("/bin/sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	var l Listeners
	if found, err := l.Of([]int{pid, 1<<31 - 1, 0, -1}); len(found) != 0 || err != nil {
		t.Errorf("got %v, %v", found, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if found, err := l.Of([]int{pid, os.Getpid()}); len(found) != 1 || err != nil {
		t.Errorf("after its end: got %v, %v", found, err)
	}
	if found, err := l.Of(nil); found != nil || err != nil {
		t.Errorf("of nobody: got %v, %v", found, err)
	}
}

func TestAnotherNetworkHasTablesOfItsOwn(t *testing.T) {
	var files [2]*os.File
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files[0] = w
	// It brings up no interface: an address of all needs none.
	script := "import os, socket, time\ns = socket.socket()\ns.bind(('0.0.0.0', 4711))\ns.listen()\nos.write(3, b'.')\ntime.sleep(60)"
	cmd := exec.Command("python3", "-c", script)
	cmd.ExtraFiles = files[:1]
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Skipf("no network of one's own, or no Python: %v", err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if n, err := r.Read(make([]byte, 1)); n != 1 {
		t.Skipf("the program did not come up: %v", err)
	}
	here := addresses(t)
	var l Listeners
	found, err := l.Of([]int{os.Getpid(), cmd.Process.Pid})
	if err != nil || !slices.Equal(found[os.Getpid()], here) || !slices.Equal(found[cmd.Process.Pid], []string{"tcp://0.0.0.0:4711"}) {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestALookForListenersKeepsNothing(t *testing.T) {
	want := addresses(t)
	var l Listeners
	fds := func() int {
		list, _ := os.ReadDir("/proc/self/fd")
		return len(list)
	}
	before := fds()
	pids := []int{os.Getpid()}
	// The answer itself: a map, a list that grew, and a string for each.
	if n := testing.AllocsPerRun(20, func() { _, _ = l.Of(pids) }); n > float64(len(want)+12) {
		t.Errorf("%v allocations in a look", n)
	}
	if now := fds(); now != before {
		t.Errorf("%d descriptors became %d", before, now)
	}
	if l.names != nil || l.line != nil || l.table.all != nil || l.table.text != nil {
		t.Error("memory is kept")
	}
}

// BenchmarkListeners looks at 200 processes with 24 descriptors each, five of
// them sockets that listen.
func BenchmarkListeners(b *testing.B) {
	var files []*os.File
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	for len(files) < 21 {
		files = append(files, null)
	}
	var pids []int
	for range 200 {
		cmd := exec.Command("/bin/sleep", "600")
		cmd.ExtraFiles = files
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
		pids = append(pids, cmd.Process.Pid)
	}
	var l Listeners
	b.ReportAllocs()
	for b.Loop() {
		found, err := l.Of(pids)
		if err != nil || len(found) != len(pids) || len(slices.Collect(maps.Values(found))[0]) != 5 {
			b.Fatalf("got %d of %d, %v", len(found), len(pids), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(pids)), "µs/process")
}
