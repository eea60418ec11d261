//go:build unix

package child

import (
	"strconv"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/proc"
)

// Kill is bounded: what the kernel holds in an uninterruptible wait, and what
// runs under a user whom we may not signal, does not end.
var killRounds, killTime = 200, 2 * time.Second

// Signal sends sig to the root, or to its whole tree: the process group and
// what has left it. Signal 0 only asks. The error is NotRunning when there is
// nobody to hear it: a pid that was reaped is never signalled.
func (p *Process) Signal(sig int, tree bool) error {
	if sig < 0 || sig > lastSignal {
		return unknownSignal(strconv.Itoa(sig))
	}
	if !tree {
		p.host.mu.Lock()
		defer p.host.mu.Unlock()
		if p.reaped {
			return notRunning(p.pid)
		}
		if p.foster != nil {
			return p.refused(send(&proc.Stat{PID: p.pid, Start: p.start}, sig))
		}
		return p.refused(syscall.Kill(p.pid, syscall.Signal(sig)))
	}
	// First look, then signal: whoever ends sends its children elsewhere.
	members := p.host.tree(p, nil)
	p.host.mu.Lock()
	err := p.host.group(p, sig)
	p.host.mu.Unlock()
	heard := err == nil
	for i := range members {
		if members[i].PGID == p.pid {
			continue
		}
		one := send(&members[i], sig)
		heard = heard || one == nil
		if err == nil || one == syscall.EPERM {
			err = one
		}
	}
	if heard && err != syscall.EPERM {
		return nil
	}
	return p.refused(err)
}

// Kill ends the whole tree with SIGKILL and returns when nothing lives: first
// the group, then whoever left it, stopped before they are killed so that
// nobody can fork away from the killing. Killing what is gone is no error. The
// error is Timeout when something survived for two seconds, Denied when a
// member may not be signalled. It blocks its caller, usually for less than a
// few milliseconds.
func (p *Process) Kill() error {
	h := p.host
	var (
		members []proc.Stat
		quiet   int
		refusal error
		end     = time.Now().Add(killTime)
	)
	h.cgroups.kill(h, p)
	for round := range killRounds {
		members = h.freeze(p, members[:0])
		h.mu.Lock()
		h.group(p, int(syscall.SIGKILL))
		h.mu.Unlock()
		alive, refused := 0, 0
		for i := range members {
			m := &members[i]
			if !m.Alive() {
				continue
			}
			alive++
			if err := send(m, int(syscall.SIGKILL)); err == syscall.EPERM {
				refusal = err
				refused++
			}
		}
		if alive == 0 {
			if quiet++; quiet == 2 {
				return nil
			}
			continue
		}
		quiet = 0
		if time.Now().After(end) || refused == alive && round > 10 {
			break
		}
		time.Sleep(min(time.Duration(round)*100*time.Microsecond, 20*time.Millisecond))
	}
	if refusal != nil {
		return p.refused(refusal)
	}
	return fault(velos.Timeout, nil, "", "kill ", strconv.Itoa(p.pid), ": ", strconv.Itoa(len(members)), " processes of its tree did not end")
}

// freeze stops the tree of p until a look finds nobody new, and returns it. A
// stopped process cannot fork, and whoever is found is remembered as a member
// even when its parent ends.
func (h *Host) freeze(p *Process, members []proc.Stat) []proc.Stat {
	before := -1
	for range 20 {
		h.mu.Lock()
		h.group(p, int(syscall.SIGSTOP))
		h.mu.Unlock()
		members = h.tree(p, members[:0])
		running := 0
		for i := range members {
			m := &members[i]
			if m.Alive() && m.State != 'T' && m.State != 't' {
				running++
				if m.PGID != p.pid {
					send(m, int(syscall.SIGSTOP))
				}
			}
		}
		if running == 0 || len(members) == before {
			break
		}
		before = len(members)
	}
	return members
}

func (p *Process) refused(err error) error {
	switch err {
	case nil:
		return nil
	case syscall.ESRCH:
		return notRunning(p.pid)
	case syscall.EPERM:
		return fault(velos.Denied, err, "it runs as another user", "signal ", strconv.Itoa(p.pid), ": permission denied")
	}
	return fault(velos.Failed, err, "", "signal ", strconv.Itoa(p.pid), ": ", err.Error())
}

func notRunning(pid int) error {
	return fault(velos.NotRunning, syscall.ESRCH, "", "process ", strconv.Itoa(pid), " has ended")
}
