package child

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos/internal/proc"
)

// A keeper is this program as the parent of daemons: their children and orphans
// come to it, and it alone waits.
type keeper struct {
	t     *testing.T
	stop  chan struct{}
	ended chan struct{}

	mu      sync.Mutex
	lazy    bool // it does not reap
	mute    bool // it does not report
	reports *os.File
	status  map[int]syscall.WaitStatus
}

func keep(t *testing.T) *keeper {
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	k := &keeper{t: t, stop: make(chan struct{}), ended: make(chan struct{}), status: map[int]syscall.WaitStatus{}}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGCHLD)
	go func() {
		defer close(k.ended)
		defer signal.Stop(sig)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-k.stop:
				return
			case <-sig:
			case <-tick.C:
			}
			k.reap()
		}
	}()
	t.Cleanup(func() {
		k.mu.Lock()
		k.lazy = false
		k.mu.Unlock()
		eventually(t, "nobody is left with the keeper", func() bool {
			kids, _ := proc.ChildrenOf(os.Getpid(), nil)
			for _, pid := range kids {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			return len(kids) == 0
		})
		close(k.stop)
		<-k.ended
	})
	return k
}

func (k *keeper) reap() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for !k.lazy {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if pid <= 0 || err != nil {
			return
		}
		k.status[pid] = ws
		if k.reports != nil && !k.mute {
			fmt.Fprintln(k.reports, "reaped", pid, uint32(ws))
		}
	}
}

func (k *keeper) set(lazy, mute bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lazy, k.mute = lazy, mute
}

// A remote is a daemon in a process of its own.
type remote struct {
	k        *keeper
	pid      int
	in, from *os.File
	out      *bufio.Reader
}

func (k *keeper) daemon(env []string, args ...string) *remote {
	k.t.Helper()
	inR, inW, _ := os.Pipe()
	outR, outW, _ := os.Pipe()
	self, _ := os.Executable()
	pid, err := syscall.ForkExec(self, append([]string{"child"}, args...), &syscall.ProcAttr{
		Env: append(os.Environ(), env...), Files: []uintptr{inR.Fd(), outW.Fd(), 2}})
	inR.Close()
	outW.Close()
	if err != nil {
		k.t.Fatal(err)
	}
	r := &remote{k: k, pid: pid, in: inW, from: outR, out: bufio.NewReader(outR)}
	k.t.Cleanup(func() { inW.Close(); outR.Close() })
	return r
}

func (r *remote) line() string {
	r.k.t.Helper()
	r.from.SetReadDeadline(time.Now().Add(time.Minute))
	s, err := r.out.ReadString('\n')
	if err != nil {
		r.k.t.Fatalf("the daemon says no more: %v", err)
	}
	return strings.TrimSuffix(s, "\n")
}

func (r *remote) ask(words ...any) string {
	r.k.t.Helper()
	r.k.mu.Lock() // the keeper's reports go the same way
	fmt.Fprintln(r.in, words...)
	r.k.mu.Unlock()
	return r.line()
}

func (r *remote) want(want string, words ...any) {
	r.k.t.Helper()
	if got := r.ask(words...); got != want {
		r.k.t.Errorf("%v: got %q; want %q", words, got, want)
	}
}

// A saved is what a former daemon has left about a run.
type saved struct {
	pid         int
	start       uint64
	mark, group string // the group begins with @
}

// former starts a daemon that runs the scripts.
func (k *keeper) former(env []string, scripts ...string) (*remote, []saved) {
	k.t.Helper()
	r := k.daemon(append(env, "CHILD_MODE=former"), scripts...)
	var list []saved
	for {
		w := strings.Fields(r.line())
		switch w[0] {
		case "ready":
			return r, list
		case "run":
			s := saved{mark: w[3], group: w[4]}
			s.pid, _ = strconv.Atoi(w[1])
			s.start, _ = strconv.ParseUint(w[2], 10, 64)
			list = append(list, s)
		default:
			k.t.Fatal(w)
		}
	}
}

