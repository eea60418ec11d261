package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

var escapes = []struct {
	name, script string
	alive        int // processes with the token before the kill
}{
	{"nested shells", `sh -c 'sh -c "sleep T & sleep T & wait" & wait' & wait`, 2},
	{"double fork", `(sleep T &); exec sleep T`, 2},
	{"setsid and nohup", `nohup setsid sleep T >/dev/null 2>&1 & exec sleep T`, 2},
	{"a session under a session", `setsid sh -c 'setsid sleep T & exec sleep T' & exec sleep T`, 3},
	{"a daemon without environment", `(setsid env -i /bin/sleep T >/dev/null 2>&1 &); exec sleep T`, 2},
	{"a daemon without environment whose root has ended", `(setsid env -i /bin/sleep T >/dev/null 2>&1 &); exit 3`, 1},
	{"background jobs whose root has ended", `sleep T & sleep T & exit 3`, 2},
	{"stopped processes", `sleep T & until read -r name < /proc/$!/comm && [ "$name" = sleep ]; do sleep 0.01; done; kill -19 $!; kill -19 $$`, 1},
}

func TestKillLeavesNobody(t *testing.T) {
	for n, o := range []Options{{}, {NoCgroup: true}, {NoCgroup: true}} {
		h := open(t, o)
		if n == 2 {
			h.lists = false // a kernel that does not list children
		}
		for _, c := range escapes {
			tok := token()
			p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", strings.ReplaceAll(c.script, "T", tok)},
				Env: []string{"PATH=/usr/bin:/bin", "VELOS_ID=x"}, Mark: "x", Stdout: -1, Stderr: -1})
			if err != nil {
				t.Fatal(err)
			}
			// The shell itself has the token in its command line until it execs or ends.
			eventually(t, c.name+" has settled", func() bool { return settled(p, tok, c.alive) })
			begin := time.Now()
			if err := p.Kill(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			took := time.Since(begin)
			if left := holding(tok); len(left) != 0 {
				t.Errorf("%s: %d processes survive", c.name, len(left))
				for _, pid := range left {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			x := exit(t, p)
			gone(t, p)
			t.Logf("cgroup %v: %-50s killed in %v, leftover %v", !o.NoCgroup, c.name, took.Round(time.Microsecond), x.Leftover)
		}
		closeHost(t, h)
	}
}

// closeHost ends a host before its test does, so that the next can be opened.
func closeHost(t *testing.T, h *Host) {
	t.Helper()
	h.mu.Lock()
	n := len(h.runs) + len(h.left) + len(h.seen) + len(h.orphans)
	h.mu.Unlock()
	if n != 0 {
		t.Errorf("the host remembers %d things of runs that are gone: %v %v %v", n, h.runs, h.seen, h.orphans)
	}
	h.Close()
}

func TestKillOutrunsAChainOfForks(t *testing.T) {
	for _, o := range []Options{{}, {NoCgroup: true}} {
		h := open(t, o)
		tok := token()
		script := filepath.Join(t.TempDir(), "chain")
		text := "#!/bin/sh\n[ $1 -le 0 ] && exec sleep $2\nsetsid env -i $0 $(($1-1)) " + tok + " >/dev/null 2>&1 &\nexit 0\n"
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		p := start(t, h, script, "300", tok)
		exit(t, p)
		begin := time.Now()
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
		t.Logf("cgroup %v: killed in %v", !o.NoCgroup, time.Since(begin))
		gone(t, p)
		if left := holding(tok); len(left) != 0 {
			t.Errorf("%d links survive", len(left))
		}
		closeHost(t, h)
	}
}

func TestLeftoverIsToldAndGoneFollows(t *testing.T) {
	for _, o := range []Options{{}, {NoCgroup: true}} {
		h := open(t, o)
		cue := filepath.Join(t.TempDir(), "cue")
		p := start(t, h, "/bin/sh", "-c", "until [ -e "+cue+" ]; do sleep 0.01; done & exit 4")
		x := exit(t, p)
		if !x.Leftover || x.Code != 4 {
			t.Errorf("got %+v; want leftovers", x)
		}
		select {
		case <-p.Gone():
			t.Error("gone while a member sleeps")
		default:
		}
		os.WriteFile(cue, nil, 0o600)
		gone(t, p)
		closeHost(t, h)
	}
}

func TestGoneComesSoonAfterTheLastMember(t *testing.T) {
	h := open(t, Options{NoCgroup: true})
	h.pause = time.Hour // nobody looks: the end of an orphan must be heard
	tok := token()
	p := start(t, h, "/bin/sh", "-c", "setsid sleep "+tok+" & exit 0")
	if x := exit(t, p); !x.Leftover {
		t.Fatalf("got %+v", x)
	}
	eventually(t, "the sleeper sleeps", func() bool { return settled(p, tok, 1) })
	syscall.Kill(holding(tok)[0], syscall.SIGKILL)
	gone(t, p)
}

func TestSignalReachesWhoLeftTheGroup(t *testing.T) {
	h := open(t, Options{NoCgroup: true})
	tok := token()
	p := start(t, h, "/bin/sh", "-c", "setsid sleep "+tok+" & sleep "+tok+" & wait")
	eventually(t, "both sleep", func() bool { return settled(p, tok, 2) })
	if err := p.Signal(int(syscall.SIGTERM), true); err != nil {
		t.Error(err)
	}
	gone(t, p)
	if left := holding(tok); len(left) != 0 {
		t.Errorf("%d survive", len(left))
	}
}

func TestKillSparesTheNeighbours(t *testing.T) {
	for _, o := range []Options{{}, {NoCgroup: true}} {
		h := open(t, o)
		tok := token()
		daemon := "(setsid env -i /bin/sleep " + tok + " >/dev/null 2>&1 &); exec sleep " + tok
		var list []*Process
		for range 3 {
			list = append(list, start(t, h, "/bin/sh", "-c", daemon))
		}
		eventually(t, "all sleep", func() bool { return settled(nil, tok, 6) })
		if err := list[1].Kill(); err != nil {
			t.Error(err)
		}
		for _, i := range []int{0, 2} {
			if err := list[i].Signal(0, false); err != nil {
				t.Errorf("neighbour %d: %v", i, err)
			}
		}
		n := len(holding(tok))
		t.Logf("cgroup %v: %d of 4 wanted remain", h.cgroups != nil, n)
		if n < 4 {
			t.Errorf("neighbours lost processes: %d of 4 remain", n)
		}
		if h.cgroups != nil && n != 4 {
			t.Errorf("%d remain; want 4", n)
		}
		for _, p := range list {
			p.Kill()
		}
		for _, pid := range holding(tok) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, p := range list {
			gone(t, p)
		}
		eventually(t, "all orphans are reaped", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.orphans) == 0 })
		closeHost(t, h)
	}
}

