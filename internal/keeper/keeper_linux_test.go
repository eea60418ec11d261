package keeper

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const brisk = "KEEPER_SETTLED=1ns" // daemons start again at once

func TestNothingIsLostWhenTheDaemonIsKilledFiftyTimes(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	writer := s.pid("writer", "writer ")
	kills := 50
	if testing.Short() {
		kills = 10
	}
	for range kills {
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		s.kill()
		s.up()
	}
	if gone(writer) {
		t.Fatal("the child ended with a daemon")
	}
	syscall.Kill(writer, syscall.SIGTERM)
	until(t, "the pipe is read to its end", func() bool { _, err := os.Stat(filepath.Join(s.dir, "eof")); return err == nil })
	lines := strings.Split(strings.TrimSuffix(s.file("spool"), "\n"), "\n")
	for i, line := range lines {
		if want := strconv.Itoa(i) + " some text that makes a line"; line != want {
			t.Fatalf("line %d is %q; want %q", i, line, want)
		}
	}
	t.Logf("%d lines over %d kills", len(lines), kills)
	if got := s.order("state", "state "); !strings.Contains(got, fmt.Sprintf("Starts:%d Parked:1 Refused:0", kills+1)) {
		t.Errorf("state is %s", got)
	}
	s.order("drop pipe", "ok")
}