// crash kills a daemon and returns when its children are the keeper's.
func (k *keeper) crash(r *remote, list []saved) {
	k.t.Helper()
	syscall.Kill(r.pid, syscall.SIGKILL)
	eventually(k.t, "the daemon is dead and its children are ours", func() bool {
		for _, s := range list {
			if stat, err := proc.One(s.pid); err == nil && stat.PPID != os.Getpid() {
				return false
			}
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		_, ok := k.status[r.pid]
		return ok
	})
}

// next starts the daemon that takes over.
func (k *keeper) next(env ...string) *remote {
	k.t.Helper()
	k.mu.Lock()
	if k.mute {
		env = append(env, "MUTE=1")
	}
	k.mu.Unlock()
	r := k.daemon(append(env, "CHILD_MODE=next"))
	if s := r.line(); s != "ready" {
		k.t.Fatal(s)
	}
	k.mu.Lock()
	k.reports = r.in
	k.mu.Unlock()
	return r
}

func kept() string { return "KEEPER=" + strconv.Itoa(os.Getpid()) }

func (r *remote) adopt(s saved) string { return r.ask("adopt", s.pid, s.start, s.mark, s.group) }

func (r *remote) mustAdopt(list ...saved) {
	r.k.t.Helper()
	for _, s := range list {
		if got := r.adopt(s); got != "adopted true "+s.group {
			r.k.t.Fatalf("adopt %d: got %q; want group %q", s.pid, got, s.group)
		}
	}
}

const (
	code7   = `code=7 signal="" unknown=false leftover=false`
	killed  = `code=0 signal="SIGKILL" unknown=false leftover=false`
	unknown = `code=0 signal="" unknown=true leftover=false`
)

// onCue is a script that exits with 7 when the file is there.
func onCue(t *testing.T) (script, cue string) {
	cue = filepath.Join(t.TempDir(), "cue")
	return "until [ -e " + cue + " ]; do sleep 0.01; done; exit 7", cue
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAdoptedProcessesEndWithTheCodeThatTheKeeperTells(t *testing.T) {
	for _, deaf := range []string{"", "1"} {
		t.Run("deaf="+deaf, func(t *testing.T) {
			k := keep(t)
			script, cue := onCue(t)
			old, list := k.former(nil, script, "exec sleep 1000", script)
			k.crash(old, list)
			d := k.next(kept(), "DEAF="+deaf)
			d.mustAdopt(list...)
			d.want("ok", "settled")
			d.want("<nil>", "signal", list[0].pid, 0, 0)
			syscall.Kill(list[1].pid, syscall.SIGKILL)
			d.want(killed, "exited", list[1].pid)
			d.want("gone", "gone", list[1].pid)
			touch(t, cue)
			for _, s := range []saved{list[0], list[2]} {
				d.want(code7, "exited", s.pid)
				d.want("gone", "gone", s.pid)
				d.want("process "+strconv.Itoa(s.pid)+" has ended", "signal", s.pid, 15, 1)
				d.want("<nil>", "kill", s.pid)
			}
			d.want("runs=0 left=0 adopted=0 wards=0 kept=0 ending=0 blind=0", "state")
		})
	}
}

// tells reports whether this kernel tells how a process that is not ours ended.
func tells() bool {
	r, w, _ := os.Pipe()
	defer r.Close()
	null := []uintptr{r.Fd()}
	pid, err := syscall.ForkExec("/bin/cat", []string{"cat"}, &syscall.ProcAttr{Files: null})
	if err != nil {
		return false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	w.Close()
	syscall.Wait4(pid, nil, 0, nil)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	ws, final := pidfdStatus(fd)
	return final && ws != unknownEnd
}

func TestWhereNobodyReportsTheKernelTellsOrTheCodeIsUnknown(t *testing.T) {
	can := tells()
	t.Log("the kernel tells:", can)
	for _, c := range []struct {
		keeper, deaf string
		known        bool
	}{
		{kept(), "1", false}, {kept(), "", can}, {"KEEPER=0", "", can}, {"KEEPER=0", "1", false},
	} {
		t.Run(c.keeper+" deaf="+c.deaf, func(t *testing.T) {
			k := keep(t)
			k.set(false, true)
			script, cue := onCue(t)
			old, list := k.former(nil, script, "exec sleep 1000")
			k.crash(old, list)
			d := k.next(c.keeper, "DEAF="+c.deaf)
			d.mustAdopt(list...)
			d.want("ok", "settled")
			touch(t, cue)
			syscall.Kill(list[1].pid, syscall.SIGKILL)
			first, second := code7, killed
			if !c.known {
				first, second = unknown, unknown
			}
			d.want(first, "exited", list[0].pid)
			d.want(second, "exited", list[1].pid)
			d.want("gone", "gone", list[0].pid)
			d.want("gone", "gone", list[1].pid)
			d.want("runs=0 left=0 adopted=0 wards=0 kept=0 ending=0 blind=0", "state")
		})
	}
}

func TestALateReapingIsWaitedForAndItsLastMemberMakesTheTreeGone(t *testing.T) {
	if !tells() {
		t.Skip("this kernel does not tell")
	}
	k := keep(t)
	script, cue := onCue(t)
	old, list := k.former(nil, script)
	k.crash(old, list)
	d := k.next("KEEPER=0")
	d.mustAdopt(list...)
	k.set(true, true)
	touch(t, cue)
	eventually(t, "it is a zombie", func() bool { s, err := proc.One(list[0].pid); return err == nil && !s.Alive() })
	time.AfterFunc(100*time.Millisecond, func() { k.set(false, true) })
	d.want(code7, "exited", list[0].pid)
	d.want("gone", "gone", list[0].pid)
}

func TestAZombieThatNobodyReapsEndsUnknownAndGone(t *testing.T) {
	k := keep(t)
	script, cue := onCue(t)
	old, list := k.former([]string{"NO_CGROUP=1"}, script)
	k.crash(old, list)
	d := k.next("KEEPER=0", "NO_CGROUP=1", "DEAF=1")
	d.mustAdopt(list...)
	k.set(true, true)
	touch(t, cue)
	d.want(unknown, "exited", list[0].pid)
	d.want("gone", "gone", list[0].pid)
	d.want("runs=0 left=0 adopted=0 wards=0 kept=0 ending=0 blind=0", "state")
}

func TestNobodyElseIsAdoptedOrSignalled(t *testing.T) {
	k := keep(t)
	old, list := k.former(nil, "exec sleep 1000", "exec sleep 1000")
	k.crash(old, list)
	d := k.next(kept())
	a := list[0]
	not := "not_found process " + strconv.Itoa(a.pid) + " is not the one that was started"
	for _, c := range []struct {
		what string
		s    saved
		want string
	}{
		{"other start", saved{a.pid, a.start + 1, a.mark, a.group}, not},
		{"no start", saved{a.pid, 0, a.mark, a.group}, not},
		{"other mark", saved{a.pid, a.start, "9:9", a.group}, not},
		{"a pid that nobody has", saved{1 << 30, a.start, a.mark, a.group}, "not_running process " + strconv.Itoa(1<<30) + " has ended"},
		{"no pid", saved{0, a.start, a.mark, a.group}, "not_running process 0 has ended"},
		{"a negative pid", saved{-1, a.start, a.mark, a.group}, "not_running process -1 has ended"},
	} {
		if got := d.adopt(c.s); got != c.want {
			t.Errorf("%s: got %q; want %q", c.what, got, c.want)
		}
	}
	// This program leads no session of the former daemon's.
	self, _ := proc.One(os.Getpid())
	if got := d.adopt(saved{self.PID, self.Start, "", "@"}); self.SID != self.PID && !strings.HasPrefix(got, "not_found") {
		t.Errorf("the keeper was adopted: %s", got)
	}
	// The group of one run in the name of another.
	b := list[1]
	if got := d.adopt(saved{b.pid, b.start, b.mark, a.group}); got != "adopted true @" {
		t.Errorf("adopted into a foreign group: %s", got)
	}
	d.mustAdopt(a)
	if got := d.adopt(a); !strings.HasPrefix(got, "conflict ") {
		t.Errorf("a second adoption: %s", got)
	}
	d.want("<nil>", "kill", b.pid)
	d.want("<nil>", "signal", a.pid, 0, 0)
	d.want("ok", "settled")
	// A report that is older than the process.
	k.mu.Lock()
	fmt.Fprintln(d.in, "reaped", a.pid, 9)
	k.mu.Unlock()
	d.want("<nil>", "signal", a.pid, 0, 1)
	d.want("<nil>", "kill", a.pid)
	d.want(killed, "exited", a.pid)
}

func TestAReusedNumberOfAnAdoptedRunIsNotSignalled(t *testing.T) {
	// An adopted run whose number has gone to somebody else, while nobody has
	// told of its end.
	h := open(t, Options{})
	other := start(t, h, "/bin/sleep", "1000")
	stale := &Process{host: h, pid: other.PID(), start: other.StartTicks() - 1, foster: &foster{fd: -1}, exited: make(chan Exit, 1), gone: make(chan struct{})}
	for _, tree := range []bool{false, true} {
		if err := stale.Signal(int(syscall.SIGKILL), tree); err == nil {
			t.Errorf("tree %v: somebody heard the signal", tree)
		}
		stale.strange = false
	}
	if err := stale.Kill(); err != nil {
		t.Error(err)
	}
	if err := other.Signal(0, false); err != nil {
		t.Errorf("it was hit: %v", err)
	}
}

func TestKillOfAnAdoptedTreeLeavesNobody(t *testing.T) {
	for _, env := range [][]string{nil, {"NO_CGROUP=1"}} {
		t.Run(strings.Join(env, ""), func(t *testing.T) { killAdopted(t, env) })
	}
}

func killAdopted(t *testing.T, env []string) {
	k := keep(t)
	var toks, scripts []string
	for _, c := range escapes {
		if strings.Contains(c.script, "exit 3") {
			continue // there is no root to adopt
		}
		// Who hides all traces before anybody looks is known by its group only.
		if env != nil {
			c.script = strings.ReplaceAll(c.script, "env -i /bin/sleep", "sleep")
		}
		tok := token()
		toks = append(toks, tok)
		scripts = append(scripts, strings.ReplaceAll(c.script, "T", tok))
	}
	neighbour := token()
	scripts = append(scripts, "(setsid sleep "+neighbour+" &); exec sleep "+neighbour)
	old, list := k.former(env, scripts...)
	n := 0
	for _, c := range escapes {
		if !strings.Contains(c.script, "exit 3") {
			tok := toks[n]
			eventually(t, c.name, func() bool { return settled(nil, tok, c.alive) })
			n++
		}
	}
	eventually(t, "the neighbours sleep", func() bool { return settled(nil, neighbour, 2) })
	k.crash(old, list)
	d := k.next(append(env, kept())...)
	d.mustAdopt(list...)
	d.want("ok", "settled")
	for i, tok := range toks {
		d.want("<nil>", "kill", list[i].pid)
		if left := holding(tok); len(left) != 0 {
			t.Errorf("%s: %d survive", scripts[i], len(left))
		}
		if got := d.ask("exited", list[i].pid); !strings.Contains(got, "SIGKILL") {
			t.Errorf("%s: %s", scripts[i], got)
		}
		d.want("gone", "gone", list[i].pid)
	}
	if n := len(holding(neighbour)); n != 2 {
		t.Errorf("%d of 2 neighbours remain", n)
	}
	last := list[len(list)-1]
	d.want("<nil>", "kill", last.pid)
	d.want("gone", "gone", last.pid)
	d.want("runs=0 left=0 adopted=0 wards=0 kept=0 ending=0 blind=0", "state")
	d.want("<nil>", "close")
	for _, s := range list {
		if _, err := os.Stat(s.group[1:]); s.group != "@" && err == nil {
			t.Errorf("the group %s remains", s.group)
		}
	}
	if group := filepath.Dir(list[0].group[1:]); env == nil && group != "." {
		if _, err := os.Stat(group); err == nil {
			t.Errorf("the former daemon's group %s remains", group)
		}
	}
}
