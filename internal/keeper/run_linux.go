package keeper

import (
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Supported reports whether Run and Dial do anything on this system.
func Supported() bool { return true }

// Daemon reports whether a keeper has started this process to be the daemon,
// and takes the mark out of the environment.
func Daemon() bool {
	v, _ := syscall.Getenv(role)
	if v != roleDaemon {
		return false
	}
	_ = syscall.Unsetenv(role)
	return true
}

// Resumed reports whether this process was a keeper that has just become this
// program. It holds the lock already: nothing is to be done before Run.
func Resumed() bool {
	v, _ := syscall.Getenv(role)
	return strings.HasPrefix(v, roleKeeper)
}

// A keeper is one keeper's life. Two goroutines: the one in run starts, waits
// and forwards signals; the one in serve listens to the present daemon. What
// both touch is under mu.
type keeper struct {
	path string
	args []string
	env  []string
	lock int

	pid      int // the daemon, 0 while there is none
	began    time.Time
	strikes  int
	settled  time.Duration
	asked    bool // the end was asked for: this daemon is the last
	idle     bool // the last daemon has left: the next one starts when somebody wants it
	resting  func(lock int)
	again    *time.Timer
	silent   *time.Timer // runs while the daemon has promised to beat
	given    bool        // up, by silence: its next step is SIGKILL
	orders   chan os.Signal
	drained  chan struct{} // serve has read all that the last daemon sent
	readied  chan struct{} // holds a token when the daemon has reported ready
	upgrades chan upgrade
	verdict  chan syscall.Errno

	mu      sync.Mutex
	line    int // our end, -1: none
	store   store
	ends    ends
	proven  bool   // a daemon has reported ready
	ready   bool   // the present one has
	watched bool   // the present daemon has asked for exits
	nudged  bool   // and was told that there are more
	told    uint64 // the last exit that it was told
	starts  uint32
	refused uint32
	out     [maxMessage]byte
	rights  [16 + 4*batch]byte

	in   [maxPath + 64]byte // serve's
	oob  [16 + 4*batch]byte // serve's
	fds  [batch]int32       // serve's
	stat [512]byte          // run's
	info unix.Siginfo       // run's
}

// An upgrade is the daemon's wish that the keeper become another program.
type upgrade struct {
	id   uint32
	path string
}

// Run is the keeper's life; it returns the exit code of the process. It ends
// when the daemon exits with code 0, ends before the first one was ready, or
// ends after SIGTERM or SIGINT; those and SIGHUP are handed on to it. A daemon
// that ends otherwise is started again: after a pause if it is one of many, at
// once on SIGUSR1.
//
// Run waits for every child of this process, and there can be one Run.
// GOMAXPROCS=1 belongs in the environment before the program starts.
func Run(o Options) int {
	k := &keeper{lock: o.Lock, line: -1, resting: o.Resting, orders: make(chan os.Signal, 8), drained: make(chan struct{}, 1),
		readied: make(chan struct{}, 1), upgrades: make(chan upgrade, 1), verdict: make(chan syscall.Errno), again: time.NewTimer(time.Hour), silent: time.NewTimer(time.Hour)}
	// First of all: a keeper that has just become this program ignores them
	// until somebody listens.
	signal.Notify(k.orders, handled...)
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	k.again.Stop()
	k.silent.Stop()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		say("become subreaper" + ": " + err.Error())
	}
	k.prepare(o)
	if fd := former(); fd >= 0 {
		if err := k.resume(fd); err != nil {
			say("take over from the former keeper" + ": " + err.Error())
			return 1
		}
		// What ended meanwhile has sent its signal to the former program.
		select {
		case children <- syscall.SIGCHLD:
		default:
		}
	} else if err := k.raise(); err != nil {
		say("start " + k.path + ": " + err.Error())
		return 1
	}
	return k.run(children)
}

// run is the loop: the one place where the keeper waits.
func (k *keeper) run(children <-chan os.Signal) int {
	for {
		select {
		case <-children:
		case s := <-k.orders:
			if k.forward(s.(syscall.Signal)) {
				return 0
			}
		case <-k.again.C:
			k.retry()
		case <-k.readied:
			if k.pid != 0 && k.asked { // it could not be told before
				_ = syscall.Kill(k.pid, syscall.SIGTERM)
			}
		case <-k.silent.C:
			k.silence()
		case u := <-k.upgrades:
			k.verdict <- k.become(u)
		}
		if code, over := k.reap(); over {
			return code
		}
	}
}