func TestObserveRecognisesWhoHidItsTracesLater(t *testing.T) {
	h := open(t, Options{NoCgroup: true})
	tok, cue := token(), filepath.Join(t.TempDir(), "cue")
	// The daemon is seen below its parent first; the parent ends after the cue.
	script := "sh -c 'setsid env -i /bin/sleep " + tok + " >/dev/null 2>&1 & until [ -e " + cue + " ]; do sleep 0.01; done' & exec sleep " + tok
	other := start(t, h, "/bin/sleep", "1000")
	p := start(t, h, "/bin/sh", "-c", script)
	eventually(t, "both sleep", func() bool { return settled(p, tok, 2) })
	var table proc.Table
	if err := table.Scan(); err != nil {
		t.Fatal(err)
	}
	h.Observe(&table)
	os.WriteFile(cue, nil, 0o600)
	eventually(t, "the daemon is an orphan", func() bool {
		for _, pid := range holding(tok) {
			if s, _ := proc.One(pid); s.SID == pid && s.PPID == os.Getpid() && pid != p.PID() {
				return true
			}
		}
		return false
	})
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	if left := holding(tok); len(left) != 0 {
		t.Errorf("%d survive", len(left))
	}
	if err := other.Signal(0, false); err != nil {
		t.Errorf("the other app: %v", err)
	}
}