func (s *stage) pid(order, reply string) int {
	s.t.Helper()
	word, _, _ := strings.Cut(s.order(order, reply), " ")
	n, err := strconv.Atoi(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func parent(pid int) int {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	if f := strings.Fields(rest); len(f) > 1 {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}

func TestExitsOfOrphansReachTheNextDaemonOnce(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	seven, nine, later := s.pid("child", "child "), s.pid("child", "child "), s.pid("child", "child ")
	s.hold(true)
	s.kill()
	// A thread of the dying daemon that is in wait may still take an end.
	until(t, "the keeper has the children", func() bool { return parent(nine) == s.cmd.Process.Pid && parent(seven) == s.cmd.Process.Pid })
	syscall.Kill(seven, syscall.SIGUSR1)
	syscall.Kill(nine, syscall.SIGKILL)
	until(t, "both are reaped", func() bool {
		return syscall.Kill(seven, 0) == syscall.ESRCH && syscall.Kill(nine, 0) == syscall.ESRCH
	})
	s.hold(false)
	s.up()
	s.order("follow", "ok")
	got := map[string]bool{s.expect("exit "): true, s.expect("exit "): true}
	if !got[fmt.Sprintf("%d %d", seven, 7<<8)] || !got[fmt.Sprintf("%d %d", nine, 9)] {
		t.Fatalf("exits are %v; want code 7 of %d and signal 9 of %d", got, seven, nine)
	}
	// Not acknowledged: told again to the next.
	s.kill()
	s.up()
	s.order("follow", "ok")
	s.expect("exit ")
	s.expect("exit ")
	s.order("ack", "ok")
	s.kill()
	s.up()
	s.order("follow", "ok")
	if got := s.order("state", "state "); !strings.Contains(got, "Pending:0 Lost:0") {
		t.Errorf("after the acknowledgement: %s", got)
	}
	// A live one is told at once.
	syscall.Kill(later, syscall.SIGUSR1)
	if got, want := s.expect("exit "), fmt.Sprintf("%d %d", later, 7<<8); got != want {
		t.Errorf("exit is %s; want %s", got, want)
	}
}

func TestStartErrorsGoThroughToTheStarter(t *testing.T) {
	for _, code := range []int{1, 8, 9, 0} {
		s := begin(t, "KEEPER_CODE="+strconv.Itoa(code))
		if got := s.over(); got != code {
			t.Errorf("the keeper exits with %d; want %d", got, code)
		}
		if n := strings.Count(s.file("starts"), "\n"); n != 1 {
			t.Errorf("code %d: %d starts; want 1", code, n)
		}
	}
}

func TestSignalBeforeTheFirstReadyIsTheEnd(t *testing.T) {
	s := begin(t)
	s.up()
	s.kill()
	if got := s.over(); got != 128+9 {
		t.Errorf("the keeper exits with %d; want 137", got)
	}
}

func TestExitWithZeroEndsBoth(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	s.kill()
	s.up() // not reported ready, but one before it was
	fmt.Fprintln(s.in, "exit 3")
	s.up()
	fmt.Fprintln(s.in, "exit 0")
	if got := s.over(); got != 0 {
		t.Errorf("the keeper exits with %d; want 0", got)
	}
}

func TestCrashLoopIsSlowedDown(t *testing.T) {
	began := time.Now()
	s := begin(t, "KEEPER_LOOP=1")
	until(t, "five starts", func() bool { return strings.Count(s.file("starts"), "\n") >= 5 })
	if d := time.Since(began); d < 700*time.Millisecond { // 0, 100, 200, 400 ms
		t.Errorf("five starts within %v; want at least 700 ms", d)
	}
	// With nobody to end, SIGTERM ends the keeper.
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.over()
}

func TestDelayDoublesToFiveSeconds(t *testing.T) {
	want := []time.Duration{0, 100e6, 200e6, 400e6, 800e6, 1600e6, 3200e6, 5e9, 5e9}
	for i, w := range want {
		if got := delay(i); got != w {
			t.Errorf("delay(%d) is %v; want %v", i, got, w)
		}
	}
}

func TestSignalsAreHandedOn(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	s.cmd.Process.Signal(syscall.SIGUSR1) // is the keeper's own
	for _, g := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		s.cmd.Process.Signal(g)
		if got := s.number("signal "); got != int(g) {
			t.Errorf("signal %d came; want %d", got, g)
		}
	}
	// The end was asked for: whatever the daemon dies of now, it is the last.
	fmt.Fprintln(s.in, "exit 5")
	if got := s.over(); got != 5 {
		t.Errorf("the keeper exits with %d; want 5", got)
	}
}

func TestADaemonThatIsNotReadyIsAskedToEndWhenItIs(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Process.Signal(syscall.SIGHUP) // handed on at once
	s.expect("signal 1")
	fmt.Fprintln(s.in, "ready")
	if got := s.number("signal "); got != int(syscall.SIGTERM) {
		t.Errorf("signal %d came; want %d", got, syscall.SIGTERM)
	}
	fmt.Fprintln(s.in, "exit 0")
	if got := s.over(); got != 0 {
		t.Errorf("the keeper exits with %d; want 0", got)
	}
}

func TestAnIdleKeeperStartsADaemonToCarryOutTheEnd(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	s.order("park 1 a", "ok")
	fmt.Fprintln(s.in, "exit "+strconv.Itoa(Leave))
	until(t, "the daemon has left", func() bool { return gone(s.daemon) })
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.up()
	s.order("ready", "ok")
	if got := s.number("signal "); got != int(syscall.SIGTERM) {
		t.Errorf("signal %d came; want %d", got, syscall.SIGTERM)
	}
	if got := s.order("held", "held"); got != "a0" {
		t.Errorf("held is %q", got)
	}
	fmt.Fprintln(s.in, "exit 3") // whatever it says, it was the last
	if got := s.over(); got != 3 {
		t.Errorf("the keeper exits with %d; want 3", got)
	}
}

func TestAnIdleKeeperWithNothingToKeepEndsByItself(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	fmt.Fprintln(s.in, "exit "+strconv.Itoa(Leave))
	until(t, "the daemon has left", func() bool { return gone(s.daemon) })
	s.cmd.Process.Signal(syscall.SIGTERM)
	if got := s.over(); got != 0 {
		t.Errorf("the keeper exits with %d; want 0", got)
	}
}

func TestWhoWantsADaemonDoesNotWaitForThePauseBeforeIt(t *testing.T) {
	s := begin(t, "KEEPER_LOOP=1")
	starts := func() int { return strings.Count(s.file("starts"), "\n") }
	until(t, "a pause is said to be", func() bool { return s.file("resting") != "" })
	// By themselves so many starts take 270 seconds, and most of them at most 5.
	within(t, 4*time.Minute, "many starts", func() bool { s.cmd.Process.Signal(syscall.SIGUSR1); return starts() >= 60 })
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.over()
}

func TestMalformedMessagesDoNoHarm(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	s.order("park 3 a", "ok")
	for _, raw := range []string{"x", "xyz", "\x01", "\x01?", "\x01P", "\x01Pname", "\x01D", "\x01L", "\x01L12", "\x01A1", "\x01U", "\x01U123",
		"\x02Dname", "\x01H", "\x01D" + strings.Repeat("n", MaxName+1), "\x01P" + strings.Repeat("n", 8000)} {
		s.order("raw "+raw, "ok <nil>")
	}
	if got := s.order("state", "state "); !strings.Contains(got, "Parked:3 Refused:16") {
		t.Errorf("state is %s", got)
	}
	s.kill()
	s.up()
	if got := s.order("held", "held"); got != "a0 a1 a2" {
		t.Errorf("held is %q", got)
	}
}

func TestParkedDescriptorsComeInOrder(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	s.order("park 1000 n", "ok <nil>")
	s.order("park 1 n", "ok <nil>") // n0 again: it goes to the end
	s.order("drop n500", "ok <nil>")
	s.order("drop nobody", "ok <nil>")
	s.kill()
	s.up()
	got := strings.Fields(s.order("held", "held"))
	var want []string
	for i := 1; i < 1000; i++ {
		if i != 500 {
			want = append(want, "n"+strconv.Itoa(i))
		}
	}
	want = append(want, "n0")
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%d are held, want %d, or in another order", len(got), len(want))
	}
	until(t, "the keeper has 999 pipes", func() bool { return s.pipes() == 999 })
}

func TestKeeperOutOfDescriptorsGoesOn(t *testing.T) {
	s := begin(t, brisk, "KEEPER_LIMIT=64")
	s.up()
	s.order("ready", "ok")
	s.order("park 100 n", "ok")
	got := s.order("state", "state ")
	if strings.Contains(got, "Refused:0") {
		t.Errorf("state is %s", got)
	}
	s.order("park 1 n", "ok") // replaced by nothing
	for i := range 60 {
		s.order("drop n"+strconv.Itoa(i), "ok")
	}
	s.order("park 1 x", "ok")
	s.kill()
	s.up()
	if got := s.order("held", "held"); !strings.HasSuffix(got, "x0") || strings.Contains(got, "BAD") {
		t.Errorf("held is %q", got)
	}
}

func TestLockIsHeldAsLongAsEitherLives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	s := begin(t, brisk, "KEEPER_LOCK="+path)
	s.up()
	s.order("ready", "ok")
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	free := func() bool { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil }
	s.kill()
	if free() {
		t.Error("the lock is free when the daemon is killed")
	}
	s.up()
	if got := s.order("lock", "lock "); got != "<nil>" {
		t.Errorf("the daemon's lock: %s", got)
	}
	if got := s.order("state", "state "); !strings.Contains(got, "Locked:true") {
		t.Errorf("state is %s", got)
	}
	s.cmd.Process.Kill()
	<-s.ended
	if free() {
		t.Error("the lock is free when the keeper is killed")
	}
	fmt.Fprintln(s.in, "exit 0")
	until(t, "the lock is free when both are gone", free)
}