// prepare finds out what to start. The program is remembered by its path, so
// that a daemon that starts again is what has been installed there since.
func (k *keeper) prepare(o Options) {
	k.path, k.args, k.settled = o.Path, o.Args, o.Settled
	if k.settled <= 0 {
		k.settled = settled
	}
	if k.path == "" {
		k.path = selfPath()
	}
	if len(k.args) == 0 {
		k.args = []string{os.Args[0]}
	}
	env := o.Env
	if env == nil {
		env = syscall.Environ()
	}
	for _, e := range env {
		if !strings.HasPrefix(e, role+"=") {
			k.env = append(k.env, e)
		}
	}
	k.env = append(k.env, role+"="+roleDaemon)
	if k.lock >= 0 {
		syscall.CloseOnExec(k.lock)
	}
}

const selfLink = "/proc/self/exe"

func selfPath() string {
	var b [maxPath]byte
	n, err := syscall.Readlink(selfLink, b[:])
	if err != nil || n <= 0 || n == len(b) || strings.HasSuffix(string(b[:n]), " (deleted)") {
		return selfLink
	}
	return string(b[:n])
}

// raise starts a daemon and listens to it.
func (k *keeper) raise() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	files := []uintptr{0, 1, 2, uintptr(pair[1])}
	if k.lock >= 0 {
		files = append(files, uintptr(k.lock))
	}
	// In a group of its own a terminal's ^C reaches the daemon once, through us.
	attr := syscall.ProcAttr{Env: k.env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true}}
	pid, err := syscall.ForkExec(k.path, k.args, &attr)
	if err != nil && err != syscall.EAGAIN && err != syscall.ENOMEM && k.starts > 0 {
		// Whatever has been put in the place of our program: this one works.
		pid, err = syscall.ForkExec(selfLink, k.args, &attr)
	}
	unix.Close(pair[1])
	if err != nil {
		unix.Close(pair[0])
		return err
	}
	k.pid, k.began = pid, time.Now()
	k.mu.Lock()
	k.starts++
	k.ready = false
	select {
	case <-k.readied: // of the last one
	default:
	}
	k.line, k.watched, k.nudged, k.told = pair[0], false, false, 0
	k.mu.Unlock()
	go k.serve(pair[0])
	return nil
}

// retry is raise after a death.
func (k *keeper) retry() {
	if err := k.raise(); err != nil {
		say("start " + k.path + ": " + err.Error())
		k.strike()
	}
}

func (k *keeper) strike() {
	wait := delay(k.strikes)
	k.strikes++
	if wait == 0 {
		k.retry()
		return
	}
	k.again.Reset(wait)
	if k.resting != nil {
		k.resting(k.lock)
	}
}

// forward hands a signal on. True: it asked for the end, and there is nothing
// to end.
func (k *keeper) forward(s syscall.Signal) bool {
	switch {
	case s == syscall.SIGTERM || s == syscall.SIGINT:
		return k.finish(s)
	case s == syscall.SIGUSR1:
		if k.pid == 0 { // somebody wants a daemon
			if k.idle {
				k.idle, k.strikes = false, 0
			}
			k.again.Stop()
			k.retry()
		}
	case k.pid != 0:
		_ = syscall.Kill(k.pid, s) // not reaped yet, so it cannot be another's pid
	}
	return false
}

// finish has the daemon end what it keeps running, and then itself. Where
// there is none one is started for that: what a daemon has left behind, and
// what was kept for one that died, must not go on without anybody. A daemon
// that is not ready would die of the signal, so it gets it when it is; a
// second signal does not wait.
func (k *keeper) finish(s syscall.Signal) (over bool) {
	first := !k.asked
	k.asked = true
	k.mu.Lock()
	kept, ready := len(k.store.slots)+len(k.ends.list) > 0, k.ready
	k.mu.Unlock()
	if k.pid == 0 {
		k.idle = false
		k.again.Stop()
		if !kept {
			return true
		}
		if err := k.raise(); err != nil {
			say("start " + k.path + ": " + err.Error())
			return true
		}
		return false
	}
	if ready || !first {
		_ = syscall.Kill(k.pid, s)
	}
	return false
}

// say leaves a line where the daemon leaves its own.
func say(text string) {
	_, _ = syscall.Write(2, []byte(time.Now().Format("2006-01-02 15:04:05.000 ")+"velosd: keeper: "+text+"\n"))
}
