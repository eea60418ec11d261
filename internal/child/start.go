//go:build unix

package child

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

// Start runs c and returns when the program has replaced the daemon's copy. The
// process leads a new session, inherits descriptors 0, 1, 2 and Extra only, and begins
// with default signal handling and with the limit of open files that the
// daemon itself was started with. The error says what is wrong with the path,
// the directory or the system.
func (h *Host) Start(c Command) (*Process, error) {
	if c.Path == "" {
		return nil, fault(velos.Invalid, nil, "", "there is no program to run")
	}
	if c.Passed || c.Rights != nil {
		if err := through(&c); err != nil {
			return nil, err
		}
	}
	p := &Process{
		host:    h,
		mark:    c.Mark,
		pipes:   [2]uint64{pipeID(c.Stdout), pipeID(c.Stderr)},
		started: time.Now(),
		exited:  make(chan Exit, 1),
		gone:    make(chan struct{}),
	}
	attr := syscall.ProcAttr{
		Dir:   c.Dir,
		Env:   c.Env,
		Files: []uintptr{uintptr(h.null), h.output(c.Stdout), h.output(c.Stderr)},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	for _, fd := range c.Extra {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	h.cgroups.join(p, attr.Sys)
	if err := h.cgroups.bound(p, c.Bounds); err != nil {
		h.cgroups.forked(p, attr.Sys, nil)
		h.mu.Lock()
		h.cgroups.leave(p)
		h.mu.Unlock()
		return nil, err
	}
	reach(&c)
	h.mu.Lock()
	h.forking++
	h.mu.Unlock()
	before := proc.Ticks()
	pid, err := fork(c.Path, c.Args, &attr)
	if h.cgroups.forked(p, attr.Sys, err) {
		if pid, err = -1, error(syscall.EOPNOTSUPP); len(c.Bounds) == 0 {
			pid, err = fork(c.Path, c.Args, &attr)
		}
		if err == nil {
			h.cgroups.refused()
		}
	}
	h.mu.Lock()
	h.forking--
	if err == nil {
		h.register(p, pid, before)
	}
	if h.forking == 0 {
		clear(h.early)
	}
	if err != nil {
		h.cgroups.leave(p)
	}
	h.mu.Unlock()
	if err != nil {
		return nil, explain(err, c)
	}
	return p, nil
}

func (h *Host) output(fd int) uintptr {
	if fd < 0 {
		return uintptr(h.null)
	}
	return uintptr(fd)
}

// reach looks at the directory and the program of a command. Where a file
// system does not answer, this goroutine waits here. In the fork it would hold
// the processor with it, and the daemon has one: nobody else would run.
func reach(c *Command) {
	var st syscall.Stat_t
	_ = syscall.Stat(c.Dir, &st) // what is wrong, the fork says
	fd, err := syscall.Open(c.Path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	var head [4]byte
	_, _ = syscall.Pread(fd, head[:], 0)
	_ = syscall.Close(fd)
}

// fork keeps off the program's first thread. A child hangs on the thread that
// made it, an orphan on the first: so the children of the first thread are the
// orphans, which saves a look at all children after every end.
func fork(path string, args []string, attr *syscall.ProcAttr) (pid int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if !firstThread() {
		return syscall.ForkExec(path, args, attr)
	}
	done := make(chan struct{})
	go func() {
		pid, err = syscall.ForkExec(path, args, attr)
		close(done)
	}()
	<-done
	return pid, err
}

// register makes p known under its pid. It was forked at the tick before or
// later, and may have ended already. The caller holds mu.
func (h *Host) register(p *Process, pid int, before uint64) {
	p.pid = pid
	h.enter(p)
	now := proc.Ticks()
	_, ended := h.early[pid]
	if !ended && h.agreed >= enough && now == before {
		p.start = now
		return
	}
	stat, err := proc.One(pid)
	if err == nil {
		p.start = stat.Start
		h.compare(before, now, p.start)
		return
	}
	// Nobody reaps while we hold mu: a process that is not there was reaped
	// before, and its end was kept for us.
	ws, ok := h.early[pid]
	if !ok {
		return // the system does not tell about processes
	}
	delete(h.early, pid)
	delete(h.kept, pid)
	if h.before != nil {
		h.before(p, uint32(ws)) // as late as that: nobody knew it when it was reaped
	}
	h.ended(pid, ws)
	h.settle()
}

// enough is how often the clock must have told the start of a process as the
// system does before it is asked alone. A look at a process takes longer than
// half of what else a start costs us.
const enough = 16

// compare notes whether the clock tells starts as the system does. One that
// once has not is never believed. The caller holds mu.
func (h *Host) compare(before, now, start uint64) {
	switch {
	case before != now || h.agreed < 0:
	case start == now && now != 0:
		h.agreed++
	default:
		h.agreed = -1
	}
}

// enter puts p among the runs. The caller holds mu.
func (h *Host) enter(p *Process) {
	if old := h.runs[p.pid]; old != nil {
		old.strange = true
	}
	h.runs[p.pid] = p
	h.welcome()
}

// sealListed sets close-on-exec on the descriptors from 3 that dir lists.
func sealListed(dir string) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range list {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}