func TestDaemonThatBecomesAnotherProgramGoesOnWithTheLine(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	s.order("park 10 n", "ok")
	one, two := s.pid("child", "child "), s.pid("child", "child ")
	s.kill()
	s.up()
	pid := s.daemon
	s.order("follow", "ok")
	syscall.Kill(one, syscall.SIGKILL)
	s.expect("exit ")
	fmt.Fprintln(s.in, "reexec")
	if s.up(); s.daemon != pid {
		t.Fatalf("the daemon has pid %d; want %d", s.daemon, pid)
	}
	syscall.Kill(two, syscall.SIGKILL)
	s.order("follow", "ok")
	for _, pid := range []int{one, two} { // the first was not acknowledged
		if got, want := s.expect("exit "), fmt.Sprintf("%d 9", pid); got != want {
			t.Errorf("exit is %q; want %q", got, want)
		}
	}
	if got := len(strings.Fields(s.order("held", "held"))); got != 10 {
		t.Errorf("%d are held; want 10", got)
	}
}

func TestKilledKeeperIsToldOnceAndTheDaemonLives(t *testing.T) {
	s := begin(t)
	s.up()
	s.order("follow", "ok")
	s.cmd.Process.Kill()
	until(t, "the loss is told", func() bool { return s.file("lost") != "" })
	if got := s.order("park 1 n", "ok"); !strings.Contains(got, "keeper: ") {
		t.Errorf("park says %q; want an error", got)
	}
	if got := s.order("list", "list "); !strings.Contains(got, "keeper: ") {
		t.Errorf("list says %q; want an error", got)
	}
	fmt.Fprintln(s.in, "exit 0")
}

func TestLimitOfOpenFilesIsTheStartersForTheDaemon(t *testing.T) {
	want, err := exec.Command("sh", "-c", "ulimit -n").Output()
	if err != nil {
		t.Fatal(err)
	}
	s := begin(t)
	s.up()
	var k unix.Rlimit
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &k); err != nil {
		t.Fatal(err)
	}
	if k.Cur < k.Max-1 {
		t.Errorf("the keeper may open %d of %d files", k.Cur, k.Max)
	}
	if got := s.order("limit", "limit "); got != strings.TrimSpace(string(want))+" <nil>" {
		t.Errorf("a program of the daemon's may open %s files; want %s", got, want)
	}
}

