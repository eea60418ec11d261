package keeper

import (
	"bufio"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair is a keeper that serves in this process and, without its line, the
// daemon's end.
func pair(t testing.TB) (*keeper, int) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{lock: -1, line: p[0], drained: make(chan struct{}, 1),
		upgrades: make(chan upgrade, 1), verdict: make(chan syscall.Errno)}
	go k.serve(p[0])
	return k, p[1]
}

func lined(t testing.TB) (*keeper, *Line) {
	t.Helper()
	k, fd := pair(t)
	l, err := dial(fd, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		<-k.drained
		for len(k.store.slots) > 0 {
			k.store.remove(len(k.store.slots) - 1)
		}
	})
	return k, l
}

func TestMessagesLookAsDocumented(t *testing.T) {
	e := end{number: 1, pid: 2, status: 0x700, when: 3, start: 4}
	b := put64(append(put32(head(nil, 'x'), 5), 1, 1), 0)[:8]
	b = e.append(b)
	const want = "0178" + "05000000" + "01" + "01" + "0100000000000000" + "02000000" + "00070000" + "0300000000000000" + "0400000000000000"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("an answer to X is %s; want %s", got, want)
	}
	var back end
	c := cursor{b: b[8:]}
	if back.read(&c); back != e || !c.whole() {
		t.Errorf("read back it is %+v", back)
	}
}

func TestOldestExitsGiveWay(t *testing.T) {
	var q ends
	for i := range maxExits + 1 {
		q.add(end{pid: int32(i)})
	}
	if len(q.list) > maxExits || int(q.lost)+len(q.list) != maxExits+1 || q.list[len(q.list)-1].pid != maxExits {
		t.Errorf("%d are kept and %d lost; the newest is %d", len(q.list), q.lost, q.list[len(q.list)-1].pid)
	}
	q.remove(1) // lost already
	q.remove(q.last)
	q.remove(q.last)
	if int(q.lost)+len(q.list) != maxExits {
		t.Errorf("%d are kept after one was acknowledged", len(q.list))
	}
	for _, e := range append([]end(nil), q.list...) {
		q.remove(e.number)
	}
	if q.list != nil {
		t.Error("the memory of many exits is kept")
	}
}

func TestExitsByThousandsComeOnceAndInOrder(t *testing.T) {
	k, l := lined(t)
	const n = 5000
	for range n / 2 {
		k.mu.Lock()
		k.ends.add(end{})
		k.mu.Unlock()
	}
	var last atomic.Uint64
	done := make(chan struct{})
	l.Follow(func(x Exit) {
		if x.Number != last.Add(1) {
			t.Errorf("exit %d comes as number %d", x.Number, last.Load())
		}
		l.Ack(x)
		if x.Number == n {
			close(done)
		}
	}, nil)
	for range n / 2 {
		k.mu.Lock()
		k.ends.add(end{})
		k.nudge()
		k.mu.Unlock()
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%d of %d came", last.Load(), n)
	}
	if s, err := l.State(); err != nil || s.Pending != 0 || s.Refused != 0 {
		t.Errorf("state is %+v, %v", s, err)
	}
}