func TestTheMarkAndThePipeTellWhoseAnOrphanIs(t *testing.T) {
	h := open(t, Options{NoCgroup: true})
	r, w, _ := os.Pipe()
	defer r.Close()
	defer w.Close()
	tok := token()
	other := start(t, h, "/bin/sleep", "1000")
	for _, script := range []string{
		"(setsid sleep T >/dev/null 2>&1 &); exec sleep T",
		"(setsid env -i /bin/sleep T &); exec sleep T",
	} {
		p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", strings.ReplaceAll(script, "T", tok)},
			Env: []string{"PATH=/usr/bin:/bin", "VELOS_ID=7:0"}, Mark: "7:0", Stdout: int(w.Fd()), Stderr: -1})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "both sleep", func() bool { return settled(p, tok, 2) })
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
		if left := holding(tok); len(left) != 0 {
			t.Errorf("%s: %d survive", script, len(left))
		}
		gone(t, p)
	}
	if err := other.Signal(0, false); err != nil {
		t.Errorf("the other app: %v", err)
	}
}

func TestAReusedPidIsNotSignalled(t *testing.T) {
	h := open(t, Options{})
	p := start(t, h, "/bin/sleep", "1000")
	s, err := proc.One(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	s.Start++
	if err := send(&s, int(syscall.SIGKILL)); err != syscall.ESRCH {
		t.Errorf("a process with another start was signalled: %v", err)
	}
	if err := send(&proc.Stat{PID: os.Getpid()}, 0); err == nil {
		t.Error("the daemon signalled itself")
	}
	// The number of an ended run in the hands of another process.
	stale := &Process{host: h, pid: p.PID(), reaped: true}
	if err := stale.Signal(int(syscall.SIGKILL), true); !errors.Is(err, velos.ErrNotRunning) {
		t.Errorf("a stale run: %v", err)
	}
	if err := p.Signal(0, false); err != nil {
		t.Errorf("it was hit: %v", err)
	}
}

// withoutThreadSignals clears signals 32 and 33 in a status text: the C
// library keeps them for itself, and what GNU make starts finds them ignored.
func withoutThreadSignals(text string) string {
	head, rest, ok := strings.Cut(text, "SigIgn:\t")
	if !ok || len(rest) < 16 {
		return text
	}
	n, err := strconv.ParseUint(rest[:16], 16, 64)
	if err != nil {
		return text
	}
	return head + fmt.Sprintf("SigIgn:\t%016x", n&^(3<<31)) + rest[16:]
}

func TestAChildBeginsClean(t *testing.T) {
	// A descriptor that this program inherited by chance, and a signal that it
	// was started to ignore.
	stray, err := syscall.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(stray)
	h := open(t, Options{})
	text := output(t, h, Command{Path: "/bin/sh", Args: []string{"sh", "-c", "cat /proc/self/status; ls /proc/self/fd; readlink /proc/self/fd/0; ulimit -Sn; pwd"},
		Dir: "/", Env: []string{"PATH=/usr/bin:/bin"}})
	for _, want := range []string{"SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n", "0\n1\n2\n3\n/dev/null\n"} {
		if !strings.Contains(withoutThreadSignals(text), want) {
			t.Errorf("no %q in what the child sees:\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "\n/\n") {
		t.Errorf("it is not in its directory: %s", text)
	}
	p := start(t, h, "/bin/sleep", "1000")
	if s, err := proc.One(p.PID()); err != nil || s.SID != p.PID() || s.PGID != p.PID() || s.Start != p.StartTicks() {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestAChildDoesNotInheritOurLimitsAndIgnoredSignals(t *testing.T) {
	h := open(t, Options{})
	self, _ := os.Executable()
	// Go raises its own soft limit; a supervisor started by nohup ignores SIGHUP.
	text := output(t, h, Command{Path: "/bin/sh", Args: []string{"sh", "-c",
		`trap "" HUP INT PIPE TSTP USR1; ulimit -Sn 512; exec "$0" 'grep Sig /proc/self/status; ulimit -Sn; ulimit -Hn'`, self},
		Env: append(os.Environ(), "CHILD_MODE=host")})
	for _, want := range []string{"SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n", "\n512\n"} {
		if !strings.Contains(withoutThreadSignals(text), want) {
			t.Errorf("no %q in what the child sees:\n%s", want, text)
		}
	}
}

func TestAnEndInAStormOfStartsIsNobodysOrphan(t *testing.T) {
	h := open(t, Options{NoCgroup: true})
	keep := start(t, h, "/bin/sleep", "1000")
	stop := make(chan struct{})
	storm := make(chan error, 2)
	for range 2 {
		go func() {
			for {
				select {
				case <-stop:
					storm <- nil
					return
				default:
				}
				p, err := h.Start(Command{Path: "/bin/true", Args: []string{"true"}, Stdout: -1, Stderr: -1})
				if err != nil {
					storm <- err
					return
				}
				if x := <-p.Exited(); x.Leftover || x.Signal != "" {
					storm <- errors.New("a program without children left some, or was signalled: " + x.Signal)
					return
				}
			}
		}()
	}
	// Kill looks for orphans of its run as often as it can meanwhile.
	for range 100 {
		if n := len(h.tree(keep, nil)); n != 1 {
			t.Errorf("a tree of one has %d members", n)
		}
	}
	for range 20 {
		p := start(t, h, "/bin/sleep", "1000")
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	for range 2 {
		if err := <-storm; err != nil {
			t.Error(err)
		}
	}
	if err := keep.Signal(0, false); err != nil {
		t.Error(err)
	}
}

func TestAStartAfterAKillLives(t *testing.T) {
	h := open(t, Options{})
	for range 5 {
		p := start(t, h, "/bin/sleep", "1000")
		if err := p.Signal(0, false); err != nil {
			t.Fatal(err)
		}
		p.Kill()
		gone(t, p)
		if x := exit(t, start(t, h, "/bin/sh", "-c", "sleep 0.01; exit 7")); x.Code != 7 {
			t.Errorf("the run after a kill: %+v", x)
		}
	}
}

func TestGroupsAreRemovedAfterTheirRuns(t *testing.T) {
	h := open(t, Options{})
	if h.cgroups == nil {
		t.Skip("no writable cgroup2 here")
	}
	for range 5 {
		gone(t, start(t, h, "/bin/true"))
	}
	if n := len(h.cgroups.busy); n > 2 {
		t.Errorf("%d groups of ended runs remain", n)
	}
	dir := h.cgroups.dir
	stale := filepath.Join(filepath.Dir(dir), cgroupPrefix+"2147483646")
	if err := os.MkdirAll(stale+"/0", 0o755); err != nil {
		t.Fatal(err)
	}
	h.Close()
	if _, err := os.Stat(dir); err == nil {
		t.Error("the group of a closed host remains")
	}
	open(t, Options{})
	if _, err := os.Stat(stale); err == nil {
		t.Error("the group of a dead daemon remains")
	}
}

func TestWhereGroupsCannotBeForkedIntoTheyAreTurnedOff(t *testing.T) {
	h := open(t, Options{})
	if h.cgroups == nil {
		t.Skip("no writable cgroup2 here")
	}
	// A directory that is no group: the system answers EBADF or the like.
	dir, fd := h.cgroups.dir, h.cgroups.fd
	h.cgroups.dir = t.TempDir()
	f, err := os.Open(h.cgroups.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h.cgroups.fd = int(f.Fd())
	p, err := h.Start(Command{Path: "/bin/true", Args: []string{"true"}, Stdout: -1, Stderr: -1})
	h.cgroups.dir, h.cgroups.fd = dir, fd
	if err != nil {
		t.Fatal(err)
	}
	gone(t, p)
	if !h.cgroups.off {
		t.Error("groups are still on")
	}
}

func TestAnOrdinaryUserCanRunADaemon(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	h := open(t, Options{})
	self, _ := os.Executable()
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // the program must be where that user can read it
	os.Chmod(filepath.Dir(dir), 0o755)
	copied := filepath.Join(dir, "child.test")
	locked := filepath.Join(dir, "locked")
	if err := errors.Join(os.WriteFile(copied, program, 0o755), os.Mkdir(locked, 0o700)); err != nil {
		t.Fatal(err)
	}
	if exec.Command("/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "test", "-x", copied).Run() != nil {
		t.Skip("nobody else can run a program of this test here")
	}
	text := output(t, h, Command{Path: "/usr/bin/setpriv", Dir: dir, Env: []string{"CHILD_MODE=unprivileged", "PATH=/usr/bin:/bin"},
		Args: []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copied, locked, token()}})
	want := "permission denied: " + locked + "\npermission denied: " + locked + "/x\nkill: <nil> 0\n"
	if text != want {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
}

func TestExtraDescriptorsFollowTheUsualThree(t *testing.T) {
	h := open(t, Options{})
	r, w, _ := os.Pipe()
	defer r.Close()
	p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", "echo four >&4; echo three >&3"}, Stdout: -1, Stderr: 2, Extra: []int{int(w.Fd()), int(w.Fd())}})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	exit(t, p)
	buf := make([]byte, 100)
	n, _ := r.Read(buf)
	if string(buf[:n]) != "four\nthree\n" {
		t.Errorf("got %q", buf[:n])
	}
}

func TestRootsDoNotHangOnTheFirstThread(t *testing.T) {
	h := open(t, Options{})
	done := make(chan int)
	for range 20 {
		go func() { done <- start(t, h, "/bin/sleep", "1000").PID() }()
	}
	var roots []int
	for range 20 {
		roots = append(roots, <-done)
	}
	orphans, err := proc.ChildrenOfThread(os.Getpid(), os.Getpid(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range roots {
		if slices.Contains(orphans, pid) {
			t.Errorf("%d is among the orphans", pid)
		}
	}
}

func TestObserveMakesNoGarbage(t *testing.T) {
	h := open(t, Options{})
	for range 5 {
		start(t, h, "/bin/sh", "-c", "setsid sleep 1000 & sleep 1000 & wait")
	}
	var table proc.Table
	table.Scan()
	h.Observe(&table)
	if n := testing.AllocsPerRun(20, func() { h.Observe(&table) }); n > 6 { // the list of orphans is opened by name
		t.Errorf("%v allocations", n)
	}
}

func TestAnOrphanMayComeBeforeItsRunIsKnown(t *testing.T) {
	// The root ends while its start is still in flight: what happens when a
	// fork returns late.
	h := open(t, Options{NoCgroup: true})
	tok := token()
	h.mu.Lock()
	h.forking++
	h.mu.Unlock()
	pid, err := fork("/bin/sh", []string{"sh", "-c", "setsid sleep " + tok + " & exit 6"},
		&syscall.ProcAttr{Files: []uintptr{uintptr(h.null), uintptr(h.null), 2}, Env: os.Environ(), Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end is kept and its child is a stranger", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		_, ok := h.early[pid]
		return ok && len(h.orphans) == 1
	})
	eventually(t, "the child sleeps", func() bool { return settled(nil, tok, 1) })
	p := &Process{host: h, exited: make(chan Exit, 1), gone: make(chan struct{})}
	h.mu.Lock()
	h.forking--
	h.register(p, pid, 0)
	h.mu.Unlock()
	if x := exit(t, p); x.Code != 6 || !x.Leftover {
		t.Errorf("got %+v; want code 6 and leftovers", x)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	gone(t, p)
	if left := holding(tok); len(left) != 0 {
		t.Errorf("%d survive", len(left))
	}
}