func TestKeeperBecomesAnotherProgramAndKeepsAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "velosd")
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o700); err != nil {
		t.Fatal(err)
	}
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	s.order("park 100 n", "ok")
	seven, nine := s.pid("child", "child "), s.pid("child", "child ")
	s.kill()
	s.up()
	syscall.Kill(seven, syscall.SIGUSR1)
	until(t, "the first is reaped", func() bool { return syscall.Kill(seven, 0) == syscall.ESRCH })
	if got := s.order("upgrade /nobody/here", "upgrade "); !strings.Contains(got, "no such file") {
		t.Errorf("upgrade to nothing says %q", got)
	}
	if got := s.order("upgrade /etc/passwd", "upgrade "); got == "<nil>" {
		t.Error("upgrade to a text file succeeds")
	}
	odd := filepath.Join(t.TempDir(), "odd")
	if err := os.WriteFile(odd, []byte("\x7fELF and then nothing"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := s.order("upgrade "+odd, "upgrade "); got == "<nil>" {
		t.Error("upgrade to a damaged program succeeds")
	}
	s.cmd.Process.Signal(syscall.SIGHUP) // heard as before
	s.expect("signal 1")
	for range 5 {
		if got := s.order("upgrade "+path, "upgrade "); got != "<nil>" {
			t.Fatalf("upgrade says %q", got)
		}
	}
	exe, _ := os.Readlink("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/exe")
	if exe != path {
		t.Errorf("the keeper runs %s; want %s", exe, path)
	}
	syscall.Kill(nine, syscall.SIGKILL)
	s.order("follow", "ok")
	got := map[string]bool{s.expect("exit "): true, s.expect("exit "): true}
	if !got[fmt.Sprintf("%d %d", seven, 7<<8)] || !got[fmt.Sprintf("%d %d", nine, 9)] {
		t.Errorf("exits are %v; want 7 of %d and signal 9 of %d", got, seven, nine)
	}
	s.cmd.Process.Signal(syscall.SIGHUP)
	s.expect("signal 1")
	s.kill()
	s.up()
	if n := len(strings.Fields(s.order("held", "held"))); n != 100 {
		t.Errorf("%d are held; want 100", n)
	}
	// GNU make starts its programs with signals 32 and 33, the C library's own, ignored.
	mask := strings.NewReplacer("SigIgn: 0000000080000000", "SigIgn: 0000000000000000", "SigIgn: 0000000180000000", "SigIgn: 0000000000000000").Replace(s.order("mask", "mask "))
	if mask != "SigBlk: 0000000000000000 SigIgn: 0000000000000000" {
		t.Errorf("a program of the daemon's blocks and ignores %s", mask)
	}
	fmt.Fprintln(s.in, "exit 0")
	if got := s.over(); got != 0 {
		t.Errorf("the keeper exits with %d; want 0", got)
	}
}

func TestDaemonKilledWhileItParksLeavesAnExactStore(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	const kills = 20
	for range kills {
		s.order("churn", "churns")
		time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
		s.kill()
		s.up()
	}
	var n, refused int
	if _, err := fmt.Sscanf(s.order("state", "state {PID:"), "%d Starts:21 Parked:%d Refused:%d", new(int), &n, &refused); err != nil {
		t.Fatal(err)
	}
	if n > kills*6 || refused != 0 {
		t.Errorf("%d are parked, want at most %d; %d were refused", n, kills*6, refused)
	}
	// The keeper may not yet have closed the pipe of the last start.
	until(t, "the keeper has as many pipes as are parked", func() bool { return s.pipes() == n })
}

// pipes is how many the keeper has beside those that this program has too.
func (s *stage) pipes() (n int) {
	ours := make(map[string]bool)
	for _, to := range links(s.t, os.Getpid()) {
		ours[to] = true
	}
	for _, to := range links(s.t, s.cmd.Process.Pid) {
		if strings.HasPrefix(to, "pipe:") && !ours[to] {
			n++
		}
	}
	return n
}

// links is what a process has open.
func links(t *testing.T, pid int) (list []string) {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
	fds, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range fds {
		to, _ := os.Readlink(dir + e.Name())
		list = append(list, to)
	}
	return list
}

func TestExitsDuringUpgradesAreTrue(t *testing.T) {
	s := begin(t, brisk)
	s.up()
	s.order("ready", "ok")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const n = 20
	want := make(map[string]bool)
	var children [n]int
	for i := range children {
		children[i] = s.pid("child", "child ")
		want[fmt.Sprintf("%d %d", children[i], 7<<8)] = true
	}
	s.kill()
	s.up()
	began := time.Now()
	for i := range children {
		go func() {
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
			syscall.Kill(children[i], syscall.SIGUSR1)
		}()
		if got := s.order("upgrade "+exe, "upgrade "); got != "<nil>" {
			t.Fatalf("upgrade says %q", got)
		}
	}
	t.Logf("%v an upgrade", time.Since(began)/n)
	s.order("follow", "ok")
	for len(want) > 0 {
		x := s.expect("exit ")
		if !want[x] {
			t.Errorf("exit %s came twice or is not true", x)
		}
		delete(want, x)
	}
}