func TestLineIsForManyGoroutines(t *testing.T) {
	_, l := lined(t)
	var p [2]int
	unix.Pipe2(p[:], unix.O_CLOEXEC)
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 100 {
				name := strconv.Itoa(g) + "/" + strconv.Itoa(i)
				if err := l.Park(name, p[0]); err != nil {
					t.Error(err)
				}
				if i%2 == 0 {
					l.Drop(name)
				}
				if i%25 == 0 {
					list, err := l.List()
					closeParked(list)
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if s, err := l.State(); err != nil || s.Parked != 400 || s.Refused != 0 {
		t.Errorf("state is %+v, %v; want 400 parked", s, err)
	}
	if err := l.Park("bad", 1<<20); err == nil {
		t.Error("a descriptor that is none is parked")
	}
	if err := l.Park(strings.Repeat("n", MaxName+1), p[0]); err == nil {
		t.Error("too long a name is parked")
	}
	if err := l.Ready(); err != nil {
		t.Errorf("the line is broken by a bad call: %v", err)
	}
}

func TestStoppedKeeperDoesNotStopTheDaemon(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for five seconds")
	}
	k, l := lined(t)
	k.mu.Lock() // the keeper does nothing now
	lost := make(chan error, 2)
	l.mu.Lock()
	l.lost = func(err error) { lost <- err }
	l.mu.Unlock()
	began := time.Now()
	var err error
	for i := 0; err == nil && i < 100_000; i++ {
		err = l.Drop("n")
	}
	if d := time.Since(began); err == nil || d > time.Minute {
		t.Errorf("drop says %v after %v", err, d)
	}
	k.mu.Unlock()
	select {
	case <-lost:
	case <-time.After(time.Minute):
		t.Error("the loss is not told")
	}
}

func TestNoDescriptorLeaksByOddMessages(t *testing.T) {
	k, fd := pair(t)
	var p [2]int
	unix.Pipe2(p[:], unix.O_CLOEXEC)
	many := unix.UnixRights(p[0], p[0], p[0], p[0])
	few := unix.UnixRights(p[0])
	lots := unix.UnixRights(append(make([]int, 0, 100), func() (l []int) {
		for range 100 {
			l = append(l, p[0])
		}
		return
	}()...)...)
	unix.Close(p[0])
	for _, m := range []struct{ text, rights string }{
		{"\x01Pmany", string(many)}, {"\x01Plots", string(lots)}, {"", string(few)}, {"\x01Dx", string(few)}, {"\x01R", string(few)}, {"\x01P", string(few)}, {"", ""},
		{"\x01L000011112222", string(few)}, {"junk", string(many)}, {"\x01" + strings.Repeat("P", 6000), string(few)}, {"\x01Pgood", ""},
	} {
		// p[0] is closed here already where it was not sent: open it anew.
		var q [2]int
		unix.Pipe2(q[:], unix.O_CLOEXEC)
		rights := []byte(m.rights)
		for at := unix.CmsgLen(0); at+4 <= len(rights); at += 4 {
			put32(rights[:at], uint32(q[0]))
		}
		if _, err := unix.SendmsgN(fd, []byte(m.text), rights, nil, 0); err != nil && m.text != "" {
			t.Errorf("send %q: %v", m.text, err)
		}
		unix.Close(q[0])
		// With every copy of the read end closed, a write fails.
		until(t, "the keeper has closed what came with "+m.text, func() bool {
			_, err := unix.Write(q[1], []byte("x"))
			return err == unix.EPIPE
		})
		unix.Close(q[1])
	}
	unix.Close(p[1])
	unix.Close(fd)
	<-k.drained
	if len(k.store.slots) != 0 {
		t.Errorf("%d are parked", len(k.store.slots))
	}
}

func TestDaemonThatAsksAndDoesNotListenDoesNoHarm(t *testing.T) {
	k, fd := pair(t)
	for range 5000 {
		if _, err := unix.SendmsgN(fd, []byte("\x01H1234"), nil, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	var b [maxMessage]byte
	for empty := 0; empty < 3; {
		if _, _, _, err := receive(fd, b[:], b[:], unix.MSG_DONTWAIT); err == unix.EAGAIN {
			empty++
			time.Sleep(10 * time.Millisecond) // the keeper may have some left
		}
	}
	l, err := dial(fd, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	<-k.drained
}

func TestKeeperMakesNoGarbage(t *testing.T) {
	k := &keeper{line: -1, lock: -1}
	var p [2]int
	unix.Pipe2(p[:], unix.O_CLOEXEC)
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	park, drop := []byte("\x01Pname"), []byte("\x01Dname")
	n := testing.AllocsPerRun(1000, func() {
		fd, _ := unix.Dup(p[0])
		k.handle(park, fd)
		k.handle(drop, -1)
		k.ends.add(end{pid: 1})
		k.ends.remove(k.ends.last)
	})
	if n > 0 {
		t.Errorf("%v allocations for a park and a drop", n)
	}
}

func TestStateSurvivesItsOwnEncoding(t *testing.T) {
	k := &keeper{line: -1, lock: -1, pid: 7, began: time.Unix(5, 6), strikes: 3, proven: true, told: 9, starts: 4, refused: 2}
	for i := range 300 {
		k.store.last++
		k.store.add([]byte("n"+strconv.Itoa(i)), hash([]byte("n"+strconv.Itoa(i))), k.store.last, 1000+i)
		k.ends.add(end{pid: int32(i)})
	}
	fd, err := k.leave(11)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	b := make([]byte, 1<<20)
	n, _ := unix.Pread(fd, b, 0)
	var back keeper
	id, ok := back.read(&cursor{b: b[:n]})
	if !ok || id != 11 || back.pid != 7 || !back.began.Equal(k.began) || back.strikes != 3 || !back.proven || back.told != 9 ||
		back.line != -1 || back.lock != -1 || len(back.store.slots) != 300 || string(back.store.slots[299].name) != "n299" ||
		back.store.last != 300 || back.ends.last != 300 || back.ends.list[299].pid != 299 {
		t.Errorf("read back: id %d, ok %v, %d slots", id, ok, len(back.store.slots))
	}
	for cut := 0; cut < n; cut++ {
		if cut > 500 && cut < n-500 { // in between all is the same, and takes minutes
			cut += 36
		}
		var broken keeper
		if _, ok := broken.read(&cursor{b: b[:cut]}); ok {
			t.Fatalf("%d of %d bytes are taken for all", cut, n)
		}
	}
}

func FuzzHandle(f *testing.F) {
	for _, s := range []string{"\x01Pname", "\x01Dname", "\x01L\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x01A12345678", "\x01R", "\x02H1234", "\x01U1234/x", "\x01X123412345678"} {
		f.Add([]byte(s))
	}
	k := &keeper{line: -1, lock: -1}
	k.ends.add(end{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if kept, _ := k.handle(b, -1); kept {
			t.Error("a descriptor that was not there is kept")
		}
	})
}

func FuzzFormerState(f *testing.F) {
	f.Add([]byte{stateVersion, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var k keeper
		k.read(&cursor{b: b})
	})
}

func BenchmarkParkAndDrop(b *testing.B) {
	for _, held := range []int{0, 1000} {
		b.Run(strconv.Itoa(held), func(b *testing.B) {
			_, l := lined(b)
			var p [2]int
			unix.Pipe2(p[:], unix.O_CLOEXEC)
			defer unix.Close(p[0])
			defer unix.Close(p[1])
			for i := range held {
				l.Park("log/"+strconv.Itoa(i)+"/0/out/1", p[0])
			}
			l.State()
			b.ReportAllocs()
			for b.Loop() {
				l.Park("log/17/3/out/99", p[0])
				l.Drop("log/17/3/out/99")
			}
			l.State()
		})
	}
}

func BenchmarkListThousand(b *testing.B) {
	_, l := lined(b)
	var p [2]int
	unix.Pipe2(p[:], unix.O_CLOEXEC)
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	for i := range 1000 {
		l.Park("log/"+strconv.Itoa(i)+"/0/out/1", p[0])
	}
	for b.Loop() {
		list, err := l.List()
		if err != nil || len(list) != 1000 {
			b.Fatal(len(list), err)
		}
		closeParked(list)
	}
}

// released builds the smallest velosd the way releases are built.
func released(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "velosd")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -X=runtime.godebugDefault=disablethp=1", "-o", path, "./testdata/velosd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("go build: %v\n%s", err, out)
	}
	return path
}

func rollup(t *testing.T, pid int, key string) (kib int) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kib, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return kib
}

func TestKeeperIsSmallAndRestartsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	cmd := exec.Command(released(t))
	cmd.Env = []string{"GOMAXPROCS=1"}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	daemon := 0
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
		if daemon > 0 {
			syscall.Kill(daemon, syscall.SIGKILL)
		}
	}()
	scan := bufio.NewScanner(r)
	up := func() (began int64) {
		if !scan.Scan() {
			t.Fatal("no daemon")
		}
		f := strings.Fields(scan.Text())
		daemon, _ = strconv.Atoi(f[1])
		began, _ = strconv.ParseInt(f[2], 10, 64)
		return began
	}
	up()
	time.Sleep(50 * time.Millisecond) // what it looks like when it has settled
	pid := cmd.Process.Pid
	t.Logf("idle keeper: RssAnon %d KiB, VmRSS %d KiB, %d threads", rollup(t, pid, "RssAnon"), rollup(t, pid, "VmRSS"), rollup(t, pid, "Threads"))
	var took []time.Duration
	for range 50 {
		at := time.Now().UnixNano()
		syscall.Kill(daemon, syscall.SIGKILL)
		took = append(took, time.Duration(up()-at))
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	t.Logf("from kill -9 to the first instruction of the next: min %v, median %v, max %v", took[0], took[25], took[49])
	anon := rollup(t, pid, "RssAnon")
	t.Logf("after 50 restarts: RssAnon %d KiB, VmRSS %d KiB", anon, rollup(t, pid, "VmRSS"))
	if anon > 820 {
		t.Errorf("the keeper has %d KiB of anonymous memory; want at most 820", anon)
	}
}
